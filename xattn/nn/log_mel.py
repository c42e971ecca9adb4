"""The front end of speech: a sound becomes frames of log-mel energies."""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

HOP = 80
"""Samples from one frame to the next: 10 ms at 8,000 samples a second."""
WINDOW = 200
"""Samples of a frame: 25 ms."""
BANDS = 40
"""Bands of the mel scale, up to half the rate (C)."""
RATE = 8000
"""Samples of a second."""
_FFT = 256
# The energy of a band is at least this, where the loudest possible sample is 1.
_FLOOR = 1e-9


@jax.jit
def log_mel(sound: Float[Array, "B samples"] | Int[Array, "B samples"]) -> Float[Array, "B frames C"]:
    """Natural logarithms of mel energies, a frame for every `HOP` samples of sounds in 16 bits.

    The middle of a frame's window (Hann) is the middle of its `HOP` samples; zeros surround the sound. Bands are
    triangles that are evenly spaced on the mel scale 2595 log10(1 + f / 700), with a peak of 1.
    """
    frames, around = sound.shape[1] // HOP, (WINDOW - HOP) // 2
    padded = jnp.pad(sound.astype(jnp.float32) / 32_768, ((0, 0), (around, around)))
    cut_BKW = padded[:, HOP * np.arange(frames)[:, None] + np.arange(WINDOW)]
    window_11W = jnp.asarray(0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW) / WINDOW), jnp.float32)[None, None]
    energy_BKF = jnp.abs(jnp.fft.rfft(cut_BKW * window_11W, _FFT)) ** 2
    return jnp.log(jnp.maximum(energy_BKF @ jnp.asarray(triangles(), jnp.float32), _FLOOR))


@cache
def triangles() -> Float[np.ndarray, "bins C"]:
    """The weight of every bin of the spectrum in every band."""
    hertz = np.linspace(0, RATE / 2, _FFT // 2 + 1)
    highest = 2595 * np.log10(1 + RATE / 2 / 700)
    corners = 700 * (10 ** (np.linspace(0, highest, BANDS + 2) / 2595) - 1)
    low, peak, high = corners[:-2], corners[1:-1], corners[2:]
    rising, falling = (hertz[:, None] - low) / (peak - low), (high - hertz[:, None]) / (high - peak)
    return np.maximum(0, np.minimum(rising, falling))


def normalized(frames: Float[Array, "B K C"], real: Bool[Array, "B K"]) -> Float[Array, "B K C"]:
    """Frames whose bands have mean 0 and variance 1 over the real frames of each sound; the others are 0."""
    where = real[..., None]
    mean = frames.mean(axis=1, keepdims=True, where=where)
    variance = frames.var(axis=1, keepdims=True, where=where)
    return jnp.where(where, (frames - mean) / jnp.sqrt(variance + 1e-5), 0)
