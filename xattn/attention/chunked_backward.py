"""The backward pass of `chunked`, tile by tile, from (q, k, v, out, lse)."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple, cast

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from xattn.attention.bias_gradients import add_bias_gradient, bias_gradient, cotangent, no_bias_gradient
from xattn.attention.call import Call, sum_products
from xattn.attention.dropout import gain
from xattn.attention.tiles import ForwardResult, Plan, add_at, if_seen, starts


class Rowwise(NamedTuple):
    """Per-query arrays of the backward pass, transposed so that queries come last: [B,K,X,G,T]."""

    q: Float[Array, "B K H G T"]
    d_out: Float[Array, "B K Hv G T"]
    lse: Float[Array, "B K 1 G T"]
    offset: Float[Array, "B K 1 G T"]
    d_entropy: Float[Array, "B K 1 G T"] | None


class Gradients(NamedTuple):
    """Gradients with respect to one tile; those of keys and values have b = 1 if the batch shares a memory."""

    q: Float[Array, "B K H G t"]
    k: Float[Array, "b K s H"]
    v: Float[Array, "b K s Hv"]
    bias: Any  # that of `bias_gradients`


def chunked_backward(plan: Plan, kept: tuple[Call, ForwardResult], d_result: ForwardResult) -> tuple[Call]:
    """Cotangents of the call from those of the forward result; each block of keys loops over blocks of queries."""
    call, known, d_out, d_sink = _prepare(*kept, d_result)
    sums = call.sums
    rows, cols = starts(plan, call)

    def block_of_keys(carry, col):
        keys = call.cut("S", col, plan.key_block)

        def block_of_queries(carry, row):
            d_q, d_k, d_v, d_bias = carry
            tile = keys.cut("T", row, plan.query_block)
            part = jax.tree.map(lambda x: lax.dynamic_slice_in_dim(x, row, plan.query_block, 4), known)
            back = lax.dynamic_slice_in_dim(d_out, row, plan.query_block, 3)
            seen = tile.seen()
            more = if_seen(seen, _tile_gradients, _no_gradients, tile, part, back, seen)
            d_q = add_at(d_q, more.q, [0, 0, 0, 0, row])
            d_bias = add_bias_gradient(call, d_bias, more.bias, row, col)
            return (d_q, d_k + more.k, d_v + more.v, d_bias), None

        d_q, d_bias = carry
        d_k = jnp.zeros_like(keys.k, sums)
        d_v = jnp.zeros_like(keys.v, sums)
        (d_q, d_k, d_v, d_bias), _ = lax.scan(block_of_queries, (d_q, d_k, d_v, d_bias), rows)
        return (d_q, d_bias), (d_k, d_v)

    start = (jnp.zeros_like(known.q, sums), no_bias_gradient(call))
    (d_q, d_bias), (d_k, d_v) = lax.scan(block_of_keys, start, cols)
    d_q = jnp.moveaxis(d_q, 2, 4)
    d_k, d_v = (jnp.moveaxis(x, 0, 2) for x in (d_k, d_v))  # [b,K,j,s,H]
    d_k, d_v = (x.reshape(*x.shape[:2], x.shape[2] * x.shape[3], x.shape[4]) for x in (d_k, d_v))
    d_scale = None
    if call.scale is not None:
        by_entry = d_q * call.q.astype(sums)
        d_scale = by_entry.sum() if call.scale.ndim == 0 else by_entry.sum((0, 3, 4), keepdims=True)
        d_q, d_k = d_q * call.scale, d_k if call.scale.ndim else d_k * call.scale
    gradients = replace(
        call,
        q=d_q.astype(call.q.dtype),
        k=d_k.astype(call.k.dtype),
        v=d_v.astype(call.v.dtype),
        bias=cotangent(call, d_bias),
        scale=d_scale,
        sink=d_sink,
        mask=None,
        dropout=None,
        traced_softcap=None,
        heads=None,
        rows=None,
        cols=None,
    )
    return (gradients,)


def _prepare(
    call: Call, result: ForwardResult, d_result: ForwardResult
) -> tuple[Call, Rowwise, Float[Array, "B K G T Hv"], Float[Array, "1 K G 1 1"] | None]:
    """The call without unread queries, the per-query arrays of all tiles, and the cotangents of out and sink."""
    d_out, lse, d_lse, d_entropy = d_result.out, result.lse, d_result.lse, d_result.entropy
    if call.mask is not None or call.bias is not None:
        # Queries without a visible key have gradient 0 whatever their cotangent is, and are not read.
        live, finite = result.max_score != -jnp.inf, lse != -jnp.inf
        call = replace(call, q=jnp.where(live, call.q, 0))
        d_out, lse, d_lse = jnp.where(live, d_out, 0), jnp.where(finite, lse, 0), jnp.where(finite, d_lse, 0)
        d_entropy = None if d_entropy is None else jnp.where(live, d_entropy, 0)
    # With w the weights, d score = w * (d w - offset - d_entropy * log w).
    taken = (d_out * result.out).sum(-1, keepdims=True) - d_lse
    offset = taken
    if d_entropy is not None:
        taken = taken + d_entropy * (cast(Array, result.entropy) - cast(Array, result.share))
        offset = taken + d_entropy
    d_out = d_out.astype(call.v.dtype)
    known = Rowwise(q=call.q, d_out=d_out, lse=lse, offset=offset, d_entropy=d_entropy)
    known = jax.tree.map(lambda x: jnp.moveaxis(x, 4, 2), known)
    d_sink = None
    if call.sink is not None:
        d_sink = -(jnp.exp(call.sink - lse) * taken).sum((0, 3), keepdims=True)
    return call, known, d_out, d_sink


def _tile_gradients(tile: Call, part: Rowwise, d_out: Array, seen: Array | None) -> Gradients:
    """Gradients through one tile; scores are laid out [B,K,s,G,t], so that no product has to transpose them."""
    k, v, bias, kind, sums = tile.k, tile.v, tile.numbers(), tile.v.dtype, tile.sums
    product = partial(sum_products, sums=sums, raised=tile.q.shape[2] != 1 or k.shape[0] != tile.q.shape[0])
    if seen is not None:
        cols = seen.any((2, 3)) if k.shape[0] != 1 else seen.any((0, 2, 3))[None]
        k, v = jnp.where(cols[..., None], k, 0), jnp.where(cols[..., None], v, 0)
        seen = _keys_first(seen)
    if bias is not None:
        bias = _keys_first(bias)
    q = tile.q
    if tile.scale is not None and tile.scale.ndim:  # the heads of a group have scales of their own
        q = (q * tile.scale).astype(kind)
        tile = replace(tile, scale=_keys_first(tile.scale))
    scores = tile.finish(product("BKSH,BKHGT->BKSGT", k, part.q), bias, seen)
    weights = jnp.exp(scores - part.lse)
    finite = jnp.where(scores == -jnp.inf, 0, scores)  # 0 * inf would be NaN in derivatives of this pass
    d_weights = product("BKSX,BKXGT->BKSGT", v, part.d_out)
    dropped = weights
    if tile.dropout is not None:
        kept, share = _keys_first(tile.kept()), gain(tile.dropout.rate, weights.dtype)
        dropped = jnp.where(kept, weights * share, 0)
        d_weights = jnp.where(kept, d_weights * share, 0)
    d_scores = d_weights - part.offset
    if part.d_entropy is not None:
        d_scores = d_scores - part.d_entropy * (finite - part.lse)
    d_scores = weights * d_scores
    if tile.softcap is not None:
        d_scores = d_scores * (1 - (finite / tile.softcap) ** 2)
    if seen is not None:  # 0 * NaN is NaN: a masked entry must not pass on a NaN that another query may see
        d_scores = jnp.where(seen, d_scores, 0)
    d_bias = None if bias is None else bias_gradient(tile, jnp.transpose(d_scores, (0, 1, 3, 4, 2)))
    d_scores, dropped = d_scores.astype(kind), dropped.astype(kind)
    over = "BKSX" if k.shape[0] == tile.q.shape[0] else "KSX"
    return Gradients(
        # Either d_scores or the keys must be transposed for this product; the keys are smaller.
        q=product("BKHS,BKSGT->BKHGT", jnp.swapaxes(k, 2, 3), d_scores),
        k=product(f"BKSGT,BKGTX->{over}", d_scores, q).reshape(k.shape),
        v=product(f"BKSGT,BKGTX->{over}", dropped, d_out).reshape(v.shape),
        bias=d_bias,
    )


def _no_gradients(tile: Call, part: Rowwise, d_out: Array, seen: Array | None) -> Gradients:
    sums = tile.sums
    return Gradients(
        q=jnp.zeros_like(part.q, sums),
        k=jnp.zeros_like(tile.k, sums),
        v=jnp.zeros_like(tile.v, sums),
        bias=no_bias_gradient(tile),
    )


def _keys_first(x: Array) -> Array:
    """[B,K,G,t,s] as [B,K,s,G,t]."""
    return jnp.transpose(x, (0, 1, 4, 2, 3))
