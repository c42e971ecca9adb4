"""The encoder of pictures: convolutions down to one position for each square patch, then self-attention layers."""

import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Bool, Float, UInt8

from xattn.nn.dimensions import Dimensions
from xattn.nn.dropout import DropoutKey
from xattn.nn.encoders.text import TextEncoder
from xattn.nn.memory import Memory

STEM = 16
"""Channels of the first convolution, over single pixels; each of the next has twice as many, and the last the width."""


class PatchEncoder(nnx.Module):
    """Turns pictures `[B,h,w,3]` in RGB into a memory with one position a patch, row by row.

    The vector of a patch is that of a convolutional stem (Xiao et al., 2021), which shrinks the picture by one prime
    factor of `patch` after the other, plus a learned vector of its row and one of its column. Without self-attention
    layers (`dims.layers` = 0) a position knows its patch and a pixel or two around it, and nothing else.

    Args:
        height: Pixels of a picture, down; `width` of them across. Both must be multiples of `patch`.
        patch: Pixels of a patch, down and across.
        dims: Sizes of the self-attention layers.
        rngs: The source of initial parameters.
    """

    def __init__(self, height: int, width: int, patch: int, dims: Dimensions, *, rngs: nnx.Rngs):
        if height % patch or width % patch:
            raise ValueError(f"A picture of {height} x {width} pixels cannot be cut into patches of {patch} x {patch}.")
        strides = [1, *factors(patch)]
        channels = [3, *(STEM * 2**place for place in range(len(strides) - 1)), dims.width]
        # Windows reach as far up and left as down and right: else a position sees its neighbour better than itself.
        sizes = [3, *(stride + 2 for stride in strides[1:-1]), *strides[1:][-1:]]
        self.stem = nnx.List(
            nnx.Conv(read, made, (size, size), strides=stride, dtype=dims.dtype, rngs=rngs)
            for stride, size, read, made in zip(strides, sizes, channels[:-1], channels[1:], strict=True)
        )
        # Without norms between them the convolutions learn shapes several times more slowly.
        self.norms = nnx.List(nnx.LayerNorm(made, rngs=rngs) for made in channels[1:-1])
        normal = nnx.initializers.normal(0.5)
        self.down = nnx.Param(normal(rngs.params(), (height // patch, dims.width)))
        self.across = nnx.Param(normal(rngs.params(), (width // patch, dims.width)))
        self.layers = TextEncoder(dims, rngs=rngs)

    def __call__(
        self,
        pictures: UInt8[Array, "B h w 3"] | Float[Array, "B h w 3"],
        real: Bool[Array, " B"],
        dropout_key: DropoutKey | None = None,
    ) -> Memory:
        """The memory of the patches; a picture that is not `real` is masked."""
        x_BRCD = self.stem[0](pictures.astype(jnp.float32) / 127.5 - 1)
        for norm, convolution in zip(self.norms, self.stem[1:], strict=True):
            x_BRCD = convolution(nnx.relu(norm(x_BRCD)))
        x_BRCD = x_BRCD.astype(jnp.float32) + self.down[...][None, :, None] + self.across[...][None, None]
        x_BSD = x_BRCD.reshape(len(pictures), -1, x_BRCD.shape[-1])
        return self.layers(x_BSD, jnp.broadcast_to(real[:, None], x_BSD.shape[:2]), dropout_key)


def factors(number: int) -> list[int]:
    """The prime factors of a number, the smallest first.

    >>> factors(12), factors(1)
    ([2, 2, 3], [])
    """
    found, factor = [], 2
    while number > 1:
        while number % factor == 0:
            found.append(factor)
            number //= factor
        factor += 1
    return found
