"""Attributions compared with plain computations of the same: NumPy, finite differences, and modules run again."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from xattn.attention import Mask
from xattn.nn import attributions
from xattn.nn.dimensions import Dimensions
from xattn.nn.encoder_decoder import EncoderDecoder

S, T, PAD = 5, 4, 2  # the last two source positions are padding


@pytest.fixture(scope="module")
def model():
    dims = Dimensions(width=16, heads=2, layers=3, mlp=24)
    return EncoderDecoder(vocabulary=11, dims=dims, rngs=nnx.Rngs(0))


@pytest.fixture(scope="module")
def given():
    rng = np.random.default_rng(0)
    source, target, after = (jnp.asarray(rng.integers(4, 11, (2, n))) for n in (S, T, T))
    return source, jnp.arange(S)[None] < jnp.array([[S], [S - PAD]]), target, after


def test_the_replay_is_the_decoder(model, given):
    source, mask, target, _ = given
    memory, x = model.encode(source, mask), model._embed(target)
    states, weights = model.decode(target, memory)
    replayed, ones = x, jnp.ones(())
    for layer, keys, own in zip(model.decoder.stack, model.decoder.project_memory(memory), weights, strict=True):
        gated, _, found = attributions._layer(layer, replayed, keys, ones)
        replayed, _, plain = attributions._layer(layer, replayed, keys)
        np.testing.assert_allclose(gated, replayed, atol=2e-6)
        np.testing.assert_allclose(found, own, atol=1e-6)
        np.testing.assert_allclose(plain, own, atol=1e-6)
    np.testing.assert_allclose(model.decoder.norm(replayed), states, atol=2e-6)


def test_gradients_are_finite_differences(model, given):
    source, mask, target, after = given
    memory, x = model.encode(source, mask), model._embed(target)
    found = np.asarray(model.attribute("gradients", source, mask, target, after))
    embedding = model.embedding.embedding[...]

    def logit(gates, example, step):
        state = x
        for layer, keys, gate in zip(model.decoder.stack, model.decoder.project_memory(memory), gates, strict=True):
            state, _, _ = attributions._layer(layer, state, keys, gate)
        return model.decoder.norm(state)[example, step] @ embedding[after[example, step]]

    run, rng, size = jax.jit(logit), np.random.default_rng(1), 0.05
    for layer, example, head, step, position in rng.integers(0, [3, 2, 2, T, S], (12, 5)):
        ends = []
        for change in (size, -size):
            gates = np.ones((3, 2, 2, T, S), np.float32)
            gates[layer, example, head, step, position] += change
            ends.append(float(run(gates, example, step)))
        wanted = max((ends[0] - ends[1]) / (2 * size), 0)
        assert found[layer, example, head, step, position] == pytest.approx(wanted, abs=2e-4, rel=2e-2)
    assert not found[:, 1, ..., S - PAD :].any()


def test_rollout_is_a_product_of_matrices(model, given):
    source, mask, target, after = given
    found = np.asarray(model.attribute("rollout", source, mask, target, after))
    encoder = np.asarray(model.source_attention(source, mask), np.float64).mean(axis=2)
    own = np.asarray(model.attribute("decoder", source, mask, target, after), np.float64).mean(axis=2)
    cross = np.asarray(model.decode(target, model.encode(source, mask))[1], np.float64).mean(axis=2)
    for example in range(2):
        # One graph of all states: a layer moves shares between source pieces, target inputs and decoder states.
        below = np.linalg.multi_dot([0.5 * (each + np.eye(S)) for each in encoder[::-1, example]])
        states = np.hstack([np.eye(T), np.zeros((T, S))])
        for layer in range(3):
            states = 0.5 * (own[layer, example] + np.eye(T)) @ states
            states = 0.5 * states + 0.5 * np.hstack([np.zeros((T, T)), cross[layer, example] @ below])
            np.testing.assert_allclose(states.sum(axis=1), 1)
            wanted = states[:, T:] / states[:, T:].sum(axis=1, keepdims=True)
            np.testing.assert_allclose(found[layer, example, 0], wanted, atol=1e-6)


def test_value_zeroing_is_the_layer_run_without_a_value(model, given):
    source, mask, target, after = given
    found = np.asarray(model.attribute("value-zeroing", source, mask, target, after))
    memory, x = model.encode(source, mask), model._embed(target)
    for number, (layer, keys) in enumerate(zip(model.decoder.stack, model.decoder.project_memory(memory), strict=True)):
        whole, _ = layer(x, keys, Mask.causal(), None)
        wanted = np.zeros((2, T, S))
        for position in range(S):
            values = np.array(keys.v)
            values[:, position] = 0
            without, _ = layer(x, keys._replace(v=jnp.asarray(values)), Mask.causal(), None)
            a, b = np.asarray(whole, np.float64), np.asarray(without, np.float64)
            cosine = (a * b).sum(-1) / np.linalg.norm(a, axis=-1) / np.linalg.norm(b, axis=-1)
            wanted[..., position] = np.where(mask[:, None, position], 1 - cosine, 0)
        wanted /= wanted.sum(axis=-1, keepdims=True)
        np.testing.assert_allclose(found[number, :, 0], wanted, atol=2e-4)
        x = whole


def test_the_decoders_own_attention_is_causal(model, given):
    own = np.asarray(model.attribute("decoder", *given))
    assert own.shape == (3, 2, 2, T, T)
    np.testing.assert_allclose(own.sum(axis=-1), 1, atol=1e-6)
    assert not np.triu(own, 1).any()
