"""Helpers for meshes: under `shard_map` values vary over axes, and with explicit axes their types have a sharding."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import jax
from jax import lax
from jax.sharding import AxisType, PartitionSpec

Tree = TypeVar("Tree")


def varying_alike(tree: Tree, axes: frozenset[str] = frozenset()) -> Tree:
    """The same values, all marked as varying over `axes` and over every axis that one of them varies over.

    Outside `shard_map` this does nothing. The transpose of the mark adds up the gradients of a value that was the same
    on all devices.
    """
    axes = axes.union(*(_axes(leaf) for leaf in jax.tree.leaves(tree)))

    def mark(x: Any) -> Any:
        missing = tuple(sorted(axes - _axes(x)))
        return lax.pcast(x, missing, to="varying") if missing else x

    return jax.tree.map(mark, tree)


def with_auto_axes(run: Callable[..., Tree], arguments: dict[str, Any], out_specs: Callable[[], Any]) -> Tree:
    """`run(arguments)`, where the compiler shards what is inside, also if the axes of the mesh are explicit.

    With explicit axes the results are sharded as `out_specs()` says, a pytree of `PartitionSpec`.
    """
    if AxisType.Explicit not in jax.sharding.get_abstract_mesh().axis_types:
        return run(arguments)
    leaves, tree = jax.tree.flatten(arguments)

    def auto(arrays: list[Any]) -> Tree:
        rest = iter(arrays)
        return run(jax.tree.unflatten(tree, [next(rest) if isinstance(x, jax.Array) else x for x in leaves]))

    arrays = [x for x in leaves if isinstance(x, jax.Array)]
    return cast(Tree, jax.sharding.auto_axes(auto, out_sharding=out_specs())(arrays))


def spec_of(x: Any, *axes: int | None) -> PartitionSpec:
    """How the batch and the last `axes` of an array are sharded; None for an axis that is not."""
    spec = jax.typeof(x).sharding.spec
    return PartitionSpec(*spec[:-3], *(None if axis is None else spec[axis] for axis in axes))


def _axes(x: Any) -> frozenset[str]:
    return jax.typeof(x).manual_axis_type.varying
