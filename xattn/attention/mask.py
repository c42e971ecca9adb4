"""Mask: one value that says which query may attend to which key.

A mask is a list of conditions, all of which must hold. A condition keeps only the small arrays that it was made from
(lengths, segments, positions, ...) and can be evaluated for any tile of queries and keys, so that nothing of size
T x S exists unless the user passes it. True always means that attention is allowed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal, cast

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Int

Indices = Array | np.ndarray


class Condition:
    """One part of a mask. `AXES` names the axes of its arrays after those of the batch; "N" may have size 1.

    `Mask.canonical` reshapes every array to [b,N,T,S], with size 1 on the axes that it lacks (M of `Neighbors` comes
    last), so that `allowed` is a plain comparison. Fields are `Any`, since JAX also builds pytrees whose leaves are
    not arrays.
    """

    AXES: ClassVar[Mapping[str, str]] = {}

    def allowed(self, rows: Int[Array, "#B 1 T 1"], cols: Int[Array, "#B 1 #T S"]) -> Bool[Array, "#B #N #T #S"]:
        """Where a canonical condition allows attention, at absolute query indices `rows` and key indices `cols`."""
        raise NotImplementedError


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Lengths(Condition):
    """Queries and keys whose index is below a length."""

    AXES: ClassVar[Mapping[str, str]] = {"queries": "", "keys": ""}
    queries: Any
    keys: Any

    def allowed(self, rows, cols):
        ends = ((rows, self.queries), (cols, self.keys))
        return _all([index < length for index, length in ends if length is not None])


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Queries(Condition):
    """Queries that are valid (not padding)."""

    AXES: ClassVar[Mapping[str, str]] = {"valid": "T"}
    valid: Any

    def allowed(self, rows, cols):
        return self.valid


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Keys(Condition):
    """Keys that are valid (not padding)."""

    AXES: ClassVar[Mapping[str, str]] = {"valid": "S"}
    valid: Any

    def allowed(self, rows, cols):
        return self.valid


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Segments(Condition):
    """Query and key of the same segment; a negative segment is padding, which attends to nothing."""

    AXES: ClassVar[Mapping[str, str]] = {"queries": "T", "keys": "S"}
    queries: Any
    keys: Any

    def allowed(self, rows, cols):
        return (self.queries == self.keys) & (self.keys >= 0)


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Positions(Condition):
    """Key position within [query position - left, query position + right]; None is unbounded."""

    AXES: ClassVar[Mapping[str, str]] = {"queries": "T", "keys": "S"}
    queries: Any
    keys: Any
    left: int | None = field(metadata={"static": True})
    right: int | None = field(metadata={"static": True})

    def allowed(self, rows, cols):
        queries = rows if self.queries is None else self.queries
        keys = cols if self.keys is None else self.keys
        within = []
        if self.left is not None:
            within.append(keys >= queries - self.left)
        if self.right is not None:
            within.append(keys <= queries + self.right)
        return _all(within)


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Ranges(Condition):
    """Keys start <= s < stop, for every query."""

    AXES: ClassVar[Mapping[str, str]] = {"start": "N T", "stop": "N T"}
    start: Any
    stop: Any

    def allowed(self, rows, cols):
        return (self.start <= cols) & (cols < self.stop)


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Neighbors(Condition):
    """Keys that are listed for each query; -1 fills up a short list."""

    AXES: ClassVar[Mapping[str, str]] = {"index": "T M"}
    index: Any

    def allowed(self, rows, cols):
        return (self.index == cols[..., None]).any(-1)


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Blocks(Condition):
    """A static grid of blocks, each of which is allowed or masked as a whole."""

    grid: tuple[tuple[bool, ...], ...] = field(metadata={"static": True})
    query_block: int = field(metadata={"static": True})
    key_block: int = field(metadata={"static": True})

    def allowed(self, rows, cols):
        grid = jnp.asarray(np.array(self.grid, bool))
        return grid.at[rows // self.query_block, cols // self.key_block].get(mode="fill", fill_value=False)


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Dense(Condition):
    """Any boolean array; its axes may have size 1."""

    AXES: ClassVar[Mapping[str, str]] = {"array": "N T S"}
    array: Any

    def allowed(self, rows, cols):
        return self.array


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Mask:
    """Which query may attend to which key: conditions that must all hold; `&` joins two masks.

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

    @classmethod
    def lengths(cls, *, keys: Int[Indices, "*b"] | None = None, queries: Int[Indices, "*b"] | None = None) -> Mask:
        """Only keys s < keys[b] and only queries t < queries[b]."""
        return cls((Lengths(queries=_integers("lengths: queries", queries), keys=_integers("lengths: keys", keys)),))

    @classmethod
    def keys(cls, valid: Bool[Indices, "*b S"]) -> Mask:
        """Only keys where `valid` [*B,S] is True."""
        return cls((Keys(valid=_booleans("keys: valid", valid)),))

    @classmethod
    def queries(cls, valid: Bool[Indices, "*b T"]) -> Mask:
        """Only queries where `valid` [*B,T] is True; the others attend to nothing, and their output is 0."""
        return cls((Queries(valid=_booleans("queries: valid", valid)),))

    @classmethod
    def segments(cls, queries: Int[Indices, "*b T"], keys: Int[Indices, "*c S"]) -> Mask:
        """Only keys of the query's own segment, from `queries` [*B,T] and `keys` [*B,S]; a negative one is padding."""
        return cls((Segments(queries=_integers("segments: queries", queries), keys=_integers("segments: keys", keys)),))

    @classmethod
    def causal(cls, *, queries: Int[Indices, "*b T"] | None = None, keys: Int[Indices, "*c S"] | None = None) -> Mask:
        """Only keys at or before the query's position; positions [*B,T] and [*B,S] are indices from 0 by default."""
        return cls.window(None, 0, queries=queries, keys=keys)

    @classmethod
    def window(
        cls,
        left: int | None,
        right: int | None,
        *,
        queries: Int[Indices, "*b T"] | None = None,
        keys: Int[Indices, "*c S"] | None = None,
    ) -> Mask:
        """Only keys from `left` positions before the query to `right` after it; None is unbounded."""
        for name, reach in (("left", left), ("right", right)):
            if reach is not None and reach < 0:
                raise ValueError(f"Mask.window: {name} is {reach}; it is a distance, 0 or more, or None.")
        queries, keys = _integers("window: queries", queries), _integers("window: keys", keys)
        return cls((Positions(queries=queries, keys=keys, left=left, right=right),))

    @classmethod
    def ranges(cls, start: Int[Indices, "*b n T"], stop: Int[Indices, "*c m T"]) -> Mask:
        """Only keys start <= s < stop, where both are [*B,N|1,T]: one range for each head and query."""
        return cls((Ranges(start=_integers("ranges: start", start), stop=_integers("ranges: stop", stop)),))

    @classmethod
    def neighbors(cls, index: Int[Indices, "*b T M"]) -> Mask:
        """Only the M keys that `index` [*B,T,M] lists for each query.

        -1 fills up a short list; a key that is listed twice counts once.
        """
        return cls((Neighbors(index=_integers("neighbors: index", index)),))

    @classmethod
    def blocks(cls, grid: Bool[Indices, "rows cols"], query_block: int, key_block: int) -> Mask:
        """Only the blocks where the static `grid` [ceil(T/query_block), ceil(S/key_block)] is True."""
        grid = np.asarray(grid)
        if grid.dtype != bool or grid.ndim != 2:
            raise ValueError(
                f"Mask.blocks: grid is {grid.dtype} of shape {grid.shape};"
                " accepted is bool of shape [ceil(T/query_block), ceil(S/key_block)]."
            )
        for name, size in (("query_block", query_block), ("key_block", key_block)):
            if size < 1:
                raise ValueError(f"Mask.blocks: {name} is {size}; accepted is a size of 1 or more.")
        rows = tuple(tuple(bool(seen) for seen in row) for row in grid)
        return cls((Blocks(grid=rows, query_block=query_block, key_block=key_block),))

    @classmethod
    def dense(cls, array: Bool[Indices, "*b n t s"]) -> Mask:
        """Any boolean array [*B|1,N|1,T|1,S|1], with as many batch axes as the queries have."""
        return cls((Dense(array=_booleans("dense: array", array)),))

    def __and__(self, other: Mask) -> Mask:
        if not isinstance(other, Mask):
            raise ValueError(
                f"Mask & {type(other).__name__}; accepted is Mask & Mask: for a boolean array write Mask.dense(array)."
            )
        return Mask(self.conditions + other.conditions)

    def materialize(
        self, *, queries: int, keys: int, heads: int = 1, batch: tuple[int, ...] = ()
    ) -> Bool[Array, "*#B #N #T #S"]:
        """The whole mask as one boolean array [*B|1,N|1,T,S]; batch and heads have size 1 if nothing depends on them.

        Raises a ValueError if the arrays of the mask do not fit these sizes.
        """
        seen = self.canonical(batch, heads, queries, keys).allowed(jnp.arange(queries)[None], jnp.arange(keys)[None])
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
                )
            if math.prod(own) == 1:
                flat = array.reshape(1, *rest)
            else:
                flat = jnp.broadcast_to(array, batch + rest).reshape(math.prod(batch), *rest)
            missing = [place for place, axis in enumerate("NTS", start=1) if axis not in axes]
            return jnp.expand_dims(flat, missing)

        for condition in self.conditions:
            if isinstance(condition, Blocks):
                _check_blocks(condition, queries, keys)
        return Mask(tuple(_map_arrays(condition, fit) for condition in self.conditions))

    def allowed(self, rows: Int[Array, "#B T"], cols: Int[Array, "#B S"]) -> Bool[Array, "#B #N #T #S"]:
        """Where a canonical mask allows attention; its arrays must be cut to the absolute indices `rows` and `cols`."""
        rows, cols = rows[:, None, :, None], cols[:, None, None, :]
        return _all([condition.allowed(rows, cols) for condition in self.conditions])

    def map_axis(self, axis: Literal["T", "S"], change: Callable[[Array, int], Array]) -> Mask:
        """A canonical mask with `change(array, place)` of every array that has the axis; `place` is its number."""
        place = {"T": 2, "S": 3}[axis]

        def change_one(condition: Condition, name: str, array: Array, axes: list[str]) -> Array:
            return array if array.shape[place] == 1 else change(array, place)

        return Mask(tuple(_map_arrays(condition, change_one) for condition in self.conditions))


