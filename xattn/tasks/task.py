"""What the commands ask of every experiment row, in one place."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

from rich.console import Console

from xattn.config import Row
from xattn.runs.folder import Run
from xattn.training import loop


class Task(loop.Task):
    """An experiment row: a class, found by its name in `xattn.tasks.TASKS`.

    `xattn train` makes one of a run and trains it, by the methods of `xattn.training.loop.Task`; `xattn evaluate` asks
    the class. A row whose examples are arrays of one size is a subclass of `xattn.tasks.array_task.ArrayTask`, which
    has all of this, and `xattn view`, from a few methods about the row itself.

    What `evaluate` returns, and keeps as the run's results.json, has for every row:

    * `headline`: the name of the score that the row is about;
    * `splits`: for every split, metrics by name, and where they exist `baselines` (name → metric → value), `pointing`
      (accuracy and mass on gold, their chance, and those of the last layer's mean) and `knock_out`;
    * `readout`, where there is gold: the layer and head that were chosen, and on what.
    """

    Settings: ClassVar[type[Row] | None]
    """The settings that only this row has: the type of `Experiment.row`."""

    @abstractmethod
    def __init__(self, run: Run, console: Console) -> None: ...

    @classmethod
    @abstractmethod
    def evaluate(cls, run: Run, splits: Sequence[str], console: Console) -> dict[str, Any]:
        """Scores a run on splits (those of `data.test`, unless some are named); keeps and returns the results."""
        ...
