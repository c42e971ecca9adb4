"""The writing half of a model: an embedding of words, and a decoder over a memory of any origin."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
from flax import nnx
from jaxtyping import Array, Bool, Float, Int

from xattn.attention import KeyValue
from xattn.nn.decoder import CrossDecoder
from xattn.nn.dropout import DropoutKey, dropout_fns
from xattn.nn.memory import Memory

EMBEDDING = 1_000
"""The dropout site of the embedding; layers are numbered from 0."""


class Writer(nnx.Module):
    """Base class of models that write words, or pieces of words, about a memory.

    A subclass makes the `embedding` `[V,D]`, which reads the words and writes their logits (Press & Wolf, 2017), and
    the `decoder`; and whatever leaves the memory.
    """

    embedding: nnx.Embed
    decoder: CrossDecoder

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

    def logits(self, states: Float[Array, "*B D"]) -> Float[Array, "*B V"]:
        """Logits of the next piece."""
        return self.embedding.attend(states)

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
