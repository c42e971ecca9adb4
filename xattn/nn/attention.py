"""Attention as a module: projections, and one call of the pure function between them."""

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float, Int

from xattn.attention import Dropout, KeyValue, Mask, cross_attention_with_aux

# The longest wavelength of a rotary position, over 2 pi (Su et al., 2021, section 3.2.2).
ROTARY_BASE = 10_000.0


def rotate(x: Float[Array, "*B T N H"], positions: Int[Array, " T"]) -> Float[Array, "*B T N H"]:
    """Rotary positions (Su et al., 2021): turns each head's pairs of features by angles that grow with the position.

    The product of two rotated vectors depends on their positions through the difference alone.

    >>> rotate(jnp.array([1.0, 0.0]).reshape(1, 1, 2), jnp.array([1])).round(4)  # cos 1, sin 1
    Array([[[0.5403, 0.8415]]], dtype=float32)
    """
    features = x.shape[-1]
    if features % 2:
        raise ValueError(f"Rotary positions turn pairs of features, but a head has {features}, which is odd.")
    angles_TH = positions[:, None] / ROTARY_BASE ** (jnp.arange(0, features, 2) / features)[None]
    angles = jnp.expand_dims(angles_TH[:, None], range(x.ndim - 3))
    cos, sin = jnp.cos(angles).astype(x.dtype), jnp.sin(angles).astype(x.dtype)
    first, second = jnp.split(x, 2, axis=-1)
    return jnp.concatenate([first * cos - second * sin, second * cos + first * sin], axis=-1)


class CrossAttention(nnx.Module):
    """Lets every position of `x` look at a memory (Vaswani et al., 2017, section 3.2.2).

    Queries come from `x [B,T,D]`, keys and values from the memory `[B,S,M]`; self-attention is the case where
    the memory is `x`. The weights `[B,N,T,S]` are returned beside the output; `jit` prunes them when nobody looks.
    Where `positions` are given, as in self-attention, queries and keys are rotated by them.
    """

    def __init__(self, width: int, memory_width: int, heads: int, *, rngs: nnx.Rngs):
        if width % heads:
            raise ValueError(f"The width must be a multiple of the heads, but {heads=} does not divide {width=}.")
        self.heads = heads
        self.query = nnx.Linear(width, width, use_bias=False, rngs=rngs)
        self.key = nnx.Linear(memory_width, width, use_bias=False, rngs=rngs)
        self.value = nnx.Linear(memory_width, width, use_bias=False, rngs=rngs)
        self.out = nnx.Linear(width, width, use_bias=False, rngs=rngs)

    def __call__(
        self,
        x: Float[Array, "*B T D"],
        memory: Float[Array, "*B S M"],
        mask: Mask | None = None,
        *,
        positions: Int[Array, " T"] | None = None,
        dropout: Dropout | None = None,
    ) -> tuple[Float[Array, "*B T D"], Float[Array, "*B N T S"]]:
        """Projects the memory, and looks at it; `positions` are for self-attention, where both sides have them."""
        return self.attend(x, self.project_memory(memory, mask, positions), positions, dropout=dropout)

    def project_memory(
        self, memory: Float[Array, "*B S M"], mask: Mask | None = None, positions: Int[Array, " S"] | None = None
    ) -> KeyValue:
        """Keys and values `[B,S,N,H]`, and who may look: made once for a memory that many queries will look at."""
        keys = self._split(self.key(memory), positions)
        return KeyValue(keys, self._split(self.value(memory)), mask or Mask())

    def attend(
        self,
        x: Float[Array, "*B T D"],
        memory: KeyValue,
        positions: Int[Array, " T"] | None = None,
        *,
        dropout: Dropout | None = None,
    ) -> tuple[Float[Array, "*B T D"], Float[Array, "*B N T S"]]:
        """Looks at a memory that is already projected."""
        q_BTNH = self._split(self.query(x), positions)
        out_BTNH, aux = cross_attention_with_aux(q_BTNH, *memory, dropout=dropout, returns=("weights",))
        return self.out(out_BTNH.reshape(x.shape)), aux.weights

    def _split(self, x: jax.Array, positions: jax.Array | None = None) -> jax.Array:
        heads = x.reshape(*x.shape[:-1], self.heads, -1)
        return heads if positions is None else rotate(heads, positions)
