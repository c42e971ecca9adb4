"""Rotary positions, which agree at every position, whether it is a constant or a traced number."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Integer, UInt32

# The longest wavelength of a rotary position, over 2 pi (Su et al., 2021, section 3.2.2).
ROTARY_BASE = 10_000.0


def rotate(x: Float[Array, "*B T N H"], positions: Integer[Array | np.ndarray, "*b T"]) -> Float[Array, "*B T N H"]:
    """Rotary positions (Su et al., 2021): rotates pairs of a head's features by angles proportional to the position.

    Positions are integers [T], or [*b,T] where examples differ. The scalar product of two rotated vectors depends on
    the difference of their positions only. H must be even, or a ValueError is raised.

    >>> rotate(jnp.array([1.0, 0.0]).reshape(1, 1, 2), jnp.array([1])).round(4)  # cos 1, sin 1
    Array([[[0.5403, 0.8415]]], dtype=float32)
    """
    features = x.shape[-1]
    if features % 2:
        raise ValueError(f"Rotary positions turn pairs of features, but a head has {features}, which is odd.")
    # NumPy positions give constants. XLA would fuse powers, sines and cosines into every reader of a rotated vector.
    xp = np if isinstance(positions, np.ndarray) else jnp
    angles = rotary_angles(positions, features)[..., None, :]
    angles = xp.expand_dims(angles, tuple(range(x.ndim - angles.ndim)))
    cos, sin = xp.cos(angles).astype(x.dtype), xp.sin(angles).astype(x.dtype)
    first, second = jnp.split(x, 2, axis=-1)
    return jnp.concatenate([first * cos - second * sin, second * cos + first * sin], axis=-1)


def rotary_angles(
    positions: Integer[Array | np.ndarray, "*b T"], features: int
) -> Float[Array | np.ndarray, "*b T pairs"]:
    """The angles [*b,T,H/2] of rotary positions, up to whole turns; the error is below 1e-6 at any position.

    NumPy computes in float64, and JAX too if it may. In float32 the product of position and frequency would miss by
    0.005 at position 100,000. There a turn is divided into 2^64 parts instead: whole turns vanish in the overflow of
    unsigned integers, and only the rest of a turn is rounded.
    """
    wavelengths = (ROTARY_BASE ** (np.arange(0, features, 2) / features)).reshape((1,) * positions.ndim + (-1,))
    if isinstance(positions, np.ndarray):
        return positions[..., None] / wavelengths
    if not jnp.issubdtype(positions.dtype, jnp.integer):
        raise ValueError(f"positions has dtype {positions.dtype}; accepted are integers.")
    if jax.dtypes.canonicalize_dtype(np.float64) == np.float64:
        return positions[..., None].astype(np.float64) / wavelengths
    parts = 2**32 / (2 * np.pi * wavelengths)  # of 2^-32 of a turn, for each position
    whole = np.floor(parts)
    high, low = whole.astype(np.uint32), ((parts - whole) * 2**32).astype(np.uint32)
    distance = jnp.abs(positions)[..., None].astype(jnp.uint32)
    turned = distance * high + _upper_product(distance, low)
    angles = turned.astype(jnp.int32).astype(jnp.float32) * np.float32(2 * np.pi / 2**32)
    return jnp.where(positions[..., None] < 0, -angles, angles)


def _upper_product(x: UInt32[Array, "*x"], y: UInt32[np.ndarray, "*y"]) -> UInt32[Array, "*z"]:
    """The upper 32 bits of the products of 32-bit integers, from products of their halves."""
    x1, x0, y1, y0 = x >> 16, x & 0xFFFF, y >> 16, y & 0xFFFF
    middle = x1 * y0 + ((x0 * y0) >> 16)
    return x1 * y1 + (middle >> 16) + ((x0 * y1 + (middle & 0xFFFF)) >> 16)
