"""The encoder-decoder that listens: a memory of frames, and a writer of words or characters."""

from dataclasses import replace
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Bool, Float, Int

from xattn.config import Model
from xattn.decoding import Step
from xattn.nn.decoder import CrossDecoder
from xattn.nn.dimensions import Dimensions
from xattn.nn.dropout import DropoutKey, dropout_fns
from xattn.nn.encoders.frames import FrameEncoder
from xattn.nn.log_mel import normalized
from xattn.nn.memory import Memory
from xattn.nn.memory_transforms import MemoryTransform
from xattn.nn.spec_augment import spec_augment

HIDDEN = (8, 40)
"""The most bands, and the most frames, of a run that is hidden in training."""


class Heard(NamedTuple):
    """What the encoder leaves."""

    memory: Memory
    """The memory of the decoder, after its transform."""
    spelled: Float[Array, "B S V"]
    """Log-probabilities of a token, or of the blank, at every position of the sound: the output of CTC."""
    real: Bool[Array, "B S"]
    """The positions that are no padding."""


class Listener(nnx.Module):
    """Frames become a memory; a decoder attends to it and writes tokens; CTC spells the memory itself.

    The encoder has `encoder_layers` self-attention layers, and the decoder as many as the model says. In training,
    `masks` runs of bands and as many of moments are hidden.
    """

    def __init__(self, model: Model, encoder_layers: int, bands: int, vocabulary: int, rngs: nnx.Rngs, masks: int = 0):
        self.masks = masks
        dims = Dimensions.of(model)
        scale = nnx.initializers.normal(dims.width**-0.5)
        self.embedding = nnx.Embed(vocabulary, dims.width, embedding_init=scale, rngs=rngs)
        self.encoder = FrameEncoder(bands, replace(dims, layers=encoder_layers), rngs=rngs)
        self.spelling = nnx.Linear(dims.width, vocabulary, rngs=rngs)
        self.transform = MemoryTransform(model.memory, dims, latents=model.latents, rngs=rngs)
        self.decoder = CrossDecoder(dims, rngs=rngs)

    def listen(
        self, frames: Float[Array, "B K C"], real: Bool[Array, "B K"], dropout_key: DropoutKey | None = None
    ) -> Heard:
        """The memory of frames, each band with mean 0 and variance 1 over the real ones."""
        key, (bands, moments) = dropout_key and dropout_key.fold_in(4), HIDDEN
        heard = spec_augment(normalized(frames, real), key, masks=self.masks, bands=bands, moments=moments)
        memory = self.encoder(heard, real, dropout_key and dropout_key.fold_in(0))
        spelled = jax.nn.log_softmax(self.spelling(memory.tokens))
        return Heard(self.transform(memory, dropout_key and dropout_key.fold_in(1)), spelled, memory.mask)

    def write(
        self,
        memory: Memory,
        given: Int[Array, "B T"],
        dropout_key: DropoutKey | None = None,
        hide: Bool[Array, "B T M"] | None = None,
    ) -> tuple[Float[Array, "B T V"], Float[Array, "L B N T M"]]:
        """Log-probabilities of every next token, given those before it, and the attention weights."""
        x_BTD = self._embed(given)
        (drop,) = dropout_fns(dropout_key and dropout_key.fold_in(2), x_BTD.shape, 1)
        states, weights = self.decoder(drop(x_BTD), memory, dropout_key and dropout_key.fold_in(3), hide)
        return jax.nn.log_softmax(self.embedding.attend(states)), weights

    def stepper(self, memory: Memory, length: int) -> tuple[Step, Any]:
        """The step of greedy decoding, one hypothesis a sound, and its first state; see `xattn.decoding`."""
        projected = self.decoder.project_memory(memory)

        def step(ids_B1: jax.Array, position: jax.Array, past: Any) -> tuple[jax.Array, Any, tuple[()]]:
            states_B1D, _, past = self.decoder.step(self._embed(ids_B1), past, position, projected)
            return jax.nn.log_softmax(self.embedding.attend(states_B1D)), past, ()

        return step, self.decoder.start(memory, 1, length)

    def _embed(self, tokens: Int[Array, "B T"]) -> Float[Array, "B T D"]:
        return self.embedding(tokens) * self.embedding.features**0.5


def best_path(heard: Heard, length: int, blank: int, end: int) -> Int[Array, "B T"]:
    """The likeliest path of CTC as tokens: repeats merged, blanks left out, then `end`; at most `length` in all.

    All after the end are blanks (Graves et al., 2006, section 3.2).
    """
    path_BS = jnp.where(heard.real, heard.spelled.argmax(axis=-1), blank)
    before_BS = jnp.pad(path_BS, ((0, 0), (1, 0)), constant_values=blank)[:, :-1]
    new_BS = (path_BS != before_BS) & (path_BS != blank)
    places_BS = jnp.where(new_BS, jnp.cumsum(new_BS, axis=1) - 1, length)  # those past the end are dropped
    rows_B1 = jnp.arange(len(path_BS))[:, None]
    written = jnp.full((len(path_BS), length), blank).at[rows_B1, places_BS].set(path_BS, mode="drop")
    return written.at[rows_B1[:, 0], new_BS.sum(axis=1)].set(end, mode="drop")
