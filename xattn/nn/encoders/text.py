"""The encoder of words: embedded sub-word pieces through self-attention layers."""

import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Bool, Float

from xattn.attention import Mask
from xattn.nn.dropout import DropoutKey
from xattn.nn.layers import EncoderLayer
from xattn.nn.memory import Memory


class TextEncoder(nnx.Module):
    """Turns embedded pieces into a memory of words."""

    def __init__(
        self, width: int, heads: int, mlp: int, layers: int, *, dtype: jnp.dtype | None = None, rngs: nnx.Rngs
    ):
        self.layers = nnx.List([EncoderLayer(width, heads, mlp, dtype=dtype, rngs=rngs) for _ in range(layers)])
        self.norm = nnx.LayerNorm(width, rngs=rngs)

    def __call__(
        self, x: Float[Array, "B S D"], mask: Bool[Array, "B S"], dropout_key: DropoutKey | None = None
    ) -> Memory:
        return self._read(x, mask, dropout_key)[0]

    def look(
        self, x: Float[Array, "B S D"], mask: Bool[Array, "B S"], dropout_key: DropoutKey | None = None
    ) -> tuple[Memory, Float[Array, "L B N S S"]]:
        """The memory, and what every piece looked at in every layer and head."""
        memory, weights = self._read(x, mask, dropout_key)
        return memory, jnp.stack(weights)

    def _read(self, x: Array, mask: Array, dropout_key: DropoutKey | None) -> tuple[Memory, list[Array]]:
        keys, weights = Mask.keys(mask), []
        for number, layer in enumerate(self.layers):
            x, layer_weights = layer.look(x, keys, dropout_key and dropout_key.fold_in(number))
            weights.append(layer_weights)
        return Memory(tokens=self.norm(x), mask=mask, layout="words"), weights
