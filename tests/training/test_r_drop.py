"""The divergence of two passes against NumPy in float64: values, gradients, and slices that change nothing."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from xattn.training.r_drop import linear_divergence

M, D, V = 13, 5, 31


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def exact(x, y, table, weights):
    """Both Kullback-Leibler divergences as they are defined; their slopes by central differences of the logits."""

    def each(a, b):
        p, q = softmax(a), softmax(b)
        return ((p * np.log(p / q)).sum(-1) + (q * np.log(q / p)).sum(-1)) / 2

    a, b = x @ table.T, y @ table.T
    da, db, h = np.zeros_like(a), np.zeros_like(b), 1e-5
    for v in range(V):
        step = h * (np.arange(V) == v)
        da[:, v] = weights * (each(a + step, b) - each(a - step, b)) / (2 * h)
        db[:, v] = weights * (each(a, b + step) - each(a, b - step)) / (2 * h)
    return (weights * each(a, b)).sum(), (da @ table, db @ table, da.T @ x + db.T @ y)


@pytest.mark.parametrize("slice_size", [4, 13, 512])
def test_value_and_gradients(slice_size):
    rng = np.random.default_rng(0)
    x, table = rng.normal(size=(M, D)), rng.normal(size=(V, D))
    y = x + 0.3 * rng.normal(size=(M, D))
    weights = (rng.random(M) < 0.7) * rng.random(M)
    value, slopes = exact(x, y, table, weights)
    arrays = (jnp.asarray(each, jnp.float32) for each in (x, y, table))
    got, gradients = jax.jit(
        jax.value_and_grad(
            lambda *a: 2 * linear_divergence(*a, jnp.asarray(weights, jnp.float32), slice_size), argnums=(0, 1, 2)
        )
    )(*arrays)
    np.testing.assert_allclose(got, 2 * value, rtol=1e-5)
    for mine, truth in zip(gradients, slopes, strict=True):
        np.testing.assert_allclose(mine, 2 * truth, atol=1e-6 * (1 + np.abs(truth).max()))


def test_one_pass_is_not_apart_from_itself_even_where_it_is_sure():
    rng = np.random.default_rng(0)
    x, table = (jnp.asarray(100 * rng.normal(size=size), jnp.float32) for size in ((M, D), (V, D)))
    got, gradients = jax.value_and_grad(linear_divergence, argnums=(0, 1, 2))(x, x, table, jnp.ones(M))
    assert got == 0
    for each in gradients:
        np.testing.assert_array_equal(each, np.zeros_like(each))
