"""Rows whose examples are arrays of one size: all that training, evaluation and pictures need, but for the row itself.

A row is a file with a subclass of `ArrayTask`. It says what an example is, how a model reads it, what is counted, where
one ought to look, and what things are called; batches, dropout, checkpoints, scores, baselines, pointing, knock-out and
pictures are here and in `xattn.tasks.array_evaluation`, and are the same for all.
"""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Literal, NamedTuple

import grain
import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Bool, Float, UInt32
from rich.console import Console

from xattn.alignment.layouts import Layout, Slots, WordLayout
from xattn.alignment.links import Links
from xattn.alignment.maps import AttentionMap
from xattn.attention import hash_bits
from xattn.config import ConfigError
from xattn.nn.dropout import DropoutKey
from xattn.runs.folder import Run
from xattn.tasks.task import Task
from xattn.training.checkpoint import best_params
from xattn.training.losses import Sums

# Positions of a batch that is scored, where one of training has fewer.
SCORED = 2**14


class ArrayBatch(NamedTuple):
    """Examples of a row, with a first axis B, and which of them are real: the last batch of a split is filled up."""

    examples: Any
    valid: Bool[Array, "B"]
    rows: UInt32[Array, "B"]
    """Number of every row, which it keeps when a batch is cut over devices: dropout counts with it."""


class Outcome(NamedTuple):
    """What comes of a batch."""

    sums: Sums
    """The row "loss", which is minimised, and all metrics; rows that are not real count nowhere."""
    weights: Float[Array, "L B N T S"]
    """Where every query looked."""
    visible: Bool[Array, "B S"]
    """Which positions of the memory it could look at."""


