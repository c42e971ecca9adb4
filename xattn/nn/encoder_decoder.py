"""The encoder-decoder: source pieces through an encoder into a memory, and a decoder that writes target pieces."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
from flax import nnx
from jaxtyping import Array, Bool, Float, Int

from xattn.attention import KeyValue
from xattn.nn import attributions
from xattn.nn.decoder import CrossDecoder
from xattn.nn.dimensions import Dimensions
from xattn.nn.dropout import DropoutKey, dropout_fns
from xattn.nn.encoders.text import TextEncoder
from xattn.nn.memory import Memory
from xattn.nn.memory_transforms import MemoryTransform

# Dropout sites: the layers are numbered from 0.
EMBEDDING, TRANSFORM = 1_000, 1_001


class EncoderDecoder(nnx.Module):
    """A Transformer for translation (Vaswani et al., 2017): pre-norm, with rotary positions and one embedding.

    The embedding `[V,D]` reads source and target and writes the logits (Press & Wolf, 2017). With a `dims.dtype` of
    bfloat16 the products of the layers are taken in bfloat16; parameters, the residual stream, norms, softmax and
    logits stay in float32.

    Args:
        vocabulary: Pieces of source and target together (V).
        dims: Sizes of the encoder, and of the decoder.
        memory: The transform of the memory; see `MemoryTransform`.
        latents: How many latents a memory of "latents" has.
        aligns: The layer that an alignment layer reads; see `CrossDecoder`.
        rngs: The source of initial parameters.
    """

    def __init__(
        self,
        *,
        vocabulary: int,
        dims: Dimensions,
        memory: str = "full",
        aligns: int | None = None,
        latents: int = 1,
        rngs: nnx.Rngs,
    ):
        scale = nnx.initializers.normal(dims.width**-0.5)
        self.embedding = nnx.Embed(vocabulary, dims.width, embedding_init=scale, rngs=rngs)
        self.encoder = TextEncoder(dims, rngs=rngs)
        self.decoder = CrossDecoder(dims, aligns=aligns, rngs=rngs)
        self.transform = MemoryTransform(memory, dims, latents=latents, rngs=rngs)

    def encode(
        self, source: Int[Array, "B S"], mask: Bool[Array, "B S"], dropout_key: DropoutKey | None = None
    ) -> Memory:
        """The memory of a source, after its transform; `mask` is False at padding."""
        dropout_key = dropout_key and dropout_key.fold_in(0)
        x_BSD = self._embed(source, dropout_key)
        return self.transform(self.encoder(x_BSD, mask, dropout_key), dropout_key and dropout_key.fold_in(TRANSFORM))

    def source_attention(self, source: Int[Array, "B S"], mask: Bool[Array, "B S"]) -> Float[Array, "L B N S S"]:
        """The self-attention weights of every layer and head of the encoder."""
        return self.encoder.with_weights(self._embed(source), mask)[1]

    def decode(
        self,
        target: Int[Array, "B T"],
        memory: Memory,
        dropout_key: DropoutKey | None = None,
        hide: Bool[Array, "B T M"] | None = None,
    ) -> tuple[Float[Array, "B T D"], Float[Array, "L B N T M"]]:
        """States of all target positions, and the cross-attention weights of every layer and head; see `CrossDecoder`.

        `target` is the decoder's input: BOS, then the pieces before each position.
        """
        dropout_key = dropout_key and dropout_key.fold_in(1)
        x_BTD = self._embed(target, dropout_key)
        return self.decoder(x_BTD, memory, dropout_key, hide)

    def attribute(
        self,
        kind: str,
        source: Int[Array, "B S"],
        mask: Bool[Array, "B S"],
        target: Int[Array, "B T"],
        after: Int[Array, "B T"],
    ) -> Float[Array, "L B n T M"]:
        """Attributions of each decoder step to the source positions: "rollout", "gradients" or "value-zeroing".

        See `xattn.nn.attributions`. `after` is the piece that each step produces. "decoder" is no attribution but the
        decoder's self-attention [L, B, N, T, T].
        """
        x = self._embed(target)
        memory, weights = self.encoder.with_weights(self._embed(source), mask)
        if kind == "rollout":
            return attributions.rollout(weights, self.decoder, x, memory)
        if kind == "gradients":
            return attributions.weighted_gradients(self.decoder, x, memory, self.embedding.embedding[...][after])
        if kind == "value-zeroing":
            return attributions.value_zeroing(self.decoder, x, memory)
        return attributions.own_attention(self.decoder, x, memory)

    def logits(self, states: Float[Array, "*B D"]) -> Float[Array, "*B V"]:
        """Logits of the next piece."""
        return self.embedding.attend(states)

    def __call__(
        self,
        source: Int[Array, "B S"],
        source_mask: Bool[Array, "B S"],
        target: Int[Array, "B T"],
        dropout_key: DropoutKey | None = None,
    ) -> tuple[Float[Array, "B T V"], Float[Array, "L B N T M"]]:
        """Logits of the piece after each target position, and the cross-attention weights of every layer and head.

        M is the length of the transformed memory: that of the source, 1 for its mean, or the number of latents.
        """
        states, weights = self.decode(target, self.encode(source, source_mask, dropout_key), dropout_key)
        return self.logits(states), weights

    def stepper(
        self, memory: Memory, width: int, length: int
    ) -> tuple[Callable[[jax.Array, jax.Array, Any], tuple[jax.Array, Any, jax.Array]], Any]:
        """`step(ids_BW, position, state) -> (logits_BWV, state, weights_BWLNS)`, and its first state.

        This pair is the whole interface between a model and `xattn.decoding`. The memory is projected once and shared
        by the `width` hypotheses of a sentence; the state has room for `length` pieces.
        """
        projected = self.decoder.project_memory(memory)
        return partial(self.step, memory=projected), self.decoder.start(memory, width, length)

    def step(
        self, ids: Int[Array, "B W"], position: jax.Array, past: tuple[KeyValue, ...], *, memory: tuple[KeyValue, ...]
    ) -> tuple[Float[Array, "B W V"], tuple[KeyValue, ...], Float[Array, "B W L N S"]]:
        """Logits at one position of `W` hypotheses a sentence, the longer cache, and the weights; see `stepper`."""
        states, weights, past = self.advance(ids, position, past, memory)
        return self.logits(states), past, weights

    def advance(
        self, ids: Int[Array, "B W"], position: jax.Array, past: tuple[KeyValue, ...], memory: tuple[KeyValue, ...]
    ) -> tuple[Float[Array, "B W D"], Float[Array, "B W L N S"], tuple[KeyValue, ...]]:
        """The states behind the logits of `step`, the cross-attention weights, and the longer cache."""
        return self.decoder.step(self._embed(ids), past, position, memory)

    @property
    def width(self) -> int:
        """Width of the residual stream (D)."""
        return self.embedding.features

    def _embed(self, ids: jax.Array, dropout_key: DropoutKey | None = None) -> jax.Array:
        (drop,) = dropout_fns(dropout_key and dropout_key.fold_in(EMBEDDING), (*ids.shape, self.width), 1)
        return drop(self.embedding(ids) * self.width**0.5)
