"""The dimensions of a model, from its settings."""

import jax.numpy as jnp

from xattn.config import Model
from xattn.nn.dimensions import Dimensions


def dimensions(model: Model) -> Dimensions:
    """The sizes and the compute type that the settings `model.*` state."""
    return Dimensions(
        width=model.width,
        heads=model.heads,
        mlp=model.mlp,
        layers=model.layers,
        dtype=jnp.dtype(model.compute),
    )
