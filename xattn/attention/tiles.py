"""How attention is cut into tiles: block sizes, padding, and skipping tiles where nothing is seen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple, TypeVar

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int, Shaped

from xattn.attention.call import Call
from xattn.attention.mask import Keys, Mask, Queries

Result = TypeVar("Result")

# Measured on two CPU cores: tiles of 512 x 256 for 8 heads are fastest, 2**20 scores in all.
QUERY_BLOCK, KEY_BLOCK, CACHED_ENTRIES = 512, 256, 2**20
# Elsewhere a tile should only be small beside the device's memory.
MOST_ENTRIES = 2**23


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The static part: block sizes, and which running values are wanted besides output and lse."""

    query_block: int
    key_block: int
    mean_score: bool
    top_k: int
    own_vjp: bool  # or else JAX differentiates tile by tile


class Found(NamedTuple):
    """What the forward pass leaves; `mean_score` is the sum of w * score, `top` the best scores and keys."""

    out: Float[Array, "B K G T Hv"]
    lse: Float[Array, "B K G T 1"]
    max_score: Float[Array, "B K G T 1"]
    mean_score: Float[Array, "B K G T 1"] | None
    top: tuple[Array, Array] | None


def choose_blocks(sizes: dict[str, int], block: tuple[int, int] | None) -> tuple[int, int, int]:
    """How many examples, queries and keys make a tile: as asked for, or as measured.

    On a CPU a tile should stay in the cache, so a large batch is taken some examples at a time. Not where
    there are several devices: the batch may be cut over them, and a loop over it would gather it.
    """
    rows, cols = (QUERY_BLOCK, KEY_BLOCK) if block is None else block
    rows, cols = _even(sizes["T"], rows, block is None), _even(sizes["S"], cols, block is None)
    if jax.default_backend() == "cpu" and jax.device_count() == 1:
        most = max(1, CACHED_ENTRIES // (sizes["N"] * rows * cols))
        examples = max(size for size in range(1, max(sizes["B"], 1) + 1) if sizes["B"] % size == 0 and size <= most)
        return examples, rows, cols
    while block is None and sizes["B"] * sizes["N"] * rows * cols > MOST_ENTRIES and rows * cols > 64 * 64:
        rows, cols = (rows, cols // 2) if cols > rows else (rows // 2, cols)
    return sizes["B"], rows, cols


def _even(size: int, block: int, round_up: bool) -> int:
    """A block size that cuts `size` into equal parts, so that little is padded."""
    if size <= block or not round_up:
        return max(min(size, block), 1)
    share = -(-size // -(-size // block))
    return -(-share // 16) * 16


def over_examples(run: Callable[[Call], Result], call: Call, examples: int) -> Result:
    """`run(call)`, some examples at a time."""
    batch = call.sizes["B"]
    if examples == batch:
        return run(call)
    leaves, tree = jax.tree.flatten(call)
    own = [leaf.ndim > 0 and leaf.shape[0] == batch for leaf in leaves]  # the others have 1, or no batch axis
    parts = [leaf.reshape(-1, examples, *leaf.shape[1:]) for leaf, mine in zip(leaves, own, strict=True) if mine]

    def run_some(some: list[Array]) -> Result:
        rest = iter(some)
        every = [next(rest) if mine else leaf for leaf, mine in zip(leaves, own, strict=True)]
        return run(jax.tree.unflatten(tree, every))

    return jax.tree.map(lambda x: x.reshape(batch, *x.shape[2:]), lax.map(run_some, parts))


def padded_to_blocks(call: Call, query_block: int, key_block: int) -> Call:
    """The call with T and S filled up to whole blocks; nobody sees what was added."""

    def fill(missing: int) -> Callable[[Array, int], Array]:
        return lambda x, place: jnp.pad(x, [(0, missing if axis == place else 0) for axis in range(x.ndim)])

    queries, keys = call.sizes["T"], call.sizes["S"]
    more_queries, more_keys = -queries % query_block, -keys % key_block
    if more_queries:
        call = call.along("T", fill(more_queries))
        if call.mask is not None:
            exists = (jnp.arange(queries + more_queries) < queries)[None, None, :, None]
            call = replace(call, mask=call.mask & Mask((Queries(valid=exists),)))
    if more_keys:
        call = call.along("S", fill(more_keys))
        exists = (jnp.arange(keys + more_keys) < keys)[None, None, None, :]
        mask = Mask() if call.mask is None else call.mask
        call = replace(call, mask=mask & Mask((Keys(valid=exists),)))
    return call


def starts(plan: Plan, call: Call) -> tuple[Int[Array, " i"], Int[Array, " j"]]:
    """The first query of every block, and the first key."""
    queries, keys = call.sizes["T"], call.sizes["S"]
    return jnp.arange(0, queries, plan.query_block), jnp.arange(0, keys, plan.key_block)


def if_seen(seen: Array | None, look: Callable[..., Result], skip: Callable[..., Result], *operands: object) -> Result:
    """`look(*operands)`, or `skip(*operands)` where the tile shows nothing."""
    return look(*operands) if seen is None else lax.cond(seen.any(), look, skip, *operands)


def join_blocks(x: Shaped[Array, "i B K G t X"]) -> Shaped[Array, "B K G T X"]:
    """The results of a loop over blocks of queries, put together."""
    x = jnp.moveaxis(x, 0, 3)
    return x.reshape(*x.shape[:3], x.shape[3] * x.shape[4], x.shape[5])


def add_at(whole: Array, part: Array, start: list[Array | int]) -> Array:
    """`whole` with `part` added from `start` on."""
    there = lax.dynamic_slice(whole, start, part.shape)
    return lax.dynamic_update_slice(whole, there + part, start)
