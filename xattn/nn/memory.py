"""What an encoder leaves for a decoder to look at, and the transforms of it.

The ablations are transforms of the memory, not other networks: parameters and training stay the same.
"""

from dataclasses import dataclass, field, replace
from typing import Literal

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

Layout = Literal["words", "grid", "time", "graph", "slots"]


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Memory:
    """Encoded source positions, and which of them are real.

    `layout` says what a source position is, so that gold, pointing and pictures need not know the encoder.
    """

    tokens: Float[Array, "B S D"]
    mask: Bool[Array, "B S"]
    layout: Layout = field(metadata={"static": True})


def full(memory: Memory) -> Memory:
    """Every source position: plain cross-attention."""
    return memory


def mean(memory: Memory) -> Memory:
    """One position, the mean of the real ones: what a decoder knows when it cannot look anywhere.

    >>> tokens = jnp.array([[[1.0, 2.0], [3.0, 6.0], [9.0, 9.0]]])
    >>> mean(Memory(tokens=tokens, mask=jnp.array([[True, True, False]]), layout="words")).tokens
    Array([[[2., 4.]]], dtype=float32)
    """
    mean_B1D = jnp.mean(memory.tokens, axis=1, keepdims=True, where=memory.mask[..., None])
    real_B1 = memory.mask.any(axis=1, keepdims=True)
    return replace(memory, tokens=jnp.where(real_B1[..., None], mean_B1D, 0), mask=real_B1)


TRANSFORMS = {"full": full, "mean": mean}
