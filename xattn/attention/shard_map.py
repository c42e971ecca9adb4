"""Under `shard_map`, JAX tracks on which mesh axes a value differs between devices; loops and branches must agree."""

from __future__ import annotations

from typing import Any, TypeVar

import jax
from jax import lax

Tree = TypeVar("Tree")


def varying_alike(tree: Tree, axes: frozenset[str] = frozenset()) -> Tree:
    """The same values, each marked as different over `axes` and wherever any of them is; elsewhere a no-op.

    What was the same on all devices gets a gradient that is added over them, by the transpose of the mark.
    """
    axes = axes.union(*(_axes(leaf) for leaf in jax.tree.leaves(tree)))

    def mark(x: Any) -> Any:
        missing = tuple(sorted(axes - _axes(x)))
        return lax.pcast(x, missing, to="varying") if missing else x

    return jax.tree.map(mark, tree)


def _axes(x: Any) -> frozenset[str]:
    return jax.typeof(x).manual_axis_type.varying
