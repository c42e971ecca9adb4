"""The decoder's options: self-attention without a causal mask, and tied layers."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from xattn.nn.decoder import CrossDecoder
from xattn.nn.dimensions import Dimensions
from xattn.nn.memory import Memory

B, T, S, D, N, L, F = 3, 5, 7, 12, 2, 2, 17


def make(*, tied):
    dims = Dimensions(width=D, heads=N, mlp=F, layers=L)
    return nnx.jit(lambda: CrossDecoder(dims, tied=tied, rngs=nnx.Rngs(0)))()


@pytest.fixture(scope="module")
def inputs():
    rng = np.random.default_rng(1)
    x, tokens = (jnp.asarray(rng.normal(size=(B, n, D)), jnp.float32) for n in (T, S))
    real = jnp.asarray(np.arange(T) < np.array([5, 3, 1])[:, None])
    return x, Memory(tokens=tokens, mask=jnp.asarray(np.arange(S) < np.array([7, 2, 5])[:, None])), real


@jax.jit
def together(decoder, x, memory, real):
    return decoder(x, memory, causal=False, real=real)


def test_queries_see_each_other_and_no_padding(inputs):
    x, memory, real = inputs
    decoder = make(tied=False)
    states, weights = together(decoder, x, memory, real)
    assert (states.shape, weights.shape) == ((B, T, D), (L, B, N, T, S))
    # What comes later is seen: the first query of row 0 changes with the last, which causality would forbid.
    changed, _ = together(decoder, x.at[0, -1].multiply(-1.0), memory, real)
    assert not np.allclose(changed[0, 0], states[0, 0])
    # Padding is not, whatever it holds: real queries stay as they are, to the bit.
    filled = jnp.where(real[..., None], x, 1e3)
    same, _ = together(decoder, filled, memory, real)
    np.testing.assert_array_equal(np.asarray(same)[np.asarray(real)], np.asarray(states)[np.asarray(real)])
    # A query alone is a query among padding.
    alone, _ = jax.jit(lambda d, x, m: d(x, m))(decoder, x[2:, :1], jax.tree.map(lambda a: a[2:], memory))
    np.testing.assert_allclose(alone[0, 0], states[2, 0], rtol=1e-4, atol=1e-5)


def test_tied_layers_are_one_layer_applied_as_often(inputs):
    """As a decoder whose layers all have the parameters of the first; and a step at a time gives the same."""
    x, memory, _ = inputs
    tied, untied = make(tied=True), make(tied=False)
    assert (len(tied.layers), len(untied.layers), len(tied.stack)) == (1, L, L)
    state = nnx.to_pure_dict(nnx.state(untied, nnx.Param))
    one = nnx.to_pure_dict(nnx.state(tied, nnx.Param))
    state |= one | {"layers": dict.fromkeys(range(L), one["layers"][0])}
    copied = nnx.merge(nnx.graphdef(untied), nnx.State(jax.tree.map(nnx.Param, state)))
    whole = jax.jit(lambda d, x, m: d(x, m))
    (states, weights), (same, same_weights) = whole(tied, x, memory), whole(copied, x, memory)
    np.testing.assert_allclose(states, same, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(weights, same_weights, rtol=1e-5, atol=1e-6)

    @jax.jit
    def stepped(decoder, x, memory):
        projected, past, out = decoder.project_memory(memory), decoder.start(memory, 1, T), []
        for t in range(2):
            state, _, past = decoder.step(x[:, t : t + 1], past, jnp.int32(t), projected)
            out.append(state)
        return jnp.concatenate(out, axis=1)

    np.testing.assert_allclose(stepped(tied, x, memory), states[:, :2], rtol=1e-4, atol=1e-5)
