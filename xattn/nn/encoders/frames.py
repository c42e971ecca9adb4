"""The encoder of frames, such as those of a spectrogram: convolutions that shorten them, then self-attention layers."""

import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Bool, Float

from xattn.nn.dimensions import Dimensions
from xattn.nn.dropout import DropoutKey, dropout_fns
from xattn.nn.encoders.text import TextEncoder
from xattn.nn.memory import Memory

SHORTER = 4
"""Frames of a position of the memory: two convolutions halve their number."""
_INPUT = 1_000  # the site of dropout before the layers, which are numbered from 0


class FrameEncoder(nnx.Module):
    """Turns frames `[B,K,C]` into a memory with one position for every four, which begins with the first of them.

    Two convolutions over time with stride 2 and ReLU, then sinusoidal positions and self-attention layers: the encoder
    of Whisper (Radford et al., 2022), with one more stride. A kernel of four, padded by one on each side, is centred on
    the frames of its position.
    """

    def __init__(self, bands: int, dims: Dimensions, *, rngs: nnx.Rngs):
        def shorten(reads: int) -> nnx.Conv:
            return nnx.Conv(reads, dims.width, 4, strides=2, padding=((1, 1),), dtype=dims.dtype, rngs=rngs)

        self.first, self.second = shorten(bands), shorten(dims.width)
        self.norm = nnx.LayerNorm(dims.width, rngs=rngs)
        self.layers = TextEncoder(dims, rngs=rngs)

    def __call__(
        self, frames: Float[Array, "B K C"], real: Bool[Array, "B K"], dropout_key: DropoutKey | None = None
    ) -> Memory:
        """The memory of K / 4 positions; one is masked where none of its frames is real, and no padding is read."""
        x_BSD = jnp.where(real[..., None], frames, 0)
        for convolution in (self.first, self.second):
            real = real.reshape(len(real), -1, 2).any(axis=-1)
            x_BSD = jnp.where(real[..., None], nnx.relu(convolution(x_BSD)), 0)
        x_BSD = self.norm(x_BSD.astype(jnp.float32)) + jnp.asarray(sinusoids(*x_BSD.shape[1:]))[None]
        (drop,) = dropout_fns(dropout_key and dropout_key.fold_in(_INPUT), x_BSD.shape, 1)
        return self.layers(drop(x_BSD), real, dropout_key)


def sinusoids(positions: int, width: int) -> Float[np.ndarray, "S D"]:
    """Sines and cosines of every position, whose wavelengths grow from 2π to 20,000π (Vaswani et al., 2017).

    >>> sinusoids(2, 4).round(3)
    array([[0.   , 0.   , 1.   , 1.   ],
           [0.841, 0.01 , 0.54 , 1.   ]], dtype=float32)
    """
    angles = np.arange(positions)[:, None] / 10_000 ** (np.arange(0, width, 2) / width)
    return np.concatenate([np.sin(angles), np.cos(angles)], axis=1).astype(np.float32)
