"""The copy switch against plain NumPy in float64."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from xattn.nn.copy_switch import CopySwitch, gather

B, T, S, D, V, E = 2, 3, 5, 7, 11, 13


@pytest.fixture(scope="module")
def arrays():
    generator = np.random.default_rng(0)
    weights = generator.random((B, T, S)) * (generator.random((B, T, S)) < 0.6)
    weights[1, 2] = 0  # nothing is looked at
    weights = np.divide(weights, weights.sum(-1, keepdims=True), where=weights.sum(-1, keepdims=True) > 0, out=weights)
    words = generator.integers(E, size=(B, S))
    words[0, :3] = [V, 4, V]  # one that is only in the source, twice; one of both
    return generator.normal(size=(B, T, D)), generator.normal(size=(B, T, V)), weights, words


def mixed(switch, arrays):
    states, logits, weights, words = arrays
    return switch(*(jnp.asarray(x, jnp.float32) for x in (states, logits, weights)), jnp.asarray(words), E)


def test_it_is_the_mixture_of_the_paper(arrays):
    switch = CopySwitch(D, rngs=nnx.Rngs(0))
    states, logits, weights, words = arrays
    said, copied = mixed(switch, arrays)
    wanted = np.zeros((B, T, E))
    for b, t in np.ndindex(B, T):
        gate = 1 / (1 + np.exp(-(states[b, t] @ switch.switch.kernel[...] + switch.switch.bias[...])[0]))
        gate = gate if weights[b, t].any() else 1.0
        wanted[b, t, :V] = gate * np.exp(logits[b, t]) / np.exp(logits[b, t]).sum()
        for s in range(S):
            wanted[b, t, words[b, s]] += (1 - gate) * weights[b, t, s]
        assert float(copied[b, t]) == pytest.approx(1 - gate, abs=1e-6)
    np.testing.assert_allclose(np.exp(said), wanted, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(np.exp(said).sum(-1), 1, rtol=1e-5)


def test_what_is_not_looked_at_leaves_gradients_finite(arrays):
    """A word whose places all have the weight 0 has no probability, if it can only be copied, and pulls at nothing."""
    switch = CopySwitch(D, rngs=nnx.Rngs(0))
    _, _, weights, words = arrays
    weights = weights.copy()
    weights[0, 0, :3] = [0, 0.7, 0]

    def loss(inputs):
        said, _ = switch(*inputs, jnp.asarray(words), E)
        return jnp.where(jnp.isfinite(said), said, 0).sum() + said[0, 1, V]

    inputs = tuple(jnp.asarray(x, jnp.float32) for x in (arrays[0], arrays[1], weights))
    assert switch(*inputs, jnp.asarray(words), E)[0][0, 0, V] == -np.inf
    for gradient in jax.jit(jax.grad(loss))(inputs):
        assert np.isfinite(gradient).all()


def test_extreme_gates_and_logits_stay_exact(arrays):
    """In probabilities, 1e-60 would be 0: the logarithm keeps it."""
    switch = CopySwitch(D, rngs=nnx.Rngs(0))
    switch.switch.kernel[...] *= 0
    switch.switch.bias[...] += 138.0  # hardly ever copied
    states, _, weights, words = (jnp.asarray(x) for x in arrays)
    weights = jnp.zeros_like(weights, jnp.float32).at[..., 0].set(1.0)
    said, _ = switch(states.astype(jnp.float32), jnp.zeros((B, T, V)), weights, words, E)
    assert float(said[0, 0, V]) == pytest.approx(-138.0)


def test_places_are_added():
    weights = np.random.default_rng(1).random((B, T, S)).astype(np.float32)
    words = np.random.default_rng(2).integers(E, size=(B, S))
    wanted = np.einsum("bts,bse->bte", weights, np.eye(E)[words])
    np.testing.assert_allclose(gather(jnp.asarray(weights), jnp.asarray(words), E), wanted, rtol=1e-6)
