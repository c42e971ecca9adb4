"""A memory cut over devices: its parts go round, everyone looks at each, and nobody ever holds the whole.

Liu et al. (2023), "Ring attention with blockwise transformers". Forward, results over the parts are merged.
Backward, the parts go round once more with their gradients, so that nothing is kept but output and lse.
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

Look = Callable[[Any, Any], tuple[Array, Array]]


def ring_attention(
    look: Look, queries: Any, memory: Any, axis: str
) -> tuple[Float[Array, "*B T N Hv"], Float[Array, "*B N T"]]:
    """What `look(queries, memory) -> (out, lse)` would be, were all parts of the memory on one device.

    To be called under `shard_map`: every device of the mesh axis `axis` has a part of the memory, any pytree whose
    leaves have the same shapes everywhere: keys and values, and what a mask needs to know of keys (valid ones,
    segments, absolute positions). Queries may be cut over the axis or not. Reverse-mode derivatives only, of
    queries and memory; `look` must close over nothing that is differentiated. Such as

        def look(q, part):
            out, aux = cross_attention_with_aux(q, part["k"], part["v"], Mask.keys(part["valid"]))
            return out, aux.lse
    """
    # Gradients of what all devices share are added by the transpose of this cast.
    queries = varying_alike(queries, frozenset({axis}))
    return _ring(look, axis, queries, memory)


@partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def _ring(look: Look, axis: str, queries: Any, memory: Any) -> tuple[Array, Array]:
    return _forward(look, axis, queries, memory)[0]


def _forward(look: Look, axis: str, queries: Any, memory: Any) -> tuple[tuple[Array, Array], tuple]:
    def turn(carry: tuple, _: None) -> tuple[tuple, None]:
        part, out, lse = carry
        part = _pass_on(part, axis)
        more, more_lse = look(queries, part)
        return (part, *merge([out, more.astype(out.dtype)], [lse, more_lse])), None

    first, lse = look(queries, memory)
    start = (memory, first.astype(lse.dtype), lse)
    (_, out, lse), _ = lax.scan(turn, start, length=lax.axis_size(axis) - 1)
    return (out.astype(first.dtype), lse), (queries, memory, out, lse)


def _backward(look: Look, axis: str, kept: tuple, cotangents: tuple[Array, Array]) -> tuple[Any, Any]:
    queries, memory, out, lse = kept
    d_out, d_lse = cotangents
    blind = lse == -jnp.inf
    d_lse = jnp.where(blind, 0, d_lse)
    d_out = d_out.astype(lse.dtype)
    q_moving, q_fixed = _split(queries)

    def turn(carry: tuple, _: None) -> tuple[tuple, None]:
        part, d_part, d_queries = carry
        moving, fixed = _split(part)
        (more, more_lse), pull = jax.vjp(lambda q, m: look(_join(q, q_fixed), _join(m, fixed)), q_moving, moving)
        # out is the sum of share * more over the parts, and lse the logarithm of the sum of exp(more_lse).
        share = jnp.where(blind, 0, jnp.exp(more_lse - jnp.where(blind, 0, lse)))
        gain = jnp.swapaxes((d_out * (more - out)).sum(-1), -1, -2)
        d_more = jnp.swapaxes(share, -1, -2)[..., None] * d_out
        more_q, more_part = pull((d_more.astype(more.dtype), (share * (gain + d_lse)).astype(more_lse.dtype)))
        d_part, d_queries = jax.tree.map(jnp.add, (d_part, d_queries), (more_part, more_q))
        return (*_pass_on((part, d_part), axis), d_queries), None

    zeros = jax.tree.map(jnp.zeros_like, (_split(memory)[0], q_moving))
    # After as many turns as there are devices, every gradient is back where its part lives.
    (_, d_memory, d_queries), _ = lax.scan(turn, (memory, *zeros), length=lax.axis_size(axis))
    return _join(d_queries, _no_cotangents(queries)), _join(d_memory, _no_cotangents(memory))


_ring.defvjp(_forward, _backward)


def _pass_on(x: Any, axis: str) -> Any:
    size = lax.axis_size(axis)
    return lax.ppermute(x, axis, [(i, (i + 1) % size) for i in range(size)])


def _split(tree: Any) -> tuple[Any, Any]:
    """What has derivatives, and the rest; None stands for what is in the other."""
    moving = jax.tree.map(lambda x: x if jnp.issubdtype(x.dtype, jnp.inexact) else None, tree)
    return moving, jax.tree.map(lambda x: None if jnp.issubdtype(x.dtype, jnp.inexact) else x, tree)


def _join(a: Any, b: Any) -> Any:
    return jax.tree.map(lambda x, y: y if x is None else x, a, b, is_leaf=lambda x: x is None)


def _no_cotangents(tree: Any) -> Any:
    return jax.tree.map(
        lambda x: None if jnp.issubdtype(x.dtype, jnp.inexact) else jnp.zeros(x.shape, jax.dtypes.float0), tree
    )
