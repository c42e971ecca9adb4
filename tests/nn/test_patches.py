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


def test_a_position_is_a_patch_and_what_is_near(pictures):
    """Without self-attention a changed pixel changes its own patch, and those that it touches."""
    encoder = PatchEncoder(10, 15, 5, DIMS, rngs=nnx.Rngs(0))
    encode = jax.jit(lambda pictures: encoder(pictures, REAL))
    memory = encode(pictures)
    assert memory.tokens.shape == (3, 6, 6)
    np.testing.assert_array_equal(memory.mask, np.repeat(REAL[:, None], 6, axis=1))
    for row, column, own, near in [(7, 2, 3, {3}), (4, 7, 1, {1, 4}), (9, 14, 5, {5}), (5, 9, 4, {1, 2, 4, 5})]:
        other = pictures.copy()
        other[0, row, column] ^= 255
        changed = np.abs(encode(other).tokens - memory.tokens).max(axis=-1) > 1e-6
        assert own in np.flatnonzero(changed[0])
        assert set(np.flatnonzero(changed[0])) <= near
        assert not changed[1:].any()


def test_a_position_sees_as_far_on_all_sides():
    """Two pixels around a patch of 6 x 6: none further up, nor further down."""
    encoder = PatchEncoder(18, 18, 6, DIMS, rngs=nnx.Rngs(0))

    def middle(picture):
        return (encoder(picture, REAL[:1]).tokens[0, 4] * jnp.arange(6)).sum()

    seen = np.abs(jax.jit(jax.grad(middle))(jnp.zeros((1, 18, 18, 3)))).sum(axis=(0, 3)) > 0
    rows, columns = (np.flatnonzero(seen.any(axis=axis)) for axis in (1, 0))
    assert (rows[0], rows[-1]) == (columns[0], columns[-1]) == (4, 13)


def convolve(x, layer, stride):
    """A convolution in float64, with as much padding before as after."""
    kernel, bias = (np.asarray(each[...], np.float64) for each in (layer.kernel, layer.bias))
    size, out = len(kernel), [-(-length // stride) for length in x.shape[:2]]
    pads = [((length - 1) * stride + size - given) // 2 for length, given in zip(out, x.shape, strict=False)]
    x = np.pad(x, [(pad, pad) for pad in pads] + [(0, 0)])
    corners = [[x[i * stride :, j * stride :][:size, :size] for j in range(out[1])] for i in range(out[0])]
    return np.einsum("ijhwc,hwcd->ijd", np.array(corners), kernel) + bias


def normed(x):
    return (x - x.mean(axis=-1, keepdims=True)) / np.sqrt(x.var(axis=-1, keepdims=True) + 1e-6)


def test_the_values_are_those_of_numpy(pictures):
    encoder = PatchEncoder(10, 15, 5, DIMS, rngs=nnx.Rngs(1))
    pixels = np.maximum(normed(convolve(pictures[2] / 127.5 - 1, encoder.stem[0], 1)), 0)
    tokens = convolve(pixels, encoder.stem[1], 5) + encoder.down[...][:, None] + encoder.across[...][None]
    np.testing.assert_allclose(
        jax.jit(lambda x: encoder(x, REAL).tokens[2])(pictures), normed(tokens).reshape(6, 6), atol=1e-4
    )


def test_places_differ_and_layers_mix(pictures):
    """Equal patches have unlike vectors; with self-attention every position depends on every pixel."""
    deep = PatchEncoder(10, 15, 5, Dimensions(width=6, heads=1, mlp=7, layers=1), rngs=nnx.Rngs(0))
    tokens = jax.jit(lambda pictures: deep(pictures, REAL).tokens)
    assert len(np.unique(np.asarray(tokens(np.zeros_like(pictures))[0]).round(4), axis=0)) == 6
    other = pictures.copy()
    other[0, 0, 0] ^= 255
    assert (np.abs(tokens(other) - tokens(pictures)).max(axis=-1)[0] > 0).all()


def test_a_picture_must_be_whole_patches():
    with pytest.raises(ValueError, match="A picture of 10 x 16 pixels cannot be cut into patches of 5 x 5"):
        PatchEncoder(10, 16, 5, DIMS, rngs=nnx.Rngs(0))
