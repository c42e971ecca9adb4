"""Tasks whose examples are arrays of one size: what training, evaluation and pictures need, except for the task itself.

A task is a file with a subclass of `ArrayTask`. It defines the examples, the model, the metrics, the gold attention and
the labels. Batches, dropout, checkpoints, scores, baselines, pointing, knock-out and pictures are here and in
`xattn.tasks.array_evaluation`, and are the same for all.
"""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Generic, NamedTuple, TypeVar, cast

import grain
import jax
import numpy as np
from flax import nnx
from jaxtyping import Array, Bool, Float, UInt32
from rich.console import Console
from rich.table import Table

from xattn.alignment.layouts import Layout, Slots, WordLayout
from xattn.alignment.links import Links
from xattn.alignment.maps import AttentionMap, Readout
from xattn.config import TaskSettings
from xattn.errors import ConfigError, require
from xattn.nn.dropout import DropoutKey
from xattn.nn.functional import functional
from xattn.runs.folder import Run
from xattn.tasks.array_evaluation import TRAIN, VALIDATION, evaluate, table
from xattn.training.checkpoint import best_params
from xattn.training.losses import Sums
from xattn.training.task import Task

# Positions of a batch that is scored; a training batch has fewer, because it needs room for gradients.
SCORED = 2**14

Settings = TypeVar("Settings", bound=TaskSettings)


class ArrayBatch(NamedTuple):
    """Examples with a first axis B, and which of them are valid: the last batch of a split is filled up."""

    examples: Any
    valid: Bool[Array, "B"]
    rows: UInt32[Array, "B"]
    """Number of every row, which it keeps when a batch is cut over devices: dropout counts with it."""


class Outcome(NamedTuple):
    """Result of a forward pass."""

    sums: Sums
    """"loss", which is minimised, and all metrics; rows that are not valid count nowhere."""
    weights: Float[Array, "L B N T S"]
    """Attention weights of every query."""
    visible: Bool[Array, "B S"]
    """The memory positions that the queries could attend to."""


