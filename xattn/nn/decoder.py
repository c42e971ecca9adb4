"""The decoder: self-attention over the target, causal or not, and cross-attention to a memory."""

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Bool, Float

from xattn.attention import KeyValue, Mask
from xattn.nn.alignment_layer import AlignmentLayer
from xattn.nn.dimensions import Dimensions
from xattn.nn.dropout import DropoutKey
from xattn.nn.layers import DecoderLayer
from xattn.nn.memory import Memory


class CrossDecoder(nnx.Module):
    """A stack of layers with self-attention and cross-attention to one memory.

    Args:
        dims: Sizes of the layers.
        memory_width: Width of the memory (M); that of the decoder by default.
        aligns: The number of a layer, counted from 0, whose output an alignment layer reads. The weights of the
            alignment layer come last, and nothing else depends on it.
        tied: Whether one layer is applied again and again, as hops (Sukhbaatar et al., 2015; Dehghani et al., 2019).
        rngs: The source of initial parameters.
    """

    def __init__(
        self,
        dims: Dimensions,
        *,
        memory_width: int | None = None,
        aligns: int | None = None,
        tied: bool = False,
        rngs: nnx.Rngs,
    ):
        memory_width = memory_width or dims.width
        self.depth = dims.layers
        self.layers = nnx.List([DecoderLayer(dims, memory_width, rngs=rngs) for _ in range(1 if tied else dims.layers)])
        self.norm = nnx.LayerNorm(dims.width, rngs=rngs)
        self.aligns = aligns
        self.alignment = None if aligns is None else AlignmentLayer(dims, memory_width, rngs=rngs)

    @property
    def stack(self) -> list[DecoderLayer]:
        """The layers in the order of application; tied layers are one object, repeated."""
        return [self.layers[number % len(self.layers)] for number in range(self.depth)]

    def project_memory(self, memory: Memory) -> tuple[KeyValue, ...]:
        """Keys and values of the memory for every layer, to be computed once a sentence."""
        seen = Mask.keys(memory.mask)
        projected = [layer.cross_attention.project_memory(memory.tokens, seen) for layer in self.stack]
        return (*projected, *([] if self.alignment is None else [self.alignment.project_memory(memory.tokens, seen)]))

    def __call__(
        self,
        x: Float[Array, "B T D"],
        memory: Memory,
        dropout_key: DropoutKey | None = None,
        hide: Bool[Array, "B T S"] | None = None,
        *,
        causal: bool = True,
        real: Bool[Array, "B T"] | None = None,
    ) -> tuple[Float[Array, "B T D"], Float[Array, "L B N T S"]]:
        """States of all target positions (teacher forcing), and the cross-attention weights of every layer and head.

        Padding stands at the end of a target, so the causal mask hides it from all earlier positions. Without
        `causal`, `real` must say which positions are not padding. `hide` is True where no layer may attend from a
        target position to a memory position: the knock-out test.
        """
        mask = Mask.causal() if causal else Mask()
        if real is not None:
            mask &= Mask.keys(real)
        weights, states, projected = [], [], self.project_memory(memory)
        if hide is not None:
            hidden = Mask.dense(~hide[:, None])
            projected = tuple(keys._replace(mask=keys.mask & hidden) for keys in projected)
        for number, layer in enumerate(self.stack):
            x, layer_weights = layer(x, projected[number], mask, dropout_key and dropout_key.fold_in(number))
            weights.append(layer_weights)
            states.append(x)
        return self.norm(x), jnp.stack([*weights, *self._align(states, projected)])

    def contributions(
        self, memory: Memory, weights: Float[Array, "L B N T S"], *, together: bool
    ) -> Float[Array, "layers B n T S"]:
        """Norms of what each memory position adds to the residual stream in every layer.

        See `CrossAttention.contributions`. An alignment layer adds nothing and is left out.
        """
        layers = self.depth
        stack = zip(self.stack, self.project_memory(memory)[:layers], weights[:layers], strict=True)
        return jnp.stack([layer.cross_attention.contributions(kv, w, together=together) for layer, kv, w in stack])

    def start(self, memory: Memory, width: int, length: int) -> tuple[KeyValue, ...]:
        """The empty cache of `width` hypotheses a sentence: keys and values `[B,W,length,N,H]` of every layer."""
        shape = (memory.tokens.shape[0], width, length, memory.tokens.shape[-1])
        empty = jnp.zeros(shape, memory.tokens.dtype)
        return tuple(layer.self_attention.project_memory(empty) for layer in self.stack)

    def step(
        self, x: Float[Array, "B W D"], past: tuple[KeyValue, ...], position: jax.Array, memory: tuple[KeyValue, ...]
    ) -> tuple[Float[Array, "B W D"], Float[Array, "B W L N S"], tuple[KeyValue, ...]]:
        """States at the next target position, the cross-attention weights, and the longer cache.

        `past` is the cache that `start` began, `memory` the result of `project_memory`.
        """
        weights, states, new = [], [], []
        for layer, layer_past, keys in zip(self.stack, past, memory[: len(past)], strict=True):
            x, layer_weights, layer_past = layer.step(x, layer_past, position, keys)
            weights.append(layer_weights)
            states.append(x)
            new.append(layer_past)
        weights = jnp.stack([*weights, *self._align(states, memory)])
        return self.norm(x), jnp.einsum("LBNWS->BWLNS", weights), tuple(new)

    def _align(self, states: list[jax.Array], memory: tuple[KeyValue, ...]) -> list[jax.Array]:
        """The weights of the alignment layer, if there is one, from the outputs of all layers."""
        if self.alignment is None or self.aligns is None:
            return []
        return [self.alignment(states[self.aligns], memory[-1])]
