"""The conditions that a mask is made of: each keeps small arrays, and says for any tile what it allows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal, cast

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Int


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

    def map_arrays(self, change: Change) -> Condition:
        """The condition with every array replaced by `change(condition, name, array, axes)`."""
        arrays = {name: getattr(self, name) for name in self.AXES}
        changed = {
            name: change(self, name, array, self.AXES[name].split())
            for name, array in arrays.items()
            if array is not None
        }
        return cast(Condition, replace(cast(Any, self), **changed))

    def check_sizes(self, queries: int, keys: int) -> None:
        """Raises a ValueError if what is static does not fit the numbers of queries and keys."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True, eq=False)
class Lengths(Condition):
    """Queries and keys whose index is below a length."""

    AXES: ClassVar[Mapping[str, str]] = {"queries": "", "keys": ""}
    queries: Any
    keys: Any

    def allowed(self, rows, cols):
        ends = ((rows, self.queries), (cols, self.keys))
        return all_of([index < length for index, length in ends if length is not None])


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True, eq=False)
class Queries(Condition):
    """Queries that are valid (not padding)."""

    AXES: ClassVar[Mapping[str, str]] = {"valid": "T"}
    valid: Any

    def allowed(self, rows, cols):
        return self.valid


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True, eq=False)
class Keys(Condition):
    """Keys that are valid (not padding)."""

    AXES: ClassVar[Mapping[str, str]] = {"valid": "S"}
    valid: Any

    def allowed(self, rows, cols):
        return self.valid


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True, eq=False)
class Segments(Condition):
    """Query and key of the same segment; a negative segment is padding, which attends to nothing."""

    AXES: ClassVar[Mapping[str, str]] = {"queries": "T", "keys": "S"}
    queries: Any
    keys: Any

    def allowed(self, rows, cols):
        return (self.queries == self.keys) & (self.keys >= 0)


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True, eq=False)
class Positions(Condition):
    """Key position within [query position - left, query position + right]; None is unbounded.

    `lefts` and `rights` are distances that are traced, or one an example.
    """

    AXES: ClassVar[Mapping[str, str]] = {"queries": "T", "keys": "S", "lefts": "", "rights": ""}
    queries: Any
    keys: Any
    lefts: Any
    rights: Any
    left: int | None = field(metadata={"static": True})
    right: int | None = field(metadata={"static": True})

    def allowed(self, rows, cols):
        queries = rows if self.queries is None else self.queries
        keys = cols if self.keys is None else self.keys
        kind = jnp.promote_types(queries.dtype, keys.dtype)
        queries, keys = queries.astype(kind), keys.astype(kind)
        within = [keys >= _moved(queries, -1, left) for left in (self.left, self.lefts) if left is not None]
        within += [keys <= _moved(queries, 1, right) for right in (self.right, self.rights) if right is not None]
        return all_of(within)


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True, eq=False)
class Ranges(Condition):
    """Keys start <= s < stop, for every query."""

    AXES: ClassVar[Mapping[str, str]] = {"start": "N T", "stop": "N T"}
    start: Any
    stop: Any

    def allowed(self, rows, cols):
        return (self.start <= cols) & (cols < self.stop)


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True, eq=False)
class Neighbors(Condition):
    """Keys that are listed for each query; -1 fills up a short list."""

    AXES: ClassVar[Mapping[str, str]] = {"index": "T M"}
    index: Any

    def allowed(self, rows, cols):
        return (self.index == cols[..., None]).any(-1)


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True, eq=False)
class Blocks(Condition):
    """A static grid of blocks, each of which is allowed or masked as a whole."""

    grid: tuple[tuple[bool, ...], ...] = field(metadata={"static": True})
    query_block: int = field(metadata={"static": True})
    key_block: int = field(metadata={"static": True})

    def allowed(self, rows, cols):
        grid = jnp.asarray(np.array(self.grid, bool))
        return grid.at[rows // self.query_block, cols // self.key_block].get(mode="fill", fill_value=False)

    def check_sizes(self, queries, keys):
        wanted = (-(-queries // self.query_block), -(-keys // self.key_block))
        given = np.array(self.grid, bool).shape
        if given != wanted:
            raise ValueError(
                f"Mask.blocks: grid has shape {given}; accepted is {wanted}, the blocks of"
                f" {self.query_block} x {self.key_block} in T={queries} by S={keys}."
            )


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True, eq=False)
class Dense(Condition):
    """Any boolean array; its axes may have size 1."""

    AXES: ClassVar[Mapping[str, str]] = {"array": "N T S"}
    array: Any

    def allowed(self, rows, cols):
        return self.array


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True, eq=False)
class AnyOf(Condition):
    """What one or more of several masks allow; each of them is a tuple of conditions."""

    masks: Any

    def allowed(self, rows, cols):
        return ~all_of([~all_of([condition.allowed(rows, cols) for condition in mask]) for mask in self.masks])

    def map_arrays(self, change):
        return AnyOf(masks=tuple(tuple(condition.map_arrays(change) for condition in mask) for mask in self.masks))

    def check_sizes(self, queries, keys):
        for condition in (condition for mask in self.masks for condition in mask):
            condition.check_sizes(queries, keys)


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True, eq=False)
class Not(Condition):
    """What a mask, a tuple of conditions, does not allow."""

    mask: Any

    def allowed(self, rows, cols):
        return ~all_of([condition.allowed(rows, cols) for condition in self.mask])

    def map_arrays(self, change):
        return Not(mask=tuple(condition.map_arrays(change) for condition in self.mask))

    def check_sizes(self, queries, keys):
        for condition in self.mask:
            condition.check_sizes(queries, keys)


def _moved(positions: Array, sign: Literal[-1, 1], by: int | Array) -> Array:
    """Positions moved by a distance; the least or greatest number where that does not exist."""
    least, most = jnp.iinfo(positions.dtype).min, jnp.iinfo(positions.dtype).max
    end = least if sign < 0 else most
    if isinstance(by, int) and by >= most - least:
        return jnp.full_like(positions, end)
    # A distance between two positions may need one bit more than they have, so it is gone in two steps.
    for step in (by // 2, by - by // 2):
        step = jnp.asarray(step, positions.dtype)
        passed = positions < end + step if sign < 0 else positions > end - step
        positions = jnp.where(passed, end, positions + sign * step)
    return positions


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

Change = Callable[[Condition, str, Array, list[str]], Array]


def all_of(parts: list[Array]) -> Bool[Array, "#B #N #t #s"]:
    """Where all of the parts are True; everywhere if there is none."""
    seen = jnp.ones((1, 1, 1, 1), bool)
    for part in parts:
        seen = seen & part
    return seen
