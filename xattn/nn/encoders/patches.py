"""The encoder of pictures: a convolution, then one position for each square patch, then self-attention layers."""

import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Bool, UInt8

from xattn.nn.dimensions import Dimensions
from xattn.nn.dropout import DropoutKey
from xattn.nn.encoders.text import TextEncoder
from xattn.nn.memory import Memory

STEM = 16
"""Channels of the convolution over single pixels."""


class PatchEncoder(nnx.Module):
    """Turns pictures `[B,h,w,3]` in RGB into a memory with one position a patch, row by row.

    A patch's vector is a linear map of its pixels (Dosovitskiy et al., 2021) after a convolution of 3 x 3 pixels (Xiao
    et al., 2021), plus a learned vector of its row and one of its column. Without self-attention layers
    (`dims.layers` = 0) a position knows its patch and one pixel around it, and nothing else.

    Args:
        height: Pixels of a picture, down; `width` of them across. Both must be multiples of `patch`.
        patch: Pixels of a patch, down and across.
        dims: Sizes of the self-attention layers.
        rngs: The source of initial parameters.
    """

    def __init__(self, height: int, width: int, patch: int, dims: Dimensions, *, rngs: nnx.Rngs):
        if height % patch or width % patch:
            raise ValueError(f"A picture of {height} x {width} pixels cannot be cut into patches of {patch} x {patch}.")
        self.patch, self.rows, self.columns = patch, height // patch, width // patch
        normal = nnx.initializers.normal(0.5)
        self.stem = nnx.Conv(3, STEM, (3, 3), dtype=dims.dtype, rngs=rngs)
        self.project = nnx.Linear(patch * patch * STEM, dims.width, dtype=dims.dtype, rngs=rngs)
        self.down = nnx.Param(normal(rngs.params(), (self.rows, dims.width)))
        self.across = nnx.Param(normal(rngs.params(), (self.columns, dims.width)))
        self.layers = TextEncoder(dims, rngs=rngs)

    def __call__(
        self, pictures: UInt8[Array, "B h w 3"], real: Bool[Array, " B"], dropout_key: DropoutKey | None = None
    ) -> Memory:
        """The memory of the patches; a picture that is not `real` is masked."""
        pixels = nnx.relu(self.stem(pictures.astype(jnp.float32) / 127.5 - 1))
        shape = (len(pictures), self.rows, self.patch, self.columns, self.patch, STEM)
        patches = pixels.reshape(shape).swapaxes(2, 3).reshape(len(pictures), self.rows, self.columns, -1)
        x_BRCD = self.project(patches) + self.down[...][None, :, None] + self.across[...][None, None]
        x_BSD = x_BRCD.reshape(len(pictures), self.rows * self.columns, -1).astype(jnp.float32)
        mask = jnp.broadcast_to(real[:, None], x_BSD.shape[:2])
        return self.layers(x_BSD, mask, dropout_key)
