"""One stack of self-attention over source and target together: what cross-attention is compared with."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Bool, Float, Int

from xattn.attention import KeyValue, Mask
from xattn.nn.dropout import DropoutKey, dropout_fns
from xattn.nn.encoder_decoder import EMBEDDING
from xattn.nn.layers import EncoderLayer


class PrefixModel(nnx.Module):
    """A prefix language model (Raffel et al., 2020, section 3.2.1): the source is seen whole, the target as it comes.

    Source positions see the source; target positions see the source and their own past. Both have rotary positions,
    counted through, and a vector that says which of the two they are. One embedding reads and writes, as in
    `EncoderDecoder`.
    """

    def __init__(
        self,
        *,
        vocabulary: int,
        width: int,
        heads: int,
        layers: int,
        mlp: int,
        compute: str = "float32",
        rngs: nnx.Rngs,
    ):
        dtype = jnp.dtype(compute)
        self.embedding = nnx.Embed(vocabulary, width, embedding_init=nnx.initializers.normal(width**-0.5), rngs=rngs)
        self.sides = nnx.Param(nnx.initializers.normal(1.0)(rngs.params(), (2, width)))
        self.layers = nnx.List([EncoderLayer(width, heads, mlp, dtype=dtype, rngs=rngs) for _ in range(layers)])
        self.norm = nnx.LayerNorm(width, rngs=rngs)

    def __call__(
        self,
        source: Int[Array, "B S"],
        source_mask: Bool[Array, "B S"],
        target: Int[Array, "B T"],
        dropout_key: DropoutKey | None = None,
        hide: Bool[Array, "B T S"] | None = None,
    ) -> tuple[Float[Array, "B T V"], Float[Array, "L B N T S"], Float[Array, "L B N T T"]]:
        """Logits of every next target word, and what each position looked at: in the source, and in its own past.

        The weights of a row sum to 1 over both. What `hide` names, no target position may look at.
        """
        length, behind = source.shape[1], target.shape[1]
        x = jnp.concatenate([self._embed(source, 0), self._embed(target, 1)], axis=1)
        (drop,) = dropout_fns(dropout_key and dropout_key.fold_in(EMBEDDING), x.shape, 1)
        # The source stands at one place, so that it is no past of itself.
        places = np.concatenate([np.zeros(length, np.int32), np.arange(1, behind + 1, dtype=np.int32)])
        seen = Mask.causal(queries=places, keys=places)
        seen &= Mask.keys(jnp.pad(source_mask, ((0, 0), (0, behind)), constant_values=True))
        if hide is not None:
            seen &= Mask.dense(~jnp.pad(hide, ((0, 0), (length, 0), (0, behind)))[:, None])
        x, weights = drop(x), []
        for number, layer in enumerate(self.layers):
            x, layer_weights = layer.look(x, seen, dropout_key and dropout_key.fold_in(number))
            weights.append(layer_weights[:, :, length:])
        weights = jnp.stack(weights)
        return self.logits(x[:, length:]), weights[..., :length], weights[..., length:]

    def start(self, source: Int[Array, "B S"], source_mask: Bool[Array, "B S"], length: int) -> tuple[KeyValue, ...]:
        """Keys and values `[B,1,S+length,N,H]` of every layer: the source's, and room for so many target words."""
        x, keys, past = self._embed(source, 0), Mask.keys(source_mask), []
        for layer in self.layers:
            projected = layer.self_attention.project_memory(layer.norm_self(x), positions=np.arange(source.shape[1]))
            room = ((0, 0), (0, 0), (0, length), (0, 0), (0, 0))
            k, v = (jnp.pad(each[:, None], room) for each in (projected.k, projected.v))
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
        """One target position, given the cache that `start` began; see `xattn.decoding`."""
        x, new = self._embed(ids, 1), []
        total, length = past[0].k.shape[2], source_mask.shape[1]
        keys = Mask.keys(jnp.pad(source_mask, ((0, 0), (0, total - length)), constant_values=True)[:, None])
        for layer, layer_past in zip(self.layers, past, strict=True):
            x, _, layer_past = layer.step(x, layer_past._replace(mask=keys), length + position)
            new.append(layer_past._replace(mask=Mask()))
        return self.logits(x), tuple(new), ()

    def logits(self, states: Float[Array, "*B D"]) -> Float[Array, "*B V"]:
        """Scores of the next word."""
        return self.embedding.attend(self.norm(states))

    def _embed(self, ids: Int[Array, "B T"], side: int) -> Float[Array, "B T D"]:
        return self.embedding(ids) * self.embedding.features**0.5 + self.sides[...][side][None, None]
