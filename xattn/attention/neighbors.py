"""Attention over listed neighbours: gathers M keys for each query, so a sparse graph costs T x M, not T x S."""

from __future__ import annotations

from dataclasses import replace

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from xattn.attention.call import Call
from xattn.attention.conditions import Dense, Neighbors
from xattn.attention.dense import dense
from xattn.attention.mask import Mask
from xattn.attention.score_bias import ScoreBias
from xattn.attention.statistics import Aux, Wanted


def neighbor_lists(mask: Mask | None) -> list[Neighbors]:
    """The neighbour lists among a mask's conditions."""
    conditions = () if mask is None else mask.conditions
    return [condition for condition in conditions if isinstance(condition, Neighbors)]


def neighbors(call: Call, wanted: Wanted) -> tuple[Float[Array, "B K G T Hv"], Aux]:
    """Cross-attention that treats every query as an example of its own, with the M keys of its list as memory."""
    sizes = call.sizes
    batch, queries = sizes["B"], sizes["T"]
    (lists,) = neighbor_lists(call.mask)
    index = jnp.broadcast_to(lists.index[:, 0, :, 0], (batch, queries, lists.index.shape[-1]))
    place = jnp.clip(index, 0, sizes["S"] - 1)

    def alone(x: Array, axis: int) -> Array:
        """[b,...,T|1,...] with queries as examples: [B*T,...,1,...]."""
        shape = [*x.shape]
        shape[0], shape[axis] = batch, queries
        x = jnp.expand_dims(jnp.moveaxis(jnp.broadcast_to(x, shape), axis, 1), axis + 1)
        return x.reshape(batch * queries, *x.shape[2:])

    def together(x: Array) -> Array:
        """[B*T,K,G,1,...] as [B,K,G,T,...]."""
        return jnp.moveaxis(x.reshape(batch, queries, *x.shape[1:]), 1, 3).squeeze(4)

    def gather(x: Float[Array, "b K S X"]) -> Float[Array, "BT K M X"]:
        picked = jax.vmap(lambda example, at: example[:, at], in_axes=(None if x.shape[0] == 1 else 0, 0))(
            x[0] if x.shape[0] == 1 else x, place
        )
        return alone(picked, 2).squeeze(2)

    bias = call.bias
    if isinstance(bias, ScoreBias):
        bias = bias.map_axis("S", lambda x, axis: alone(jnp.take_along_axis(x, place[:, None], axis), 2))
        bias = bias.map_axis("T", alone)
    elif bias is not None:
        bias = alone(jnp.take_along_axis(bias, place[:, None, None], 4) if bias.shape[4] != 1 else bias, 3)
    small = replace(
        call,
        q=alone(call.q, 3),
        k=gather(call.k),
        v=gather(call.v),
        mask=Mask((Dense(array=alone(_seen(call, lists, index, place), 2)),)),
        bias=bias,
        dropout=None if call.dropout is None else replace(call.dropout, rows=jnp.repeat(call.dropout.rows, queries)),
        rows=jnp.tile(call.rows[0], batch)[:, None],
        cols=place.reshape(batch * queries, place.shape[-1]),
    )
    out, aux = dense(small, wanted)
    key_mass, top_keys = aux.key_mass, aux.top_keys
    aux = jax.tree.map(together, replace(aux, key_mass=None))
    if top_keys is not None:
        listed = jnp.take_along_axis(index[:, None, None], jnp.maximum(aux.top_keys, 0), -1)
        aux = replace(aux, top_keys=jnp.where(aux.top_keys < 0, -1, listed).astype(jnp.int32))
    if key_mass is not None:  # scatter the weights of every query's list to the keys and add them up
        weights = jnp.moveaxis(key_mass.reshape(batch, queries, *key_mass.shape[1:]), 4, 2)
        none = jnp.zeros((sizes["S"], *weights.shape[3:]), weights.dtype)
        mass = jax.vmap(lambda at, more: none.at[at].add(more))(place, weights)
        aux = replace(aux, key_mass=jnp.moveaxis(mass, 1, 3))
    return together(out), aux


def _seen(
    call: Call, lists: Neighbors, index: Int[Array, "B T M"], place: Int[Array, "B T M"]
) -> Bool[Array, "#B #N T M"]:
    """Which listed keys count: valid indices, each once, for which all other conditions of the mask hold."""
    earlier = jnp.tril(jnp.ones((index.shape[-1],) * 2, bool), -1)[None, None]
    repeated = ((index[..., :, None] == index[..., None, :]) & earlier).any(-1)
    seen = ((index == place) & ~repeated)[:, None]
    others = Mask(tuple(condition for condition in call.mask.conditions if condition is not lists))
    at = place[:, None]
    gathered = others.map_axis("S", lambda x, axis: jnp.take_along_axis(x, at, axis))
    for condition in gathered.conditions:
        seen = seen & condition.allowed(call.rows[:, None, :, None], at)
    return seen
