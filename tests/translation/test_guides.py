"""Guided alignment as training meets it: links that stay with their pairs, and a head that learns them."""

import random
import shutil
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from rich.console import Console

from xattn.alignment.links import Links
from xattn.alignment.maps import Readout
from xattn.alignment.scores import score
from xattn.config import Experiment, Guidance, Model, Optimizer, Training, Translation, Vocabulary
from xattn.data.batching import PlannedBatch, Shape
from xattn.data.encoded import Corpus, encode
from xattn.data.pairs import DataError, Pair
from xattn.data.tokenizer import Tokenizer
from xattn.errors import ConfigError
from xattn.runs.folder import create, open_run
from xattn.runs.readout import chosen
from xattn.tasks import make
from xattn.training import devices
from xattn.training.loop import train
from xattn.translation.corpus import read
from xattn.translation.guides import Guide, links_of_corpus
from xattn.translation.task import TranslationTask
from xattn.translation.translator import Translator

SYLLABLES = ["ba", "de", "fi", "go", "lu"]
WORDS = [a + b for a in SYLLABLES for b in SYLLABLES if a != b]
CONSOLE = Console(quiet=True)


def experiment(folder, guidance=None, **changes):
    """A copy in reverse, with links, in so few pieces that most words are several of them."""
    settings = {
        "task": Translation(
            corpus=str(folder),
            max_length=24,
            bad_lines="skip",
            vocabulary=Vocabulary(size=290),
            buckets=1,
            guidance=guidance or Guidance(links=f"{folder}/links", weight=1.0),
        ),
        "model": Model(width=32, heads=2, layers=2, mlp=37, dropout=0.0),
        "optimizer": Optimizer(learning_rate=1e-2, warmup=20),
        "training": Training(steps=150, batch_tokens=1024, validate_every=150, stop_by="loss"),
    }
    return Experiment(**(settings | changes))


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """Every pair a sentence of unlike words, and the same words in reverse; with the links of both splits."""
    folder = tmp_path_factory.mktemp("reversed")
    draw = random.Random(0)
    for split, size in {"train": 400, "validation": 31}.items():
        sentences = [draw.sample(WORDS, draw.randint(2, 6)) for _ in range(size)]
        (folder / f"{split}.en").write_text("".join(" ".join(each) + "\n" for each in sentences))
        (folder / f"{split}.fr").write_text("".join(" ".join(each[::-1]) + "\n" for each in sentences))
        links = (" ".join(f"{i}-{len(each) - 1 - i}" for i in range(len(each))) for each in sentences)
        (folder / ("links" if split == "train" else f"{split}.links")).write_text("\n".join(links) + "\n")
    return folder


def test_links_count_words_at_ascii_spaces(tmp_path, capsys):
    """The tokenizer parts words at a no-break space as well: a link of the text's word links both parts."""
    pairs = [Pair("ba de", "de ba"), Pair("ba\u00a0de fi", "fi \u2581 de\u00a0ba")]
    (tmp_path / "links").write_text("0-1 1-0\n0-2 1-0 1p1\n")
    settings = experiment(tmp_path).task
    (plain, odd) = links_of_corpus(settings, Corpus(lambda _: iter(pairs)), Console())
    assert plain == Links.of([(0, 1), (1, 0)])
    assert odd == Links.of([(0, 1), (0, 2), (1, 1), (1, 2), (2, 0)])
    told = " ".join(capsys.readouterr().out.split())
    assert "1 line of the split 'train' has spaces that are not ASCII (the first: line 2, U+00A0" in told


def test_shares_of_pieces_by_hand(tmp_path):
    """Two target words of two and one pieces, linked to words of one and two; one pair has no links."""
    pairs = [Pair("ba defi", "fide go"), Pair("go", "go")]
    tokenizer = Tokenizer.train(["ba de fi go"] * 9, vocabulary=272)
    encoded = encode(pairs, tokenizer, longest=64, folder=tmp_path / "encoded")
    source, target = (ids.tolist() for ids in encoded[0])
    source_words, target_words = (np.array(tokenizer.words(ids)[1]) for ids in (source, target))
    assert min(len(source), len(target)) > 2
    planned = PlannedBatch(shape=Shape(batch=3, source=13, target=11), examples=np.array([1, 0]))
    # 0-1 is a link of the whole second target word; 0-0 is only possible, and says nothing.
    links = [Links.of([(0, 1), (1, 1), (1, 0)], possible=[(0, 0)]), Links.of([])]
    wanted = np.zeros((11, 13))
    wanted[: len(target), : len(source)] = np.where(
        (target_words == 0)[:, None], (source_words == 1)[None] / (source_words == 1).sum(), 1 / len(source)
    )
    for rows, later in (("produced", 0), ("read", 1)):
        found = Guide.of(links, encoded, tokenizer, Guidance(rows=rows))(planned)
        np.testing.assert_allclose(found[1], np.roll(wanted, later, axis=0), rtol=1e-6)
        assert not found[[0, 2]].any()


