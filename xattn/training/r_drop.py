"""The divergence of two passes of one batch: the second term of R-Drop, without logits of the whole batch."""

from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from xattn.training.losses import in_slices


@partial(jax.custom_vjp, nondiff_argnums=(4,))
def linear_divergence(
    first: Float[Array, "M D"],
    second: Float[Array, "M D"],
    embedding: Float[Array, "V D"],
    weights: Float[Array, " M"],
    slice_size: int = 1024,
) -> Float[Array, ""]:
    """The weighted sum of (KL(p || q) + KL(q || p)) / 2, where p and q are softmax(states @ embedding.T) of two passes.

    In nats (Liang et al., 2021, equation 2). Value and gradients are computed together, for at most `slice_size` pairs
    of states at a time: the logits `[M,V]` never exist. Only the first derivatives by states and embedding exist; the
    weights are constants.

    >>> table = jnp.log(jnp.array([[0.5, 0.25], [0.5, 0.75]]))
    >>> linear_divergence(jnp.array([[1.0, 0.0]]), jnp.array([[0.0, 1.0]]), table, jnp.ones(1)).round(4)  # log(3) / 8
    Array(0.1373, dtype=float32)
    """
    return _linear_divergence(first, second, embedding, weights, slice_size)[0]


def _linear_divergence(
    first: jax.Array, second: jax.Array, embedding: jax.Array, weights: jax.Array, slice_size: int
) -> tuple[jax.Array, tuple[jax.Array, jax.Array, jax.Array]]:
    # Rows that fill up the last slice have weight 0.
    parts = in_slices((first, second, weights), slice_size)

    def add(total: tuple, part: tuple) -> tuple[tuple, tuple]:
        value, gradient_VD = total
        x_MD, y_MD, w_M = part
        a_MV, b_MV = x_MD @ embedding.T, y_MD @ embedding.T
        p_MV, q_MV = jax.nn.softmax(a_MV), jax.nn.softmax(b_MV)
        # The normalisers drop out of (p - q) (log p - log q), since p and q both add up to one.
        apart_MV = a_MV - b_MV
        value += (w_M[:, None] * (p_MV - q_MV) * apart_MV).sum() / 2
        # KL(p || q) changes with the logits a by p (apart - its mean under p), KL(q || p) by p - q; b likewise.
        half_M1 = w_M[:, None] / 2
        mean_p_M1 = (p_MV * apart_MV).sum(axis=-1, keepdims=True)
        mean_q_M1 = (q_MV * apart_MV).sum(axis=-1, keepdims=True)
        da_MV = half_M1 * (p_MV * (apart_MV - mean_p_M1) + p_MV - q_MV)
        db_MV = half_M1 * (q_MV * (mean_q_M1 - apart_MV) + q_MV - p_MV)
        return (value, gradient_VD + da_MV.T @ x_MD + db_MV.T @ y_MD), (da_MV @ embedding, db_MV @ embedding)

    start = (jnp.zeros((), first.dtype), jnp.zeros_like(embedding))
    (value, gradient_VD), slopes = jax.lax.scan(add, start, parts)
    dx_MD, dy_MD = (slope.reshape(-1, first.shape[-1])[: len(first)] for slope in slopes)
    return value, (dx_MD, dy_MD, gradient_VD)


def _backward(slice_size: int, gradients: tuple, g: jax.Array) -> tuple:
    return *(g * each for each in gradients), None


linear_divergence.defvjp(_linear_divergence, _backward)
