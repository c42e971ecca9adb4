"""The training loop: batches in, checkpoints out; stops, and goes on again, without losing its place."""

import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

import grain
import jax
import numpy as np
from rich.console import Console

from xattn.runs.folder import Run
from xattn.training import checkpoint_average as averages
from xattn.training import devices, optimizer
from xattn.training.checkpoint import Checkpoints
from xattn.training.compile_ahead import Ahead
from xattn.training.interrupt import Interruption
from xattn.training.log import Log
from xattn.training.losses import Sums, means
from xattn.training.step import State, make_update, start
from xattn.training.task import Task

# Rows of metrics.jsonl are sums over this many steps.
LOG_EVERY = 20


@dataclass(frozen=True)
class Progress:
    """Where a run stands, beside its state: the place in the data, and the search for the best checkpoint."""

    epoch: int = 0
    batch: int = 0
    best: float | None = None
    since_best: int = 0
    validations: int = 0
    seconds: float = 0.0


def train(task: Task, run: Run, console: Console) -> Progress:
    """Trains until the last step, or until the score stops rising; resumes from where the folder stands.

    Programs for the shapes of batches to come are compiled in the background (`xattn.training.compile_ahead`); the
    order of batches does not depend on it: the loop waits for the program that it needs next.

    Asked to stop (Ctrl-C, SIGTERM), it saves after the step, and raises `KeyboardInterrupt`.
    """
    settings = run.config.training
    placement = devices.place(run.config.devices.strategy)
    sign = -1 if task.selection_metric == "loss" else 1
    tx, rate = optimizer.make(run.config), optimizer.schedule(run.config)

    @jax.jit  # else every zero of the optimizer is a program of its own
    def fresh() -> State:
        return start(task.parameters(), tx, ema=settings.ema, accumulate=settings.accumulate)

    checkpoints = Checkpoints(run.checkpoints, keep_every=settings.keep_every)
    state, progress, step = None, Progress(), 0
    shapes = jax.eval_shape(fresh)
    recent = averages.make_ring(settings.average, shapes.params) if settings.average > 1 else None
    if checkpoints.newest is not None:
        parts, saved = checkpoints.restore(checkpoints.newest, _parts(shapes, recent))
        recent = parts.pop("recent") if recent else None
        state, progress, step = State(**parts), Progress(**saved), checkpoints.newest
        console.print(f"Resuming {run.folder} at step {step}.")

    def over() -> bool:
        return step >= settings.steps or progress.since_best >= settings.patience

    if over():
        checkpoints.close()
        return progress  # Nothing is left to compile for.
    began = time.monotonic() - progress.seconds

    log = Log(run.metrics, run.tensorboard, step=step, steps=settings.steps, console=console)
    with log, Ahead(placement) as ahead, Interruption() as interruption:
        # From here on programs are compiled, in the order of the batches to come, and validation's after all others.
        outline = task.batch_shapes(progress.epoch, placement.devices)
        update = ahead.compile(
            make_update(task.loss, tx, ema=settings.ema, accumulate=settings.accumulate),
            shapes,
            [*outline[progress.batch :], *outline[: progress.batch]],
            donate=True,
        )
        look = ahead.compile(make_look(task.eval_step), shapes.params, task.batch_shapes(None, placement.devices))
        state = placement.replicate(state or fresh())
        pending: list[Sums] = []
        pending_since = time.monotonic()

        def save(params: Any = None, score: float | None = None) -> None:
            with interruption.held():
                checkpoints.save(step, _parts(placement.fetch(state), recent), asdict(progress), params, score)

        batches = _stream(task, progress, placement.devices)
        try:
            while not over() and not interruption.asked:
                for _ in range(settings.accumulate):
                    (epoch, number), batch = next(batches)
                    state, sums = update(state, batch)
                    progress = replace(progress, epoch=epoch, batch=number + 1)
                    pending.append(sums)
                step += 1
                if step % LOG_EVERY == 0:
                    # Fetched together and seldom, so that the device hardly ever waits for the host.
                    row, terms = (
                        means(fetched := placement.fetch(pending)),
                        sum(float(s["loss"].count) for s in fetched),
                    )
                    speed = terms / (time.monotonic() - pending_since)
                    log.write(
                        "train",
                        step,
                        {**row, "terms_per_second": speed, "learning_rate": float(np.asarray(rate(step)))},
                    )
                    log.advance(step, f"loss {row['loss']:.3f}  {speed:,.0f} {task.loss_unit}/s{_compiling(ahead)}")
                    pending, pending_since = [], time.monotonic()
                if step % settings.validate_every == 0 or step == settings.steps:
                    # What is validated is what is saved to be used: the parameters, or an average of them.
                    used = placement.fetch(state.average if settings.ema else state.params)
                    if recent:
                        recent = averages.put(recent, progress.validations, used)
                        used = averages.mean(recent, progress.validations + 1)
                    shared = placement.replicate(used)
                    sums = [look(shared, b) for b in task.validation_batches(placement.devices)]
                    row = {**means(placement.fetch(sums)), **task.validation_metrics(used)}
                    score = float(row[task.selection_metric])
                    better = progress.best is None or sign * score > sign * progress.best
                    progress = replace(
                        progress,
                        best=score if better else progress.best,
                        since_best=0 if better else progress.since_best + 1,
                        validations=progress.validations + 1,
                        seconds=time.monotonic() - began,
                    )
                    log.write("validation", step, row | {"seconds": progress.seconds})
                    console.print(
                        f"step {step:>6}  validation loss {row['loss']:.4g}"
                        + ("" if task.selection_metric == "loss" else f"  {task.selection_metric} {score:.4f}")
                        + ("  best so far" if better else "")
                    )
                    save(used, sign * score)
                    pending_since = time.monotonic()
            if interruption.asked:
                progress = replace(progress, seconds=time.monotonic() - began)
                if step != checkpoints.newest:
                    save()
                console.print(f"Stopped at step {step}, and saved.")
                raise KeyboardInterrupt
        finally:
            checkpoints.close()
    return progress


def make_look(look: Callable[[Any, Any], Sums]) -> Callable[..., Sums]:
    """`look(params, batch, axis)`: the sums of a validation batch, added over a mapped device axis."""

    def look_at(params: Any, batch: Any, axis: str | None) -> Sums:
        sums = look(params, batch)
        return sums if axis is None else jax.lax.psum(sums, axis)

    return look_at


def _compiling(ahead: Ahead) -> str:
    """For the progress bar: how many programs are still to be compiled, which takes from the speed."""
    return f"  {ahead.waiting} shapes to compile" if ahead.waiting else ""


def _parts(state: State, recent: Any) -> dict[str, Any]:
    """What a checkpoint holds, by name; what is switched off is not there."""
    parts = {each.name: getattr(state, each.name) for each in fields(State)} | {"recent": recent}
    return {name: part for name, part in parts.items() if part is not None}


def _stream(task: Task, progress: Progress, multiple: int) -> Iterator[tuple[tuple[int, int], Any]]:
    """Batches without end, each with its epoch and its place in it, from where `progress` stands."""
    first = progress.batch
    for epoch in itertools.count(progress.epoch):
        batches = task.train_batches(epoch, multiple)[first:]
        ahead = batches.to_iter_dataset(grain.ReadOptions(num_threads=1, prefetch_buffer_size=8))
        for number, batch in enumerate(ahead, start=first):
            yield (epoch, number), batch
        first = 0
