"""The loop around a task of three parameters: what is averaged, chosen and saved, and that a break changes nothing."""

import io
import json
import signal

import grain
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from rich.console import Console

from xattn.attention import hash_bits
from xattn.config import Experiment, Optimizer, Training
from xattn.runs import folder as runs
from xattn.training import loop, optimizer
from xattn.training.checkpoint import Checkpoints
from xattn.training.losses import sum_of
from xattn.training.task import Task

D, ROWS, BATCHES = 3, 7, 5
W = np.array([1.0, -2.0, 0.5], np.float32)


def batch(seed, number):
    rng = np.random.default_rng([seed, number])
    x = rng.normal(size=(ROWS, D)).astype(np.float32)
    return {"x": x, "y": x @ W, "mask": np.arange(ROWS) < rng.integers(1, ROWS + 1)}


class Line(Task):
    """Linear regression, with noise in its inputs that a step decides."""

    selection_metric = "exact_match"
    loss_unit = "points"

    def __init__(self):
        """It needs no run."""

    @classmethod
    def evaluate(cls, run, splits, console):
        raise NotImplementedError

    @classmethod
    def table(cls, results):
        raise NotImplementedError

    def parameters(self):
        return {"w": jnp.zeros(D)}

    def loss(self, params, batch, step):
        noise = hash_bits(jnp.uint32(1), step.astype(jnp.uint32)).astype(jnp.float32) / 4e10
        return {"loss": sum_of(((batch["x"] + noise) @ params["w"] - batch["y"]) ** 2, batch["mask"])}

    def eval_step(self, params, batch):
        error = jnp.abs(batch["x"] @ params["w"] - batch["y"])
        return {"loss": sum_of(error**2, batch["mask"]), "exact_match": sum_of(error < 0.5, batch["mask"])}

    def validation_metrics(self, params):
        return {"weight": float(params["w"][0]), "weight_signature": "the first"}

    def train_batches(self, epoch, multiple):
        return grain.MapDataset.range(BATCHES).map(lambda number: batch(epoch, number))

    def validation_batches(self, multiple):
        return grain.MapDataset.range(2).map(lambda number: batch(99, number))

    def batch_shapes(self, epoch, multiple):
        return [batch(0, 0)] * (2 if epoch is None else BATCHES)


def make(folder, **training):
    settings = {"steps": 8, "validate_every": 2, **training}
    return runs.create(
        folder, Experiment(optimizer=Optimizer(learning_rate=0.1, warmup=2), training=Training(**settings))
    )


def train(run, score="exact_match"):
    console, task = Console(file=io.StringIO()), Line()
    task.selection_metric = score
    return loop.train(task, run, console), console.file.getvalue()


def saved(run, item="state"):
    import orbax.checkpoint as ocp

    checkpoints = Checkpoints(run.checkpoints, read_only=True)
    return ocp.PyTreeCheckpointer().restore(checkpoints.folder / str(checkpoints.newest) / item)


def validations(run):
    rows = [json.loads(line) for line in run.metrics.read_text().splitlines()]
    return [row for row in rows if row["split"] == "validation"]


def trajectory(run):
    """Parameters after every update, by optax alone."""
    tx, task, params = optimizer.make(run.config), Line(), Line().parameters()
    state = tx.init(params)
    gradient = jax.jit(jax.grad(lambda *arguments: task.loss(*arguments)["loss"].mean))
    for step in range(run.config.training.steps):
        slope = gradient(params, batch(*divmod(step, BATCHES)), jnp.int32(step))
        changes, state = tx.update(slope, state, params)
        params = optax.apply_updates(params, changes)
        yield np.asarray(params["w"])


def test_the_mean_of_the_last_validations_is_validated_and_saved(tmp_path):
    run = make(tmp_path / "run", average=3)
    train(run)
    at_validations = list(trajectory(run))[1::2]
    used = np.mean(at_validations[-3:], axis=0)
    np.testing.assert_allclose(saved(run, "params")["w"], used, rtol=1e-5)
    np.testing.assert_allclose(saved(run)["params"]["w"], at_validations[-1], rtol=1e-5)
    seen = [batch(99, number) for number in range(2)]
    errors = np.concatenate([(b["x"] @ used - b["y"])[b["mask"]] for b in seen])
    assert validations(run)[-1]["loss"] == pytest.approx((errors**2).mean(), rel=1e-4)


@pytest.mark.parametrize(
    "options", [{}, {"ema": 0.5}, {"average": 3, "keep_every": 4}, {"ema": 0.5, "average": 2, "accumulate": 3}], ids=str
)
def test_interrupted_and_resumed_is_uninterrupted_bit_for_bit(tmp_path, monkeypatch, options):
    whole, again = make(tmp_path / "whole", **options), make(tmp_path / "again", **options)
    train(whole)
    stream = loop.batch_stream

    def broken(*arguments):
        for number, item in enumerate(stream(*arguments)):
            if number == 3:
                signal.raise_signal(signal.SIGINT)
            yield item

    monkeypatch.setattr(loop, "batch_stream", broken)
    interruptions = 0
    while True:
        try:
            train(again)
            break
        except KeyboardInterrupt:
            interruptions += 1
    assert interruptions > 1
    for item in ("state", "params"):
        jax.tree.map(np.testing.assert_array_equal, saved(whole, item), saved(again, item))
    for run in (whole, again):
        kept = set(Checkpoints(run.checkpoints, read_only=True).steps)
        assert {4, 8} <= kept if "keep_every" in options else len(kept) <= 2
    for a, b in zip(validations(whole), validations(again), strict=True):
        assert (a["loss"], a["exact_match"]) == (b["loss"], b["exact_match"])


@pytest.mark.parametrize(("score", "best"), [("loss", min), ("weight", max)])
def test_the_named_score_chooses_the_best_and_counts_for_patience(tmp_path, score, best):
    """The learning rate is far too high, so that the best comes early. Only of losses the lower is the better."""
    run = runs.create(
        tmp_path / "run",
        Experiment(
            optimizer=Optimizer(learning_rate=2.0, warmup=0, schedule="constant", beta1=0.0),
            training=Training(steps=40, validate_every=1, patience=3),
        ),
    )
    progress, output = train(run, score)
    rows = validations(run)
    scores = [row[score] for row in rows]
    at = scores.index(best(scores))
    assert len(scores) == at + 1 + 3 < 40
    assert progress.best == pytest.approx(scores[at], rel=1e-5)
    checkpoints = Checkpoints(run.checkpoints, read_only=True)
    assert checkpoints.best == rows[at]["step"]
    assert f"{score} {scores[at]:.3f}"[:-1] in output
    assert {row["weight_signature"] for row in rows} == {"the first"}


def test_the_progress_bar_says_what_a_row_counts(tmp_path, monkeypatch):
    notes = []
    monkeypatch.setattr(loop, "LOG_EVERY", 1)
    monkeypatch.setattr(loop.Log, "advance", lambda log, step, note: notes.append(note))
    train(make(tmp_path / "run", steps=3, validate_every=3))
    assert [note.split("  ")[1].split(" ", 1)[1] for note in notes] == ["points/s"] * 3
