"""The entropy keeps its digits whatever is added to the scores, and is never below 0."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from xattn.attention import cross_attention_with_aux

T, S, N, H = 6, 12, 2, 4


def entropy(name, q, k, bias, sink=None):
    block = (4, 5) if name.startswith("chunked") else None
    aux = cross_attention_with_aux(
        q, k, k, bias=bias, sink=sink, implementation=name, block=block, returns=("entropy",)
    )[1]
    return aux.entropy


@pytest.mark.parametrize("with_sink", [False, True])
@pytest.mark.parametrize("name", ["dense", "chunked", "chunked_jvp"])
def test_a_constant_bias_changes_nothing(name, with_sink):
    """Scores are multiples of 1/2, so that they are exact beside a bias of 2^20."""
    rng = np.random.default_rng(0)
    q = jnp.asarray(np.eye(H)[rng.integers(0, H, (T, N))] * 2, jnp.float32)
    k = jnp.asarray(rng.integers(-8, 8, (S, N, H)) / 2, jnp.float32)
    scores = np.einsum("tnh,snh->nts", np.asarray(q, float), np.asarray(k, float)) / 2
    raised, more = np.exp(scores), np.exp(0.5) if with_sink else 0.0
    weights = raised / (raised.sum(-1, keepdims=True) + more)
    want = -(weights * np.log(weights)).sum(-1)
    run = jax.jit(entropy, static_argnums=0)
    for added in (0.0, 2.0**20, -(2.0**20)):
        sink = jnp.full(N, added + 0.5, jnp.float32) if with_sink else None
        np.testing.assert_allclose(run(name, q, k, jnp.full((1, 1, 1), added, jnp.float32), sink), want, rtol=3e-6)


@pytest.mark.parametrize("name", ["dense", "chunked"])
def test_it_is_never_below_zero(name):
    """One key with nearly all of the weight, at scores that are large and not exact."""
    rng = np.random.default_rng(1)
    q, k = (jnp.asarray(1e3 * rng.normal(size=(n, N, H)), jnp.float32) for n in (64, 40))
    for sink in (None, jnp.float32(3e3)):
        have = np.asarray(entropy(name, q, k, None, sink))
        assert (have >= 0).all()
        assert np.isfinite(have).all()
