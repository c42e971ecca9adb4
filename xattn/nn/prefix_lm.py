"""A prefix language model: one stack of self-attention over source and target, to compare cross-attention with."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Bool, Float, Int

from xattn.attention import KeyValue, Mask
from xattn.nn.dimensions import Dimensions
from xattn.nn.dropout import DropoutKey, dropout_fns
from xattn.nn.layers import EncoderLayer
from xattn.nn.writer import EMBEDDING


class PrefixModel(nnx.Module):
    """A prefix language model (Raffel et al., 2020, section 3.2.1).

    Source positions attend to the whole source; target positions attend to the source and to earlier target positions.
    Rotary positions are numbered through, target after source, and a learned vector marks which of the two a position
    belongs to. One embedding reads and writes, as in `EncoderDecoder`.
    """

    def __init__(self, *, vocabulary: int, dims: Dimensions, rngs: nnx.Rngs):
        width = dims.width
        self.embedding = nnx.Embed(vocabulary, width, embedding_init=nnx.initializers.normal(width**-0.5), rngs=rngs)
        self.sides = nnx.Param(nnx.initializers.normal(1.0)(rngs.params(), (2, width)))
        self.layers = nnx.List([EncoderLayer(dims, rngs=rngs) for _ in range(dims.layers)])
        self.norm = nnx.LayerNorm(width, rngs=rngs)

    def __call__(
        self,
        source: Int[Array, "B S"],
        source_mask: Bool[Array, "B S"],
        target: Int[Array, "B T"],
        dropout_key: DropoutKey | None = None,
        hide: Bool[Array, "B T S"] | None = None,
    ) -> tuple[Float[Array, "B T V"], Float[Array, "L B N T S"], Float[Array, "L B N T T"]]:
        """Logits of the word after each target position, and its weights over the source and over the target.

        The two weights of a position sum to 1 together. `hide` is True where a target position may not attend to a
        source position.
        """
        length, behind = source.shape[1], target.shape[1]
        x = jnp.concatenate([self._embed(source, 0), self._embed(target, 1)], axis=1)
        (drop,) = dropout_fns(dropout_key and dropout_key.fold_in(EMBEDDING), x.shape, 1)
        # All source positions share place 0, so that the causal mask lets them attend to each other.
        places = np.concatenate([np.zeros(length, np.int32), np.arange(1, behind + 1, dtype=np.int32)])
        seen = Mask.causal(queries=places, keys=places)
        seen &= Mask.keys(jnp.pad(source_mask, ((0, 0), (0, behind)), constant_values=True))
        if hide is not None:
            seen &= Mask.dense(~jnp.pad(hide, ((0, 0), (length, 0), (0, behind)))[:, None])
        x, weights = drop(x), []
        for number, layer in enumerate(self.layers):
            x, layer_weights = layer.with_weights(x, seen, dropout_key and dropout_key.fold_in(number))
            weights.append(layer_weights[:, :, length:])
        weights = jnp.stack(weights)
        return self.logits(x[:, length:]), weights[..., :length], weights[..., length:]

    def start(self, source: Int[Array, "B S"], source_mask: Bool[Array, "B S"], length: int) -> tuple[KeyValue, ...]:
        """The cache of every layer: keys and values `[B,1,S+length,N,H]` of the source, with room for the target."""
        x, keys, past = self._embed(source, 0), Mask.keys(source_mask), []
        for layer in self.layers:
            projected = layer.self_attention.project_memory(layer.norm_self(x), positions=np.arange(source.shape[1]))
            room = ((0, 0), (0, 0), (0, length), (0, 0), (0, 0))
            k, v = (jnp.pad(array[:, None], room) for array in (projected.k, projected.v))
            past.append(KeyValue(k, v, Mask()))
            x = layer(x, keys, None)
        return tuple(past)

    def step(
        self,
        ids: Int[Array, "B W"],
        position: Int[Array, ""],
        past: tuple[KeyValue, ...],
        *,
        source_mask: Bool[Array, "B S"],
    ) -> tuple[Float[Array, "B W V"], tuple[KeyValue, ...], Any]:
        """Logits at one target position, the longer cache that `start` began, and no record; see `xattn.decoding`."""
        x, new = self._embed(ids, 1), []
        total, length = past[0].k.shape[2], source_mask.shape[1]
        keys = Mask.keys(jnp.pad(source_mask, ((0, 0), (0, total - length)), constant_values=True)[:, None])
        for layer, layer_past in zip(self.layers, past, strict=True):
            x, _, layer_past = layer.step(x, layer_past._replace(mask=keys), length + position)
            new.append(layer_past._replace(mask=Mask()))
        return self.logits(x), tuple(new), ()

    def logits(self, states: Float[Array, "*B D"]) -> Float[Array, "*B V"]:
        """Logits of the next word."""
        return self.embedding.attend(self.norm(states))

    def _embed(self, ids: Int[Array, "B T"], side: int) -> Float[Array, "B T D"]:
        return self.embedding(ids) * self.embedding.features**0.5 + self.sides[...][side][None, None]
