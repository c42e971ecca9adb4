"""The encoder-decoder: which inputs may influence which outputs, and cached steps that equal the whole pass."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from xattn.nn.dimensions import Dimensions
from xattn.nn.dropout import DropoutKey
from xattn.nn.encoder_decoder import EncoderDecoder

# Distinct primes, but for the width, which the heads divide.
B, S, T, V, D, N, L, F = 3, 7, 5, 31, 12, 2, 2, 17


def make(memory="full"):
    dims = Dimensions(width=D, heads=N, layers=L, mlp=F)
    return EncoderDecoder(vocabulary=V, dims=dims, memory=memory, rngs=nnx.Rngs(0))


@pytest.fixture(scope="module")
def model():
    # Compiled as a whole: eager calls would compile every operation by itself.
    return nnx.jit(make)()


@partial(jax.jit, static_argnums=0)
def run(graph, params, *batch):
    return nnx.merge(graph, params)(*batch)


def call(model, *batch):
    return run(*nnx.split(model), *batch)


@pytest.fixture(scope="module")
def batch():
    rng = np.random.default_rng(0)
    source, target = rng.integers(0, V, (B, S)), rng.integers(0, V, (B, T))
    return jnp.asarray(source), jnp.arange(S)[None] < jnp.array([[7], [4], [1]]), jnp.asarray(target)


@pytest.mark.parametrize(("memory", "columns"), [("full", S), ("mean", 1)])
def test_shapes_without_computing(memory, columns):
    graph, params = nnx.split(nnx.eval_shape(lambda: make(memory)))
    ids = jax.ShapeDtypeStruct((B, S), jnp.int32)
    mask = jax.ShapeDtypeStruct((B, S), bool)
    target = jax.ShapeDtypeStruct((B, T), jnp.int32)
    logits, weights = jax.eval_shape(lambda p, *batch: nnx.merge(graph, p)(*batch), params, ids, mask, target)
    assert logits.shape == (B, T, V)
    assert weights.shape == (L, B, N, T, columns)


def test_every_row_of_weights_is_a_distribution_over_the_real_source(model, batch):
    source, mask, target = batch
    _, weights = call(model, source, mask, target)
    np.testing.assert_allclose(weights.sum(-1), 1, rtol=1e-6)
    hidden = np.broadcast_to(~np.asarray(mask)[None, :, None, None], weights.shape)
    assert (np.asarray(weights)[hidden] == 0).all()


def test_padding_is_inert(model, batch):
    source, mask, target = batch
    changed = jnp.where(mask, source, (source + 1) % V)
    assert (changed != source).any()
    for a, b in zip(call(model, source, mask, target), call(model, changed, mask, target), strict=True):
        np.testing.assert_array_equal(a, b)


def test_no_position_sees_a_later_target(model, batch):
    source, mask, target = batch
    changed = target.at[:, 3].set((target[:, 3] + 1) % V)
    before, after = call(model, source, mask, target)[0], call(model, source, mask, changed)[0]
    np.testing.assert_array_equal(before[:, :3], after[:, :3])
    assert (np.abs(before - after)[:, 3:].max(axis=(0, 2)) > 1e-4).all()


def test_a_cached_step_says_what_the_whole_pass_says(model, batch):
    source, mask, target = batch
    logits, weights = call(model, source, mask, target)
    # Two hypotheses a sentence, of which the second is the target of another sentence.
    targets_BWT = jnp.stack([target, jnp.roll(target, 1, axis=0)], axis=1)
    other_logits, other_weights = call(model, source, mask, targets_BWT[:, 1])
    step, state = model.stepper(nnx.jit(lambda m, *source: m.encode(*source))(model, source, mask), 2, T)
    step = jax.jit(step)
    for t in range(T):
        logits_BWV, state, weights_BWLNS = step(targets_BWT[:, :, t], jnp.int32(t), state)
        for w, (whole, looks) in enumerate([(logits, weights), (other_logits, other_weights)]):
            np.testing.assert_allclose(logits_BWV[:, w], whole[:, t], atol=2e-5)
            np.testing.assert_allclose(weights_BWLNS[:, w], np.einsum("LBNS->BLNS", looks[:, :, :, t]), atol=2e-6)


def test_a_share_of_the_batch_drops_what_the_whole_batch_drops(model, batch):
    source, mask, target = batch

    def noisy(rows):
        dropout_key = DropoutKey(
            seed=jnp.uint32(5), rows=jnp.arange(B, dtype=jnp.uint32)[rows], rate=0.3, attention_rate=0.2
        )
        return call(model, source[rows], mask[rows], target[rows], dropout_key)[0]

    whole, share = noisy(slice(0, B)), noisy(slice(1, B))
    np.testing.assert_allclose(whole[1:], share, atol=1e-5)
    assert np.abs(whole - call(model, source, mask, target)[0]).max() > 0.1


def test_heads_must_divide_the_width():
    with pytest.raises(ValueError, match="heads=5 does not divide width=12"):
        EncoderDecoder(vocabulary=V, dims=Dimensions(width=12, heads=5, layers=1, mlp=F), rngs=nnx.Rngs(0))
