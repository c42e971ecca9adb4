"""What a decoder's predictions owe to each memory position, beyond single attention weights.

Every function replays the decoder on a given target (teacher forcing, no dropout) and explains the step of each row.
"""

from typing import cast

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from xattn.attention import KeyValue, Mask
from xattn.nn.decoder import CrossDecoder
from xattn.nn.layers import DecoderLayer
from xattn.nn.memory import Memory


def rollout(
    encoder_weights: Float[Array, "L B N S S"],
    decoder: CrossDecoder,
    x: Float[Array, "B T D"],
    memory: Memory,
) -> Float[Array, "layers B 1 T S"]:
    """Attention rollout from every decoder layer down to the source pieces (Abnar & Zuidema, 2020), rows of sum 1.

    Self-attention of encoder and decoder, the mean of their heads, counts half, and the residual connection the other
    half. Cross-attention counts half as well and continues in the encoder. Shares that end in the target pieces that
    the decoder read are left out, and each row is divided by the rest.
    """
    half = 0.5 * jnp.eye(encoder_weights.shape[-1])[None]
    below = jnp.eye(encoder_weights.shape[-1])[None]
    for weights in encoder_weights:
        below = (0.5 * weights.mean(axis=1) + half) @ below
    found, shares = [], jnp.zeros((*x.shape[:2], encoder_weights.shape[-1]))
    for layer, keys in zip(decoder.stack, decoder.project_memory(memory), strict=False):
        x, own, weights = _layer(layer, x, keys)
        mixed = 0.5 * own.mean(axis=1) @ shares + 0.5 * shares
        shares = 0.5 * mixed + 0.5 * weights.mean(axis=1) @ below
        found.append(_rows(shares)[:, None])
    return jnp.stack(found)


def weighted_gradients(
    decoder: CrossDecoder,
    x: Float[Array, "B T D"],
    memory: Memory,
    outputs: Float[Array, "B T D"],
) -> Float[Array, "layers B N T S"]:
    """Weights times the gradient of the logit of each step's own piece, where positive (Chefer et al., 2021).

    `outputs` are the output embeddings of the pieces that the steps produce: their product with a state is the logit.
    """
    projected = decoder.project_memory(memory)[: decoder.depth]
    heads = decoder.stack[0].cross_attention.heads
    ones = jnp.ones((decoder.depth, x.shape[0], heads, x.shape[1], memory.tokens.shape[1]))

    def logits(gates: jax.Array) -> jax.Array:
        state = x
        for layer, keys, gate in zip(decoder.stack, projected, gates, strict=True):
            state, _, _ = _layer(layer, state, keys, gate)
        return jnp.sum(decoder.norm(state) * outputs, axis=-1)

    # The derivative by a gate of 1 on a weight is the weight times the derivative by the weight.
    found, back = jax.vjp(logits, ones)

    def row(step: jax.Array) -> jax.Array:
        (gradient,) = back(jnp.zeros_like(found).at[:, step].set(1))
        return jax.lax.dynamic_index_in_dim(gradient, step, axis=3, keepdims=False)

    rows_TLBNS = jax.lax.map(row, jnp.arange(x.shape[1]))
    return jnp.maximum(jnp.moveaxis(rows_TLBNS, 0, 3), 0)


def value_zeroing(decoder: CrossDecoder, x: Float[Array, "B T D"], memory: Memory) -> Float[Array, "layers B 1 T S"]:
    """How much the output of a layer turns when the values of a memory position are 0 (Mohebbi et al., 2023).

    It is the cosine distance of the outputs with and without the values, divided by its sum over the positions.
    """
    found = []
    for layer, keys in zip(decoder.stack, decoder.project_memory(memory), strict=False):
        whole, _, _ = _layer(layer, x, keys)

        def distance(position: jax.Array, layer: DecoderLayer = layer, keys: KeyValue = keys, x=x, whole=whole):
            without, _, _ = _layer(layer, x, keys._replace(v=keys.v.at[:, position].set(0)))
            norms = jnp.linalg.norm(without, axis=-1) * jnp.linalg.norm(whole, axis=-1)
            return 1 - jnp.sum(without * whole, axis=-1) / norms

        turned_SBT = jax.lax.map(distance, jnp.arange(memory.tokens.shape[1]))
        real_BTS = jnp.maximum(jnp.moveaxis(turned_SBT, 0, -1), 0) * memory.mask[:, None]
        found.append(_rows(real_BTS)[:, None])
        x = whole
    return jnp.stack(found)


def _layer(
    layer: DecoderLayer, x: jax.Array, memory: KeyValue, gate: jax.Array | None = None
) -> tuple[Float[Array, "B T D"], Float[Array, "B N T T"], Float[Array, "B N T S"]]:
    """The output of a decoder layer, and its weights of self- and cross-attention; `gate` multiplies the latter."""
    h = layer.norm_self(x)
    attended, own = layer.self_attention(h, h, Mask.causal(), positions=np.arange(x.shape[1]))
    x = x + attended
    cross = layer.cross_attention
    attended, weights = cross.attend(layer.norm_cross(x), memory)
    if gate is not None:
        values_BSNH = jnp.repeat(memory.v, cross.heads // cross.key_heads, axis=-2)
        mixed = jnp.einsum("BNTS,BSNH->BTNH", weights * gate, values_BSNH)
        attended = cast(jax.Array, cross.out(mixed.reshape(*x.shape[:2], -1)))
    x = x + attended
    return x + layer.mlp(layer.norm_mlp(x)), own, weights


def _rows(shares: Float[Array, "*B S"]) -> Float[Array, "*B S"]:
    """Rows divided by their sums; rows of 0 stay."""
    total = shares.sum(axis=-1, keepdims=True)
    return shares / jnp.where(total > 0, total, 1)


def own_attention(decoder: CrossDecoder, x: Float[Array, "B T D"], memory: Memory) -> Float[Array, "layers B N T T"]:
    """The weights of the decoder's causal self-attention."""
    found = []
    for layer, keys in zip(decoder.stack, decoder.project_memory(memory), strict=False):
        x, own, _ = _layer(layer, x, keys)
        found.append(own)
    return jnp.stack(found)
