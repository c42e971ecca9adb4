"""The encoder of slots: each holds a few words, such as a key with its value, or the words of a sentence."""

from dataclasses import replace

import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Bool, Float

from xattn.nn.dropout import DropoutKey
from xattn.nn.encoders.text import TextEncoder
from xattn.nn.memory import Memory


class SlotEncoder(nnx.Module):
    """Turns embedded words into a memory with one position a slot.

    A slot is the sum of its words, each multiplied by a vector of its place in the slot, and of a vector of the
    slot's own place (Sukhbaatar et al., 2015, section 4.1, with learned vectors); then self-attention layers.
    """

    def __init__(
        self,
        slots: int,
        words: int,
        width: int,
        heads: int,
        mlp: int,
        layers: int,
        *,
        dtype: jnp.dtype | None = None,
        rngs: nnx.Rngs,
    ):
        # Words differ by their place from the start; places of slots begin as large as what a word brings.
        normal = nnx.initializers.normal(1.0)
        self.places = nnx.Param(normal(rngs.params(), (words, width)))
        self.slots = nnx.Param(normal(rngs.params(), (slots, width)))
        self.layers = TextEncoder(width, heads, mlp, layers, dtype=dtype, rngs=rngs)

    def __call__(
        self, words: Float[Array, "B S W D"], mask: Bool[Array, "B S W"], dropout_key: DropoutKey | None = None
    ) -> Memory:
        """`mask` is False for the places of a slot that hold no word; a slot without words is not seen."""
        placed = words * self.places[...][None, None] * mask[..., None]
        x_BSD = placed.sum(axis=2) + self.slots[...][None, : words.shape[1]]
        return replace(self.layers(x_BSD, mask.any(axis=-1), dropout_key), layout="slots")
