"""Rotary positions: NumPy's constants and JAX's traced numbers agree, near and far."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from xattn.nn.rotary import ROTARY_BASE, rotary_angles, rotate


@pytest.mark.parametrize("features", [2, 64, 130])
def test_traced_positions_turn_as_far_as_constants(features):
    """Against complex numbers in float64, up to the ends of 32 bits and below 0."""
    far = [0, 1, 2, 77, 511, 4096, 65_535, 65_536, 99_999, 100_000, 1_000_003, 2**24 + 1, 2**31 - 1]
    positions = np.array([*far, *(-place for place in far)])
    exact = np.exp(1j * positions[:, None] * ROTARY_BASE ** -(np.arange(0, features, 2) / features))
    angles = jax.jit(rotary_angles, static_argnums=1)(jnp.asarray(positions, jnp.int32), features)
    np.testing.assert_allclose(jnp.cos(angles), exact.real, atol=8e-7)
    np.testing.assert_allclose(jnp.sin(angles), exact.imag, atol=8e-7)
    x = jnp.asarray(np.random.default_rng(0).normal(size=(len(positions), 1, features)), jnp.float32)
    np.testing.assert_allclose(rotate(x, jnp.asarray(positions, jnp.int32)), rotate(x, positions), atol=4e-6)


@pytest.mark.parametrize("kind", [jnp.uint8, jnp.uint32, jnp.int16])
def test_positions_of_every_integer_type(kind):
    x = jnp.ones((3, 1, 8))
    positions = np.array([0, 5, 100])
    np.testing.assert_allclose(rotate(x, jnp.asarray(positions, kind)), rotate(x, positions), atol=1e-6)


def test_examples_may_have_positions_of_their_own():
    positions = np.array([[0, 1, 2], [7, 3, 100_000]])
    x = jnp.asarray(np.random.default_rng(0).normal(size=(4, 2, 3, 5, 6)), jnp.float32)
    for given in (positions, jnp.asarray(positions)):
        turned = rotate(x, given)
        for b in range(2):
            np.testing.assert_allclose(turned[:, b], rotate(x[:, b], positions[b]), atol=3e-6)


def test_float64_stays_float64():
    with jax.enable_x64(True):
        positions = np.array([3, 123_456])
        np.testing.assert_allclose(rotary_angles(jnp.asarray(positions), 8), rotary_angles(positions, 8), rtol=1e-15)
