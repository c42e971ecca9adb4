"""The alignment layer: attention weights that are trained on a frozen model and change nothing in it."""

import jax
from flax import nnx
from jaxtyping import Array, Bool, Float

from xattn.attention import KeyValue, Mask, attention_weights
from xattn.attention.mask import as_mask
from xattn.nn.attention import linear
from xattn.nn.dimensions import Dimensions


class AlignmentLayer(nnx.Module):
    """Attention weights of decoder states over the memory, without values (Chen et al., 2020, section 4).

    No gradient flows into the states or the memory, so training this layer leaves the model below unchanged.
    """

    def __init__(self, dims: Dimensions, memory_width: int, *, rngs: nnx.Rngs):
        width, dtype = dims.width, dims.dtype
        self.heads = dims.heads
        self.norm = nnx.LayerNorm(width, rngs=rngs)
        self.query = nnx.Linear(width, width, use_bias=False, dtype=dtype, rngs=rngs)
        self.key = nnx.Linear(memory_width, width, use_bias=False, dtype=dtype, rngs=rngs)

    def project_memory(self, memory: Float[Array, "B S M"], mask: Mask | Bool[Array, "*mask"]) -> KeyValue:
        """The keys `[B,S,N,H]` of a memory. They also fill the place of the values, which are never read."""
        (k,) = linear(jax.lax.stop_gradient(memory), self.key)
        k_BSNH = k.reshape(*k.shape[:-1], self.heads, k.shape[-1] // self.heads)
        return KeyValue(k_BSNH, k_BSNH, as_mask(mask))

    def __call__(self, x: Float[Array, "B T D"], memory: KeyValue) -> Float[Array, "B N T S"]:
        """The attention weights of every state over the projected memory."""
        (q,) = linear(self.norm(jax.lax.stop_gradient(x)), self.query)
        return attention_weights(q.reshape(*q.shape[:-1], self.heads, q.shape[-1] // self.heads), memory.k, memory.mask)
