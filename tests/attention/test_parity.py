"""Attention as other libraries compute it, where they define it: `jax.nn` and Flax."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen, nnx
from flax.nnx.nn.attention import dot_product_attention_weights

from xattn.attention import Mask, attention_weights, cross_attention, cross_attention_with_aux

B, T, S, N, K, H = 2, 7, 5, 6, 3, 4
RNG = np.random.default_rng(6)
LENGTHS, QUERY_LENGTHS = jnp.array([3, 5]), jnp.array([7, 4])


def normal(*shape):
    return jnp.asarray(RNG.normal(size=shape), jnp.float32)


Q, KEYS, V = normal(B, T, N, H), normal(B, S, K, H), normal(B, S, K, H)
BIAS = normal(1, N, T, S)
SEEN = jnp.asarray(RNG.random((B, 1, T, S)) < 0.6).at[..., 1].set(True)  # they average all keys where none is seen


# Their arguments, and ours.
JAX_NN = {
    "grouped heads": ({}, {}),
    "mask and bias": ({"mask": SEEN, "bias": BIAS}, {"mask": SEEN, "bias": BIAS}),
    "scale": ({"scale": 0.2}, {"scale": 0.2}),
    "causal": ({"is_causal": True}, {"mask": Mask.causal()}),
    "key lengths": ({"key_value_seq_lengths": LENGTHS}, {"mask": Mask.lengths(keys=LENGTHS)}),
    "lengths": (
        {"query_seq_lengths": QUERY_LENGTHS, "key_value_seq_lengths": LENGTHS},
        {"mask": Mask.lengths(queries=QUERY_LENGTHS, keys=LENGTHS)},
    ),
    "window": ({"local_window_size": (3, 1)}, {"mask": Mask.window(3, 1)}),
}


def test_outputs_and_gradients_are_those_of_jax_nn():
    """One compilation for all cases."""

    def pulled(run):
        out, pull = jax.vjp(run, Q, KEYS, V)
        return out, pull(jnp.cos(out))

    @jax.jit
    def every_case():
        pairs = {}
        for name, (theirs, ours) in JAX_NN.items():
            mine = partial(cross_attention, implementation="dense", **ours)
            pairs[name] = pulled(mine), pulled(partial(jax.nn.dot_product_attention, **theirs))
        return pairs

    for name, (have, want) in every_case().items():
        close = partial(np.testing.assert_allclose, rtol=2e-5, atol=2e-6, err_msg=name)
        jax.tree.map(close, have, want)


def test_the_log_sum_exp_is_that_of_jax_nn():
    _, aux = jax.jit(cross_attention_with_aux)(Q, KEYS, V, SEEN, bias=BIAS)
    theirs = partial(jax.nn.dot_product_attention, return_residual=True)
    _, theirs = jax.jit(theirs)(Q, KEYS, V, BIAS, SEEN)  # [B,T,N]
    np.testing.assert_allclose(aux.lse, jnp.swapaxes(theirs, 1, 2), rtol=2e-6, atol=2e-6)


@pytest.mark.parametrize("case", ["grouped heads", "mask and bias"])
def test_outputs_and_weights_are_those_of_flax(case):
    theirs, ours = JAX_NN[case]
    k, v = jnp.repeat(KEYS, N // K, 2), jnp.repeat(V, N // K, 2)  # Flax has no grouped heads: 0 and 1 read key head 0
    want = jax.jit(partial(nnx.dot_product_attention, **theirs))(Q, k, v)
    np.testing.assert_allclose(jax.jit(partial(cross_attention, **ours))(Q, KEYS, V), want, rtol=2e-5, atol=2e-6)
    want = dot_product_attention_weights(Q, k, **theirs)
    np.testing.assert_allclose(attention_weights(Q, KEYS, **ours), want, rtol=2e-5, atol=2e-6)


def test_values_of_another_width_and_two_batch_axes_are_as_in_flax():
    q, k = Q.reshape(1, B, T, K, 2 * H), jnp.concatenate([KEYS, jnp.sin(KEYS)], -1)[None]
    v = normal(1, B, S, K, 5)
    np.testing.assert_allclose(cross_attention(q, k, v), linen.dot_product_attention(q, k, v), rtol=2e-5, atol=2e-6)
