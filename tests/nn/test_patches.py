"""The encoder of pictures: every position is a patch of its own, in the order of the rows."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from xattn.nn.dimensions import Dimensions
from xattn.nn.encoders.patches import PatchEncoder

DIMS = Dimensions(width=6, heads=1, mlp=7, layers=0)
REAL = jnp.array([True, False, True])


@pytest.fixture(scope="module")
def pictures():
    return np.random.default_rng(0).integers(0, 256, (3, 10, 15, 3), np.uint8)


def test_a_position_is_a_patch_and_one_pixel_around_it(pictures):
    """Without self-attention a changed pixel changes the patches that it touches, and no other."""
    encoder = PatchEncoder(10, 15, 5, DIMS, rngs=nnx.Rngs(0))
    memory = encoder(jnp.asarray(pictures), REAL)
    assert memory.tokens.shape == (3, 6, 6)
    np.testing.assert_array_equal(memory.mask, np.repeat(REAL[:, None], 6, axis=1))
    for row, column, touched in [(7, 2, {3}), (4, 7, {1, 4}), (5, 9, {1, 2, 4, 5})]:
        other = pictures.copy()
        other[0, row, column] ^= 128
        changed = np.abs(encoder(jnp.asarray(other), REAL).tokens - memory.tokens).max(axis=-1) > 1e-6
        assert set(np.flatnonzero(changed[0])) == touched
        assert not changed[1:].any()


def test_the_values_are_those_of_numpy(pictures):
    encoder = PatchEncoder(10, 15, 5, DIMS, rngs=nnx.Rngs(1))
    x = np.pad(pictures[2] / 127.5 - 1, ((1, 1), (1, 1), (0, 0)))
    kernel, bias = np.asarray(encoder.stem.kernel, np.float64), np.asarray(encoder.stem.bias, np.float64)
    stem = sum(x[i : i + 10, j : j + 15] @ kernel[i, j] for i in range(3) for j in range(3)) + bias
    patch = np.maximum(stem, 0)[5:10, 10:15].reshape(-1)  # the last patch
    token = patch @ np.asarray(encoder.project.kernel, np.float64) + encoder.down[1] + encoder.across[2]
    normed = (token - token.mean()) / np.sqrt(token.var() + 1e-6)
    np.testing.assert_allclose(encoder(jnp.asarray(pictures), REAL).tokens[2, 5], normed, atol=1e-4)


def test_places_differ_and_layers_mix(pictures):
    """Equal patches have unlike vectors; with self-attention every position depends on every pixel."""
    blank = jnp.zeros((1, 10, 15, 3), jnp.uint8)
    encoder = PatchEncoder(10, 15, 5, DIMS, rngs=nnx.Rngs(0))
    inside = encoder(blank, REAL[:1]).tokens[0]
    assert len(np.unique(np.asarray(inside).round(4), axis=0)) == 6
    deep = PatchEncoder(10, 15, 5, Dimensions(width=6, heads=1, mlp=7, layers=1), rngs=nnx.Rngs(0))
    tokens = jax.jit(lambda pictures: deep(pictures, REAL).tokens)
    other = pictures.copy()
    other[0, 0, 0] ^= 255
    assert (np.abs(tokens(other) - tokens(pictures)).max(axis=-1)[0] > 0).all()


def test_a_picture_must_be_whole_patches():
    with pytest.raises(ValueError, match="A picture of 10 x 16 pixels cannot be cut into patches of 5 x 5"):
        PatchEncoder(10, 16, 5, DIMS, rngs=nnx.Rngs(0))
