"""Mask: one value that says which query may attend to which key.

A mask is a list of conditions, all of which must hold. A condition keeps only the small arrays that it was made from
(lengths, segments, positions, ...) and can be evaluated for any tile of queries and keys, so that nothing of size
T x S exists unless the user passes it. True always means that attention is allowed.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Bool, Int, Integer

from xattn.attention.conditions import (
    CONSTRUCTORS,
    AnyOf,
    Blocks,
    Condition,
    Dense,
    Keys,
    Lengths,
    Neighbors,
    Not,
    Positions,
    Queries,
    Ranges,
    Segments,
    all_of,
)
from xattn.attention.integers import MOST, indices, integers, whole

Indices = Array | np.ndarray


@jax.tree_util.register_dataclass
@dataclass(frozen=True, eq=False)
class Mask:
    """Which query may attend to which key: conditions that must all hold.

    `a & b` allows what both masks allow, `a | b` what one of them allows, and `~a` what `a` does not; `b` may be a
    boolean array. Masks are equal if they were made in the same way from equal arrays. Under `jit` values are unknown,
    and comparing them is an error.

    Arrays begin with the batch axes `*B` of the queries. These may be left out, or have size 1, if all examples share
    the value. `Mask()` masks nothing. A wrong dtype or value raises a ValueError at once, a wrong shape when the mask
    meets the queries and keys. The constructors:

    `Mask.lengths(keys=, queries=)` [*B] · `Mask.keys(valid)` [*B,S] · `Mask.queries(valid)` [*B,T] ·
    `Mask.segments(queries, keys)` [*B,T], [*B,S] · `Mask.causal(queries=, keys=)` and
    `Mask.window(left, right, queries=, keys=)` over positions [*B,T], [*B,S] (indices where not given) ·
    `Mask.ranges(start, stop)` [*B,N|1,T] · `Mask.neighbors(index)` [*B,T,M] ·
    `Mask.blocks(grid, query_block, key_block)` · `Mask.dense(array)` [*B|1,N|1,T|1,S|1].

    Three keys, of which the third is padding, under a causal mask:

    >>> mask = Mask.lengths(keys=jnp.array([2])) & Mask.causal()
    >>> mask.materialize(queries=3, keys=3, batch=(1,))[0, 0].astype(int)
    Array([[1, 0, 0],
           [1, 1, 0],
           [1, 1, 0]], dtype=int32)

    A decoding step, one query at position 1 over a cache of four keys:

    >>> Mask.causal(queries=jnp.array([1])).materialize(queries=1, keys=4)[0].astype(int)
    Array([[1, 1, 0, 0]], dtype=int32)
    """

    conditions: tuple[Condition, ...] = ()
    __array_ufunc__ = None  # NumPy leaves `array & mask` to the mask

    @classmethod
    def lengths(
        cls, *, keys: Integer[Indices, "*b"] | None = None, queries: Integer[Indices, "*b"] | None = None
    ) -> Mask:
        """Only keys s < keys[b] and only queries t < queries[b]."""
        queries, keys = (
            _integers(f"lengths: {name}", x, clip=True) for name, x in (("queries", queries), ("keys", keys))
        )
        return cls((Lengths(queries=queries, keys=keys),))

    @classmethod
    def keys(cls, valid: Bool[Indices, "*b S"]) -> Mask:
        """Only keys where `valid` [*B,S] is True."""
        return cls((Keys(valid=_booleans("keys: valid", valid)),))

    @classmethod
    def queries(cls, valid: Bool[Indices, "*b T"]) -> Mask:
        """Only queries where `valid` [*B,T] is True; the others attend to nothing, and their output is 0."""
        return cls((Queries(valid=_booleans("queries: valid", valid)),))

    @classmethod
    def segments(cls, queries: Integer[Indices, "*b T"], keys: Integer[Indices, "*c S"]) -> Mask:
        """Only keys of the query's own segment, from `queries` [*B,T] and `keys` [*B,S]; a negative one is padding."""
        queries, keys = (
            integers(f"Mask.segments: {name}", x, clip=False) for name, x in (("queries", queries), ("keys", keys))
        )
        return cls((Segments(queries=queries, keys=keys),))

    @classmethod
    def causal(
        cls, *, queries: Integer[Indices, "*b T"] | None = None, keys: Integer[Indices, "*c S"] | None = None
    ) -> Mask:
        """Only keys at or before the query's position; positions [*B,T] and [*B,S] are indices from 0 by default."""
        return cls.window(None, 0, queries=queries, keys=keys)

    @classmethod
    def window(
        cls,
        left: int | Integer[Indices, "*l"] | None,
        right: int | Integer[Indices, "*r"] | None,
        *,
        queries: Integer[Indices, "*b T"] | None = None,
        keys: Integer[Indices, "*c S"] | None = None,
    ) -> Mask:
        """Only keys from `left` positions before the query to `right` after it; None is unbounded.

        A distance may be an array, traced or [*B], one an example. Traced distances must be 0 or more.
        """
        (left, lefts), (right, rights) = _reach("left", left), _reach("right", right)
        queries, keys = (
            _integers(f"window: {name}", x, clip=False) for name, x in (("queries", queries), ("keys", keys))
        )
        return cls((Positions(queries=queries, keys=keys, lefts=lefts, rights=rights, left=left, right=right),))

    @classmethod
    def ranges(cls, start: Integer[Indices, "*b n T"], stop: Integer[Indices, "*c m T"]) -> Mask:
        """Only keys start <= s < stop, where both are [*B,N|1,T]: one range for each head and query."""
        start, stop = (integers(f"Mask.ranges: {name}", x, clip=True) for name, x in (("start", start), ("stop", stop)))
        return cls((Ranges(start=start, stop=stop),))

    @classmethod
    def neighbors(cls, index: Integer[Indices, "*b T M"]) -> Mask:
        """Only the M keys that `index` [*B,T,M] lists for each query.

        -1 fills up a short list; a key that is listed twice counts once.
        """
        return cls((Neighbors(index=_integers("neighbors: index", index, clip=True)),))

    @classmethod
    def blocks(cls, grid: Bool[Indices, "rows cols"], query_block: int, key_block: int) -> Mask:
        """Only the blocks where the static `grid` [ceil(T/query_block), ceil(S/key_block)] is True."""
        grid = np.asarray(grid)
        if grid.dtype != bool or grid.ndim != 2:
            raise ValueError(
                f"Mask.blocks: grid is {grid.dtype} of shape {grid.shape};"
                " accepted is bool of shape [ceil(T/query_block), ceil(S/key_block)]."
            )
        query_block, key_block = _size("query_block", query_block), _size("key_block", key_block)
        rows = tuple(tuple(bool(seen) for seen in row) for row in grid)
        return cls((Blocks(grid=rows, query_block=query_block, key_block=key_block),))

    @classmethod
    def dense(cls, array: Bool[Indices, "*b n t s"]) -> Mask:
        """Any boolean array [*B|1,N|1,T|1,S|1], with as many batch axes as the queries have."""
        return cls((Dense(array=_booleans("dense: array", array)),))

    def __and__(self, other: Mask | Bool[Indices, "*b n t s"]) -> Mask:
        return Mask(self.conditions + as_mask(other).conditions)

    def __rand__(self, other: Bool[Indices, "*b n t s"]) -> Mask:
        return as_mask(other) & self

    def __or__(self, other: Mask | Bool[Indices, "*b n t s"]) -> Mask:
        return Mask((AnyOf(masks=(self.conditions, as_mask(other).conditions)),))

    def __ror__(self, other: Bool[Indices, "*b n t s"]) -> Mask:
        return as_mask(other) | self

    def __invert__(self) -> Mask:
        return Mask((Not(mask=self.conditions),))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Mask):
            return NotImplemented
        (own, how), (others, how_other) = jax.tree.flatten(self), jax.tree.flatten(other)
        if how != how_other:
            return False
        if any(isinstance(x, Tracer) for x in (*own, *others)):
            raise ValueError("Masks of traced arrays cannot be compared: under jit their values are not known.")
        return all(x.dtype == y.dtype and np.array_equal(x, y) for x, y in zip(own, others, strict=True))

    def __hash__(self) -> int:
        arrays, how = jax.tree.flatten(self)
        return hash((how, *((x.shape, str(x.dtype)) for x in arrays)))

    def materialize(
        self, *, queries: int, keys: int, heads: int = 1, batch: tuple[int, ...] = ()
    ) -> Bool[Array, "*#B #N #T #S"]:
        """The whole mask as one boolean array [*B|1,N|1,T,S]; batch and heads have size 1 if nothing depends on them.

        Raises a ValueError if the arrays of the mask do not fit these sizes.
        """
        whole_mask = self.canonical(batch, heads, queries, keys)
        seen = whole_mask.allowed(indices(queries)[None], indices(keys)[None])
        front = (1,) * len(batch) if seen.shape[0] == 1 else batch
        return seen.reshape(*front, *seen.shape[1:])

    def canonical(self, batch: tuple[int, ...], heads: int, queries: int, keys: int) -> Mask:
        """The same mask with checked shapes and arrays reshaped to [b,N,T,S]; b is 1 if all examples share them."""
        sizes = {"N": heads, "T": queries, "S": keys}

        def fit(condition: Condition, name: str, array: Array, axes: list[str]) -> Array:
            loose = axes if isinstance(condition, Dense) else ["N"]  # axes that may have size 1
            own, rest = array.shape[: array.ndim - len(axes)], array.shape[array.ndim - len(axes) :]
            fits = array.ndim >= len(axes) and len(own) <= len(batch)
            fits = fits and all(have in (1, want) for have, want in zip(own[::-1], batch[::-1], strict=False))
            for axis, have in zip(axes, rest, strict=False):
                fits = fits and (axis not in sizes or have == sizes[axis] or (axis in loose and have == 1))
            if not fits or (isinstance(condition, Dense) and len(own) != len(batch)):
                spelled = [f"{axis}={sizes[axis]}" if axis in sizes else axis for axis in axes]
                spelled = [text + "|1" if axis in loose else text for axis, text in zip(axes, spelled, strict=True)]
                raise ValueError(
                    f"Mask.{CONSTRUCTORS[type(condition)]}: {name} has shape {array.shape}; accepted is"
                    f" [{', '.join(['*B', *spelled])}] with *B={batch} as in q, or 1 where shared."
                    + (" For key padding [*B,S] write Mask.keys(valid)." if isinstance(condition, Dense) else "")
                )
            if math.prod(own) == 1:
                flat = array.reshape(1, *rest)
            else:
                flat = jnp.broadcast_to(array, batch + rest).reshape(math.prod(batch), *rest)
            missing = [place for place, axis in enumerate("NTS", start=1) if axis not in axes]
            return jnp.expand_dims(flat, missing)

        for condition in self.conditions:
            condition.check_sizes(queries, keys)
        return Mask(tuple(condition.map_arrays(fit) for condition in self.conditions))

    def allowed(self, rows: Int[Array, "#B T"], cols: Int[Array, "#B S"]) -> Bool[Array, "#B #N #T #S"]:
        """Where a canonical mask allows attention; its arrays must be cut to the absolute indices `rows` and `cols`."""
        rows, cols = rows[:, None, :, None], cols[:, None, None, :]
        return all_of([condition.allowed(rows, cols) for condition in self.conditions])

    def map_axis(self, axis: Literal["T", "S"], change: Callable[[Array, int], Array]) -> Mask:
        """A canonical mask with `change(array, place)` of every array that has the axis; `place` is its number."""
        place = {"T": 2, "S": 3}[axis]

        def change_one(condition: Condition, name: str, array: Array, axes: list[str]) -> Array:
            return array if array.shape[place] == 1 else change(array, place)

        return Mask(tuple(condition.map_arrays(change_one) for condition in self.conditions))


