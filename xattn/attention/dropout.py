"""Dropout from a counter hash: which entries are dropped does not depend on how the work is divided.

Whether an entry is dropped depends only on a seed and on absolute counters (example, head, query, key), never on the
shape of the array around it. So a batch split over devices, a tile of a chunked kernel and the whole score matrix all
agree, and the backward pass recomputes the bits instead of storing them. On a CPU this is much cheaper than threefry.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from numbers import Integral, Real
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.core import Tracer
from jaxtyping import Array, Bool, Float, Int, Integer, UInt32


@jax.tree_util.register_pytree_node_class
@dataclass(frozen=True)
class Dropout:
    """Dropout of attention weights: a `rate` in [0, 1), a `seed`, and the absolute numbers of the examples.

    The rate is static if it is a number; it may also be traced, has no derivative, and is then not checked. The seed is
    an integer, of which more than 32 bits are hashed to 32, or a JAX key, typed or raw. It serves one call: derive
    another one for each layer and step.

    `rows` [*B] are those numbers, by default 0, 1, ...; a device that holds a part of a batch passes the numbers in
    the whole batch. So does a function that `jax.vmap` maps over examples: it sees one example, and all would have the
    number 0 and lose the same weights.
    """

    rate: Any  # float, or Float []
    seed: Any  # Int []; `Any`, since JAX also builds pytrees whose leaves are not arrays
    rows: Any = None  # Int [*B]

    def __post_init__(self) -> None:
        object.__setattr__(self, "rate", known_rate(self.rate))

    def tree_flatten(self) -> tuple[tuple, float | None]:
        """The arrays, and the rate if its value is known."""
        known = isinstance(self.rate, float)
        return (None if known else self.rate, self.seed, self.rows), self.rate if known else None

    @classmethod
    def tree_unflatten(cls, rate: float | None, arrays: tuple) -> Dropout:
        """The inverse of `tree_flatten`."""
        return cls(arrays[0] if rate is None else rate, *arrays[1:])


def hash_bits(seed: int | Integer[Array | np.ndarray, ""], *counters: UInt32[Array, "*_"]) -> UInt32[Array, "*_"]:
    """32 pseudo-random bits for every combination of the broadcast counters.

    Starting from the finalized seed, each counter is finalized and folded into the state, which is finalized again.
    Counters have one rank. Give the smallest shapes first: then only the last fold has the full broadcast shape.
    The finalizer has two multiplications between three shifts, with the constants of least bias that the
    hash-prospector project found (Wellons, 2018).
    """
    # The constants of seed and counters differ, so that a seed of 0 and a counter of 0 do not cancel out.
    state = _finalize(seed_bits(seed) ^ np.uint32(0x85EBCA6B))
    for counter in counters:
        state = _finalize(state ^ _finalize(counter + np.uint32(0x9E3779B9)))
    return state


def seed_of(seed: Any) -> Any:
    """A seed as one integer: the words of a JAX key, typed or raw [words], are hashed to 32 bits."""
    if isinstance(seed, Integral):
        return seed
    if jnp.issubdtype(jnp.result_type(seed), jax.dtypes.prng_key):
        seed = jax.random.key_data(seed)
    if getattr(seed, "ndim", 0) == 1 and seed.dtype == jnp.uint32 and seed.shape[0] > 1:
        words = [jnp.asarray(seed[number]) for number in range(seed.shape[0])]
        return hash_bits(*words)
    return seed


def seed_bits(seed: int | Integer[Array | np.ndarray, ""]) -> UInt32[Array, ""]:
    """32 bits of an integer: those of a number that has no more, otherwise a hash of all its words of 32 bits."""
    if isinstance(seed, Integral | np.ndarray):
        rest = int(seed) >> 32
        low, words = jnp.uint32(int(seed) % 2**32), []
        while rest not in (0, -1):
            words.append(jnp.uint32(rest % 2**32))
            rest >>= 32
        fits = -(2**31) <= int(seed) < 2**32
        return low if fits else hash_bits(low, *words)
    assert isinstance(seed, jax.Array)
    if seed.dtype.itemsize < 8:
        return seed.astype(jnp.uint32)
    low, high = seed.astype(jnp.uint32), (seed >> 32).astype(jnp.uint32)
    fits = (high == 0) | ((seed < 0) & (seed >= -(2**31)) if seed.dtype == jnp.int64 else False)
    return jnp.where(fits, low, hash_bits(low, high))


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
    """True where an attention weight is kept; the indices are absolute."""
    counters = (counter.astype(jnp.uint32) for counter in (examples, heads, queries, keys))
    return hash_bits(dropout.seed, *counters) >= _threshold(dropout.rate)


def dropout(
    x: Float[Array, "B ..."],
    rate: float | Float[Array, ""] | None,
    seed: Any,
    rows: UInt32[Array, " B"] | None = None,
) -> Float[Array, "B ..."]:
    """Sets entries of `x` to 0 with probability `rate` and divides the others by 1 - rate (Srivastava et al., 2014).

    The seed is an integer [] or a JAX key. The hash of an entry takes the absolute number of its example (`rows` [B],
    by default 0, 1, ...) and its indices inside the example. A rate of None or 0 returns `x` itself; a rate outside
    [0, 1) raises a ValueError.

    >>> x = dropout(jnp.ones((2, 1000)), 0.25, jnp.uint32(7))
    >>> sorted(set(x.ravel().tolist()))
    [0.0, 1.3333333730697632]
    """
    if rate is None:
        return x
    rate = check_rate(rate)
    if isinstance(rate, float) and rate == 0:
        return x
    return drop_others(x, keep(x.shape, rate, seed, rows), rate)


def keep(
    shape: tuple[int, ...], rate: float | Float[Array, ""], seed: Any, rows: UInt32[Array, " B"] | None = None
) -> Bool[Array, "B ..."]:
    """True where `dropout` of an array of this shape keeps an entry."""
    seed = seed_of(seed)
    rows = jnp.arange(shape[0], dtype=jnp.uint32) if rows is None else rows
    counters = [rows, *(jnp.arange(size, dtype=jnp.uint32) for size in shape[1:])]
    ones = (1,) * len(shape)
    shaped = [c.reshape(*ones[:axis], -1, *ones[axis + 1 :]) for axis, c in enumerate(counters)]
    return hash_bits(seed, *shaped) >= _threshold(check_rate(rate))


def drop_others(
    x: Float[Array, "*shape"], kept: Bool[Array, "*shape"], rate: float | Float[Array, ""]
) -> Float[Array, "*shape"]:
    """`x` divided by 1 - rate where it is kept, and 0 elsewhere."""
    return jnp.where(kept, x * gain(rate, x.dtype), jnp.zeros((), x.dtype))


def gain(rate: float | Float[Array, ""], kind: jnp.dtype) -> float | Float[Array, ""]:
    """1 / (1 - rate), the factor of what is kept."""
    rate = known_rate(rate)
    return 1 / (1 - rate) if isinstance(rate, float) else jnp.asarray(1 / (1 - without_derivative("rate", rate)), kind)


def known_rate(rate: Any) -> Any:
    """A rate as a float if its value is known, otherwise as it is."""
    if isinstance(rate, Tracer):
        return rate
    number = isinstance(rate, Real) or (isinstance(rate, np.ndarray | jax.Array) and rate.shape == ())
    return float(rate) if number else rate


def check_rate(rate: Any) -> float | Float[Array, ""]:
    """The rate, as a float unless it is traced; raises a ValueError unless 0 <= rate < 1."""
    rate = known_rate(rate)
    traced = isinstance(rate, Tracer) and rate.shape == () and jnp.issubdtype(rate.dtype, jnp.floating)
    if not traced and not (isinstance(rate, float) and 0 <= rate < 1):
        raise ValueError(f"dropout rate is {rate}; accepted is a single number, 0 <= rate < 1.")
    return rate


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def without_derivative(name: str, x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """`x`; a derivative with respect to it raises a ValueError that has its name."""
    return x


@without_derivative.defjvp
def _refuse(name: str, primals: tuple, tangents: tuple) -> tuple:
    raise ValueError(f"{name} has no derivative here; pass jax.lax.stop_gradient of it.")


def _threshold(rate: float | Float[Array, ""]) -> Any:
    if isinstance(rate, float):
        return np.uint32(min(round(rate * 2**32), 2**32 - 1))
    bits = jnp.round(jnp.asarray(lax.stop_gradient(rate), jnp.float32) * 2.0**32)
    return jnp.minimum(bits, np.float32(2**32 - 2**8)).astype(jnp.uint32)
