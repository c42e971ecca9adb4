"""The models of `xattn.tasks.imagetext_match`: words that attend to patches, and two encoders that never meet."""

from dataclasses import replace
from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Bool, Float, Int, UInt8

from xattn.config import ImageTextMatch, Model
from xattn.data.vocabulary import PAD
from xattn.nn.decoder import CrossDecoder
from xattn.nn.dimensions import Dimensions
from xattn.nn.dropout import DropoutKey
from xattn.nn.encoders.patches import PatchEncoder
from xattn.nn.encoders.text import TextEncoder
from xattn.nn.memory import Memory
from xattn.nn.memory_transforms import MemoryTransform


class Scored(NamedTuple):
    """Scores of texts with pictures, and the weights of the first text of each picture."""

    scores: Float[Array, "B K"]
    weights: Float[Array, "L B N T S"]


class Matcher(nnx.Module):
    """Base class: an encoder of patches with its transform, an embedding of words, and scores of texts."""

    def __init__(self, model: Model, settings: ImageTextMatch, vocabulary: int, rngs: nnx.Rngs):
        dims, side = Dimensions.of(model), settings.side
        self.dims = dims
        self.embedding = nnx.Embed(vocabulary, dims.width, embedding_init=nnx.initializers.normal(1.0), rngs=rngs)
        layers = replace(dims, layers=settings.encoder_layers)
        self.encoder = PatchEncoder(side, side, settings.patch, layers, rngs=rngs)
        self.transform = MemoryTransform(model.memory, dims, latents=model.latents, rngs=rngs)

    def encode(
        self, picture: UInt8[Array, "B h w 3"], real: Bool[Array, " B"], dropout_key: DropoutKey | None = None
    ) -> Memory:
        """The memory of the patches, after its transform."""
        memory = self.encoder(picture, real, dropout_key and dropout_key.fold_in(0))
        return self.transform(memory, dropout_key and dropout_key.fold_in(1))

    def score(
        self,
        memory: Memory,
        texts: Int[Array, "B K T"],
        dropout_key: DropoutKey | None = None,
        hide: Bool[Array, "B T M"] | None = None,
    ) -> Scored:
        """How well each of K texts fits the picture of its row."""
        raise NotImplementedError


class CrossMatcher(Matcher):
    """The words of a text attend to each other and to the picture, as in ALBEF (Li et al., 2021).

    The score is read from the mean of all words, so that each counts by what it saw.
    """

    def __init__(self, model: Model, settings: ImageTextMatch, vocabulary: int, rngs: nnx.Rngs):
        super().__init__(model, settings, vocabulary, rngs)
        self.decoder = CrossDecoder(self.dims, rngs=rngs)
        self.fit = nnx.Linear(self.dims.width, 1, rngs=rngs)

    def score(
        self,
        memory: Memory,
        texts: Int[Array, "B K T"],
        dropout_key: DropoutKey | None = None,
        hide: Bool[Array, "B T M"] | None = None,
    ) -> Scored:
        rows, count, length = texts.shape
        # Packed into one target, so that the memory is projected once.
        words = texts.reshape(rows, count * length)
        segments = jnp.where(words == PAD, -1, jnp.repeat(jnp.arange(count), length)[None])
        states, weights = self.decoder(
            self.embedding(words),
            memory,
            dropout_key and dropout_key.fold_in(2),
            None if hide is None else jnp.tile(hide, (1, count, 1)),
            causal=False,
            segments=segments,
        )
        read = Memory(tokens=states.reshape(rows * count, length, -1), mask=(texts != PAD).reshape(-1, length))
        return Scored(self.fit(_mean(read)).reshape(rows, count), weights[..., :length, :])


class DualEncoder(Matcher):
    """CLIP (Radford et al., 2021): a vector for the picture, one for the text, and their cosine, times a learned scale.

    Both vectors are means, of all patches and of all words. So every word weighs every patch alike, and these are its
    weights.
    """

    def __init__(self, model: Model, settings: ImageTextMatch, vocabulary: int, rngs: nnx.Rngs):
        super().__init__(model, settings, vocabulary, rngs)
        width = self.dims.width
        self.reader = TextEncoder(self.dims, rngs=rngs)
        self.of_picture, self.of_text = (nnx.Linear(width, width, use_bias=False, rngs=rngs) for _ in range(2))
        self.scale = nnx.Param(jnp.log(jnp.float32(10.0)))

    def score(
        self,
        memory: Memory,
        texts: Int[Array, "B K T"],
        dropout_key: DropoutKey | None = None,
        hide: Bool[Array, "B T M"] | None = None,
    ) -> Scored:
        shape = (self.dims.layers, len(texts), self.dims.heads, texts.shape[2], memory.mask.shape[1])
        alike = memory.mask / jnp.maximum(memory.mask.sum(axis=1, keepdims=True), 1)
        scores = jnp.einsum("BD,BKD->BK", self.picture(memory), self.text(texts, dropout_key))
        return Scored(scores * jnp.exp(self.scale[...]), jnp.broadcast_to(alike[None, :, None, None], shape))

    def picture(self, memory: Memory) -> Float[Array, "B D"]:
        """The vector of a picture, of length 1; 0 where there is none."""
        return _unit(self.of_picture(_mean(memory)))

    def text(self, texts: Int[Array, "B K T"], dropout_key: DropoutKey | None = None) -> Float[Array, "B K D"]:
        """The vector of a text, of length 1."""
        rows, count, length = texts.shape
        words = texts.reshape(rows * count, length)
        key = dropout_key and replace(dropout_key.fold_in(2), rows=_each(dropout_key.rows, count))
        read = self.reader(self.embedding(words), words != PAD, key)
        return _unit(self.of_text(_mean(read))).reshape(rows, count, -1)


def _each(rows: jax.Array, count: int) -> jax.Array:
    """A number for each text of each row, which no other row has."""
    return (rows[:, None] * count + jnp.arange(count, dtype=rows.dtype)).reshape(-1)


def _mean(memory: Memory) -> Float[Array, "B D"]:
    there = memory.mask[..., None]
    return jnp.where(there, memory.tokens, 0).sum(axis=1) / jnp.maximum(there.sum(axis=1), 1)


def _unit(x: Float[Array, "*B D"]) -> Float[Array, "*B D"]:
    # The small number keeps the gradient of a zero vector finite.
    return x * jax.lax.rsqrt((x**2).sum(axis=-1, keepdims=True) + 1e-12)
