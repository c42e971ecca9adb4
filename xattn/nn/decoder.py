"""The decoder: self-attention to its own past, cross-attention to a memory."""

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Bool, Float

from xattn.attention import KeyValue, Mask
from xattn.nn.layers import DecoderLayer, Noise
from xattn.nn.memory import Memory


class CrossDecoder(nnx.Module):
    """A stack of layers that read a memory while they write."""

    def __init__(
        self,
        width: int,
        memory_width: int,
        heads: int,
        mlp: int,
        layers: int,
        *,
        dtype: jnp.dtype | None = None,
        rngs: nnx.Rngs,
    ):
        self.layers = nnx.List(
            [DecoderLayer(width, memory_width, heads, mlp, dtype=dtype, rngs=rngs) for _ in range(layers)]
        )
        self.norm = nnx.LayerNorm(width, rngs=rngs)

    def project_memory(self, memory: Memory) -> tuple[KeyValue, ...]:
        """The memory as every layer will look at it: keys and values, computed once a sentence."""
        seen = Mask.keys(memory.mask)
        return tuple(layer.cross_attention.project_memory(memory.tokens, seen) for layer in self.layers)

    def __call__(
        self,
        x: Float[Array, "B T D"],
        memory: Memory,
        noise: Noise | None = None,
        hide: Bool[Array, "B T S"] | None = None,
    ) -> tuple[Float[Array, "B T D"], Float[Array, "L B N T S"]]:
        """All target positions at once (teacher forcing): states, and the weights of every layer and head.

        Padding stands at the end of a target, where no earlier position can see it: the causal mask is enough. What
        `hide` names, no layer may look at: the knock-out test.
        """
        weights = []
        for number, (layer, keys) in enumerate(zip(self.layers, self.project_memory(memory), strict=True)):
            if hide is not None:
                keys = keys._replace(mask=keys.mask & Mask.dense(~hide[:, None]))
            x, layer_weights = layer(x, keys, Mask.causal(), noise and noise.at(number))
            weights.append(layer_weights)
        return self.norm(x), jnp.stack(weights)

    def contributions(
        self, memory: Memory, weights: Float[Array, "L B N T S"], *, together: bool
    ) -> Float[Array, "L B n T S"]:
        """Norms of what each memory position adds to the residual stream in every layer; see `CrossAttention`."""
        each = zip(self.layers, self.project_memory(memory), weights, strict=True)
        return jnp.stack([layer.cross_attention.contributions(kv, w, together=together) for layer, kv, w in each])

    def start(self, memory: Memory, width: int, length: int) -> tuple[KeyValue, ...]:
        """The empty past of `width` hypotheses a sentence: keys and values `[B,W,length,N,H]` of every layer."""
        shape = (memory.tokens.shape[0], width, length, memory.tokens.shape[-1])
        empty = jnp.zeros(shape, memory.tokens.dtype)
        return tuple(layer.self_attention.project_memory(empty) for layer in self.layers)

    def step(
        self, x: Float[Array, "B W D"], past: tuple[KeyValue, ...], position: jax.Array, memory: tuple[KeyValue, ...]
    ) -> tuple[Float[Array, "B W D"], Float[Array, "B W L N S"], tuple[KeyValue, ...]]:
        """The next target position, from the cached past."""
        weights, new = [], []
        for layer, layer_past, keys in zip(self.layers, past, memory, strict=True):
            x, layer_weights, layer_past = layer.step(x, layer_past, position, keys)
            weights.append(layer_weights)
            new.append(layer_past)
        return self.norm(x), jnp.einsum("LBNWS->BWLNS", jnp.stack(weights)), tuple(new)
