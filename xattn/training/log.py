"""The log of a training run: metrics.jsonl, TensorBoard events, and a progress bar."""

import json
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

if TYPE_CHECKING:
    from tensorboardX import SummaryWriter


class Log:
    """Writes metrics to metrics.jsonl and TensorBoard; first drops rows after `step`, which an interrupted run left."""

    def __init__(self, metrics: Path, tensorboard: Path, *, step: int, steps: int, console: Console):
        rows = metrics.read_text().splitlines() if metrics.exists() else []
        kept = [row for row in rows if json.loads(row)["step"] <= step]
        self._file = metrics.open("w", encoding="utf-8")
        self._file.writelines(row + "\n" for row in kept)
        self._tensorboard, self._purge = tensorboard, step + 1
        self._bar = Progress(
            TextColumn("training"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[note]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=console,
        )
        self._task = self._bar.add_task("training", total=steps, completed=step, note="compiling")
        self.console = console

    def __enter__(self) -> "Log":
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()
        self._file.close()
        if "_events" in vars(self):
            self._events.close()

    @cached_property
    def _events(self) -> "SummaryWriter":
        # Imported with the first row, not before the first step: where PyTorch is installed, this loads it too.
        from tensorboardX import SummaryWriter

        return SummaryWriter(str(self._tensorboard), purge_step=self._purge, write_to_disk=True)

    def advance(self, step: int, note: str) -> None:
        """Moves the progress bar to a step, with a note beside it."""
        self._bar.update(self._task, completed=step, note=note)

    def write(self, split: str, step: int, values: Mapping[str, float | str]) -> None:
        """Writes one row, numbers with six digits; texts, such as a metric's signature, go into metrics.jsonl only."""
        numbers = {name: value for name, value in values.items() if not isinstance(value, str)}
        rounded = {**values, **{name: float(f"{value:.6g}") for name, value in numbers.items()}}
        self._file.write(json.dumps({"step": step, "split": split, **rounded}) + "\n")
        self._file.flush()
        for name, value in numbers.items():
            self._events.add_scalar(f"{split}/{name}", value, step)
