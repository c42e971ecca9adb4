"""Normalizers against bisection and finite differences in float64, hand-checked values, and rows of nothing."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from xattn.attention.normalizers import NORMALIZERS, entmax15, sigmoid, softmax, sparsemax

INF = np.inf


def by_definition(name, scores):
    """The weights of one row, thresholds by bisection."""
    live = np.isfinite(scores)
    weights = np.zeros(len(scores))
    if not live.any():
        return weights
    s = scores[live]
    if name == "softmax":
        weights[live] = np.exp(s - s.max()) / np.exp(s - s.max()).sum()
        return weights
    if name == "sigmoid":
        weights[live] = 1 / (1 + np.exp(-s))
        return weights
    factor, power = {"sparsemax": (1, 1), "entmax15": (0.5, 2)}[name]
    low, high = factor * s.max() - 1, factor * s.max()  # the sum is at least 1 at the first, 0 at the second
    for _ in range(100):
        tau = (low + high) / 2
        low, high = (tau, high) if (np.maximum(factor * s - tau, 0) ** power).sum() > 1 else (low, tau)
    weights[live] = np.maximum(factor * s - low, 0) ** power
    return weights


def rows(rng):
    """Random rows of 13 scores: narrow, wide, far from 0, with ties, with keys that are not there."""
    scores = rng.normal(size=(9, 13)) * np.array([0.1, 1, 1, 3, 10, 1, 1, 1, 1])[:, None]
    scores[2] += 1000
    scores[5, 4:9] = scores[5].max()
    scores[6] = 0.25
    scores[7, rng.random(13) < 0.5] = -INF
    scores[8] = -INF
    scores[8, 11] = -3
    return scores


def each(scores):
    """Every normalizer's weights, in one program."""
    return {name: normalize(scores) for name, normalize in NORMALIZERS.items()}


def test_weights_are_those_of_the_definition():
    scores = rows(np.random.default_rng(2))
    near = np.delete(scores, 2, 0)  # 1000 has no digits to spare in float32
    with jax.enable_x64(True):
        exact = jax.jit(each)(jnp.asarray(scores))
    rounded = jax.jit(each)(jnp.asarray(near, jnp.float32))
    for name in NORMALIZERS:
        want = np.stack([by_definition(name, row) for row in scores])
        np.testing.assert_allclose(exact[name], want, rtol=1e-11, atol=1e-12, err_msg=name)
        np.testing.assert_allclose(rounded[name], np.delete(want, 2, 0), rtol=1e-5, atol=3e-6, err_msg=name)


@pytest.mark.parametrize(("normalizer", "scores", "weights"), [
    (softmax, [np.log(1), np.log(2), np.log(5)], [1 / 8, 2 / 8, 5 / 8]),
    (softmax, [500, 500, -500], [0.5, 0.5, 0]),
    (sigmoid, [0, np.log(3), -np.log(4), -INF], [1 / 2, 3 / 4, 1 / 5, 0]),
    (sparsemax, [0.1, 0.3, 0.6], [0.1, 0.3, 0.6]),  # already on the simplex
    (sparsemax, [0, 1.1], [0, 1]),  # 1 ahead: nothing is left for the other
    (sparsemax, [1, 0.6, 0.2], [0.7, 0.3, 0]),  # tau = (1.6 - 1) / 2 = 0.3
    (sparsemax, [0.5, -0.5], [1, 0]),  # just 1 ahead
    (sparsemax, [-7, -7, -7, -INF], [1 / 3, 1 / 3, 1 / 3, 0]),
    (entmax15, [4, 2, 0], [1, 0, 0]),  # half the gap is 1: just nothing left
    (entmax15, [1.2, 1.6, -4], [0.36, 0.64, 0]),  # tau = 0: (s / 2)^2
    (entmax15, [3, 3, 3, 3, -INF], [0.25, 0.25, 0.25, 0.25, 0]),
])  # fmt: skip
def test_weights_checked_by_hand(normalizer, scores, weights):
    np.testing.assert_allclose(normalizer(jnp.asarray([scores], jnp.float32)), [weights], rtol=0, atol=3e-7)


def test_derivatives_are_those_of_finite_differences():
    scores = rows(np.random.default_rng(2))[[0, 1, 3, 4, 7]]  # ties are kinks
    rng = np.random.default_rng(3)
    along, back, step = rng.normal(size=scores.shape), rng.normal(size=scores.shape), 1e-6

    @jax.jit
    def derivatives(scores, along, back):
        _, pull = jax.vjp(each, scores)
        reverse = {name: pull({other: back * (other == name) for other in NORMALIZERS})[0] for name in NORMALIZERS}
        return jax.jvp(each, (scores,), (along,))[1], reverse

    with jax.enable_x64(True):
        forward, reverse = derivatives(*map(jnp.asarray, (scores, along, back)))
    for name in NORMALIZERS:
        ahead, behind = ([by_definition(name, row) for row in scores + by * along] for by in (step, -step))
        want = (np.stack(ahead) - np.stack(behind)) / (2 * step)
        np.testing.assert_allclose(forward[name], want, rtol=1e-6, atol=1e-8, err_msg=name)
        have = (np.asarray(reverse[name]) * along).sum(-1)
        np.testing.assert_allclose(have, (back * want).sum(-1), rtol=1e-6, atol=1e-8, err_msg=name)
        assert not np.asarray(reverse[name])[~np.isfinite(scores)].any()


@pytest.mark.parametrize("keys", [4, 1, 0])
def test_a_row_of_nothing_has_weights_and_gradients_of_exactly_0(keys):
    scores = jnp.asarray(np.array([[-INF], [2.0], [-INF]]) * np.ones((1, keys)), jnp.float32)

    @jax.jit
    def step(scores):
        weights, pull = jax.vjp(each, scores)
        ones = jnp.full_like(scores, 7.0)
        return weights, [pull({other: ones * (other == name) for other in NORMALIZERS})[0] for name in NORMALIZERS]

    weights, gradients = step(scores)
    for have, gradient in zip(weights.values(), gradients, strict=True):
        for nothing in (0, 2):
            assert (np.asarray(have)[nothing] == 0).all()
            assert (np.asarray(gradient)[nothing] == 0).all()
        assert np.isfinite(np.asarray(gradient)).all()
        assert (np.asarray(have)[1] > 0).all()


def test_a_key_that_is_not_there_changes_nothing_and_a_nan_comes_out():
    scores = np.random.default_rng(4).normal(size=(2, 5)).astype(np.float32)
    run, spoilt = jax.jit(each), np.insert(scores, 3, -INF, axis=1)
    without, more = run(jnp.asarray(scores)), run(jnp.asarray(spoilt))
    spoilt[0, 2] = np.nan
    with_nan = run(jnp.asarray(spoilt))
    for name in NORMALIZERS:
        np.testing.assert_allclose(np.delete(more[name], 3, 1), without[name], rtol=1e-6)
        assert not np.asarray(more[name])[:, 3].any()
        assert np.isnan(np.asarray(with_nan[name])[0, 2])
        np.testing.assert_array_equal(with_nan[name][1], more[name][1])
