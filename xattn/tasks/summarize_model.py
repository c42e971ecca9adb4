"""The encoder-decoder with a copy switch of `xattn.tasks.summarize`."""

from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Bool, Float, Int

from xattn.config import Model
from xattn.data.vocabulary import PAD, UNK
from xattn.decoding import Step
from xattn.nn.copy_switch import CopySwitch
from xattn.nn.dimensions import Dimensions
from xattn.nn.dropout import DropoutKey
from xattn.nn.encoder_decoder import EncoderDecoder
from xattn.nn.memory import Memory

COPY_HEAD = 0
"""The head of the last layer whose attention is copied from; the other heads are free."""


class Summarizer(nnx.Module):
    """An encoder-decoder of words with a copy switch; the strange names of a report have embeddings of their own."""

    def __init__(self, model: Model, known: int, names: int, copy: bool, rngs: nnx.Rngs):
        self.known, self.size, self.copies_memory = known, known + names, model.memory == "full"
        self.words = EncoderDecoder(
            vocabulary=self.size,
            dims=Dimensions.of(model),
            memory=model.memory,
            latents=model.latents,
            rngs=rngs,
        )
        self.switch = CopySwitch(model.width, rngs=rngs) if copy else None

    def __call__(
        self,
        report: Int[Array, "B S"],
        given: Int[Array, "B T"],
        dropout_key: DropoutKey | None = None,
        hide: Bool[Array, "B T M"] | None = None,
    ) -> tuple[Float[Array, "B T E"], Float[Array, "B T"], Float[Array, "L B N T M"], Bool[Array, "B M"]]:
        """Log-probabilities of every next word, their copied share, the attention weights, and the memory mask."""
        memory = self.words.encode(report, report != PAD, dropout_key)
        states, weights = self.words.decode(given, memory, dropout_key, hide)
        said, copied = self.say(states, weights[-1, :, COPY_HEAD], self.at(report, memory))
        return said, copied, weights, memory.mask

    def at(self, report: Int[Array, "B S"], memory: Memory) -> Int[Array, "B M"]:
        """The words at the positions of the memory: those of the report if the memory is full, else UNK."""
        return report if self.copies_memory else jnp.full(memory.mask.shape, UNK)

    def say(
        self, states: Float[Array, "B T D"], weights: Float[Array, "B T M"], words: Int[Array, "B M"]
    ) -> tuple[Float[Array, "B T E"], Float[Array, "B T"]]:
        """Log-probabilities of all words, and the copied share; without copying a strange name has none."""
        logits = self.words.logits(states)[..., : self.known]
        if self.switch is not None:
            return self.switch(states, logits, weights, words, self.size)
        more = ((0, 0), (0, 0), (0, self.size - self.known))
        return jnp.pad(jax.nn.log_softmax(logits), more, constant_values=-jnp.inf), jnp.zeros(states.shape[:2])

    def stepper(self, report: Int[Array, "B S"], length: int) -> tuple[Step, Any]:
        """The step of greedy decoding, one hypothesis a report, and its first state; see `xattn.decoding`."""
        memory = self.words.encode(report, report != PAD)
        projected, words = self.words.decoder.project_memory(memory), self.at(report, memory)

        def step(ids_B1: jax.Array, position: jax.Array, past: Any) -> tuple[jax.Array, Any, tuple[()]]:
            states_B1D, weights_B1LNM, past = self.words.advance(ids_B1, position, past, projected)
            return self.say(states_B1D, weights_B1LNM[:, :, -1, COPY_HEAD], words)[0], past, ()

        return step, self.words.decoder.start(memory, 1, length)
