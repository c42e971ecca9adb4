"""The blocks that encoders and decoders are made of: pre-norm residual layers (Xiong et al., 2020)."""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Float, Int

from xattn.attention import Dropout, KeyValue, Mask
from xattn.nn.attention import CrossAttention, linear
from xattn.nn.dropout import DropoutKey, attention_dropout, dropout_fns


class Mlp(nnx.Module):
    """Two linear maps with a ReLU between them, on each position alone; `reads` is its input's width, D if None."""

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

    def __init__(self, width: int, heads: int, mlp: int, *, dtype: jnp.dtype | None = None, rngs: nnx.Rngs):
        self.norm_self = nnx.LayerNorm(width, rngs=rngs)
        self.self_attention = CrossAttention(width, width, heads, dtype=dtype, rngs=rngs)
        self.norm_mlp = nnx.LayerNorm(width, rngs=rngs)
        self.mlp = Mlp(width, mlp, dtype=dtype, rngs=rngs)

    def __call__(self, x: Float[Array, "B S D"], mask: Mask, dropout_key: DropoutKey | None) -> Float[Array, "B S D"]:
        return self.look(x, mask, dropout_key)[0]

    def look(
        self, x: Float[Array, "B S D"], mask: Mask, dropout_key: DropoutKey | None
    ) -> tuple[Float[Array, "B S D"], Float[Array, "B N S S"]]:
        """All positions, and what each of them looked at."""
        h, drop = self.norm_self(x), dropout_fns(dropout_key, x.shape, 2)
        attended, weights = self.self_attention(
            h, h, mask, positions=np.arange(x.shape[1]), dropout=attention_dropout(dropout_key, 2)
        )
        x = x + drop[0](attended)
        return x + drop[1](self.mlp(self.norm_mlp(x))), weights

    def step(
        self, x: Float[Array, "B W D"], past: KeyValue, position: Int[Array, ""]
    ) -> tuple[Float[Array, "B W D"], Float[Array, "B W N S"], KeyValue]:
        """The next position of a layer that looks back; `past` [B,W,S,N,H] has room for it, and its own mask."""
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

    def __init__(
        self,
        width: int,
        memory_width: int,
        heads: int,
        mlp: int,
        *,
        dtype: jnp.dtype | None = None,
        rngs: nnx.Rngs,
    ):
        self.norm_self = nnx.LayerNorm(width, rngs=rngs)
        self.self_attention = CrossAttention(width, width, heads, dtype=dtype, rngs=rngs)
        self.norm_cross = nnx.LayerNorm(width, rngs=rngs)
        self.cross_attention = CrossAttention(width, memory_width, heads, dtype=dtype, rngs=rngs)
        self.norm_mlp = nnx.LayerNorm(width, rngs=rngs)
        self.mlp = Mlp(width, mlp, dtype=dtype, rngs=rngs)

    def __call__(
        self,
        x: Float[Array, "B T D"],
        memory: KeyValue,
        mask: Mask,
        dropout_key: DropoutKey | None,
    ) -> tuple[Float[Array, "B T D"], Float[Array, "B N T S"]]:
        """All positions at once; also returns the cross-attention weights."""
        h, drop = self.norm_self(x), dropout_fns(dropout_key, x.shape, 3)
        attended, _ = self.self_attention(
            h, h, mask, positions=np.arange(x.shape[1]), dropout=attention_dropout(dropout_key, 3)
        )
        return self._look(x + drop[0](attended), memory, drop[1:], attention_dropout(dropout_key, 4))

    def step(
        self,
        x: Float[Array, "B W D"],
        past: KeyValue,
        position: jax.Array,
        memory: KeyValue,
    ) -> tuple[Float[Array, "B W D"], Float[Array, "B N W S"], KeyValue]:
        """The next position of `W` hypotheses a sentence, which share one memory: they are its queries."""
        h_BW1D = self.norm_self(x)[:, :, None]
        new = self.self_attention.project_memory(h_BW1D, positions=position[None])
        past = jax.tree.map(lambda old, k: jax.lax.dynamic_update_slice_in_dim(old, k, position, 2), past, new)
        seen = past._replace(mask=Mask.causal(queries=position[None]))
        attended_BW1D, _ = self.self_attention.attend(h_BW1D, seen, positions=position[None])
        x, weights = self._look(x + attended_BW1D[:, :, 0], memory, dropout_fns(None, x.shape, 2), None)
        return x, weights, past

    def _look(
        self, x: jax.Array, memory: KeyValue, drop: list[Callable[[jax.Array], jax.Array]], dropout: Dropout | None
    ) -> tuple[jax.Array, jax.Array]:
        attended, weights = self.cross_attention.attend(self.norm_cross(x), memory, dropout=dropout)
        x = x + drop[0](attended)
        return x + drop[1](self.mlp(self.norm_mlp(x))), weights
