"""A bias that is a function of positions: it is evaluated where scores are computed, so no array T x S exists."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Integer

from xattn.attention.integers import indices, integers

Indices = Array | np.ndarray
Function = Callable[[Any, Array, Array, Array], Array]


@jax.tree_util.register_dataclass
@dataclass(frozen=True, eq=False)
class ScoreBias:
    """Numbers to add to scaled scores: `function(arrays, heads, queries, keys)`, for the heads and positions of a tile.

    The function gets absolute head numbers [1,N,1,1], query positions [b,1,T,1] and key positions [b,1,1|T,S], of a
    part of the call; b is B or 1. It returns floating-point numbers that broadcast with them: [b|1,N|1,T|1,S|1]. It is
    pure, finite also where a mask hides a key, and hashable. JAX compiles again for another function: define it once.

    `arrays` is any pytree; gradients flow to its floating-point arrays. The positions `queries` [*B,T] and `keys`
    [*B,S] are integers, and indices from 0 by default. They may also number the rows of a table in `arrays`.

    >>> def distance(slope, heads, queries, keys):
    ...     return -slope * jnp.abs(queries - keys)
    >>> bias = ScoreBias(distance, jnp.float32(0.5), queries=jnp.array([2]))
    >>> bias.materialize(queries=1, keys=4).ravel()
    Array([-1. , -0.5, -0. , -0.5], dtype=float32)
    """

    function: Function = field(metadata={"static": True})
    arrays: Any = None
    queries: Any = None  # Int [*B,T]; `Any`, since JAX also builds pytrees whose leaves are not arrays
    keys: Any = None  # Int [*B,S]

    @classmethod
    def alibi(
        cls,
        slopes: Float[Indices, "*a N"],
        *,
        queries: Integer[Indices, "*b T"] | None = None,
        keys: Integer[Indices, "*c S"] | None = None,
    ) -> ScoreBias:
        """-slopes[n] * |query - key|, as `alibi_slopes(N)` or learned (Press, Smith and Lewis, 2022)."""
        return cls(_alibi, slopes, queries, keys)

    @classmethod
    def relative(
        cls,
        table: Float[Indices, "*a N distances"],
        *,
        queries: Integer[Indices, "*b T"] | None = None,
        keys: Integer[Indices, "*c S"] | None = None,
    ) -> ScoreBias:
        """table[n, R + key - query], with distances beyond R clipped; the table [N,2R+1] (Shaw et al., 2018)."""
        return cls(_relative, table, queries, keys)

    @classmethod
    def t5(
        cls,
        table: Float[Indices, "*a N buckets"],
        *,
        furthest: int = 128,
        bidirectional: bool = True,
        queries: Integer[Indices, "*b T"] | None = None,
        keys: Integer[Indices, "*c S"] | None = None,
    ) -> ScoreBias:
        """table[n, bucket of key - query], where buckets widen up to the distance `furthest` (Raffel et al., 2020).

        With `bidirectional`, half of the buckets are for keys after the query; otherwise all of those share bucket 0.
        """
        return cls(T5Buckets(furthest=furthest, bidirectional=bidirectional), table, queries, keys)

    def at(
        self, heads: Int[Array, "1 N 1 1"], rows: Int[Array, "#B T"], cols: Int[Array, "#B S"]
    ) -> Float[Array, "#B #N #T #S"]:
        """The numbers of a canonical bias that is cut to the absolute indices `rows` and `cols`."""
        queries = rows[:, None, :, None] if self.queries is None else self.queries
        keys = cols[:, None, None, :] if self.keys is None else self.keys
        numbers = jnp.asarray(self.function(self.arrays, heads, queries, keys))
        return numbers.reshape((1,) * (4 - numbers.ndim) + numbers.shape)

    def map_axis(self, axis: Literal["T", "S"], change: Callable[[Array, int], Array]) -> ScoreBias:
        """A canonical bias with `change(array, place)` of the positions of queries or of keys."""
        if axis == "T":
            return self if self.queries is None else replace(self, queries=change(self.queries, 2))
        return self if self.keys is None else replace(self, keys=change(self.keys, 3))

    def canonical(self, batch: tuple[int, ...], heads: int, queries: int, keys: int) -> ScoreBias:
        """The same bias with positions [b,1,T,1] and [b,1,1,S]; raises a ValueError unless all shapes fit the call."""
        fitted = replace(
            self,
            arrays=jax.tree.map(jnp.asarray, self.arrays),
            queries=_fit("queries", "T", self.queries, batch, queries, (1, 3)),
            keys=_fit("keys", "S", self.keys, batch, keys, (1, 2)),
        )
        made = jax.eval_shape(lambda: fitted._whole(heads, queries, keys))
        full = (math.prod(batch), heads, queries, keys)
        if made.ndim != 4 or any(have not in (1, want) for have, want in zip(made.shape, full, strict=True)):
            raise ValueError(
                f"ScoreBias: the function returned shape {made.shape}; accepted is [B,N,T,S] = {full},"
                " each axis full or 1."
            )
        if not jnp.issubdtype(made.dtype, jnp.floating):
            raise ValueError(f"ScoreBias: the function returned {made.dtype}; accepted is floating point.")
        return fitted

    def materialize(
        self, *, queries: int, keys: int, heads: int = 1, batch: tuple[int, ...] = ()
    ) -> Float[Array, "*#B N T S"]:
        """The whole bias as one array [*B|1,N,T,S]. Raises a ValueError as `canonical` does."""
        numbers = self.canonical(batch, heads, queries, keys)._whole(heads, queries, keys)
        front = (1,) * len(batch) if numbers.shape[0] == 1 else batch
        return jnp.broadcast_to(numbers, (numbers.shape[0], heads, queries, keys)).reshape(*front, heads, queries, keys)

    def _whole(self, heads: int, queries: int, keys: int) -> Array:
        return self.at(
            indices(heads)[None, :, None, None],
            indices(queries)[None],
            indices(keys)[None],
        )


def alibi_slopes(heads: int) -> Float[np.ndarray, " N"]:
    """The slopes of Press, Smith and Lewis (2022): a geometric sequence from 2^(-8/N) to 2^-8 where N is a power of 2.

    For other numbers, as in their code: the slopes of the power of 2 below, then every other one of the power above.

    >>> alibi_slopes(4).tolist()
    [0.25, 0.0625, 0.015625, 0.00390625]
    """
    below = 2 ** int(math.log2(heads))
    slopes = 2.0 ** (-8 / below * np.arange(1, below + 1))
    between = 2.0 ** (-4 / below * np.arange(1, 2 * below + 1, 2))
    return np.concatenate([slopes, between[: heads - below]]).astype(np.float32)


def _alibi(slopes: Array, heads: Array, queries: Array, keys: Array) -> Array:
    return -slopes[heads] * jnp.abs(queries - keys).astype(slopes.dtype)


def _relative(table: Array, heads: Array, queries: Array, keys: Array) -> Array:
    furthest = table.shape[-1] // 2
    return table[heads, jnp.clip(keys - queries, -furthest, furthest) + furthest]


@dataclass(frozen=True, kw_only=True)
class T5Buckets:
    """The score function of T5: distances one by one up to half of the buckets, then buckets of logarithmic width."""

    furthest: int
    bidirectional: bool

    def __call__(
        self,
        table: Float[Array, "N buckets"],
        heads: Int[Array, "1 N 1 1"],
        queries: Int[Array, "b 1 T 1"],
        keys: Int[Array, "b 1 t S"],
    ) -> Float[Array, "b N T S"]:
        """The numbers of the table for the bucket of each distance."""
        buckets, distance = table.shape[-1], queries - keys
        first = 0
        if self.bidirectional:
            buckets //= 2
            first, distance = jnp.where(distance < 0, buckets, 0), jnp.abs(distance)
        distance = jnp.maximum(distance, 0)
        exact = buckets // 2
        # The wider buckets begin at exact * (furthest / exact)^(i / wide). To count the beginnings passed is exact; the
        # floor of a logarithm in float32 is not.
        wide = buckets - exact
        edges = [exact * (self.furthest / exact) ** (i / wide) for i in range(1, wide)]
        passed = sum((distance >= math.ceil(edge - 1e-9)).astype(distance.dtype) for edge in edges)
        return table[heads, first + jnp.where(distance < exact, distance, exact + passed)]


def _fit(
    name: str, axis: str, positions: Indices | None, batch: tuple[int, ...], size: int, missing: tuple[int, int]
) -> Array | None:
    """Positions [*b,size] as [b,1,T,1] or [b,1,1,S]."""
    if positions is None:
        return None
    positions = integers(f"ScoreBias: {name}", positions, clip=False)
    own = positions.shape[:-1]
    fits = positions.ndim > 0 and positions.shape[-1] == size and len(own) <= len(batch)
    if not fits or any(have not in (1, want) for have, want in zip(own[::-1], batch[::-1], strict=False)):
        raise ValueError(
            f"ScoreBias: {name} has shape {positions.shape}; accepted is [*B, {axis}={size}] with *B={batch} as in q,"
            " or 1 where shared."
        )
    if math.prod(own) != 1:
        positions = jnp.broadcast_to(positions, (*batch, size))
    return jnp.expand_dims(positions.reshape(-1, size), missing)
