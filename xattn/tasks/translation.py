"""Translation as an experiment: sentence pairs, an encoder-decoder, the vocabulary loss."""

from collections.abc import Iterator, Sequence
from functools import cache, cached_property, lru_cache, partial
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar

import grain
import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from sacrebleu.metrics import BLEU  # pyright: ignore[reportPrivateImportUsage]

from xattn.attention import hash_bits
from xattn.config import ConfigError, Experiment, Row
from xattn.data import batching, sources
from xattn.data.batching import Batch
from xattn.data.encoded import Corpus, Encoded, encode, key
from xattn.data.sources import BadLines, Pair
from xattn.data.tokenizer import Tokenizer
from xattn.nn.layers import Noise
from xattn.nn.model import EncoderDecoder
from xattn.run import Run
from xattn.tasks import guidance
from xattn.tasks.guidance import Guide
from xattn.tasks.task import Task
from xattn.tasks.translator import Translator, build
from xattn.training.divergence import linear_divergence
from xattn.training.guidance import guided_loss
from xattn.training.losses import Sum, cross_entropy, linear_cross_entropy, sum_of
from xattn.training.step import Sums

# Dropout site of R-Drop's second pass: the encoder is 0, the decoder 1.
SECOND_PASS = 2


def read(config: Experiment, split: str, bad: BadLines | None = None) -> Iterator[Pair]:
    """The sentence pairs of a split, as the model will read them; `bad` counts what is left out."""
    data = config.data
    pairs = sources.read(
        data.corpus,
        split,
        source=data.source,
        target=data.target,
        columns=data.columns,
        cache=Path(data.folder).expanduser(),
        bad=bad or BadLines(data.bad_lines),
    )
    for pair in pairs:
        yield pair._replace(source=pair.source.lower(), target=pair.target.lower()) if data.lowercase else pair


def load(config: Experiment, split: str, bad: BadLines | None = None) -> list[Pair]:
    """All that `read` gives, in memory."""
    return list(read(config, split, bad))


