"""The training loop: trains a task, validates, writes checkpoints, and resumes exactly where it stopped."""

import itertools
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

import grain
import jax
import numpy as np
from rich.console import Console

from xattn.runs.folder import Run
from xattn.runs.results import LOWER_IS_BETTER
from xattn.training import checkpoint_average, devices, optimizer
from xattn.training.checkpoint import Checkpoints
from xattn.training.compile_ahead import Ahead
from xattn.training.interrupt import Interruption
from xattn.training.log import Log
from xattn.training.losses import Sums, means
from xattn.training.step import State, make_eval, make_update, start
from xattn.training.task import Task

# Rows of metrics.jsonl are sums over this many steps.
LOG_EVERY = 20


@dataclass(frozen=True)
class RunProgress:
    """How far a run is, apart from its state: the place in the data, and the search for the best checkpoint."""

    epoch: int = 0
    batch: int = 0
    """Batches of the epoch that were trained on."""
    best: float | None = None
    """The best validation score so far: the highest, or the lowest loss."""
    since_best: int = 0
    """Validations since then."""
    validations: int = 0
    seconds: float = 0.0
    """Training time, validation included, as of the last checkpoint."""


def train(task: Task, run: Run, console: Console) -> RunProgress:
    """Trains a run until `training.steps`, or until `training.patience` validations in a row were not the best.

    Resumes from the newest checkpoint of the run, if there is one, bit for bit. Programs for the shapes of the batches
    to come are compiled in the background (`xattn.training.compile_ahead`). Ctrl-C and SIGTERM stop the loop after the
    current step: it saves a checkpoint and raises `KeyboardInterrupt`.
    """
    settings = run.config.training
    with closing(Checkpoints(run.checkpoints, keep_every=settings.keep_every)) as checkpoints:
        trainer = Trainer(task, run, checkpoints, console)
        trainer.resume()
        if trainer.finished:
            return trainer.progress  # Nothing is left to compile for.
        log = Log(run.metrics, run.tensorboard, step=trainer.number, steps=settings.steps, console=console)
        with log, Ahead(trainer.placement) as ahead, Interruption() as interruption:
            trainer.start(ahead)
            while not trainer.finished and not interruption.asked:
                trainer.step()
                if trainer.number % LOG_EVERY == 0:
                    trainer.report(log, ahead.waiting)
                if trainer.number % settings.validate_every == 0 or trainer.number == settings.steps:
                    params, score = trainer.validate(log)
                    with interruption.held():
                        trainer.save(params, score)
            if interruption.asked:
                if trainer.number != checkpoints.newest:
                    with interruption.held():
                        trainer.save()
                console.print(f"Stopped at step {trainer.number}, and saved.")
                raise KeyboardInterrupt
    return trainer.progress


