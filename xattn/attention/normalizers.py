"""Normalizers: from scores to weights, along the last axis. A score of -inf is a key that is not there."""

from __future__ import annotations

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float


def exponentials(
    scores: Float[Array, "*B T S"], sink: Float[Array, "*#B #T 1"] | None = None
) -> tuple[Float[Array, "*B T S"], Float[Array, "*B T 1"], Float[Array, "*B T 1"]]:
    """exp(scores - peak), their sum (with the sink's term) and the log of the true sum.

    A row without any key has exponentials 0 and log-sum -inf; its sum is given as 1, so that dividing by it
    is always defined. NaN scores stay NaN. All three are differentiable to any order.
    """
    peak = jnp.max(scores, axis=-1, keepdims=True, initial=-jnp.inf)
    if sink is not None:
        peak = jnp.maximum(peak, sink)
    peak = lax.stop_gradient(jnp.where(peak == -jnp.inf, 0, peak))
    raised = jnp.exp(scores - peak)
    total = jnp.sum(raised, axis=-1, keepdims=True)
    if sink is not None:
        total = total + jnp.exp(sink - peak)
    empty = total == 0  # not True for NaN: a NaN score must come out
    total = jnp.where(empty, 1, total)
    return raised, total, jnp.where(empty, -jnp.inf, peak + jnp.log(total))


def softmax(scores: Float[Array, "*B T S"]) -> Float[Array, "*B T S"]:
    """exp(s) / sum exp(s); a row of nothing but -inf is all 0.

    >>> softmax(jnp.array([[0.0, 0.0], [-jnp.inf, -jnp.inf]])).tolist()
    [[0.5, 0.5], [0.0, 0.0]]
    """
    raised, total, _ = exponentials(scores)
    return raised / total


NORMALIZERS = {"softmax": softmax}
