"""The sizes that all layers of a model share."""

from dataclasses import dataclass

import jax.numpy as jnp


@dataclass(frozen=True, kw_only=True)
class Dimensions:
    """Widths and numbers of a stack of layers, and the type that it computes in.

    With `dtype=None` products take the type of their inputs and parameters; parameters are always float32.
    """

    width: int
    """Width of the residual stream (D)."""
    heads: int
    """Attention heads (N); must divide the width."""
    mlp: int
    """Width of the MLP's hidden layer (F)."""
    layers: int
    """Layers of the stack (L)."""
    dtype: jnp.dtype | None = None