class Trainer:
    """A run in training: its state on the devices, the number of steps so far, and its progress."""

    def __init__(self, task: Task, run: Run, checkpoints: Checkpoints, console: Console):
        self.task, self.run, self.settings = task, run, run.config.training
        self.checkpoints, self.console = checkpoints, console
        self.placement = devices.place(run.config.devices.strategy)
        self.optimizer, self.learning_rate = optimizer.make(run.config), optimizer.schedule(run.config)
        self.fresh = jax.jit(self._fresh)  # else every zero of the optimizer is a program of its own
        self.shapes = jax.eval_shape(self.fresh)
        self.state: Any = None
        self.number, self.progress = 0, RunProgress()
        size = self.settings.average
        self.recent = checkpoint_average.make_ring(size, self.shapes.params) if size > 1 else None
        self.began = time.monotonic()

    @property
    def finished(self) -> bool:
        """Whether all steps are done, or the score has stopped rising."""
        return self.number >= self.settings.steps or self.progress.since_best >= self.settings.patience

    def resume(self) -> None:
        """Restores the newest checkpoint, if there is one."""
        newest = self.checkpoints.newest
        if newest is not None:
            parts, saved = self.checkpoints.restore(newest, _parts(self.shapes, self.recent))
            self.recent = parts.pop("recent") if self.recent else None
            self.state, self.progress, self.number = State(**parts), RunProgress(**saved), newest
            self.console.print(f"Resuming {self.run.folder} at step {newest}.")
        self.began = time.monotonic() - self.progress.seconds

    def start(self, ahead: Ahead) -> None:
        """Starts to compile, in the order of the batches to come, validation last, and places the state on devices."""
        task, settings, multiple = self.task, self.settings, self.placement.devices
        shapes, place = task.batch_shapes(self.progress.epoch, multiple), self.progress.batch
        self._update = ahead.compile(
            make_update(task.loss, self.optimizer, ema=settings.ema, accumulate=settings.accumulate),
            self.shapes,
            [*shapes[place:], *shapes[:place]],
            donate=True,
        )
        self._eval = ahead.compile(make_eval(task.eval_step), self.shapes.params, task.batch_shapes(None, multiple))
        self.state = self.placement.replicate(self.state or self.fresh())
        self._batches = batch_stream(task, self.progress, multiple)
        self._pending: list[Sums] = []
        self._pending_since = time.monotonic()

    def step(self) -> None:
        """Updates the parameters once; the sums stay on the device until `report`."""
        for _ in range(self.settings.accumulate):
            (epoch, place), batch = next(self._batches)
            self.state, sums = self._update(self.state, batch)
            self.progress = replace(self.progress, epoch=epoch, batch=place + 1)
            self._pending.append(sums)
        self.number += 1

    def report(self, log: Log, waiting: int) -> None:
        """Logs the means since the last report; `waiting` programs, which are not compiled yet, are in the note."""
        # Fetched together and seldom, so that the device hardly ever waits for the host.
        fetched = self.placement.fetch(self._pending)
        row, terms = means(fetched), sum(float(sums["loss"].count) for sums in fetched)
        speed = terms / (time.monotonic() - self._pending_since)
        rate = float(np.asarray(self.learning_rate(self.number)))
        log.write("train", self.number, {**row, "terms_per_second": speed, "learning_rate": rate})
        note = f"loss {row['loss']:.3f}  {speed:,.0f} {self.task.loss_unit}/s"
        log.advance(self.number, f"{note}  {waiting} shapes to compile" if waiting else note)
        self._pending, self._pending_since = [], time.monotonic()

    def validate(self, log: Log) -> tuple[Any, float]:
        """Validates and logs; returns the parameters to use and their score, of which higher is better.

        The parameters to use are those of the state, or their average.
        """
        params = self.placement.fetch(self.state.average if self.settings.ema else self.state.params)
        began, progress, metric = time.monotonic(), self.progress, self.task.selection_metric
        if self.recent:
            self.recent = checkpoint_average.put(self.recent, progress.validations, params)
            params = checkpoint_average.mean(self.recent, progress.validations + 1)
        placed = self.placement.replicate(params)
        sums = [self._eval(placed, batch) for batch in self.task.validation_batches(self.placement.devices)]
        row = {**means(self.placement.fetch(sums)), **self.task.validation_metrics(params)}
        value, sign = float(row[metric]), -1 if metric in LOWER_IS_BETTER else 1
        better = progress.best is None or sign * value > sign * progress.best
        self.progress = replace(
            progress,
            best=value if better else progress.best,
            since_best=0 if better else progress.since_best + 1,
            validations=progress.validations + 1,
        )
        log.write("validation", self.number, row | {"seconds": time.monotonic() - self.began})
        self.console.print(
            f"step {self.number:>6}  validation loss {row['loss']:.4g}"
            + ("" if metric == "loss" else f"  {metric} {value:.4f}")
            + ("  best so far" if better else "")
        )
        self._pending_since += time.monotonic() - began  # The speed of training does not count validation.
        return params, sign * value

    def save(self, params: Any = None, score: float | None = None) -> None:
        """Writes a checkpoint; after a validation, with the parameters to use and their score."""
        began = time.monotonic()
        self.progress = replace(self.progress, seconds=began - self.began)
        state = _parts(self.placement.fetch(self.state), self.recent)
        self.checkpoints.save(self.number, state, asdict(self.progress), params, score)
        self._pending_since += time.monotonic() - began

    def _fresh(self) -> State:
        ema, accumulate = self.settings.ema, self.settings.accumulate
        return start(self.task.parameters(), self.optimizer, ema=ema, accumulate=accumulate)


def batch_stream(task: Task, progress: RunProgress, multiple: int) -> Iterator[tuple[tuple[int, int], Any]]:
    """Training batches without end, from the place of `progress` on, each with its epoch and its place in the epoch."""
    first = progress.batch
    for epoch in itertools.count(progress.epoch):
        batches = task.train_batches(epoch, multiple)[first:]
        prefetched = batches.to_iter_dataset(grain.ReadOptions(num_threads=1, prefetch_buffer_size=8))
        for place, batch in enumerate(prefetched, start=first):
            yield (epoch, place), batch
        first = 0


def _parts(state: State, recent: Any) -> dict[str, Any]:
    """The parts of a checkpoint by name, without those that are switched off."""
    parts = {field.name: getattr(state, field.name) for field in fields(State)} | {"recent": recent}
    return {name: part for name, part in parts.items() if part is not None}
