"""The interface of a task for training and evaluation."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import grain
import jax
from rich.console import Console
from rich.table import Table

from xattn.config import Experiment
from xattn.runs.folder import Run
from xattn.training.losses import Sums


class Task(ABC):
    """A task of a run: its data, model, loss and metrics.

    `xattn train` makes the task of a run and trains it; `xattn evaluate` calls `evaluate` of its class. A task whose
    examples are fixed-size arrays is a subclass of `xattn.tasks.array_task.ArrayTask`, which implements all of this
    from a few methods.

    The results that `evaluate` returns, and writes to the run's results.json, have for every task:

    * `headline`: the name of the task's main metric;
    * `splits`: for each split, metrics by name, and where they exist `baselines` (name → metric → value), `pointing`
      (accuracy and mass on gold, their chance, and those of the last layer's mean) and `knock_out`;
    * `readout`, if there is gold: the layer and head that were chosen, and on what data.
    """

    takes_text: ClassVar[bool]
    """Whether a run reads text that a user gives; the examples of other tasks are numbered."""
    selection_metric: str
    """The validation metric that chooses the best checkpoint; see `xattn.runs.results.LOWER_IS_BETTER`."""
    loss_unit: str
    """The unit that the loss counts, in the plural: the progress bar shows units a second."""

    @abstractmethod
    def __init__(self, run: Run, console: Console) -> None: ...

    @classmethod
    def sources(cls, config: Experiment) -> Mapping[str, str]:
        """What the examples are made of besides the config: facts about every file or data set, by name.

        A run is not resumed when they have changed. Training calls this before all other work. Raises `UserError` for
        data that do not exist or cannot be read. Generated examples depend on the config alone.
        """
        return {}

    @abstractmethod
    def parameters(self) -> Any:
        """Fresh parameters, as nested dictionaries."""

    @abstractmethod
    def loss(self, params: Any, batch: Any, step: jax.Array) -> Sums:
        """The sums of a training batch by name; the mean of "loss", which is among them, is minimised.

        `step` counts the training batches, from 0.
        """

    @abstractmethod
    def eval_step(self, params: Any, batch: Any) -> Sums:
        """The sums of a validation batch by name; "loss" is among them."""

    @abstractmethod
    def validation_metrics(self, params: Any) -> Mapping[str, float | str]:
        """Validation metrics that are not sums over batches, such as BLEU and its signature; may be empty."""

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
        """For each batch of an epoch, or of validation (None), in order: arrays of its shapes, with any content.

        Programs for these shapes are compiled ahead; for other shapes, when the batch comes.
        """

    @classmethod
    @abstractmethod
    def evaluate(cls, run: Run, splits: Sequence[str], console: Console) -> dict[str, Any]:
        """Scores a run on splits, by default its task's test splits; returns what it writes to results.json."""

    @classmethod
    @abstractmethod
    def table(cls, results: dict[str, Any]) -> Table:
        """The results of `evaluate` for a person to read."""