def test_what_is_left_out_does_not_shift_links(tmp_path):
    """Bad lines at either end and in the middle, one on both sides, and pairs that are too long."""
    english = ["", "ba ba", "go " * 30, "de", "  ", "fi", "lu", "go ba de", "ba"]
    french = ["ba", "ba", "go", "de", " ", "fi", "lu " * 30, "go ba de", ""]
    links = ["0-0", "1-0", "0-0 29-0", "0-0", "7-7", "0-0", "0-29", "2-0 1-2", ""]
    for name, lines in (("train.en", english), ("train.fr", french), ("links", links)):
        (tmp_path / name).write_text("\n".join(lines) + "\n")
    config = experiment(tmp_path)
    tokenizer = Tokenizer.train([*english, *french], vocabulary=275)
    corpus = Corpus(lambda bad: read(config.task, "train", bad), "skip")
    for limit in (10**9, 0):
        encoded = encode(corpus, tokenizer, longest=24, folder=tmp_path / "encoded", limit=limit)
        encoded = encode([], tokenizer, longest=24, folder=tmp_path / "encoded") if limit == 0 else encoded
        assert [tokenizer.decode(target.tolist()) for _, target in encoded] == ["ba", "de", "fi", "go ba de"]
        guide = Guide.of(links_of_corpus(config.task, corpus, CONSOLE), encoded, tokenizer, config.task.guidance)
        found = [guide.links[a:b].tolist() for a, b in zip(guide.offsets[:-1], guide.offsets[1:], strict=True)]
        assert found == [[[1, 0]], [[0, 0]], [[0, 0]], [[1, 2], [2, 0]]]
    assert corpus.bad.total == 3


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["0-0"], "task.guidance.links: {path} has 1 line, but the number of sentence pairs is 2."),
        (
            ["0-0", "0-0 3-1"],
            "task.guidance.links: {path}, sentence 2: Link 3-1 (source-target, counted from 0) lies outside a pair of "
            "3 source and 2 target words.",
        ),
        (["0-0", "0:0"], "task.guidance.links: {path}, line 2: '0:0' is not a link"),
        (None, "task.guidance.links: Cannot read {path}: No such file or directory."),
    ],
)
def test_mistakes_in_links_are_explained(tmp_path, lines, message):
    (tmp_path / "train.en").write_text("ba de\nba de fi\n")
    (tmp_path / "train.fr").write_text("ba\nfi de\n")
    path = tmp_path / "links"
    if lines is not None:
        path.write_text("\n".join(lines) + "\n")
    config = experiment(tmp_path)
    with pytest.raises(ConfigError) as caught:
        links_of_corpus(config.task, Corpus(lambda bad: read(config.task, "train", bad)), CONSOLE)
    assert str(caught.value).startswith(message.format(path=path))


def test_mistakes_in_the_config_are_explained(tmp_path):
    for changes, message in (
        ({"layer": 2}, "task.guidance.layer must be between -2 and 1 (model.layers is 2), not 2."),
        ({"layer": -3}, "task.guidance.layer must be between -2 and 1"),
        ({"head": 2}, "task.guidance.head must be below model.heads (2), not 2."),
        ({"head": -1}, "task.guidance.head must be a whole number of at least 0, not -1."),
        ({"weight": 0.0}, "task.guidance.weight must be a number above 0"),
        (
            {"into": "layer"},
            "task.guidance.into 'layer' needs task.guidance.run, the folder of the model that it is for.",
        ),
        (
            {"run": "runs/x"},
            "task.guidance.run is the model of an alignment layer: it needs task.guidance.into 'layer'.",
        ),
        ({"into": "layer", "links": ""}, "task.guidance.into 'layer' needs task.guidance.links to learn from."),
    ):
        with pytest.raises(ConfigError, match="guidance") as caught:
            experiment(tmp_path, guidance=Guidance(**({"links": "links"} | changes)))
        assert str(caught.value).startswith(message)
    with pytest.raises(ConfigError, match=r"model\.memory must be 'full', not 'mean'"):
        experiment(tmp_path, model=Model(memory="mean"))
    config = experiment(tmp_path, guidance=Guidance(links="$NO_SUCH_FOLDER/links"))
    with pytest.raises(DataError, match="NO_SUCH_FOLDER, which is not set"):
        links_of_corpus(config.task, Corpus(lambda bad: iter([])), CONSOLE)


@pytest.fixture(scope="module")
def guided(corpus, tmp_path_factory):
    run = create(tmp_path_factory.mktemp("runs") / "guided", experiment(corpus))
    train(TranslationTask(run, CONSOLE), run, CONSOLE)
    return run


def aligned(corpus, run):
    """The AER of a run where it is read by default, and one row off."""
    pairs = list(zip(*((corpus / f"validation.{s}").read_text().splitlines() for s in ("en", "fr")), strict=True))
    gold = [Links.of((i, len(a.split()) - 1 - i) for i in range(len(a.split()))) for a, _ in pairs]
    readout, _ = chosen(run)
    other = replace(readout, convention="produced" if readout.convention == "read" else "read")
    maps = Translator.open(run).attend(pairs)
    return [score([each.to_words(where).links() for each in maps], gold).aer for where in (readout, other)]