class ArrayTask(Task, Generic[Settings]):
    """Base class of tasks whose examples are fixed-size arrays."""

    takes_text = False
    headline: ClassVar[str]
    """The metric that the task is about, which chooses the best checkpoint; see `LOWER_IS_BETTER` of `runs.results`."""
    loss_unit = "examples"  # one term of the loss each, unless a task says otherwise

    def __init__(self, run: Run, console: Console):
        self.run, self.config = run, run.config
        self.settings = cast(Settings, run.config.task)  # `xattn.tasks.TASKS` pairs settings and tasks
        self.selection_metric = "loss" if run.config.training.stop_by == "loss" else self.headline
        self.examples = cache(self.read)
        self.graph, self.initial = functional(self._build)
        self.apply = jax.jit(self._apply)

    # To be implemented by a task.

    @property
    @abstractmethod
    def positions(self) -> int:
        """Source and target positions of an example: `training.batch_tokens` counts them."""

    @abstractmethod
    def read(self, split: str) -> Any:
        """The examples of a split: a NamedTuple of NumPy arrays with a first axis of examples, the same each time.

        Raises `ConfigError` for a split that the task does not have.
        """

    @abstractmethod
    def build(self, rngs: nnx.Rngs) -> nnx.Module:
        """The model that the config describes."""

    @abstractmethod
    def forward(
        self, model: Any, batch: ArrayBatch, dropout_key: DropoutKey | None, hide: Bool[Array, "B T S"] | None = None
    ) -> Outcome:
        """The model applied to a batch; `hide` masks positions of a full memory, for each query."""

    @abstractmethod
    def labels(self, examples: Any) -> tuple[Sequence[str], Sequence[str]]:
        """Labels of the source positions and of the queries of one example, without padding."""

    # To be overridden where the default does not fit.

    def layout(self, examples: Any) -> Layout:
        """The layout of the source positions of one example, without padding, in the order of their labels."""
        return WordLayout()

    def gold(self, examples: Any) -> Bool[np.ndarray, "B T S"] | None:
        """The gold attention of each query: all False where it is unknown; None if the task has no gold."""
        return None

    def groups(self, examples: Any) -> Mapping[str, Bool[np.ndarray, "B T"]]:
        """Kinds of queries, by name: the pointing accuracy of each is reported too."""
        return {}

    def baselines(self, split: str) -> Mapping[str, Mapping[str, float]]:
        """Scores without learning, by name and metric."""
        return {}

    def split_metrics(self, params: Any, split: str) -> Mapping[str, float]:
        """Scores that are no sums over batches, such as ranks."""
        return {}

    def readout_metrics(self, params: Any, split: str, readout: Readout) -> Mapping[str, float]:
        """Scores of the attention at one layer and head, beside those of pointing, for a task with gold."""
        return {}

    @property
    def knockout_metric(self) -> str:
        """The metric of the knock-out test, which must be a sum over batches; the headline by default."""
        return self.headline

    def read_file(self, path: Path, text: str | None) -> Any:
        """One example, with a first axis of 1: a file of the user, such as a picture, and the text that came with it.

        What the file does not say, such as the true caption, is left empty. Raises `UserError` for a file that the task
        cannot use, and for a text that it does not ask for, or that is missing.
        """
        raise ConfigError(
            f"The task {self.settings.kind!r} has no text to view, and reads no file: give the number of an example."
        )

    def with_own_output(self, params: Any, batch: ArrayBatch) -> ArrayBatch:
        """The batch as a picture shows it: tasks that write replace the targets by the output of the model."""
        return batch

    def verdict(self, examples: Any) -> str:
        """What the title of a picture of one example adds, such as the answer of the model."""
        return ""

    # Training.

    def parameters(self) -> Any:
        return self.initial()

    def loss(self, params: Any, batch: ArrayBatch, step: jax.Array) -> Sums:
        model = self.config.model
        dropout_key = DropoutKey.for_step(
            self.config.seed, step, batch.rows, rate=model.dropout, attention_rate=model.attention_dropout
        )
        return self.forward(self.model(params), batch, dropout_key).sums

    def eval_step(self, params: Any, batch: ArrayBatch) -> Sums:
        return self._apply(params, batch, None).sums

    def validation_metrics(self, params: Any) -> Mapping[str, float | str]:
        return {}

    def train_batches(self, epoch: int, multiple: int) -> grain.MapDataset:
        """Full batches of training examples, in an order that depends on the seed and the epoch alone."""
        examples, rows = self.examples(TRAIN), self._rows(multiple)
        count = self._count(TRAIN)
        order = np.random.default_rng([self.config.seed, epoch]).permutation(count)
        return grain.MapDataset.range(count // rows).map(
            lambda number: take(examples, order[number * rows : (number + 1) * rows], rows)
        )

    def validation_batches(self, multiple: int) -> grain.MapDataset:
        """The batches of the validation split, in order, as large as those of training."""
        return self._in_order(VALIDATION, self._rows(multiple))

    def batch_shapes(self, epoch: int | None, multiple: int) -> list[ArrayBatch]:
        """For every batch of an epoch, or of validation (None), one of its shape: they are all alike."""
        rows = self._rows(multiple)
        number = len(self.validation_batches(multiple)) if epoch is None else self._count(TRAIN) // rows
        return [take(self.examples(TRAIN), np.zeros(0, int), rows)] * number

    # Evaluation and pictures.

    def batches(self, split: str) -> grain.MapDataset:
        """All examples of a split in order, the last batch filled up; larger batches than in training are faster."""
        return self._in_order(split, self._scored(split))

    def model(self, params: Any) -> Any:
        """The model with these parameters."""
        return nnx.merge(self.graph, params)

    def best_params(self) -> Any:
        """The parameters of the run's best checkpoint."""
        return best_params(self.run, jax.eval_shape(self.initial))

    def example_map(self, params: Any, split: str, number: int) -> AttentionMap:
        """The attention of one example, counted from 0, at every layer and head, with gold where there is some.

        Raises `ConfigError` for a number that the split does not have.
        """
        count = self._count(split)
        if not 0 <= number < count:
            raise ConfigError(f"There is no example {number}: {split} has {count}, counted from 0.")
        rows = self._scored(split)
        # Together with its neighbours, because a shuffled memory is that of another example of the batch.
        numbers = (number + np.arange(min(rows, count))) % count
        batch = take(self.examples(split), numbers, rows)
        return self._first_map(params, batch, {"split": split, "example": str(number)})

    def given_map(self, params: Any, words: Sequence[str]) -> AttentionMap:
        """The attention in an example that a user gives in words: by default a file, and a text if the task needs one.

        Raises `UserError` for what the task cannot use.
        """
        require(
            len(words) <= 2,
            f"The task {self.settings.kind!r} shows one example at a time: give one number, or one file.",
        )
        first, *text = words
        return self.file_map(params, Path(first), *text)

    def file_map(self, params: Any, path: Path, text: str | None = None) -> AttentionMap:
        """The attention in a file of the user, which has no gold; see `read_file`."""
        batch = take(self.read_file(path, text), np.zeros(1, int), 1)
        return self._first_map(params, batch, {"file": path.name}, known=False)

    def _first_map(
        self, params: Any, batch: ArrayBatch, where: Mapping[str, str], *, known: bool = True
    ) -> AttentionMap:
        """The map of the first example of a batch; with gold, if the gold is `known` and the task has some."""
        batch = self.with_own_output(params, batch)
        outcome = jax.device_get(self.apply(params, batch, None))
        one = jax.tree.map(lambda x: x[0], batch.examples)
        source, target = self.labels(one)
        memory, links = self.config.model.memory, None
        visible = outcome.visible[0] if memory == "full" else np.ones(outcome.weights.shape[-1], bool)
        if memory != "full":
            source = [f"{memory.removesuffix('s')} {place + 1}" for place in range(len(visible))]
        elif known and (gold := self.gold(jax.tree.map(lambda x: x[:1], batch.examples))) is not None:
            links = Links.from_matrix(gold[0, : len(target), visible].T)
        return AttentionMap(
            weights=np.asarray(outcome.weights[:, 0, :, : len(target)][..., visible], np.float32),
            source=source,
            target=target,
            source_word_ids=range(len(source)),
            target_word_ids=range(len(target)),
            source_words=source,
            target_words=target,
            gold=links,
            layout=self.layout(one) if memory == "full" else Slots(),
            provenance={"run": self.run.folder.name, **where},
            note=self.verdict(one),
        )

    @classmethod
    def evaluate(cls, run: Run, splits: Sequence[str], console: Console) -> dict[str, Any]:
        """See `xattn.tasks.array_evaluation.evaluate`."""
        return evaluate(cls(run, console), splits, console)

    @classmethod
    def table(cls, results: dict[str, Any]) -> Table:
        return table(results)

    def _build(self) -> Any:
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
        tokens, positions = self.config.training.batch_tokens, self.positions
        require(
            tokens >= positions * multiple,
            f"training.batch_tokens must be at least {positions * multiple:,}, not {tokens:,}: an example has "
            f"{positions:,} positions, and a batch a multiple of {multiple} examples.",
        )
        count = self._count(TRAIN)
        require(
            count >= multiple,
            f"The training split must have {multiple} examples at least, not {count}: a batch has a multiple of them.",
        )
        return min(tokens // positions, count) // multiple * multiple


def take(examples: Any, numbers: np.ndarray, rows: int) -> ArrayBatch:
    """A batch of the numbered examples, filled up with zeros to `rows`."""

    def filled(x: np.ndarray) -> np.ndarray:
        out = np.zeros((rows, *x.shape[1:]), x.dtype)
        out[: len(numbers)] = x[numbers]
        return out

    valid: Any = np.arange(rows) < len(numbers)
    return ArrayBatch(jax.tree.map(filled, examples), valid, np.arange(rows, dtype=np.uint32))  # pyright: ignore
