"""One update against NumPy: its moving average, and its mean over everything that it sums."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from xattn.training import checkpoint_average, devices
from xattn.training.losses import Sum, means, sum_of
from xattn.training.step import make_update, start

D = 3


def loss(params, batch, step):
    """Squares of a linear map, summed over the rows that count."""
    return {"loss": sum_of((batch["x"] @ params["w"] - batch["y"]) ** 2, batch["mask"])}


def batch(seed, rows, real):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(rows, D)).astype(np.float32), rng.normal(size=rows).astype(np.float32)
    return {"x": x, "y": y, "mask": np.arange(rows) < real}


def gradient(w, batch):
    """The sum of the gradients of all rows that count, in float64."""
    x, y = batch["x"][batch["mask"]].astype(np.float64), batch["y"][batch["mask"]]
    return 2 * x.T @ (x @ w - y)


@pytest.mark.parametrize("ema", [0.5, 0.2])
def test_the_moving_average_forgets_early_values_first(ema):
    update = jax.jit(make_update(loss, optax.sgd(0.1), ema=ema))
    state = start({"w": jnp.ones(D)}, optax.sgd(0.1), ema=ema)
    w = average = np.ones(D)
    for n in range(1, 6):
        state, _ = update(state, batch(n, 7, 5))
        w = w - 0.1 * gradient(w, batch(n, 7, 5)) / 5
        decay = min(ema, (1 + n) / (10 + n))
        average = decay * average + (1 - decay) * w
        np.testing.assert_allclose(state.params["w"], w, rtol=1e-5)
        np.testing.assert_allclose(state.average["w"], average, rtol=1e-5)


@pytest.mark.parametrize("strategy", ["single", "jit", "pmap"])
def test_accumulated_batches_are_one_large_batch(strategy):
    """Three updates of three batches each, unlike in shape and padding, against all rows at once in float64."""
    placement = devices.place(strategy)
    tx = optax.chain(optax.clip_by_global_norm(0.5), optax.sgd(0.1, momentum=0.9))
    update = placement.compile(make_update(loss, tx, ema=0.15, accumulate=3), donate=True)
    state = placement.replicate(jax.tree.map(np.array, start({"w": jnp.ones(D)}, tx, ema=0.15, accumulate=3)))
    w, average, velocity = np.ones(D), np.ones(D), np.zeros(D)
    for n in range(3):
        parts = [batch(10 * n + 0, 16, 5), batch(10 * n + 1, 8, 1), batch(10 * n + 2, 16, 13)]
        rows = []
        for part in parts:
            state, sums = update(state, placement.cut(part))
            rows.append(placement.fetch(sums))
        slope = sum(gradient(w, part) for part in parts) / 19
        norm = np.linalg.norm(slope)
        assert means(rows)["gradient_norm"] == pytest.approx(norm, rel=1e-5)
        velocity = 0.9 * velocity + slope * min(1, 0.5 / norm)
        w = w - 0.1 * velocity
        average = 0.15 * average + 0.85 * w
        assert sum(float(row["loss"].count) for row in rows) == 19
    state = placement.fetch(state)
    np.testing.assert_allclose(state.params["w"], w, rtol=1e-5)
    np.testing.assert_allclose(state.average["w"], average, rtol=1e-5)
    assert int(state.step) == 3
    assert (int(state.gathered.batches), float(state.gathered.count)) == (0, 0)
    np.testing.assert_array_equal(state.gathered.gradients["w"], np.zeros(D))


def test_every_batch_of_an_update_has_a_number_of_its_own():
    """Dropout depends on it: no two batches may drop the same."""
    numbered = make_update(
        lambda params, batch, number: {"loss": Sum(params["w"].sum() * 0 + number, jnp.ones(()))},
        optax.sgd(0.1),
        accumulate=3,
    )
    state, seen = start({"w": jnp.ones(D)}, optax.sgd(0.1), accumulate=3), []
    for _ in range(7):
        state, sums = jax.jit(numbered)(state, ())
        seen.append(int(sums["loss"].total))
    assert seen == list(range(7))


def test_without_a_moving_average_nothing_is_kept():
    assert start({"w": jnp.ones(D)}, optax.sgd(0.1)).average is None


def test_the_ring_holds_the_last_and_goes_on_from_a_copy():
    rng = np.random.default_rng(0)
    params = [{"w": rng.normal(size=(2, 5)).astype(np.float32)} for _ in range(7)]
    ring = checkpoint_average.make_ring(3, params[0])
    for n, each in enumerate(params):
        before = jax.tree.map(np.copy, ring)
        ring = checkpoint_average.put(ring, n, each)
        np.testing.assert_array_equal(checkpoint_average.put(before, n, each)["w"], ring["w"])
        last = np.mean([p["w"].astype(np.float64) for p in params[max(0, n - 2) : n + 1]], axis=0)
        np.testing.assert_allclose(checkpoint_average.mean(ring, n + 1)["w"], last, rtol=1e-6)
