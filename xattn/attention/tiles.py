"""Division of attention into tiles: block sizes, padding, and skipping of tiles that are masked completely."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple, TypeVar

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int, Shaped

from xattn.attention.call import Call, known
from xattn.attention.conditions import Keys, Queries
from xattn.attention.mask import Mask
from xattn.attention.score_bias import ScoreBias

Result = TypeVar("Result")

# Measured on two CPU cores: tiles of 512 x 256, one for each core.
QUERY_BLOCK, KEY_BLOCK, CACHED_ENTRIES = 512, 256, 2**17
# On other devices a tile need only be small compared with their memory.
MOST_ENTRIES = 2**23


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Static settings: block sizes, and which running values to compute besides output and lse."""

    query_block: int
    key_block: int
    entropy: bool
    top_k: int
    own_vjp: bool  # if False, JAX differentiates tile by tile


class ForwardResult(NamedTuple):
    """Results of the forward pass; `share` is the sum of the weights, `top` the highest scores and their keys."""

    out: Float[Array, "B K G T Hv"]
    lse: Float[Array, "B K G T 1"]
    max_score: Float[Array, "B K G T 1"]
    entropy: Float[Array, "B K G T 1"] | None
    share: Float[Array, "B K G T 1"] | None  # with the entropy; below 1 if there is a sink
    top: tuple[Array, Array] | None


def choose_blocks(sizes: dict[str, int], block: tuple[int, int] | None) -> tuple[int, int, int, int]:
    """The numbers of examples, key heads, queries and keys in a tile, from `block` or from measured sizes.

    On a CPU each core's part of a tile should stay in its cache, so only some examples and heads are computed at a
    time. With several devices they are not divided: they may be sharded, and a loop over them would gather them.
    """
    rows, cols = (QUERY_BLOCK, KEY_BLOCK) if block is None else block
    rows, cols = _even(sizes["T"], rows, block is None), _even(sizes["S"], cols, block is None)
    if jax.default_backend() == "cpu" and jax.device_count() == 1 and known(sizes["B"]):
        most = cores() * CACHED_ENTRIES // (rows * cols)
        heads = _share(sizes["K"], most // sizes["G"])
        examples = _share(sizes["B"], most // sizes["N"])
        return examples, heads, rows, cols
    while (
        known(sizes["B"])
        and block is None
        and sizes["B"] * sizes["N"] * rows * cols > MOST_ENTRIES
        and rows * cols > 64 * 64
    ):
        rows, cols = (rows, cols // 2) if cols > rows else (rows // 2, cols)
    return sizes["B"], sizes["K"], rows, cols


def cores() -> int:
    """The number of cores that this process may use; all of them where the system does not say (macOS)."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _share(size: int, most: int) -> int:
    """The largest divisor of `size` that is at most `most`, or 1."""
    return max(part for part in range(1, max(size, 1) + 1) if size % part == 0 and part <= max(most, 1))


def _even(size: int, block: int, round_up: bool) -> int:
    """A block size that divides `size` into nearly equal parts, so that there is little padding."""
    if not known(size):
        return block
    if size <= block or not round_up:
        return max(min(size, block), 1)
    share = -(-size // -(-size // block))
    return -(-share // 16) * 16


def in_parts(run: Callable[[Call], Result], call: Call, axis: int, parts: int) -> Result:
    """`run(call)`, in equal parts of the batch (axis 0) or of the heads (axis 1), one after the other."""
    if parts <= 1:
        return run(call)
    leaves, tree = jax.tree.flatten(call)
    # Arrays without heads have fewer than 4 axes; an array that the whole axis shares has size 1 there.
    own = jax.tree.map(lambda leaf: leaf.ndim > (0, 3)[axis] and leaf.shape[axis] != 1, call)
    if isinstance(call.bias, ScoreBias):  # its arrays have axes of their own
        whole = jax.tree.map(lambda leaf: False, call.bias.arrays)
        own = replace(own, bias=replace(own.bias, arrays=whole))
    own = jax.tree.leaves(own)

    def cut(x: Array) -> Array:
        return jnp.moveaxis(x.reshape(*x.shape[:axis], parts, x.shape[axis] // parts, *x.shape[axis + 1 :]), axis, 0)

    def run_some(some: list[Array]) -> Result:
        rest = iter(some)
        joined = [next(rest) if mine else leaf for leaf, mine in zip(leaves, own, strict=True)]
        return run(jax.tree.unflatten(tree, joined))

    def join(x: Array) -> Array:
        x = jnp.moveaxis(x, 0, axis)
        return x.reshape(*x.shape[:axis], parts * x.shape[axis + 1], *x.shape[axis + 2 :])

    results = lax.map(run_some, [cut(leaf) for leaf, mine in zip(leaves, own, strict=True) if mine])
    return jax.tree.map(join, results)


def padded_to_blocks(call: Call, query_block: int, key_block: int) -> Call:
    """The call with T and S padded to whole blocks; the padding is masked if it could change a result."""

    def fill(missing: int) -> Callable[[Array, int], Array]:
        return lambda x, place: jnp.pad(x, [(0, missing if axis == place else 0) for axis in range(x.ndim)])

    queries, keys = call.sizes["T"], call.sizes["S"]
    more_queries, more_keys = _missing(queries, query_block), _missing(keys, key_block)
    if not known(more_queries) or more_queries:
        call = call.map_axis("T", fill(more_queries))
        if call.mask is not None:
            exists = (jnp.arange(queries + more_queries) < queries)[None, None, :, None]
            call = replace(call, mask=call.mask & Mask((Queries(valid=exists),)))
    if not known(more_keys) or more_keys:
        call = call.map_axis("S", fill(more_keys))
        exists = (jnp.arange(keys + more_keys) < keys)[None, None, None, :]
        mask = Mask() if call.mask is None else call.mask
        call = replace(call, mask=mask & Mask((Keys(valid=exists),)))
    return call


def _missing(size: int, block: int) -> int:
    # JAX can compare a multiple of the block with the block also if the size is symbolic.
    return (size + block - 1) // block * block - size


def starts(plan: Plan, call: Call) -> tuple[Int[Array, " i"], Int[Array, " j"]]:
    """The index of the first query of every block of queries, and of the first key of every block of keys."""
    queries, keys = call.sizes["T"], call.sizes["S"]
    return jnp.arange(0, queries, plan.query_block), jnp.arange(0, keys, plan.key_block)


def if_seen(seen: Array | None, run: Callable[..., Result], skip: Callable[..., Result], *operands: object) -> Result:
    """`run(*operands)`, or `skip(*operands)` if the tile is masked completely."""
    return run(*operands) if seen is None else lax.cond(seen.any(), run, skip, *operands)


def join_blocks(x: Shaped[Array, "i B K G t X"]) -> Shaped[Array, "B K G T X"]:
    """Joins the results of a loop over blocks of queries along the query axis."""
    x = jnp.moveaxis(x, 0, 3)
    return x.reshape(*x.shape[:3], x.shape[3] * x.shape[4], x.shape[5])


def add_at(whole: Array, part: Array, start: list[Array | int]) -> Array:
    """`whole` with `part` added from `start` on."""
    there = lax.dynamic_slice(whole, start, part.shape)
    return lax.dynamic_update_slice(whole, there + part, start)
