"""The sizes that all layers of a model share."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import jax.numpy as jnp


@runtime_checkable
class Settings(Protocol):
    """The settings that `Dimensions.of` reads, such as `xattn.config.Model`."""

    @property
    def width(self) -> int: ...
    @property
    def heads(self) -> int: ...
    @property
    def mlp(self) -> int: ...
    @property
    def layers(self) -> int: ...
    @property
    def compute(self) -> str: ...


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

    @classmethod
    def of(cls, model: Settings) -> "Dimensions":
        """The dimensions that a model's settings state; `compute` names the dtype."""
        return cls(
            width=model.width, heads=model.heads, mlp=model.mlp, layers=model.layers, dtype=jnp.dtype(model.compute)
        )