def test_a_guided_head_learns_a_reversed_copy(corpus, guided):
    readout, by = chosen(guided)
    assert (readout.layer, readout.head, readout.convention, by) == (0, 0, "read", "guided alignment")
    right, off = aligned(corpus, guided)
    assert right < 0.03
    assert off > 0.5
    rows = [row for row in guided.metrics.read_text().splitlines() if '"train"' in row]
    assert all('"guidance"' in row for row in rows)


def test_strategies_and_the_outline_agree(corpus, guided, tmp_path):
    """Sums over a batch that is cut over eight devices are those of one; R-Drop adds the links of both passes."""
    run = create(tmp_path / "run", guided.config)
    run.tokenizer.write_bytes(guided.tokenizer.read_bytes())
    task = TranslationTask(run, CONSOLE)
    outline, plan = (
        [jax.tree.map(lambda x: (x.shape, x.dtype), batch) for batch in each]
        for each in (task.batch_shapes(0, 8), task.train_batches(0, 8))
    )
    assert outline == plan
    assert task.batch_shapes(None, 8)[0].guide is None
    (params, batch), found = (task.parameters(), task.train_batches(0, 8)[0]), []

    def sums(params, batch, axis):
        found = task.loss(params, batch, jnp.int32(0))
        return found if axis is None else jax.lax.psum(found, axis)

    for strategy in ("single", "pmap", "jit"):
        placement = devices.place(strategy)
        each = placement.fetch(placement.compile(sums)(placement.replicate(params), placement.cut(batch)))
        found.append({name: (float(s.total), float(s.count)) for name, s in each.items()})
    for other in found[1:]:
        for name in found[0]:
            np.testing.assert_allclose(other[name], found[0][name], rtol=1e-4)
    assert found[0]["guidance"][1] == float((batch.guide.sum(-1) > 0).sum())
    task.config = replace(task.config, task=replace(task.settings, r_drop=1.0))
    twice = jax.jit(task.loss)(params, jax.tree.map(jnp.asarray, batch), jnp.int32(0))
    # Without dropout both passes are the same, and nothing divides them.
    np.testing.assert_allclose(twice["guidance"].mean, found[0]["guidance"][0] / found[0]["guidance"][1], rtol=1e-5)
    np.testing.assert_allclose(twice["loss"].total, found[0]["loss"][0], rtol=1e-5)


def test_an_alignment_layer_learns_on_a_frozen_model(corpus, guided, tmp_path):
    """Its run needs no other folder, translates as the frozen model does, and changes no bit of it."""
    base = shutil.copytree(guided.folder, tmp_path / "base")
    config = replace(
        guided.config,
        task=replace(
            guided.config.task, guidance=Guidance(links=f"{corpus}/links", into="layer", run=str(base), layer=-1)
        ),
        training=replace(guided.config.training, steps=100, validate_every=50, ema=0.5),
    )
    with pytest.raises(ConfigError, match=r"is of another model \(model\.mlp: 37 -> 41\)"):
        make(create(tmp_path / "other", replace(config, model=replace(config.model, mlp=41))), CONSOLE)
    run = create(tmp_path / "trained", config)
    train(make(run, CONSOLE), run, CONSOLE)
    shutil.rmtree(base)
    run = open_run(run.folder.rename(tmp_path / "moved"))
    assert chosen(run) == (Readout(layer=2, head="mean", convention="read"), "guided alignment")
    right, off = aligned(corpus, run)
    assert right < 0.1
    assert off > 0.5
    ours, theirs = Translator.open(run), Translator.open(guided)
    learnt = ours.params["decoder"].pop("alignment")
    assert all(jax.tree.leaves(jax.tree.map(np.array_equal, ours.params, theirs.params)))
    ours.params["decoder"]["alignment"] = learnt
    sources = (corpus / "validation.en").read_text().splitlines()[:3]
    for own, its in zip(
        *(each.translate(sources, beam=1, return_attention=True) for each in (ours, theirs)), strict=True
    ):
        assert own[0].ids == its[0].ids
        assert own[0].score == pytest.approx(its[0].score, abs=1e-5)
        np.testing.assert_allclose(own[0].attention.weights[:2], its[0].attention.weights, atol=1e-6)
    written = [
        (source, best[0])
        for source, best in zip(sources, ours.translate(sources, beam=1, return_attention=True), strict=True)
    ]
    for (_, best), again in zip(written, ours.attend_written(written), strict=True):
        assert best.attention.weights.shape[0] == 3
        np.testing.assert_allclose(best.attention.weights, again.weights, atol=1e-5)
    (norms,) = ours.attend([("ba", "ba")], kind="norms")
    assert norms.weights.shape[0] == 2
