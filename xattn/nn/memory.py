"""What an encoder leaves for a decoder to look at, and the transforms of it.

The ablations are transforms of the memory, not other networks: parameters and training stay the same.
"""

from dataclasses import dataclass, field
from typing import Literal

import jax
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