def counted(corpus: Corpus, doing: str, console: Console) -> Iterator[Pair]:
    """The pairs of a corpus, with a progress bar while they are gone through."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:,} pairs"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bars:
        yield from bars.track(corpus, total=corpus.size, description=doing)


def bleu(tokenized: bool) -> BLEU:
    """BLEU as it is published for text of this kind: on tokens as they are, or with the tokeniser of WMT (13a)."""
    # `force` only says that tokenised text is meant to be so.
    return BLEU(tokenize="none" if tokenized else "13a", force=tokenized)


def loss_of(config: Experiment, model: EncoderDecoder, batch: Batch, step: jax.Array) -> Sums:
    """Label-smoothed cross-entropy in nats a target piece, with dropout, and the weighted loss of the batch's guide.

    With R-Drop, half of the paper's loss: the mean of two passes, and half of their weighted divergence.
    """
    settings, guided = config.training, config.guidance
    noise = Noise(
        seed=hash_bits(jnp.uint32(config.seed), step.astype(jnp.uint32)),
        rows=batch.rows,
        rate=config.model.dropout,
        attention_rate=config.model.attention_dropout,
    )
    embedding = model.embedding.embedding[...]
    labels, weights = batch.target_out.reshape(-1), batch.target_mask.reshape(-1).astype(embedding.dtype)

    count = batch.target_mask.sum(dtype=jnp.float32)

    def once(noise: Noise) -> tuple[jax.Array, dict[str, Sum]]:
        """The states of a pass, and its sums."""
        memory = model.encode(batch.source, batch.source_mask, noise)
        states_BTD, looked_LBNTS = model.decode(batch.target_in, memory, noise)
        states = states_BTD.reshape(-1, model.width)
        entropy = linear_cross_entropy(states, embedding, labels, weights, settings.label_smoothing)
        if batch.guide is None:
            return states, {"loss": Sum(entropy, count)}
        links = guided_loss(looked_LBNTS[guided.layer, :, guided.head], batch.guide)
        return states, {"loss": Sum(entropy + guided.weight * links.total, count), "guidance": links}

    first, sums = once(noise)
    if settings.r_drop == 0:
        return sums
    second, more = once(noise.at(SECOND_PASS))
    both = {name: sums[name] + more[name] for name in sums}
    divergence = Sum(linear_divergence(first, second, embedding, weights), count)
    total = (both["loss"].total + settings.r_drop * divergence.total) / 2
    return {**both, "loss": Sum(total, count), "divergence": divergence}


class Translation(Task):
    """What training needs to know of translation; see `xattn.training.loop.Task`."""

    Settings: ClassVar[type[Row] | None] = None
    unit = "target pieces"

    def __init__(self, run: Run, console: Console):
        self.config = run.config
        self.score = run.config.training.stop_by
        data = run.config.data
        sources.prepare(data.corpus)
        corpora = {
            split: Corpus(partial(read, run.config, split), data.bad_lines) for split in (data.train, data.validation)
        }
        if not run.tokenizer.exists():
            settings, pairs = run.config.vocabulary, counted(corpora[data.train], f"reading {data.train}", console)
            with console.status("learning the vocabulary"):
                lines = (text for pair in pairs for text in (pair.source, pair.target))
                Tokenizer.train(lines, vocabulary=settings.size, kind=settings.kind).save(run.tokenizer)
        self.tokenizer = Tokenizer.load(run.tokenizer)
        with console.status(f"reading {data.validation}"):
            self.judged = list(islice(corpora[data.validation], run.config.training.bleu_sentences))
        self.encoded = {
            name: self._encode(split, corpora[split], console)
            for name, split in {"train": data.train, "validation": data.validation}.items()
        }
        self.guides: dict[str, Guide | None] = dict.fromkeys(self.encoded)
        if run.config.guidance.links:
            links = guidance.read(run.config, corpora[data.train], console)
            self.guides["train"] = Guide.of(links, self.encoded["train"], self.tokenizer, run.config.guidance.rows)
        self.lengths = {name: each.lengths() for name, each in self.encoded.items()}
        self.shapes = cache(self._shapes)
        # The epoch at hand and validation; the outline and the batches of one are made from the same plan.
        self.plans = lru_cache(maxsize=2)(self._plan)
        # Compiled as a whole: eagerly, every layer would compile its initialisers anew. Traced once, for the graph too.
        self.initial = jax.jit(lambda: nnx.split(self._model(), nnx.Param))
        self.graph, _ = jax.eval_shape(self.initial)

    @cached_property
    def translator(self) -> Translator:
        """Translates for `judge`; made when it is first needed, which is after the first step."""
        return Translator(self.config, self.tokenizer, None)

    def parameters(self) -> Any:
        """Fresh parameters, as nested dictionaries."""
        return nnx.to_pure_dict(self.initial()[1])

    def loss(self, params: Any, batch: Batch, step: jax.Array) -> Sums:
        """The sums of a training batch; the row "loss" is what is minimised."""
        return loss_of(self.config, nnx.merge(self.graph, params), batch, step)

    def look(self, params: Any, batch: Batch) -> Sums:
        """Cross-entropy a target piece, and how many pieces and whole sentences are predicted right.

        A sentence all of whose pieces are right given the true ones before them is what greedy decoding writes, and
        the other way round: this is the exact match of greedy decoding, without decoding.
        """
        model = nnx.merge(self.graph, params)
        logits, _ = model(batch.source, batch.source_mask, batch.target_in)
        right = logits.argmax(axis=-1) == batch.target_out
        return {
            "loss": sum_of(cross_entropy(logits, batch.target_out), batch.target_mask),
            "piece_accuracy": sum_of(right, batch.target_mask),
            "exact_match": sum_of((right | ~batch.target_mask).all(axis=1), batch.target_mask.any(axis=1)),
        }

    def judge(self, params: Any) -> dict[str, float | str]:
        """BLEU of greedy decoding with its signature, where BLEU is what chooses the best checkpoint."""
        if self.score != "bleu":
            return {}
        self.translator.params = jax.device_put(params)
        found = self.translator.translate([pair.source for pair in self.judged], beam=1)
        metric = bleu(self.config.data.tokenized)
        score = metric.corpus_score([best.text for best, *_ in found], [[pair.target for pair in self.judged]]).score
        return {"bleu": score, "bleu_signature": str(metric.get_signature())}

    def plan(self, epoch: int, multiple: int) -> grain.MapDataset:
        """The batches of an epoch, in an order that depends on nothing but the seed and the epoch."""
        return self._batches(self.plans(epoch, multiple), "train")

    def validation(self, multiple: int) -> grain.MapDataset:
        """The batches of the validation split, short sentences first."""
        return self._batches(self.plans(None, multiple), "validation")

    def outline(self, epoch: int | None, multiple: int) -> list[Batch]:
        """For every batch of an epoch, or of validation (None), an empty one of its shape."""
        nothing = np.zeros(0, int)

        @cache
        def empty(shape: batching.Shape) -> Batch:
            planned = batching.PlannedBatch(shape=shape, examples=nothing)
            return self._batch(planned, "validation" if epoch is None else "train")

        return [empty(planned.shape) for planned in self.plans(epoch, multiple)]

    @classmethod
    def evaluate(cls, run: Run, splits: Sequence[str], console: Console) -> dict[str, Any]:
        """See `xattn.tasks.evaluation`."""
        from xattn.tasks.evaluation import evaluate  # it imports this file

        return evaluate(run, splits, console)

    def _model(self) -> Any:
        return build(self.config, self.tokenizer.size, self.config.seed)

    def _encode(self, split: str, corpus: Corpus, console: Console) -> Encoded:
        data = self.config.data
        known = sources.identity(data.corpus, split, source=data.source, target=data.target)
        choices = (data.columns, data.lowercase, data.max_length, data.bad_lines)
        encoded = encode(
            counted(corpus, f"encoding {split}", console),
            self.tokenizer,
            longest=data.max_length,
            home=Path(data.folder).expanduser() / "encoded" / key(self.tokenizer, known, choices),
            report=lambda: corpus.bad.report(),
        )
        for line in encoded.report:
            console.print(f"{split}: {line}", soft_wrap=True)
        if not len(encoded):
            raise ConfigError(f"Every sentence of {split} is longer than data.max_length ({data.max_length} pieces).")
        if encoded.too_long:
            console.print(f"{encoded.too_long:,} pairs of {split} are longer than {data.max_length} pieces: left out.")
        return encoded

    def _shapes(self, multiple: int) -> tuple[batching.Shape, ...]:
        """Shapes for both splits, so that validation compiles no shapes of its own."""
        training = self.config.training
        sides = [np.concatenate(side) for side in zip(*self.lengths.values(), strict=True)]
        return batching.choose_shapes(*sides, buckets=training.buckets, tokens=training.batch_tokens, multiple=multiple)

    def _plan(self, epoch: int | None, multiple: int) -> list[batching.PlannedBatch]:
        shapes = self.shapes(multiple)
        if epoch is None:
            return batching.plan_in_order(*self.lengths["validation"], shapes)
        return batching.plan_epoch(*self.lengths["train"], shapes, seed=self.config.seed, epoch=epoch)

    def _batches(self, plan: list[batching.PlannedBatch], name: str) -> grain.MapDataset:
        return grain.MapDataset.range(len(plan)).map(lambda number: self._batch(plan[number], name))

    def _batch(self, planned: batching.PlannedBatch, name: str) -> Batch:
        batch, guide = batching.make_batch(planned, self.encoded[name], self.tokenizer), self.guides[name]
        return batch if guide is None else batch._replace(guide=guide(planned))  # pyright: ignore[reportArgumentType]
