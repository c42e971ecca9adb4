"""The memory: what an encoder leaves for a decoder to attend to."""

from dataclasses import dataclass

import jax
from jaxtyping import Array, Bool, Float


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Memory:
    """Encoded source positions `tokens` [B,S,D], and `mask` [B,S]: True where a position exists (is not padding)."""

    tokens: Float[Array, "B S D"]
    mask: Bool[Array, "B S"]
