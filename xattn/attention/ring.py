"""Ring attention: each device holds one shard of the memory; shards rotate, and no device ever holds all of it.

Liu et al. (2023), "Ring attention with blockwise transformers". Forward, the results over the shards are merged.
Backward, the shards rotate once more, together with their gradients; only output and lse are stored.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from xattn.attention.api import merge
from xattn.attention.shard_map import varying_alike

Attend = Callable[[Any, Any], tuple[Array, Array]]


def ring_attention(
    attend: Attend, queries: Any, memory: Any, axis: str
) -> tuple[Float[Array, "*B T N Hv"], Float[Array, "*B N T"]]:
    """The result of `attend(queries, memory) -> (out, lse)` as if one device held the whole memory.

    Call it under `shard_map`. Each device of the mesh axis `axis` holds a shard of the memory: a pytree whose leaves
    have the same shapes on all devices, with keys, values, and whatever the mask needs to know about keys (validity,
    segments, absolute positions). Queries may be sharded over the axis or replicated. There are reverse-mode
    derivatives only, with respect to queries and memory; `attend` must not close over anything that is differentiated.
    For example:

        def attend(q, shard):
            out, aux = cross_attention_with_aux(q, shard["k"], shard["v"], Mask.keys(shard["valid"]))
            return out, aux.lse
    """
    # The transpose of this cast adds up the gradients of values that all devices share.
    queries = varying_alike(queries, frozenset({axis}))
    return _ring(attend, axis, queries, memory)


@partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def _ring(attend: Attend, axis: str, queries: Any, memory: Any) -> tuple[Array, Array]:
    return _forward(attend, axis, queries, memory)[0]


def _forward(attend: Attend, axis: str, queries: Any, memory: Any) -> tuple[tuple[Array, Array], tuple]:
    def turn(carry: tuple, _: None) -> tuple[tuple, None]:
        part, out, lse = carry
        part = _pass_on(part, axis)
        more, more_lse = attend(queries, part)
        return (part, *merge([out, more.astype(out.dtype)], [lse, more_lse])), None

    first, lse = attend(queries, memory)
    start = (memory, first.astype(lse.dtype), lse)
    (_, out, lse), _ = lax.scan(turn, start, length=lax.axis_size(axis) - 1)
    return (out.astype(first.dtype), lse), (queries, memory, out, lse)


def _backward(attend: Attend, axis: str, kept: tuple, cotangents: tuple[Array, Array]) -> tuple[Any, Any]:
    queries, memory, out, lse = kept
    d_out, d_lse = cotangents
    blind = lse == -jnp.inf
    d_lse = jnp.where(blind, 0, d_lse)
    d_out = d_out.astype(lse.dtype)
    q_moving, q_fixed = _split(queries)

    def turn(carry: tuple, _: None) -> tuple[tuple, None]:
        part, d_part, d_queries = carry
        moving, fixed = _split(part)
        (more, more_lse), pull = jax.vjp(lambda q, m: attend(_join(q, q_fixed), _join(m, fixed)), q_moving, moving)
        # out is the sum of share * more over the shards, and lse the logarithm of the sum of exp(more_lse).
        share = jnp.where(blind, 0, jnp.exp(more_lse - jnp.where(blind, 0, lse)))
        gain = jnp.swapaxes((d_out * (more - out)).sum(-1), -1, -2)
        d_more = jnp.swapaxes(share, -1, -2)[..., None] * d_out
        more_q, more_part = pull((d_more.astype(more.dtype), (share * (gain + d_lse)).astype(more_lse.dtype)))
        d_part, d_queries = jax.tree.map(jnp.add, (d_part, d_queries), (more_part, more_q))
        return (*_pass_on((part, d_part), axis), d_queries), None

    zeros = jax.tree.map(jnp.zeros_like, (_split(memory)[0], q_moving))
    # After as many turns as there are devices, every gradient is back on the device of its shard.
    (_, d_memory, d_queries), _ = lax.scan(turn, (memory, *zeros), length=lax.axis_size(axis))
    return _join(d_queries, _no_cotangents(queries)), _join(d_memory, _no_cotangents(memory))


_ring.defvjp(_forward, _backward)


def _pass_on(x: Any, axis: str) -> Any:
    size = lax.axis_size(axis)
    return lax.ppermute(x, axis, [(i, (i + 1) % size) for i in range(size)])


def _split(tree: Any) -> tuple[Any, Any]:
    """The differentiable leaves and the other ones, as two trees with None in the place of the others."""
    moving = jax.tree.map(lambda x: x if jnp.issubdtype(x.dtype, jnp.inexact) else None, tree)
    return moving, jax.tree.map(lambda x: None if jnp.issubdtype(x.dtype, jnp.inexact) else x, tree)


def _join(a: Any, b: Any) -> Any:
    return jax.tree.map(lambda x, y: y if x is None else x, a, b, is_leaf=lambda x: x is None)


def _no_cotangents(tree: Any) -> Any:
    return jax.tree.map(
        lambda x: None if jnp.issubdtype(x.dtype, jnp.inexact) else jnp.zeros(x.shape, jax.dtypes.float0), tree
    )
