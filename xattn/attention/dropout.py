"""Dropout from a counter hash: the same entry is dropped wherever, and however, it is computed.

A bit depends only on a seed and on absolute counters (example, head, query, key), never on the shape of
the array around it. So a batch cut over devices, a tile of a chunked kernel and the whole score matrix all
agree, and the backward pass recomputes the bits instead of storing them. Much cheaper on CPU than threefry.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, UInt32


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Dropout:
    """Dropout of attention weights: `rate` in [0, 1), a `seed`, and the absolute `rows` of the batch.

    `rows` [*B] numbers the examples, by default 0, 1, ...; give the numbers of the whole batch where this
    is one device's share of it. A seed serves one call: derive another for each layer and step.
    """

    rate: float = field(metadata={"static": True})
    seed: Any  # UInt32 []; `Any` because JAX rebuilds pytrees around stand-ins for arrays
    rows: Any = None  # UInt32 [*B]


def hash_bits(seed: UInt32[Array, ""], *counters: UInt32[Array, "*_"]) -> UInt32[Array, "*_"]:
    """32 random-looking bits for every combination of broadcast counters.

    Each counter is hashed by itself and folded into the state; give them from the slowest-growing shape to
    the fastest, all of one rank, and only the last fold runs over the full broadcast shape.
    Finalizer: two multiplications between three shifts, with the constants of least bias found by the
    hash-prospector project (Wellons, 2018).
    """
    # The seed's constant differs from the counters': a seed of 0 and a counter of 0 would cancel each other out.
    state = _finalize(seed ^ np.uint32(0x85EBCA6B))
    for counter in counters:
        state = _finalize(state ^ _finalize(counter + np.uint32(0x9E3779B9)))
    return state


def _finalize(x: UInt32[Array, "*shape"]) -> UInt32[Array, "*shape"]:
    x = (x ^ (x >> 16)) * np.uint32(0x21F0AAAD)
    x = (x ^ (x >> 15)) * np.uint32(0xD35A2D97)
    return x ^ (x >> 15)


def keep_weights(
    dropout: Dropout,
    examples: UInt32[Array, "B 1 1 1"],
    heads: Int[Array, "1 N 1 1"],
    queries: Int[Array, "#B 1 T 1"],
    keys: Int[Array, "#B 1 1 S"],
) -> Bool[Array, "B N T S"]:
    """Which attention weights stay, at absolute indices."""
    counters = (counter.astype(jnp.uint32) for counter in (examples, heads, queries, keys))
    return hash_bits(dropout.seed, *counters) >= _threshold(dropout.rate)


def dropout(
    x: Float[Array, "B ..."],
    rate: float | None,
    seed: UInt32[Array, ""],
    rows: UInt32[Array, " B"] | None = None,
) -> Float[Array, "B ..."]:
    """Zeroes entries of `x` at `rate` and divides the others by 1 - rate (Srivastava et al., 2014).

    An entry is addressed by the absolute number of its example (`rows`, by default 0, 1, ...) and its
    indices inside it. A rate of None or 0 returns `x` itself.

    >>> x = dropout(jnp.ones((2, 1000)), 0.25, jnp.uint32(7))
    >>> sorted(set(x.ravel().tolist()))
    [0.0, 1.3333333730697632]
    """
    if rate is None or check_rate(rate) == 0:
        return x
    return drop_others(x, keep(x.shape, rate, seed, rows), rate)


def keep(
    shape: tuple[int, ...], rate: float, seed: UInt32[Array, ""], rows: UInt32[Array, " B"] | None = None
) -> Bool[Array, "B ..."]:
    """Which entries of an array `dropout` leaves."""
    rows = jnp.arange(shape[0], dtype=jnp.uint32) if rows is None else rows
    counters = [rows, *(jnp.arange(size, dtype=jnp.uint32) for size in shape[1:])]
    ones = (1,) * len(shape)
    shaped = [c.reshape(*ones[:axis], -1, *ones[axis + 1 :]) for axis, c in enumerate(counters)]
    return hash_bits(seed, *shaped) >= _threshold(rate)


def drop_others(x: Float[Array, "*shape"], kept: Bool[Array, "*shape"], rate: float) -> Float[Array, "*shape"]:
    """`x` where it is kept, divided by 1 - rate, and 0 elsewhere."""
    return jnp.where(kept, x * (1 / (1 - rate)), jnp.zeros((), x.dtype))


def check_rate(rate: float) -> float:
    """The rate itself, or an error where it is no probability below 1."""
    if not 0 <= rate < 1:
        raise ValueError(f"dropout rate is {rate}; accepted is 0 <= rate < 1.")
    return rate


def _threshold(rate: float) -> np.uint32:
    return np.uint32(min(round(rate * 2**32), 2**32 - 1))
