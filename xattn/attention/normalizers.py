"""Normalizers: from scores to weights, along the last axis. A masked key has the score -inf.

`softmax` needs only the maximum and the sum of a row, so it can be computed tile by tile; the others need whole rows.
All of them give weights 0 and gradients of exactly 0 to a row in which every score is -inf.
"""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float


def exponentials(
    scores: Float[Array, "*B T S"], top: Float[Array, "*B T 1"], sink: Float[Array, "*#B #T 1"] | None
) -> tuple[Float[Array, "*B T S"], Float[Array, "*B T 1"], Float[Array, "*B T 1"]]:
    """exp(scores - peak), their sum plus the sink's term, and log sum exp of the scores and the sink.

    `top` is the maximum of each row, which derivatives treat as a constant. For a row of -inf only, the log is -inf
    and the sum is given as 1, so that dividing by it is always defined. NaN scores stay NaN.
    """
    peak = peak_of(top, sink)
    raised = jnp.exp(scores - peak)
    total = jnp.sum(raised, axis=-1, keepdims=True)
    if sink is not None:
        total = total + jnp.exp(sink - peak)
    return raised, *log_sum(total, peak)


def peak_of(top: Float[Array, "*B T 1"], sink: Float[Array, "*#B #T 1"] | None) -> Float[Array, "*B T 1"]:
    """The number to subtract before exp: the highest score (or sink), or 0 if that is -inf."""
    if sink is not None:
        top = jnp.maximum(top, lax.stop_gradient(sink))
    return jnp.where(top == -jnp.inf, 0, top)


def log_sum(
    total: Float[Array, "*B T 1"], peak: Float[Array, "*B T 1"]
) -> tuple[Float[Array, "*B T 1"], Float[Array, "*B T 1"]]:
    """The sum, or 1 where it is 0, and peak + log(sum), or -inf where the sum is 0."""
    empty = total == 0  # False for NaN: a NaN score must reach the output
    total = jnp.where(empty, 1, total)
    return total, jnp.where(empty, -jnp.inf, peak + jnp.log(total))


@jax.custom_jvp
def softmax(scores: Float[Array, "*B T S"]) -> Float[Array, "*B T S"]:
    """The weights exp(s) / sum exp(s) of each row.

    >>> softmax(jnp.array([[0.0, 0.0], [-jnp.inf, -jnp.inf]])).tolist()
    [[0.5, 0.5], [0.0, 0.0]]
    """
    top = lax.stop_gradient(jnp.max(scores, axis=-1, keepdims=True, initial=-jnp.inf))
    raised, total, _ = exponentials(scores, top, None)
    return raised / total


@softmax.defjvp
def _softmax_jvp(primals, tangents):
    # This passes over T x S fewer times than what JAX derives from the quotient.
    weights = softmax(primals[0])
    return weights, weights * (tangents[0] - (weights * tangents[0]).sum(-1, keepdims=True))


def sigmoid(scores: Float[Array, "*B T S"]) -> Float[Array, "*B T S"]:
    """The weights 1 / (1 + exp(-s)), for each key independently (Ramapuram et al., 2024, who add a bias of -log S).

    >>> sigmoid(jnp.array([[0.0, -jnp.inf]])).tolist()
    [[0.5, 0.0]]
    """
    return jax.nn.sigmoid(scores)


@jax.custom_jvp
def sparsemax(scores: Float[Array, "*B T S"]) -> Float[Array, "*B T S"]:
    """The weights max(s - tau, 0), with exact zeros: the projection onto the simplex (Martins and Astudillo, 2016).

    >>> sparsemax(jnp.array([[1.0, 0.5, -1.0]])).tolist()
    [[0.75, 0.25, 0.0]]
    """
    shifted, ranked, rank = _ranked(scores)
    inside = 1 + rank * ranked > jnp.cumsum(ranked, axis=-1)
    size = inside.sum(-1, keepdims=True)
    tau = (jnp.where(inside, ranked, 0).sum(-1, keepdims=True) - 1) / jnp.maximum(size, 1).astype(ranked.dtype)
    return jnp.where(_empty(scores), 0, jnp.maximum(shifted - tau, 0))


@sparsemax.defjvp
def _sparsemax_jvp(primals, tangents):
    weights = sparsemax(primals[0])
    return weights, _project((weights > 0).astype(weights.dtype), tangents[0])


@jax.custom_jvp
def entmax15(scores: Float[Array, "*B T S"]) -> Float[Array, "*B T S"]:
    """The weights max(s/2 - tau, 0)^2, between softmax and sparsemax (Peters, Niculae and Martins, 2019; alpha = 1.5).

    >>> entmax15(jnp.array([[0.0, 0.0, -4.0]])).round(6).tolist()
    [[0.5, 0.5, 0.0]]
    """
    shifted, ranked, rank = _ranked(scores / 2)
    mean = jnp.cumsum(ranked, axis=-1) / rank
    spread = jnp.cumsum(ranked**2, axis=-1) - rank * mean**2
    tau_at_rank = mean - jnp.sqrt(jnp.maximum((1 - spread) / rank, 0))
    size = (tau_at_rank <= ranked).sum(-1, keepdims=True)
    tau = jnp.take_along_axis(tau_at_rank, jnp.maximum(size - 1, 0), -1)
    return jnp.where(_empty(scores), 0, jnp.maximum(shifted - tau, 0) ** 2)


@entmax15.defjvp
def _entmax15_jvp(primals, tangents):
    weights = entmax15(primals[0])
    # sqrt'(0) is infinite, but where the weight is 0 its derivative is 0.
    slope = jnp.where(weights > 0, jnp.sqrt(jnp.where(weights > 0, weights, 1)), 0)
    return weights, _project(slope, tangents[0])


def _ranked(scores: Array) -> tuple[Array, Array, Array]:
    """Scores minus their row's maximum, the same sorted from high to low, and the ranks 1, 2, ...

    The threshold tau lies within 1 of the maximum, so lower scores, -inf included, are raised to -1.
    """
    top = jnp.max(scores, axis=-1, keepdims=True, initial=-jnp.inf)
    shifted = jnp.maximum(scores - jnp.where(top == -jnp.inf, 0, top), -1)
    rank = jnp.arange(1, scores.shape[-1] + 1, dtype=scores.dtype)
    return shifted, -jnp.sort(-shifted, axis=-1), rank.reshape((1,) * (scores.ndim - 1) + (-1,))


def _empty(scores: Array) -> Array:
    return jnp.max(scores, axis=-1, keepdims=True, initial=-jnp.inf) == -jnp.inf


def _project(slope: Array, tangent: Array) -> Array:
    """The product of the Jacobian diag(s) - s s' / sum(s) and a tangent; it keeps the sum of the weights."""
    total = slope.sum(-1, keepdims=True)
    return slope * (tangent - (slope * tangent).sum(-1, keepdims=True) / jnp.where(total == 0, 1, total))


NORMALIZERS: dict[str, Callable[[Array], Array]] = {
    "softmax": softmax,
    "sigmoid": sigmoid,
    "sparsemax": sparsemax,
    "entmax15": entmax15,
}
