"""The layers of encoders and decoders: residual, with normalisation before each part (Xiong et al., 2020)."""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Bool, Float, Int

from xattn.attention import Dropout, KeyValue, Mask
from xattn.nn.attention import CrossAttention, linear
from xattn.nn.dimensions import Dimensions
from xattn.nn.dropout import DropoutKey, attention_dropout, dropout_fns


class Mlp(nnx.Module):
    """Two linear maps with a ReLU between them, applied at each position; `reads` is the input's width, D if None."""

    def __init__(
        self, width: int, hidden: int, *, reads: int | None = None, dtype: jnp.dtype | None = None, rngs: nnx.Rngs
    ):
        self.up = nnx.Linear(reads or width, hidden, dtype=dtype, rngs=rngs)
        self.down = nnx.Linear(hidden, width, dtype=dtype, rngs=rngs)

    def __call__(self, x: Float[Array, "*B I"]) -> Float[Array, "*B D"]:
        (hidden,) = linear(x, self.up)
        (out,) = linear(nnx.relu(hidden), self.down)
        return out


class EncoderLayer(nnx.Module):
    """Self-attention with rotary positions, then an MLP."""

    def __init__(self, dims: Dimensions, *, rngs: nnx.Rngs):
        width, dtype = dims.width, dims.dtype
        self.norm_self = nnx.LayerNorm(width, rngs=rngs)
        self.self_attention = CrossAttention(width, width, dims.heads, dtype=dtype, rngs=rngs)
        self.norm_mlp = nnx.LayerNorm(width, rngs=rngs)
        self.mlp = Mlp(width, dims.mlp, dtype=dtype, rngs=rngs)

    def __call__(
        self, x: Float[Array, "B S D"], mask: Mask | Bool[Array, "*mask"], dropout_key: DropoutKey | None
    ) -> Float[Array, "B S D"]:
        """The layer's output at all positions."""
        return self.with_weights(x, mask, dropout_key)[0]

    def with_weights(
        self, x: Float[Array, "B S D"], mask: Mask | Bool[Array, "*mask"], dropout_key: DropoutKey | None
    ) -> tuple[Float[Array, "B S D"], Float[Array, "B N S S"]]:
        """The layer's output at all positions, and the self-attention weights."""
        h, drop = self.norm_self(x), dropout_fns(dropout_key, x.shape, 2)
        attended, weights = self.self_attention(
            h, h, mask, positions=np.arange(x.shape[1]), dropout=attention_dropout(dropout_key, 2)
        )
        x = x + drop[0](attended)
        return x + drop[1](self.mlp(self.norm_mlp(x))), weights

    def step(
        self, x: Float[Array, "B W D"], past: KeyValue, position: Int[Array, ""]
    ) -> tuple[Float[Array, "B W D"], Float[Array, "B W N S"], KeyValue]:
        """The output at the next position, under a causal mask.

        `past` holds keys and values `[B,W,S,N,H]`, with room for this position, and a mask of their own.
        """
        h_BW1D = self.norm_self(x)[:, :, None]
        new = self.self_attention.project_memory(h_BW1D, positions=position[None])
        put = partial(jax.lax.dynamic_update_slice_in_dim, start_index=position, axis=2)
        past = past._replace(k=put(past.k, new.k), v=put(past.v, new.v))
        seen = past._replace(mask=past.mask & Mask.causal(queries=position[None]))
        attended_BW1D, weights_BWN1S = self.self_attention.attend(h_BW1D, seen, positions=position[None])
        x = x + attended_BW1D[:, :, 0]
        return x + self.mlp(self.norm_mlp(x)), weights_BWN1S[..., 0, :], past


class DecoderLayer(nnx.Module):
    """Self-attention to the past with rotary positions, cross-attention to the memory, then an MLP."""

    def __init__(self, dims: Dimensions, memory_width: int, *, rngs: nnx.Rngs):
        width, heads, dtype = dims.width, dims.heads, dims.dtype
        self.norm_self = nnx.LayerNorm(width, rngs=rngs)
        self.self_attention = CrossAttention(width, width, heads, dtype=dtype, rngs=rngs)
        self.norm_cross = nnx.LayerNorm(width, rngs=rngs)
        self.cross_attention = CrossAttention(width, memory_width, heads, dtype=dtype, rngs=rngs)
        self.norm_mlp = nnx.LayerNorm(width, rngs=rngs)
        self.mlp = Mlp(width, dims.mlp, dtype=dtype, rngs=rngs)

    def __call__(
        self,
        x: Float[Array, "B T D"],
        memory: KeyValue,
        mask: Mask | Bool[Array, "*mask"],
        dropout_key: DropoutKey | None,
    ) -> tuple[Float[Array, "B T D"], Float[Array, "B N T S"]]:
        """The output at all positions, and the cross-attention weights; `mask` is that of self-attention."""
        h, drop = self.norm_self(x), dropout_fns(dropout_key, x.shape, 3)
        attended, _ = self.self_attention(
            h, h, mask, positions=np.arange(x.shape[1]), dropout=attention_dropout(dropout_key, 3)
        )
        return self._cross(x + drop[0](attended), memory, drop[1:], attention_dropout(dropout_key, 4))

    def step(
        self,
        x: Float[Array, "B W D"],
        past: KeyValue,
        position: jax.Array,
        memory: KeyValue,
    ) -> tuple[Float[Array, "B W D"], Float[Array, "B N W S"], KeyValue]:
        """The output at the next position of `W` hypotheses a sentence, the weights, and the longer past.

        The hypotheses of a sentence share its memory: each is one query `[B,W]`.
        """
        h_BW1D = self.norm_self(x)[:, :, None]
        new = self.self_attention.project_memory(h_BW1D, positions=position[None])
        past = jax.tree.map(lambda old, k: jax.lax.dynamic_update_slice_in_dim(old, k, position, 2), past, new)
        seen = past._replace(mask=Mask.causal(queries=position[None]))
        attended_BW1D, _ = self.self_attention.attend(h_BW1D, seen, positions=position[None])
        x, weights = self._cross(x + attended_BW1D[:, :, 0], memory, dropout_fns(None, x.shape, 2), None)
        return x, weights, past

    def _cross(
        self, x: jax.Array, memory: KeyValue, drop: list[Callable[[jax.Array], jax.Array]], dropout: Dropout | None
    ) -> tuple[jax.Array, jax.Array]:
        """Cross-attention and the MLP."""
        attended, weights = self.cross_attention.attend(self.norm_cross(x), memory, dropout=dropout)
        x = x + drop[0](attended)
        return x + drop[1](self.mlp(self.norm_mlp(x))), weights
