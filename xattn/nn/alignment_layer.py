"""An attention that is only looked at: where a frozen model would point, if it were asked."""

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from xattn.attention import KeyValue, Mask, attention_weights
from xattn.nn.attention import linear


class AlignmentLayer(nnx.Module):
    """Queries from decoder states, keys from the memory, and nothing behind them (Chen et al., 2020, section 4).

    No gradient goes into the states or the memory, so that training it leaves the model below alone.
    """

    def __init__(self, width: int, memory_width: int, heads: int, *, dtype: jnp.dtype | None = None, rngs: nnx.Rngs):
        self.heads = heads
        self.norm = nnx.LayerNorm(width, rngs=rngs)
        self.query = nnx.Linear(width, width, use_bias=False, dtype=dtype, rngs=rngs)
        self.key = nnx.Linear(memory_width, width, use_bias=False, dtype=dtype, rngs=rngs)

    def project_memory(self, memory: Float[Array, "B S M"], mask: Mask) -> KeyValue:
        """The keys of a memory; they stand for the values too, which nobody reads."""
        (k,) = linear(jax.lax.stop_gradient(memory), self.key)
        k_BSNH = k.reshape(*k.shape[:-1], self.heads, -1)
        return KeyValue(k_BSNH, k_BSNH, mask)

    def __call__(self, x: Float[Array, "B T D"], memory: KeyValue) -> Float[Array, "B N T S"]:
        """Where every state looks."""
        (q,) = linear(self.norm(jax.lax.stop_gradient(x)), self.query)
        return attention_weights(q.reshape(*q.shape[:-1], self.heads, -1), memory.k, memory.mask)
