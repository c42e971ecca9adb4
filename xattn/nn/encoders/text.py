"""The encoder of a sequence: self-attention layers over embedded positions, such as sub-word pieces."""

import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Bool, Float

from xattn.attention import Mask
from xattn.nn.dimensions import Dimensions
from xattn.nn.dropout import DropoutKey
from xattn.nn.layers import EncoderLayer
from xattn.nn.memory import Memory


class TextEncoder(nnx.Module):
    """Turns embedded pieces `[B,S,D]` into a memory with one position a piece."""

    def __init__(self, dims: Dimensions, *, rngs: nnx.Rngs):
        self.layers = nnx.List([EncoderLayer(dims, rngs=rngs) for _ in range(dims.layers)])
        self.norm = nnx.LayerNorm(dims.width, rngs=rngs)

    def __call__(
        self, x: Float[Array, "B S D"], mask: Bool[Array, "B S"], dropout_key: DropoutKey | None = None
    ) -> Memory:
        """The memory of `x`; `mask` is False at padding, which is not attended to."""
        return self._encode(x, mask, dropout_key)[0]

    def with_weights(
        self, x: Float[Array, "B S D"], mask: Bool[Array, "B S"], dropout_key: DropoutKey | None = None
    ) -> tuple[Memory, Float[Array, "L B N S S"]]:
        """The memory, and the self-attention weights of every layer and head."""
        memory, weights = self._encode(x, mask, dropout_key)
        return memory, jnp.stack(weights)

    def _encode(self, x: Array, mask: Array, dropout_key: DropoutKey | None) -> tuple[Memory, list[Array]]:
        keys, weights = Mask.keys(mask), []
        for number, layer in enumerate(self.layers):
            x, layer_weights = layer.with_weights(x, keys, dropout_key and dropout_key.fold_in(number))
            weights.append(layer_weights)
        return Memory(tokens=self.norm(x), mask=mask), weights
