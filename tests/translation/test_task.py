"""What training asks of translation: the loss of two passes, and the BLEU that chooses the best checkpoint."""

import random
import shutil
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import sacrebleu
from flax import nnx
from rich.console import Console

from xattn.alignment.maps import Readout
from xattn.attention import hash_bits
from xattn.config import Model
from xattn.data.toy import grammar
from xattn.nn.dropout import DropoutKey
from xattn.runs.folder import TOY, Run, open_run
from xattn.translation.task import TranslationTask
from xattn.translation.translator import Translator

SMALL = Model(width=12, heads=2, layers=1, mlp=17, dropout=0.3, attention_dropout=0.2)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("corpus")
    draw = random.Random(0).random
    for split, size in {"train": 43, "validation": 17}.items():
        pairs = [grammar.sample(draw) for _ in range(size)]
        for suffix, lines in {"en": [p.english for p in pairs], "fr": [p.target for p in pairs]}.items():
            (folder / f"{split}.{suffix}").write_text("\n".join(lines) + "\n")
    return folder


def make(corpus, folder, model=None, **settings):
    """A task on that corpus, with the vocabulary of the toy model that comes with the package."""
    pretrained = open_run(TOY)
    shutil.copy(pretrained.tokenizer, folder)
    config = replace(
        pretrained.config,
        model=model or pretrained.config.model,
        task=replace(pretrained.config.task, corpus=str(corpus), buckets=1, **settings),
        training=replace(pretrained.config.training, batch_tokens=300),
    )
    return TranslationTask(Run(folder, config), Console())


def test_the_bleu_that_chooses_is_that_of_greedy_translations(corpus, tmp_path):
    """Of the first validation sentences, by the toy model that comes with the package: it knows the grammar."""
    task = make(corpus, tmp_path, headline="bleu", bleu_sentences=5)
    judged = task.validation_metrics(Translator.open(open_run(TOY)).params)
    lines = {s: (corpus / f"validation.{s}").read_text().lower().splitlines()[:5] for s in ("en", "fr")}
    wanted = sacrebleu.metrics.BLEU()
    # The same translator again, since another one would compile anew.
    found = [each[0].text for each in task.translator.translate(lines["en"], beam=1)]
    score = wanted.corpus_score(found, [lines["fr"]]).score
    assert task.selection_metric == "bleu"
    assert judged == {"bleu": pytest.approx(score), "bleu_signature": str(wanted.get_signature())}
    assert score > 80


def test_r_drop_is_two_passes_and_what_divides_them(corpus, tmp_path):
    """Against the formula of Liang et al. (2021), equations 1 to 4, by plain logits in float64."""
    alpha, smoothing, step = 5.0, 0.1, 3
    task = make(corpus, tmp_path, SMALL, r_drop=alpha, label_smoothing=smoothing)
    params, batch = task.parameters(), jax.tree.map(jnp.asarray, task.train_batches(0, 1)[0])
    sums = jax.jit(task.loss)(params, batch, jnp.int32(step))
    dropout_key = DropoutKey(
        seed=hash_bits(jnp.uint32(task.config.seed), jnp.uint32(step)),
        rows=batch.rows,
        rate=SMALL.dropout,
        attention_rate=SMALL.attention_dropout,
    )

    @jax.jit
    def logits(params, dropout_key):
        return nnx.merge(task.graph, params)(batch.source, batch.source_mask, batch.target_in, dropout_key)[0]

    passes = [np.asarray(logits(params, each), np.float64) for each in (dropout_key, dropout_key.fold_in(2))]
    p, q = (x - np.log(np.exp(x).sum(-1, keepdims=True)) for x in passes)
    wanted = smoothing / p.shape[-1] + (1 - smoothing) * (
        np.arange(p.shape[-1]) == np.asarray(batch.target_out)[..., None]
    )
    entropy = -(wanted * (p + q)).sum(-1)
    divergence = ((np.exp(p) * (p - q)).sum(-1) + (np.exp(q) * (q - p)).sum(-1)) / 2
    real = np.asarray(batch.target_mask)
    assert float(sums["divergence"].mean) == pytest.approx(divergence[real].mean(), rel=1e-4)
    assert float(sums["loss"].mean) == pytest.approx((entropy + alpha * divergence)[real].mean() / 2, rel=1e-5)
    assert divergence[real].mean() > 1e-3


def test_the_outline_has_the_shapes_of_the_batches_in_their_order(corpus, tmp_path):
    task = make(corpus, tmp_path, SMALL)
    task.settings = replace(task.settings, buckets=5)

    def shapes(batches):
        return [jax.tree.map(lambda x: (x.shape, x.dtype), batch) for batch in batches]

    for epoch in (0, 1):
        assert shapes(task.batch_shapes(epoch, 2)) == shapes(task.train_batches(epoch, 2))
    assert shapes(task.batch_shapes(None, 2)) == shapes(task.validation_batches(2))
    assert len({str(each) for each in shapes(task.batch_shapes(0, 2))}) > 2
    assert shapes(task.batch_shapes(0, 2)) != shapes(task.batch_shapes(1, 2))


def test_the_latents_that_words_look_at_are_shown_as_what_they_are(corpus, tmp_path):
    """Columns are latents, whatever the length of the source; gold links of words do not fit them."""
    task = make(corpus, tmp_path, model=replace(SMALL, memory="latents", latents=3))
    translator = Translator(task.config, task.translator.tokenizer, task.parameters())
    for pair in (("the fox eats", "le renard mange"), ("the small fox eats the apples", "le renard")):
        (attention,) = translator.attend([pair])
        words = attention.to_words(Readout(layer=0, head="mean", convention="produced"))
        assert list(words.source) == ["latent 1", "latent 2", "latent 3"]
        assert list(words.target) == pair[1].split()
        np.testing.assert_allclose(words.weights.sum(-1), 1, rtol=1e-5)
        np.testing.assert_array_equal(words.special, 0)
