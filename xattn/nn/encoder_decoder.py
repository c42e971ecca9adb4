"""The encoder-decoder: text in, memory between, text out."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Bool, Float, Int

from xattn.attention import KeyValue
from xattn.nn.decoder import CrossDecoder
from xattn.nn.dropout import DropoutKey, dropout_fns
from xattn.nn.encoders.text import TextEncoder
from xattn.nn.memory import Memory
from xattn.nn.memory_transforms import MemoryTransform

# Dropout sites: the layers are numbered from 0.
EMBEDDING, TRANSFORM = 1_000, 1_001


class EncoderDecoder(nnx.Module):
    """A Transformer for translation (Vaswani et al., 2017), pre-norm and rotary, with one embedding for everything.

    It owns the embedding `[V,D]`, which reads source and target and writes the logits (Press & Wolf, 2017).
    With `compute="bfloat16"` the products of the layers are taken in bfloat16; parameters, the residual stream, norms,
    softmax and logits stay in float32. `aligns` is that of `CrossDecoder`.
    """

    def __init__(
        self,
        *,
        vocabulary: int,
        width: int,
        heads: int,
        layers: int,
        mlp: int,
        memory: str = "full",
        aligns: int | None = None,
        latents: int = 1,
        compute: str = "float32",
        rngs: nnx.Rngs,
    ):
        dtype = jnp.dtype(compute)
        scale = nnx.initializers.normal(width**-0.5)
        self.embedding = nnx.Embed(vocabulary, width, embedding_init=scale, rngs=rngs)
        self.encoder = TextEncoder(width, heads, mlp, layers, dtype=dtype, rngs=rngs)
        self.decoder = CrossDecoder(width, width, heads, mlp, layers, aligns=aligns, dtype=dtype, rngs=rngs)
        self.transform = MemoryTransform(
            memory, latents=latents, width=width, heads=heads, mlp=mlp, dtype=dtype, rngs=rngs
        )

    def encode(
        self, source: Int[Array, "B S"], mask: Bool[Array, "B S"], dropout_key: DropoutKey | None = None
    ) -> Memory:
        """Reads the source; returns the memory that the decoder may look at."""
        dropout_key = dropout_key and dropout_key.fold_in(0)
        x_BSD = self._embed(source, dropout_key)
        return self.transform(self.encoder(x_BSD, mask, dropout_key), dropout_key and dropout_key.fold_in(TRANSFORM))

    def look_source(self, source: Int[Array, "B S"], mask: Bool[Array, "B S"]) -> Float[Array, "L B N S S"]:
        """What the source's pieces look at among themselves, in every layer and head of the encoder."""
        return self.encoder.look(self._embed(source), mask)[1]

    def decode(
        self,
        target: Int[Array, "B T"],
        memory: Memory,
        dropout_key: DropoutKey | None = None,
        hide: Bool[Array, "B T M"] | None = None,
    ) -> tuple[Float[Array, "B T D"], Float[Array, "L B N T M"]]:
        """States of all target positions at once, and the weights of every layer and head; see `CrossDecoder`."""
        dropout_key = dropout_key and dropout_key.fold_in(1)
        x_BTD = self._embed(target, dropout_key)
        return self.decoder(x_BTD, memory, dropout_key, hide)

    def logits(self, states: Float[Array, "*B D"]) -> Float[Array, "*B V"]:
        """Scores of the next piece."""
        return self.embedding.attend(states)

    def __call__(
        self,
        source: Int[Array, "B S"],
        source_mask: Bool[Array, "B S"],
        target: Int[Array, "B T"],
        dropout_key: DropoutKey | None = None,
    ) -> tuple[Float[Array, "B T V"], Float[Array, "L B N T M"]]:
        """Logits of every next target piece given the true ones before it, and all cross-attention weights.

        `M` is the length of the transformed memory: the source's, 1 for its mean, or as many as there are latents.
        """
        states, weights = self.decode(target, self.encode(source, source_mask, dropout_key), dropout_key)
        return self.logits(states), weights

    def stepper(
        self, memory: Memory, width: int, length: int
    ) -> tuple[Callable[[jax.Array, jax.Array, Any], tuple[jax.Array, Any, jax.Array]], Any]:
        """`step(ids_BW, position, state) -> (logits_BWV, state, weights_BWLNS)`, and its first state.

        This is all that decoding knows of a model. The memory is projected once, and shared by the hypotheses.
        """
        projected = self.decoder.project_memory(memory)
        return partial(self.step, memory=projected), self.decoder.start(memory, width, length)

    def step(
        self, ids: Int[Array, "B W"], position: jax.Array, past: tuple[KeyValue, ...], *, memory: tuple[KeyValue, ...]
    ) -> tuple[Float[Array, "B W V"], tuple[KeyValue, ...], Float[Array, "B W L N S"]]:
        """One position of `W` hypotheses a sentence, given the projected memory; see `stepper`."""
        states, weights, past = self.advance(ids, position, past, memory)
        return self.logits(states), past, weights

    def advance(
        self, ids: Int[Array, "B W"], position: jax.Array, past: tuple[KeyValue, ...], memory: tuple[KeyValue, ...]
    ) -> tuple[Float[Array, "B W D"], Float[Array, "B W L N S"], tuple[KeyValue, ...]]:
        """The states that `step` makes logits of, with what was looked at, and the longer past."""
        return self.decoder.step(self._embed(ids), past, position, memory)

    @property
    def width(self) -> int:
        """Width of the residual stream (D)."""
        return self.embedding.features

    def _embed(self, ids: jax.Array, dropout_key: DropoutKey | None = None) -> jax.Array:
        (drop,) = dropout_fns(dropout_key and dropout_key.fold_in(EMBEDDING), (*ids.shape, self.width), 1)
        return drop(self.embedding(ids) * self.width**0.5)
