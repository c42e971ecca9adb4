"""The vocabulary loss against NumPy in float64, and sums that are divided once."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xattn.training.losses import Sum, cross_entropy, linear_cross_entropy, sum_of


@given(st.integers(0, 2**31), st.floats(0, 0.9), st.sampled_from([1e-3, 1.0, 40.0]))
def test_cross_entropy_is_that_of_the_smoothed_distribution(seed, smoothing, spread):
    rng = np.random.default_rng(seed)
    logits = (spread * rng.normal(size=(5, 7))).astype(np.float32)
    labels = rng.integers(0, 7, 5)
    wanted = np.full((5, 7), smoothing / 7) + (1 - smoothing) * np.eye(7)[labels]
    exact = logits.astype(np.float64)
    logp = exact - exact.max(-1, keepdims=True)
    logp -= np.log(np.exp(logp).sum(-1, keepdims=True))
    np.testing.assert_allclose(
        cross_entropy(jnp.asarray(logits), jnp.asarray(labels), smoothing),
        -(wanted * logp).sum(-1),
        rtol=1e-6,
        atol=1e-6 * (1 + np.abs(logits).max()),
    )


def test_the_gradient_is_the_distance_between_the_distributions():
    rng = np.random.default_rng(0)
    logits, labels = rng.normal(size=(3, 7)).astype(np.float32), np.array([6, 0, 2])
    got = jax.grad(lambda x: cross_entropy(x, jnp.asarray(labels), 0.1).sum())(jnp.asarray(logits))
    exact = logits.astype(np.float64)
    p = np.exp(exact) / np.exp(exact).sum(-1, keepdims=True)
    np.testing.assert_allclose(got, p - (0.1 / 7 + 0.9 * np.eye(7)[labels]), atol=1e-6)


def test_a_sum_of_unequal_parts_is_not_the_mean_of_their_means():
    values, real = jnp.array([[1.0, 2.0, 9.0], [4.0, 9.0, 9.0]]), jnp.array([[1, 1, 0], [1, 0, 0]], bool)
    parts = [sum_of(v, r) for v, r in zip(values, real, strict=True)]
    whole: Sum = parts[0] + parts[1]
    assert float(whole.mean) == np.float32(7 / 3)
    assert float(whole.mean) != (parts[0].mean + parts[1].mean) / 2


@pytest.mark.parametrize("slice_size", [4, 13, 512])
def test_the_loss_without_logits_has_the_value_and_gradients_of_the_loss_with_them(slice_size):
    rng = np.random.default_rng(0)
    m, d, v, smoothing = 13, 5, 31, 0.1
    states, table = rng.normal(size=(m, d)), 3 * rng.normal(size=(v, d))
    labels, weights = rng.integers(0, v, m), (rng.random(m) < 0.7) * rng.random(m)
    logits = states @ table.T
    logp = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    wanted = smoothing / v + (1 - smoothing) * np.eye(v)[labels]
    slope = weights[:, None] * (np.exp(logp) - wanted)

    def loss(states, table):
        args = jnp.asarray(labels), jnp.asarray(weights, jnp.float32)
        return 2 * linear_cross_entropy(states, table, *args, smoothing, slice_size)

    value, gradients = jax.jit(jax.value_and_grad(loss, argnums=(0, 1)))(
        jnp.asarray(states, jnp.float32), jnp.asarray(table, jnp.float32)
    )
    np.testing.assert_allclose(value, -2 * (weights[:, None] * wanted * logp).sum(), rtol=1e-6)
    np.testing.assert_allclose(gradients[0], 2 * slope @ table, atol=5e-6)
    np.testing.assert_allclose(gradients[1], 2 * slope.T @ states, atol=5e-6)
