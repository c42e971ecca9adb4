"""A softmax-weighted mean that is computed tile by tile (Milakov and Gimelshein, 2018)."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from xattn.attention.normalizers import log_sum, peak_of


class Sums(NamedTuple):
    """Sums over the keys so far; their terms are divided by exp(peak), where peak is the highest score or sink."""

    max_score: Float[Array, "*B t 1"]
    total: Float[Array, "*B t 1"]
    mixed: Float[Array, "*B t Hv"]


def no_sums(q: Float[Array, "*B t H"], width: int, kind: jnp.dtype, sink: Array | None) -> Sums:
    """The sums of queries before any key; they include the sink."""
    shape = q.shape[:-1]
    total = jnp.zeros_like(q, kind, (*shape, 1))
    if sink is not None:
        total = total + jnp.exp(sink - peak_of(lax.stop_gradient(sink), None))
    lowest = jnp.full_like(total, -jnp.inf)
    return Sums(max_score=lowest, total=total, mixed=jnp.zeros_like(q, kind, (*shape, width)))


def add_tile(
    sums: Sums,
    scores: Float[Array, "*B t s"],
    mix: Callable[[Array], Array],
    sink: Array | None = None,
) -> tuple[Sums, Float[Array, "*B t s"], Float[Array, "*B t 1"]]:
    """The sums after a tile of scores, the tile's exponentials, and the factor that rescaled the earlier sums."""
    highest = lax.stop_gradient(jnp.max(scores, axis=-1, keepdims=True, initial=-jnp.inf))
    max_score = jnp.maximum(sums.max_score, highest)
    peak = peak_of(max_score, sink)
    before = sums.max_score if sink is None else jnp.maximum(sums.max_score, lax.stop_gradient(sink))
    decay = jnp.exp(before - peak)  # 0 before the first visible key
    raised = jnp.exp(scores - peak)
    total = sums.total * decay + raised.sum(-1, keepdims=True)
    return Sums(max_score, total, sums.mixed * decay + mix(raised)), raised, decay


def finish_sums(sums: Sums, sink: Array | None = None) -> tuple[Array, Array, Array]:
    """The mean [*B,t,Hv], 0 for a query without a visible key; the sum that it was divided by; the log-sum-exp."""
    total, lse = log_sum(sums.total, peak_of(sums.max_score, sink))
    return jnp.where(sums.max_score == -jnp.inf, 0, sums.mixed / total), total, lse
