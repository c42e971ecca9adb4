"""Exact attention in tiles: nothing of size T x S is stored, forward or backward.

Forward, each block of queries loops over the blocks of keys with a running maximum and sum (Milakov and
Gimelshein, 2018; Rabe and Staats, 2021). Backward, each block of keys loops over the blocks of queries, and the
weights of a tile are recomputed from the log-sum-exp (Dao, 2023). Tiles that are masked completely are skipped.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import NamedTuple, cast

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from xattn.attention.call import Call, mix
from xattn.attention.chunked_backward import chunked_backward
from xattn.attention.dense import dense
from xattn.attention.normalizers import peak_of
from xattn.attention.online_softmax import Sums, add_tile, finish_sums, no_sums
from xattn.attention.shard_map import varying_alike
from xattn.attention.statistics import Aux, Wanted, named, top_scores
from xattn.attention.tiles import (
    ForwardResult,
    Plan,
    choose_blocks,
    if_seen,
    in_parts,
    join_blocks,
    padded_to_blocks,
    starts,
)


class Running(NamedTuple):
    """The running values of a block of queries after some of the keys."""

    sums: Sums
    # With the entropy, the sums of exp(score - peak) and of exp(score - peak) * (peak - score) over the keys.
    spread: tuple[Float[Array, "B K G t 1"], Float[Array, "B K G t 1"]] | None
    top: tuple[Array, Array] | None


def chunked(call: Call, wanted: Wanted, block: tuple[int, int] | None = None) -> tuple[Float[Array, "B K G T Hv"], Aux]:
    """Cross-attention in O(T + S) memory, forward and backward."""
    return _attend(call, wanted, block, own_vjp=True)


def chunked_jvp(
    call: Call, wanted: Wanted, block: tuple[int, int] | None = None
) -> tuple[Float[Array, "B K G T Hv"], Aux]:
    """Cross-attention in O(T + S) memory forward, differentiated by JAX tile by tile: any order, and jvp.

    Reverse mode stores the running sums of every tile: memory grows with T x S / (keys of a block).
    """
    return _attend(call, wanted, block, own_vjp=False)


def _attend(
    call: Call, wanted: Wanted, block: tuple[int, int] | None, *, own_vjp: bool
) -> tuple[Float[Array, "B K G T Hv"], Aux]:
    if 0 in (call.sizes["B"], call.sizes["T"], call.sizes["S"]):
        return dense(call, wanted)  # there is nothing to cut
    examples, heads, query_block, key_block = choose_blocks(call.sizes, block)
    plan = Plan(
        query_block=query_block,
        key_block=key_block,
        entropy="entropy" in wanted,
        top_k=wanted.top_k,
        own_vjp=own_vjp,
    )

    def attend_heads(some: Call) -> tuple[Array, Array, Aux]:
        return in_parts(lambda few: _attend_together(plan, few, wanted), some, 1, some.sizes["K"] // heads)

    out, lse, aux = in_parts(attend_heads, call, 0, call.sizes["B"] // examples)
    if "weights" in wanted:
        aux = replace(aux, weights=weights_from(call, lse))
    return out, aux


def _attend_together(plan: Plan, call: Call, wanted: Wanted) -> tuple[Array, Array, Aux]:
    sizes, call = call.sizes, varying_alike(call)
    padded = padded_to_blocks(call, plan.query_block, plan.key_block)
    result = cast(ForwardResult, (_with_vjp if plan.own_vjp else _forward)(plan, padded))
    result = jax.tree.map(lambda x: x[..., : sizes["T"], :], result)
    aux = _statistics(result, wanted)
    if "key_mass" in wanted:
        aux = replace(aux, key_mass=_key_mass(plan, padded, result.lse)[..., : sizes["S"]])
    return result.out, result.lse, aux


def _statistics(result: ForwardResult, wanted: Wanted) -> Aux:
    lse = jnp.where(result.lse == -jnp.inf, 0, result.lse)
    top_weights = top_keys = None
    if result.top is not None:
        top_weights, top_keys = jnp.exp(result.top[0] - lax.stop_gradient(lse)), result.top[1]
    return Aux(
        lse=result.lse[..., 0] if "lse" in wanted else None,
        max_score=lax.stop_gradient(result.max_score[..., 0]) if "max_score" in wanted else None,
        entropy=None if result.entropy is None else result.entropy[..., 0],
        top_weights=top_weights,
        top_keys=top_keys,
    )


def weights_from(call: Call, lse: Float[Array, "B K G T 1"]) -> Float[Array, "B K G T S"]:
    """The weights, recomputed from the log-sum-exp; `jit` removes this when they are unused."""
    seen = call.seen()
    return jnp.exp(call.cleaned(seen).scores(seen) - jnp.where(lse == -jnp.inf, 0, lse))


def _forward(plan: Plan, call: Call) -> ForwardResult:
    rows, cols = starts(plan, call)

    def block_of_queries(_, row):
        queries = call.cut("T", row, plan.query_block)

        def block_of_keys(running: Running, col):
            tile = queries.cut("S", col, plan.key_block)
            seen = tile.seen()
            update = partial(_update, plan)
            update = update if plan.own_vjp else jax.checkpoint(update)
            return if_seen(seen, update, lambda running, tile, seen: running, running, tile, seen), None

        running, _ = lax.scan(block_of_keys, _initial(plan, queries), cols)
        return None, _finish(running, call.sink)

    _, result = lax.scan(block_of_queries, None, rows)
    result = jax.tree.map(join_blocks, result)
    # The names are given here, because the backward pass reads these very arrays.
    out, lse = named(result.out, result.lse)
    return result._replace(out=out, lse=cast(Array, lse))


def _initial(plan: Plan, queries: Call) -> Running:
    q, kind = queries.q, queries.sums
    top = (*q.shape[:-1], plan.top_k)
    nothing = jnp.zeros_like(q, kind, (*q.shape[:-1], 1))
    return Running(
        sums=no_sums(q, queries.sizes["Hv"], kind, queries.sink),
        spread=(nothing, nothing) if plan.entropy else None,
        top=(jnp.full_like(q, -jnp.inf, kind, top), jnp.full_like(q, -1, jnp.int32, top)) if plan.top_k else None,
    )


def _update(plan: Plan, running: Running, tile: Call, seen: Array | None) -> Running:
    """The running values after one more tile."""
    tile = tile.cleaned(seen)
    scores = tile.scores(seen)
    sums, raised, decay = add_tile(running.sums, scores, lambda raised: mix(raised, tile), tile.sink)
    spread = top = None
    if running.spread is not None:
        spread = _spread(running, sums, tile.sink, scores, raised, decay)
    if running.top is not None:
        values, places = top_scores(scores, min(plan.top_k, scores.shape[-1]))
        keys = jnp.where(places < 0, -1, jnp.take(tile.cols[0], jnp.maximum(places, 0))).astype(jnp.int32)
        values = jnp.concatenate([running.top[0], values], -1)
        keys = jnp.concatenate([running.top[1], keys], -1)
        values, places = lax.top_k(values, plan.top_k)
        top = (values, jnp.take_along_axis(keys, places, -1))
    return Running(sums=sums, spread=spread, top=top)


def _spread(
    running: Running, sums: Sums, sink: Array | None, scores: Array, raised: Array, decay: Array
) -> tuple[Array, Array]:
    """The sums of the entropy after a tile. Both are sums of what is at least 0, so they lose no digits."""
    mass, moment = cast(tuple[Array, Array], running.spread)
    before, peak = (peak_of(each.max_score, sink) for each in (running.sums, sums))
    risen = jnp.where(mass == 0, 0, peak - before)
    below = jnp.where(scores == -jnp.inf, 0, peak - scores)
    moment = (moment + mass * risen) * decay + (raised * below).sum(-1, keepdims=True)
    return mass * decay + raised.sum(-1, keepdims=True), moment


def _finish(running: Running, sink: Array | None) -> ForwardResult:
    out, total, lse = finish_sums(running.sums, sink)
    entropy = share = None
    if running.spread is not None:  # -sum w log w, where -log w = (peak - score) + log total
        share, moment = (part / total for part in running.spread)
        entropy = share * jnp.log(total) + moment
    return ForwardResult(
        out=out,
        lse=lse,
        max_score=running.sums.max_score,
        entropy=entropy,
        share=share,
        top=running.top,
    )


def _key_mass(plan: Plan, call: Call, lse: Float[Array, "B K G T 1"]) -> Float[Array, "B K G S"]:
    """The weights summed over queries, tile by tile."""
    rows, cols = starts(plan, call)
    filled = [(0, 0)] * 3 + [(0, call.sizes["T"] - lse.shape[3]), (0, 0)]
    # The weights of padding queries are exp(score - inf) = 0.
    lse = jnp.pad(jnp.where(lse == -jnp.inf, 0, lse), filled, constant_values=jnp.inf)

    @jax.checkpoint
    def mass(tile: Call, lse, seen):
        return jnp.exp(tile.cleaned(seen).scores(seen) - lse).sum(-2)

    def block_of_keys(_, col):
        keys = call.cut("S", col, plan.key_block)

        def block_of_queries(total, row):
            tile = keys.cut("T", row, plan.query_block)
            part = lax.dynamic_slice_in_dim(lse, row, plan.query_block, 3)
            return total + mass(tile, part, tile.seen()), None

        nothing = jnp.zeros_like(lse, shape=(*call.q.shape[:3], plan.key_block))
        return None, lax.scan(block_of_queries, nothing, rows)[0]

    _, mass_by_block = lax.scan(block_of_keys, None, cols)
    return jnp.moveaxis(mass_by_block, 0, 3).reshape(*call.q.shape[:3], -1)


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _with_vjp(plan: Plan, call: Call) -> ForwardResult:
    return _forward(plan, call)


def _with_vjp_forward(plan: Plan, call: Call) -> tuple[ForwardResult, tuple[Call, ForwardResult]]:
    result = _forward(plan, call)
    return result, (call, result)


_with_vjp.defvjp(_with_vjp_forward, chunked_backward)
