"""Translation as an experiment: sentence pairs, an encoder-decoder, the vocabulary loss."""

from collections.abc import Sequence
from functools import cache, cached_property, lru_cache, partial
from pathlib import Path
from typing import Any

import grain
import jax
import numpy as np
from flax import nnx
from rich.console import Console
from rich.table import Table

from xattn.config import Experiment, Translation
from xattn.data import batching, corpora
from xattn.data.batching import TextBatch
from xattn.data.encoded import Corpus, Encoded, encode, key
from xattn.data.paths import expand, fingerprint
from xattn.data.tokenizer import Tokenizer
from xattn.errors import ConfigError, UserError, quantity, require
from xattn.nn.functional import functional
from xattn.runs.folder import Run, RunError
from xattn.training import devices
from xattn.training.losses import Sums, cross_entropy, sum_of
from xattn.training.task import Task
from xattn.translation import evaluation
from xattn.translation.corpus import bleu, counted, identity, read, settings_of
from xattn.translation.guides import Guide, links_of_corpus
from xattn.translation.loss import loss_of
from xattn.translation.translator import Translator, build


class TranslationTask(Task):
    """Translation of sentence pairs by an encoder-decoder; see `xattn.training.task.Task`."""

    takes_text = True
    loss_unit = "target pieces"

    @classmethod
    def sources(cls, config: Experiment) -> dict[str, str]:
        """The text of the training and validation splits, and the file of the guidance."""
        data = settings_of(config)
        splits = dict.fromkeys((data.train, data.validation))
        found = {f"{split}: {name}": fact for split in splits for name, fact in identity(data, split).items()}
        if data.guidance.links:
            found["task.guidance.links"] = fingerprint(Path(expand(data.guidance.links)))
        return found

    def __init__(self, run: Run, console: Console):
        self.config, self.settings = run.config, settings_of(run.config)
        self.selection_metric = "loss" if run.config.training.stop_by == "loss" else self.settings.headline
        data = self.settings
        corpora.prepare(data.corpus)
        texts = {split: Corpus(partial(read, data, split), data.bad_lines) for split in (data.train, data.validation)}
        # What can be wrong is found before the long work.
        if not run.started:
            _check_batch_tokens(run.config)
        _note_missing_tests(data, console)
        with console.status(f"reading {data.validation}"):
            self.bleu_pairs = [pair for n, pair in enumerate(texts[data.validation]) if n < data.bleu_sentences]
        links = links_of_corpus(data, texts[data.train], console) if data.guidance.links else None
        if not run.tokenizer.exists():
            if run.started:
                raise RunError(f"{run.folder} has lost its tokenizer.model: put it back, or train with another --run.")
            self._learn_vocabulary(texts[data.train], console).save(run.tokenizer)
        self.tokenizer = Tokenizer.load(run.tokenizer)
        self.encoded = {
            name: self._encode(split, texts[split], console)
            for name, split in {"train": data.train, "validation": data.validation}.items()
        }
        self.guides: dict[str, Guide | None] = dict.fromkeys(self.encoded)
        if links is not None:
            self.guides["train"] = Guide.of(links, self.encoded["train"], self.tokenizer, data.guidance)
        self.lengths = {name: encoded.lengths() for name, encoded in self.encoded.items()}
        self.shapes = cache(self._shapes)
        # The plans of the current epoch and of validation: the shapes and the batches of each come from one plan.
        self.plans = lru_cache(maxsize=2)(self._plan)
        self.graph, self.initial = functional(partial(build, self.config, self.tokenizer.size, self.config.seed))

    @cached_property
    def translator(self) -> Translator:
        """The translator of `validation_metrics`, without parameters of its own; made when it is first needed."""
        return Translator(self.config, self.tokenizer, None)

    def parameters(self) -> Any:
        """Fresh parameters, as nested dictionaries."""
        return self.initial()

    def loss(self, params: Any, batch: TextBatch, step: jax.Array) -> Sums:
        """The sums of a training batch: see `xattn.translation.loss.loss_of`."""
        return loss_of(self.config, nnx.merge(self.graph, params), batch, step)

    def eval_step(self, params: Any, batch: TextBatch) -> Sums:
        """The sums "loss" (cross-entropy in nats a target piece), "piece_accuracy" and "exact_match" (a sentence).

        If each piece of a sentence is the most probable one, given the correct pieces before it, then greedy decoding
        writes that sentence, and vice versa: this is the exact match of greedy decoding, without decoding.
        """
        model = nnx.merge(self.graph, params)
        logits, _ = model(batch.source, batch.source_mask, batch.target_in)
        right = logits.argmax(axis=-1) == batch.target_out
        return {
            "loss": sum_of(cross_entropy(logits, batch.target_out), batch.target_mask),
            "piece_accuracy": sum_of(right, batch.target_mask),
            "exact_match": sum_of((right | ~batch.target_mask).all(axis=1), batch.target_mask.any(axis=1)),
        }

    def validation_metrics(self, params: Any) -> dict[str, float | str]:
        """If BLEU selects the best checkpoint: "bleu" of greedy decoding, and "bleu_signature"."""
        if self.selection_metric != "bleu":
            return {}
        self.translator.params = jax.device_put(params)
        translations = self.translator.translate([pair.source for pair in self.bleu_pairs], beam=1)
        metric, references = bleu(self.settings.tokenized), [pair.target for pair in self.bleu_pairs]
        score = metric.corpus_score([best.text for best, *_ in translations], [references]).score
        return {"bleu": score, "bleu_signature": str(metric.get_signature())}

    def train_batches(self, epoch: int, multiple: int) -> grain.MapDataset:
        """The batches of an epoch, in an order that depends on the seed and the epoch alone."""
        return self._batches(self.plans(epoch, multiple), "train")

    def validation_batches(self, multiple: int) -> grain.MapDataset:
        """The batches of the validation split, short sentences first."""
        return self._batches(self.plans(None, multiple), "validation")

    def batch_shapes(self, epoch: int | None, multiple: int) -> list[TextBatch]:
        """For each batch of an epoch, or of validation (None), an empty batch of its shape."""
        nothing = np.zeros(0, int)

        @cache
        def empty(shape: batching.Shape) -> TextBatch:
            planned = batching.PlannedBatch(shape=shape, examples=nothing)
            return self._batch(planned, "validation" if epoch is None else "train")

        return [empty(planned.shape) for planned in self.plans(epoch, multiple)]

    @classmethod
    def evaluate(cls, run: Run, splits: Sequence[str], console: Console) -> dict[str, Any]:
        """See `xattn.translation.evaluation`."""
        return evaluation.evaluate(run, splits, console)

    @classmethod
    def table(cls, results: dict[str, Any]) -> Table:
        return evaluation.table(results)

    def _learn_vocabulary(self, corpus: Corpus, console: Console) -> Tokenizer:
        settings, pairs = self.settings.vocabulary, counted(corpus, f"reading {self.settings.train}", console)
        with console.status("learning the vocabulary"):
            tokenizer = Tokenizer.train(
                (text for pair in pairs for text in (pair.source, pair.target)),
                vocabulary=settings.size,
                kind=settings.kind,
                character_coverage=settings.character_coverage,
            )
        if settings.size is None:
            console.print(f"A vocabulary of {tokenizer.size:,} pieces fits {self.settings.train}.")
        return tokenizer

    def _encode(self, split: str, corpus: Corpus, console: Console) -> Encoded:
        data = self.settings
        text = (identity(data, split), data.columns, data.lowercase, data.vocabulary.normalization, data.bad_lines)
        encoded = encode(
            counted(corpus, f"encoding {split}", console),
            self.tokenizer,
            longest=data.max_length,
            folder=Path(data.folder).expanduser() / "encoded" / key(self.tokenizer, text, data.max_length),
            report=lambda: corpus.bad.report(),
        )
        for line in encoded.report:
            console.print(f"{split}: {line}", soft_wrap=True)
        if not len(encoded):
            shortest = min(max(len(self.tokenizer.encode(side)) for side in pair[:2]) for pair in corpus)
            raise ConfigError(
                f"Every pair of {split} has more than {data.max_length} pieces, and none can be trained on: "
                f"task.max_length must be at least {shortest:,}, or the lines must be cut into sentences."
            )
        if encoded.too_long:
            pairs = quantity(encoded.too_long, "pair")
            console.print(f"{pairs} of {split} left out: longer than task.max_length ({data.max_length} pieces).")
        return encoded

    def _shapes(self, multiple: int) -> tuple[batching.Shape, ...]:
        """Shapes for both splits, so that validation compiles no shapes of its own."""
        tokens = self.config.training.batch_tokens
        sides = [np.concatenate(side) for side in zip(*self.lengths.values(), strict=True)]
        return batching.choose_shapes(*sides, buckets=self.settings.buckets, tokens=tokens, multiple=multiple)

    def _plan(self, epoch: int | None, multiple: int) -> list[batching.PlannedBatch]:
        shapes = self.shapes(multiple)
        if epoch is None:
            return batching.plan_in_order(*self.lengths["validation"], shapes)
        return batching.plan_epoch(*self.lengths["train"], shapes, seed=self.config.seed, epoch=epoch)

    def _batches(self, plan: list[batching.PlannedBatch], name: str) -> grain.MapDataset:
        return grain.MapDataset.range(len(plan)).map(lambda number: self._batch(plan[number], name))

    def _batch(self, planned: batching.PlannedBatch, name: str) -> TextBatch:
        batch, guide = batching.make_batch(planned, self.encoded[name], self.tokenizer), self.guides[name]
        return batch if guide is None else batch._replace(guide=guide(planned))  # pyright: ignore[reportArgumentType]


def _check_batch_tokens(config: Experiment) -> None:
    """Raises `ConfigError` if a batch has no room for the longest pair that is not left out."""
    tokens, longest = config.training.batch_tokens, settings_of(config).max_length
    rows = devices.place(config.devices.strategy).devices
    needed, each = 2 * (longest + 1) * rows, f", one for each of {rows} devices" if rows > 1 else ""
    require(
        tokens >= needed,
        f"training.batch_tokens must be at least {needed:,}, not {tokens:,}: there must be room for a pair of "
        f"task.max_length ({longest:,} pieces, and an end, on each side){each}.",
    )


def _note_missing_tests(data: Translation, console: Console) -> None:
    """Says which splits of `task.test` cannot be scored after training; it is no error, since others can."""
    for split in data.test:
        try:
            identity(data, split)
        except UserError as error:
            console.print(f"Note: xattn evaluate will not find {split}, which task.test names. {error}", markup=False)
