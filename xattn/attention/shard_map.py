"""Helpers under `shard_map`, where JAX tracks over which mesh axes a value varies, and loops must keep that type."""

from __future__ import annotations

from typing import Any, TypeVar

import jax
from jax import lax

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


def _axes(x: Any) -> frozenset[str]:
    return jax.typeof(x).manual_axis_type.varying
