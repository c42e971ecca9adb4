"""SpecAugment (Park et al., 2019): in training, some bands and some moments of a spectrogram are hidden."""

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from xattn.attention import hash_bits
from xattn.nn.dropout import DropoutKey


def spec_augment(
    frames: Float[Array, "B K C"], dropout_key: DropoutKey | None, *, masks: int, bands: int, moments: int
) -> Float[Array, "B K C"]:
    """The frames, with `masks` runs of up to `bands` bands and as many runs of up to `moments` frames set to 0.

    0 should be the mean of each band. Without a key nothing is hidden.
    """
    if dropout_key is None or masks == 0:
        return frames
    _, K, C = frames.shape
    for mask in range(masks):
        hidden_BK1 = _runs(dropout_key.fold_in(2 * mask), K, moments)[:, :, None]
        hidden_B1C = _runs(dropout_key.fold_in(2 * mask + 1), C, bands)[:, None]
        frames = jnp.where(hidden_BK1 | hidden_B1C, 0, frames)
    return frames


def _runs(key: DropoutKey, size: int, longest: int) -> Bool[Array, "B {size}"]:
    """For each example a run of up to `longest` of `size` places, at a random place."""
    rows = key.rows.astype(jnp.uint32)
    length = hash_bits(key.fold_in(0).seed, rows) % (min(longest, size) + 1)
    begin = hash_bits(key.fold_in(1).seed, rows) % (size - length + 1)
    places = jnp.arange(size, dtype=jnp.uint32)[None]
    return (begin[:, None] <= places) & (places < (begin + length)[:, None])