class ArrayTask(Task):
    """Everything of an experiment row that is not the row itself."""

    headline: ClassVar[str]
    """The metric that the row is about, which chooses the best checkpoint; higher is better, but for "loss"."""
    loss_unit = "examples"  # which have one term of the loss each, unless a row says otherwise

    def __init__(self, run: Run, console: Console):
        self.run, self.config = run, run.config
        if self.Settings is not None and not isinstance(run.config.row, self.Settings):
            raise ConfigError(f"The task {run.config.task!r} needs row={self.Settings.__name__}(...) in its config.")
        if run.config.training.stop_by == "bleu":
            raise ConfigError(f"training.stop_by is 'bleu', but the task {run.config.task!r} does not write text.")
        self.selection_metric = "loss" if run.config.training.stop_by == "loss" else self.headline
        self.examples = cache(self.read)
        self.graph, _ = nnx.split(nnx.eval_shape(self._model), nnx.Param)
        self.initial = jax.jit(lambda: nnx.to_pure_dict(nnx.state(self._model(), nnx.Param)))
        self.apply = jax.jit(self._apply)

    # What a row says of itself.

    @property
    @abstractmethod
    def positions(self) -> int:
        """Source and target positions of an example: `training.batch_tokens` counts them."""

    @abstractmethod
    def read(self, split: str) -> Any:
        """The examples of a split: a NamedTuple of NumPy arrays with a first axis of examples, the same each time."""

    @abstractmethod
    def build(self, rngs: nnx.Rngs) -> nnx.Module:
        """The model that the config describes."""

    @abstractmethod
    def forward(
        self, model: Any, batch: ArrayBatch, dropout_key: DropoutKey | None, hide: Bool[Array, "B T S"] | None = None
    ) -> Outcome:
        """What comes of a batch; `hide` are positions of a full memory that a query may not look at."""

    @abstractmethod
    def labels(self, examples: Any) -> tuple[Sequence[str], Sequence[str]]:
        """What the source positions and the queries of one example are called, those that are real."""

    def layout(self, examples: Any) -> Layout:
        """What the source positions of one example are, those that are real, in the order of their labels."""
        return WordLayout()

    def gold(self, examples: Any) -> Bool[np.ndarray, "B T S"] | None:
        """Where each query ought to look: False for all positions where nobody knows; None if the row has no gold."""
        return None

    def baselines(self, split: str) -> Mapping[str, Mapping[str, float]]:
        """Scores without learning, by name and metric."""
        return {}

    def split_metrics(self, params: Any, split: str) -> Mapping[str, float]:
        """Scores that are no sums over batches, such as ranks."""
        return {}

    @property
    def knockout_metric(self) -> str:
        """The metric that the knock-out test reads: a sum over batches. The headline, unless that is none."""
        return self.headline

    def with_own_output(self, params: Any, batch: ArrayBatch) -> ArrayBatch:
        """The batch as a picture shows it: a row that writes puts what the model writes in place of what is wanted."""
        return batch

    # What training asks.

    def parameters(self) -> Any:
        """Fresh parameters, as nested dictionaries."""
        return self.initial()

    def loss(self, params: Any, batch: ArrayBatch, step: jax.Array) -> Sums:
        """The sums of a training batch, with dropout."""
        dropout_key = DropoutKey(
            seed=hash_bits(jnp.uint32(self.config.seed), step.astype(jnp.uint32)),
            rows=batch.rows,
            rate=self.config.model.dropout,
            attention_rate=self.config.model.attention_dropout,
        )
        return self.forward(self.model(params), batch, dropout_key).sums

    def eval_step(self, params: Any, batch: ArrayBatch) -> Sums:
        """The sums of a validation batch."""
        return self._apply(params, batch, None).sums

    def validation_metrics(self, params: Any) -> Mapping[str, float | str]:
        """Nothing: what validates are sums over batches."""
        return {}

    def train_batches(self, epoch: int, multiple: int) -> grain.MapDataset:
        """Full batches of training examples, in an order that depends on nothing but the seed and the epoch."""
        examples, rows = self.examples(self.config.data.train), self._rows(multiple)
        count = self._count(self.config.data.train)
        order = np.random.default_rng([self.config.seed, epoch]).permutation(count)
        return grain.MapDataset.range(count // rows).map(
            lambda number: take(examples, order[number * rows : (number + 1) * rows], rows)
        )

    def validation(self, multiple: int) -> grain.MapDataset:
        """The batches of the validation split, in order, as large as those of training."""
        return self._in_order(self.config.data.validation, self._rows(multiple))

    def batch_shapes(self, epoch: int | None, multiple: int) -> list[ArrayBatch]:
        """For every batch of an epoch, or of validation (None), one of its shape: they are all alike."""
        rows = self._rows(multiple)
        number = len(self.validation(multiple)) if epoch is None else self._count(self.config.data.train) // rows
        return [take(self.examples(self.config.data.train), np.zeros(0, int), rows)] * number

    # What evaluation and pictures ask.

    def batches(self, split: str) -> grain.MapDataset:
        """All examples of a split in order, the last batch filled up; larger batches than in training are faster."""
        return self._in_order(split, self._scored(split))

    def model(self, params: Any) -> Any:
        """The model with these parameters."""
        return nnx.merge(self.graph, params)

    def best_params(self) -> Any:
        """The parameters of the run's best checkpoint."""
        return best_params(self.run, jax.eval_shape(self.initial))

    def attend(self, params: Any, split: str, number: int) -> AttentionMap:
        """Where the queries of one example look, at every layer and head, with gold where there is some."""
        count = self._count(split)
        if not 0 <= number < count:
            raise ConfigError(f"There is no example {number}: {split} has {count}, counted from 0.")
        rows = self._scored(split)
        # Beside its neighbours, since a shuffled memory is that of another row.
        numbers = (number + np.arange(min(rows, count))) % count
        batch = self.with_own_output(params, take(self.examples(split), numbers, rows))
        outcome = jax.device_get(self.apply(params, batch, None))
        one = jax.tree.map(lambda x: x[0], batch.examples)
        source, target = self.labels(one)
        kind, gold = self.config.model.memory, None
        seen = outcome.visible[0] if kind == "full" else np.ones(outcome.weights.shape[-1], bool)
        if kind != "full":
            source = [f"{kind.removesuffix('s')} {place + 1}" for place in range(len(seen))]
        elif (known := self.gold(jax.tree.map(lambda x: x[:1], batch.examples))) is not None:
            gold = Links.from_matrix(known[0, : len(target), seen].T)
        return AttentionMap(
            weights=np.asarray(outcome.weights[:, 0, :, : len(target)][..., seen], np.float32),
            source=source,
            target=target,
            source_word_ids=range(len(source)),
            target_word_ids=range(len(target)),
            source_words=source,
            target_words=target,
            gold=gold,
            layout=self.layout(one) if kind == "full" else Slots(),
            provenance={"run": self.run.folder.name, "split": split, "example": str(number)},
        )

    @classmethod
    def evaluate(cls, run: Run, splits: Sequence[str], console: Console) -> dict[str, Any]:
        """See `xattn.tasks.array_evaluation.evaluate`."""
        from xattn.tasks.array_evaluation import evaluate

        return evaluate(cls(run, console), splits, console)

    @classmethod
    def view(
        cls,
        run: Run,
        words: Sequence[str],
        *,
        format: str,
        output: Path | None,
        layer: int | None,
        head: int | Literal["mean"] | None,
        console: Console,
    ) -> None:
        """Shows one example of the first test split, by its number."""
        from xattn.runs.readout import readout
        from xattn.translation.comparison import deliver

        if len(words) != 1 or not words[0].isdecimal():
            raise ConfigError(f"The task {run.config.task!r} has no text to view: give the number of an example.")
        task, where = cls(run, console), readout(run, layer, head, None)
        deliver(task.attend(task.best_params(), run.config.data.test[0], int(words[0])), format, output, where, console)

    def _model(self) -> Any:
        return self.build(nnx.Rngs(self.config.seed))

    def _apply(self, params: Any, batch: ArrayBatch, hide: jax.Array | None) -> Outcome:
        return self.forward(self.model(params), batch, None, hide)

    def _count(self, split: str) -> int:
        return len(jax.tree.leaves(self.examples(split))[0])

    def _in_order(self, split: str, rows: int) -> grain.MapDataset:
        examples, count = self.examples(split), self._count(split)
        return grain.MapDataset.range(-(-count // rows)).map(
            lambda number: take(examples, np.arange(number * rows, min((number + 1) * rows, count)), rows)
        )

    def _scored(self, split: str) -> int:
        """Examples of a batch that is scored: there are no gradients, so that more fit."""
        return max(self._rows(1), min(SCORED // self.positions, self._count(split)))

    def _rows(self, multiple: int) -> int:
        """Examples of a training batch."""
        count = self._count(self.config.data.train)
        rows = min(self.config.training.batch_tokens // self.positions, count) // multiple * multiple
        if rows == 0:
            raise ConfigError(
                f"training.batch_tokens must be at least {self.positions * multiple}, and {self.config.data.train} "
                f"have {multiple} examples: an example has {self.positions} positions, and a batch a multiple of "
                f"{multiple} examples."
            )
        return rows


def take(examples: Any, numbers: np.ndarray, rows: int) -> ArrayBatch:
    """A batch of the numbered examples, filled up with zeros to `rows`."""

    def filled(x: np.ndarray) -> np.ndarray:
        out = np.zeros((rows, *x.shape[1:]), x.dtype)
        out[: len(numbers)] = x[numbers]
        return out

    real: Any = np.arange(rows) < len(numbers)
    return ArrayBatch(jax.tree.map(filled, examples), real, np.arange(rows, dtype=np.uint32))  # pyright: ignore