def as_mask(mask: Mask | Bool[Indices, "*b n t s"] | None) -> Mask:
    """The mask itself, a boolean array [*B|1,N|1,T|1,S|1] as a mask, or for None the mask that masks nothing."""
    if isinstance(mask, Mask):
        return mask
    if mask is None:
        return Mask()
    if not isinstance(mask, Array | np.ndarray):
        raise ValueError(
            f"mask is of type {type(mask).__name__}; accepted is a Mask, a boolean array [*B|1,N|1,T|1,S|1], or None."
        )
    return Mask.dense(mask)


def _integers(name: str, array: Indices | int | None, *, clip: bool) -> Array | None:
    """Integers of 32 bits; with `clip` for indices, which those beyond the last key or query may stand for."""
    return None if array is None else integers(f"Mask.{name}", array, clip=clip)


def _reach(name: str, reach: int | Integer[Indices, "*b"] | None) -> tuple[int | None, Array | None]:
    """A distance as (static, array): a number whose value is known, or an array of traced ones or one an example."""
    if reach is None:
        return None, None
    known = whole(reach)
    if known is None:
        array = _integers(f"window: {name}", reach, clip=True)
        assert array is not None
        # Of what was given, and in NumPy: `jit` would trace the least of a constant.
        arrays = [leaf for leaf in jax.tree.leaves(reach) if isinstance(leaf, Array)]
        hidden = any(isinstance(leaf, Tracer) or not leaf.is_fully_addressable for leaf in arrays)
        known = 0 if hidden else int(np.asarray(reach).min(initial=0))
        if known == 0:
            return None, array
    if known < 0:
        raise ValueError(f"Mask.window: {name} is {known}; it is a distance, 0 or more, or None.")
    return known, None


def _size(name: str, size: int) -> int:
    known = whole(size)
    if known is None or known < 1:
        raise ValueError(f"Mask.blocks: {name} is {size}; accepted is a whole number of 1 or more.")
    return min(known, MOST)


def _booleans(name: str, array: Indices) -> Array:
    array = jnp.asarray(array)
    if array.dtype != bool:
        raise ValueError(f"Mask.{name} has dtype {array.dtype}; accepted is bool, True where attention is allowed.")
    return array