# The constructor of each condition, for error messages.
CONSTRUCTORS: dict[type[Condition], str] = {
    Lengths: "lengths",
    Queries: "queries",
    Keys: "keys",
    Segments: "segments",
    Positions: "window",
    Ranges: "ranges",
    Neighbors: "neighbors",
    Dense: "dense",
}


def _map_arrays(condition: Condition, change: Callable[[Condition, str, Array, list[str]], Array]) -> Condition:
    """A condition with every array replaced by `change(condition, name, array, axes)`."""
    arrays = {name: getattr(condition, name) for name in condition.AXES}
    changed = {
        name: change(condition, name, array, condition.AXES[name].split())
        for name, array in arrays.items()
        if array is not None
    }
    return cast(Condition, replace(cast(Any, condition), **changed))


def _all(parts: list[Array]) -> Bool[Array, "#B #N #t #s"]:
    seen = jnp.ones((1, 1, 1, 1), bool)
    for part in parts:
        seen = seen & part
    return seen


def _check_blocks(blocks: Blocks, queries: int, keys: int) -> None:
    wanted = (-(-queries // blocks.query_block), -(-keys // blocks.key_block))
    given = np.array(blocks.grid, bool).shape
    if given != wanted:
        raise ValueError(
            f"Mask.blocks: grid has shape {given}; accepted is {wanted}, the blocks of"
            f" {blocks.query_block} x {blocks.key_block} in T={queries} by S={keys}."
        )


def _integers(name: str, array: Indices | None) -> Array | None:
    if array is None:
        return None
    array = jnp.asarray(array)
    if not jnp.issubdtype(array.dtype, jnp.integer):
        raise ValueError(f"Mask.{name} has dtype {array.dtype}; accepted are integers.")
    return array


def _booleans(name: str, array: Indices) -> Array:
    array = jnp.asarray(array)
    if array.dtype != bool:
        raise ValueError(f"Mask.{name} has dtype {array.dtype}; accepted is bool, True where attention is allowed.")
    return array
