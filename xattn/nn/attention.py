"""Attention as a module: projections, and one call of the pure function between them."""

import jax
from flax import nnx
from jaxtyping import Array, Float

from xattn.attention import Dropout, KeyValue, Mask, cross_attention_with_aux


class CrossAttention(nnx.Module):
    """Lets every position of `x` look at a memory (Vaswani et al., 2017, section 3.2.2).

    Queries come from `x [B,T,D]`, keys and values from the memory `[B,S,M]`; self-attention is the case where
    the memory is `x`. The weights `[B,N,T,S]` are returned beside the output; `jit` prunes them when nobody looks.
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
        dropout: Dropout | None = None,
    ) -> tuple[Float[Array, "*B T D"], Float[Array, "*B N T S"]]:
        """Projects the memory, and looks at it."""
        return self.attend(x, self.project_memory(memory, mask), dropout=dropout)

    def project_memory(self, memory: Float[Array, "*B S M"], mask: Mask | None = None) -> KeyValue:
        """Keys and values `[B,S,N,H]`, and who may look: made once for a memory that many queries will look at."""
        return KeyValue(self._split(self.key(memory)), self._split(self.value(memory)), mask or Mask())

    def attend(
        self, x: Float[Array, "*B T D"], memory: KeyValue, *, dropout: Dropout | None = None
    ) -> tuple[Float[Array, "*B T D"], Float[Array, "*B N T S"]]:
        """Looks at a memory that is already projected."""
        q_BTNH = self._split(self.query(x))
        out_BTNH, aux = cross_attention_with_aux(q_BTNH, *memory, dropout=dropout, returns=("weights",))
        return self.out(out_BTNH.reshape(x.shape)), aux.weights

    def _split(self, x: jax.Array) -> jax.Array:
        return x.reshape(*x.shape[:-1], self.heads, -1)
