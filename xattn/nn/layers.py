"""The blocks that encoders and decoders are made of: pre-norm residual layers (Xiong et al., 2020)."""

from dataclasses import dataclass, field, replace

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float, UInt32

from xattn.attention import Dropout, KeyValue, Mask, dropout, hash_bits
from xattn.nn.attention import CrossAttention


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Noise:
    """Everything dropout needs in one training step; without it (`None`) a model is deterministic.

    `rows` are the absolute row numbers of the batch: a batch cut over devices drops what the whole one drops.
    """

    seed: UInt32[Array, ""]
    rows: UInt32[Array, " B"]
    rate: float = field(metadata={"static": True})
    attention_rate: float = field(metadata={"static": True})

    def at(self, site: int) -> "Noise":
        """Noise of its own for one site of the model."""
        return replace(self, seed=hash_bits(self.seed, jnp.uint32(site)))


def drop(x: Float[Array, "B ..."], noise: Noise | None, site: int) -> Float[Array, "B ..."]:
    """Activation dropout at one site."""
    return x if noise is None else dropout(x, noise.rate, noise.at(site).seed, noise.rows)


def attention_dropout(noise: Noise | None, site: int) -> Dropout | None:
    """The dropout of one attention's weights."""
    if noise is None or noise.attention_rate == 0:
        return None
    return Dropout(rate=noise.attention_rate, seed=noise.at(site).seed, rows=noise.rows)


class Mlp(nnx.Module):
    """Two linear maps with a ReLU between them, on each position alone."""

    def __init__(self, width: int, hidden: int, *, dtype: jnp.dtype | None = None, rngs: nnx.Rngs):
        self.up = nnx.Linear(width, hidden, dtype=dtype, rngs=rngs)
        self.down = nnx.Linear(hidden, width, dtype=dtype, rngs=rngs)

    def __call__(self, x: Float[Array, "*B D"]) -> Float[Array, "*B D"]:
        return self.down(nnx.relu(self.up(x)))


class EncoderLayer(nnx.Module):
    """Self-attention with rotary positions, then an MLP."""

    def __init__(self, width: int, heads: int, mlp: int, *, dtype: jnp.dtype | None = None, rngs: nnx.Rngs):
        self.norm_self = nnx.LayerNorm(width, rngs=rngs)
        self.self_attention = CrossAttention(width, width, heads, dtype=dtype, rngs=rngs)
        self.norm_mlp = nnx.LayerNorm(width, rngs=rngs)
        self.mlp = Mlp(width, mlp, dtype=dtype, rngs=rngs)

    def __call__(self, x: Float[Array, "B S D"], mask: Mask, noise: Noise | None) -> Float[Array, "B S D"]:
        h = self.norm_self(x)
        attended, _ = self.self_attention(
            h, h, mask, positions=jnp.arange(x.shape[1]), dropout=attention_dropout(noise, 0)
        )
        x = x + drop(attended, noise, 1)
        return x + drop(self.mlp(self.norm_mlp(x)), noise, 2)


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
        noise: Noise | None,
    ) -> tuple[Float[Array, "B T D"], Float[Array, "B N T S"]]:
        """All positions at once; also returns the cross-attention weights."""
        h = self.norm_self(x)
        attended, _ = self.self_attention(
            h, h, mask, positions=jnp.arange(x.shape[1]), dropout=attention_dropout(noise, 0)
        )
        return self._look(x + drop(attended, noise, 1), memory, noise)

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
        x, weights = self._look(x + attended_BW1D[:, :, 0], memory, None)
        return x, weights, past

    def _look(self, x: jax.Array, memory: KeyValue, noise: Noise | None):
        attended, weights = self.cross_attention.attend(self.norm_cross(x), memory, dropout=attention_dropout(noise, 2))
        x = x + drop(attended, noise, 3)
        return x + drop(self.mlp(self.norm_mlp(x)), noise, 4), weights
