"""The encoder of slots: each slot holds a few words, such as a key with its value, or the words of a sentence."""

from flax import nnx
from jaxtyping import Array, Bool, Float

from xattn.nn.dimensions import Dimensions
from xattn.nn.dropout import DropoutKey
from xattn.nn.encoders.text import TextEncoder
from xattn.nn.memory import Memory


class SlotEncoder(nnx.Module):
    """Turns embedded words `[B,S,W,D]` into a memory with one position a slot, then applies self-attention layers.

    A slot's vector is the sum of its words, each multiplied by a learned vector of the word's place in the slot, plus
    a learned vector of the slot's own place (Sukhbaatar et al., 2015, section 4.1, where both are fixed).

    Args:
        slots: The most slots that an example may have (S).
        words: Words of a slot (W).
        dims: Sizes of the self-attention layers.
        rngs: The source of initial parameters.
    """

    def __init__(self, slots: int, words: int, dims: Dimensions, *, rngs: nnx.Rngs):
        # Places of words differ from the start, and places of slots begin as large as the words' part of the sum.
        normal = nnx.initializers.normal(1.0)
        self.places = nnx.Param(normal(rngs.params(), (words, dims.width)))
        self.slots = nnx.Param(normal(rngs.params(), (slots, dims.width)))
        self.layers = TextEncoder(dims, rngs=rngs)

    def __call__(
        self, words: Float[Array, "B S W D"], mask: Bool[Array, "B S W"], dropout_key: DropoutKey | None = None
    ) -> Memory:
        """The memory of the slots; `mask` is False where a slot holds no word. A slot without words is masked."""
        placed = words * self.places[...][None, None] * mask[..., None]
        x_BSD = placed.sum(axis=2) + self.slots[...][None, : words.shape[1]]
        return self.layers(x_BSD, mask.any(axis=-1), dropout_key)
