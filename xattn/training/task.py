"""The interface of a task: what training, evaluation and pictures ask of it."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import grain
import jax
from rich.console import Console

from xattn.runs.folder import Run
from xattn.training.losses import Sums


class Task(ABC):
    """A task of a run: its data, model, loss and metrics.

    `xattn train` makes one of a run and trains it; `xattn evaluate` asks the class. A task whose examples are arrays of
    one size is a subclass of `xattn.tasks.array_task.ArrayTask`, which has all of this from a few methods.

    What `evaluate` returns, and keeps as the run's results.json, has for every task:

    * `headline`: the name of the score that the task is about;
    * `splits`: for every split, metrics by name, and where they exist `baselines` (name → metric → value), `pointing`
      (accuracy and mass on gold, their chance, and those of the last layer's mean) and `knock_out`;
    * `readout`, where there is gold: the layer and head that were chosen, and on what.
    """

    selection_metric: str
    """The validation metric that chooses the best checkpoint; higher is better, except for "loss"."""
    loss_unit: str
    """The unit that the loss counts, in the plural: the progress bar says how many a second are trained on."""

    @abstractmethod
    def __init__(self, run: Run, console: Console) -> None: ...

    @abstractmethod
    def parameters(self) -> Any:
        """Fresh parameters, as nested dictionaries."""

    @abstractmethod
    def loss(self, params: Any, batch: Any, step: jax.Array) -> Sums:
        """The sums of a training batch, by name; "loss" is minimised."""

    @abstractmethod
    def eval_step(self, params: Any, batch: Any) -> Sums:
        """The sums of a validation batch, by name; "loss" is among them."""

    @abstractmethod
    def validation_metrics(self, params: Any) -> Mapping[str, float | str]:
        """Validation metrics that are no sums over batches, such as BLEU with its signature; else empty."""

    @abstractmethod
    def train_batches(self, epoch: int, multiple: int) -> grain.MapDataset:
        """The batches of an epoch, in an order that depends on the seed and the epoch alone.

        The number of rows of a batch is a multiple of `multiple`, so that it can be cut over devices.
        """

    @abstractmethod
    def validation_batches(self, multiple: int) -> grain.MapDataset:
        """The batches of the validation split."""

    @abstractmethod
    def batch_shapes(self, epoch: int | None, multiple: int) -> Sequence[Any]:
        """For every batch of an epoch, or of validation (None), in their order: arrays of its shapes, with any content.

        Programs for these shapes are compiled ahead; others are compiled when their batch comes.
        """

    @classmethod
    @abstractmethod
    def evaluate(cls, run: Run, splits: Sequence[str], console: Console) -> dict[str, Any]:
        """Scores a run on splits (those of its task's `test`, unless some are named); keeps and returns the results."""
