"""Transforms of a memory: which example sees which memory, and a leak that must show."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from xattn.nn.dimensions import Dimensions
from xattn.nn.encoder_decoder import EncoderDecoder
from xattn.nn.memory import Memory
from xattn.nn.memory_transforms import LatentPool, mean, none, shuffle

# Distinct primes, but for the width, which the heads divide.
B, S, T, V, D, N, L, F, Z = 5, 7, 3, 31, 12, 2, 1, 17, 2


def make(memory):
    dims = Dimensions(width=D, heads=N, layers=L, mlp=F)
    return EncoderDecoder(vocabulary=V, dims=dims, memory=memory, latents=Z, rngs=nnx.Rngs(0))


def words(tokens, mask):
    return Memory(tokens=jnp.asarray(tokens), mask=jnp.asarray(mask))


@pytest.mark.parametrize(
    ("real", "seen"),
    [
        ([1, 1, 1, 1, 1], [1, 2, 3, 4, 0]),
        ([1, 0, 1, 0, 1], [2, None, 4, None, 0]),
        ([0, 1, 0, 1, 0], [None, 3, None, 1, None]),
        ([0, 0, 1, 0, 0], [None, None, None, None, None]),
        ([0, 0, 0, 0, 0], [None, None, None, None, None]),
    ],
    ids=str,
)
def test_shuffle_gives_every_real_row_another_real_row(real, seen):
    rng = np.random.default_rng(0)
    tokens, lengths = rng.normal(size=(B, S, D)).astype(np.float32), np.array([7, 2, 5, 1, 3])
    mask = (np.arange(S) < lengths[:, None]) & np.array(real, bool)[:, None]
    got = shuffle(words(tokens, mask))
    for row, other in enumerate(seen):
        if other is None:
            assert not got.mask[row].any()
        else:
            np.testing.assert_array_equal(got.tokens[row], tokens[other])
            np.testing.assert_array_equal(got.mask[row], mask[other])


@pytest.mark.parametrize(("memory", "rows"), [("shuffle", 3), ("shuffle", 1), ("none", 3), ("full", 3)])
def test_nothing_of_the_own_source_reaches_the_outputs_without_a_memory_of_it(memory, rows):
    """The gradient of each row's logits for its own embedded source is exactly 0, but for a full memory."""
    graph, params = nnx.split(nnx.jit(make, static_argnums=0)(memory))
    rng = np.random.default_rng(0)
    tokens = rng.normal(size=(rows, S, D)).astype(np.float32)
    mask = jnp.arange(S)[None] < jnp.array([7, 4, 2])[:rows, None]
    target, probe = jnp.asarray(rng.integers(0, V, (rows, T))), jnp.asarray(rng.normal(size=(T, D)), jnp.float32)

    @jax.jit
    def slopes(params, tokens):
        model = nnx.merge(graph, params)

        def row(tokens, number):
            memory = model.transform(model.encoder(tokens, mask))
            return (model.decode(target, memory)[0][number] * probe).sum()

        return [jax.grad(row)(tokens, number) for number in range(rows)]

    for number, slope in enumerate(slopes(params, tokens)):
        own = np.abs(slope[number]).max()
        assert own > 1e-4 if memory == "full" else own == 0
        others = np.abs(np.delete(np.asarray(slope), number, axis=0)).max(initial=0)
        assert others > 1e-4 if (memory, rows) == ("shuffle", 3) else others == 0


def test_none_has_one_position_that_nobody_sees():
    got = none(words(np.ones((B, S, D), np.float32), np.ones((B, S), bool)))
    assert got.tokens.shape == (B, 1, D)
    assert not got.mask.any()


def test_latents_read_the_real_source_as_numpy_does():
    """One head in float64 by hand up to the self-attention, whose layer is that of the encoder."""
    dims = Dimensions(width=D, heads=1, layers=1, mlp=F)
    pool = nnx.jit(lambda: LatentPool(Z, dims, rngs=nnx.Rngs(1)))()
    rng = np.random.default_rng(0)
    tokens, mask = rng.normal(size=(B, S, D)).astype(np.float32), np.arange(S) < np.array([7, 2, 5, 0, 3])[:, None]
    graph, params = nnx.split(pool)
    read = jax.jit(lambda params, memory: nnx.merge(graph, params).with_weights(memory))
    got, weights = read(params, words(tokens, mask))
    assert got.tokens.shape == (B, Z, D)
    np.testing.assert_array_equal(got.mask, np.repeat(mask.any(1)[:, None], Z, axis=1))

    def norm(x):
        x = np.asarray(x, np.float64)
        return (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-6)

    kernel = {name: np.asarray(getattr(pool.cross_attention, name).kernel[...]) for name in ("query", "key")}
    scores = (norm(pool.latents[...]) @ kernel["query"]) @ (norm(tokens) @ kernel["key"]).swapaxes(1, 2) / D**0.5
    wanted = np.where(mask[:, None], np.exp(scores), 0)
    wanted /= np.maximum(wanted.sum(-1, keepdims=True), 1e-9)
    np.testing.assert_allclose(np.asarray(weights)[:, 0], wanted, atol=2e-6)
    # Latents that begin apart look apart.
    assert np.abs(wanted[0, 0] - wanted[0, 1]).max() > 0.05
    # What is behind the mask is not read.
    changed, _ = read(params, words(np.where(mask[..., None], tokens, 9.0), mask))
    np.testing.assert_array_equal(got.tokens, changed.tokens)


@pytest.mark.parametrize("memory", ["latents", "shuffle", "none"])
def test_a_cached_step_says_what_the_whole_pass_says(memory):
    graph, params = nnx.split(nnx.jit(make, static_argnums=0)(memory))
    rng = np.random.default_rng(0)
    source, target = jnp.asarray(rng.integers(0, V, (B, S))), jnp.asarray(rng.integers(0, V, (B, T)))
    mask = jnp.arange(S)[None] < jnp.array([7, 4, 2, 0, 1])[:, None]

    @jax.jit
    def both(params):
        model = nnx.merge(graph, params)
        whole, _ = model(source, mask, target)
        step, state = model.stepper(model.encode(source, mask), 1, T)
        steps = []
        for t in range(T):
            logits, state, _ = step(target[:, t : t + 1], jnp.int32(t), state)
            steps.append(logits[:, 0])
        return whole, jnp.stack(steps, axis=1)

    np.testing.assert_allclose(*both(params), atol=2e-5)


def test_ablations_have_the_parameters_of_the_full_model_but_for_latents():
    def names(memory):
        state = nnx.to_pure_dict(nnx.state(nnx.eval_shape(lambda: make(memory)), nnx.Param))
        return {jax.tree_util.keystr(path): leaf.shape for path, leaf in jax.tree_util.tree_leaves_with_path(state)}

    full = names("full")
    assert all(names(memory) == full for memory in ("mean", "shuffle", "none"))
    assert names("latents").items() > full.items()
    assert names("latents")["['transform']['pool']['latents']"] == (Z, D)


def test_the_mean_memory_is_the_mean_of_real_positions():
    rng = np.random.default_rng(0)
    tokens = rng.normal(size=(2, 5, 3)).astype(np.float32)
    mask = np.array([[True] * 3 + [False] * 2, [False] * 5])
    got = mean(words(tokens, mask))
    np.testing.assert_allclose(got.tokens[0, 0], tokens[0, :3].astype(np.float64).mean(0), rtol=1e-6)
    np.testing.assert_array_equal(got.tokens[1, 0], 0)
    np.testing.assert_array_equal(got.mask, [[True], [False]])
