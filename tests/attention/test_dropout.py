"""Counter-hash dropout: statistics of the bits, and independence of how the work is cut."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from xattn.attention import Dropout, cross_attention, dropout, hash_bits
from xattn.attention.dropout import keep_weights

RATE = 0.3
B, N, T, S = 13, 7, 67, 101


@pytest.fixture(scope="module")
def kept():
    return kept_with(5)


def kept_with(seed, sizes=(B, N, T, S)):
    places = [jnp.arange(n).reshape([-1 if a == axis else 1 for a in range(4)]) for axis, n in enumerate(sizes)]
    examples = places[0].astype(jnp.uint32)
    return np.asarray(keep_weights(Dropout(RATE, jnp.uint32(seed)), examples, *places[1:]), float)


def sigma(kept):
    return np.sqrt(RATE * (1 - RATE) / kept.size)


def test_mean_and_variance(kept):
    assert abs(kept.mean() - (1 - RATE)) < 4 * sigma(kept)
    # Means along every axis scatter as those of independent coins do.
    for axis in range(4):
        others = tuple(a for a in range(4) if a != axis)
        spread = kept.mean(others).var() * kept.size / kept.shape[axis] / (RATE * (1 - RATE))
        assert abs(spread - 1) < 5 * np.sqrt(2 / kept.shape[axis])


@pytest.mark.parametrize("axis", range(4))
@pytest.mark.parametrize("lag", [1, 2])
def test_neighbours_are_uncorrelated(kept, axis, lag):
    a = np.take(kept, range(lag, kept.shape[axis]), axis) - (1 - RATE)
    b = np.take(kept, range(kept.shape[axis] - lag), axis) - (1 - RATE)
    assert abs((a * b).mean() / (RATE * (1 - RATE))) < 4.5 / np.sqrt(a.size)


def test_seeds_are_uncorrelated(kept):
    for seed in (4, 6, 5 + 2**31):
        product = (kept - (1 - RATE)) * (kept_with(seed) - (1 - RATE))
        assert abs(product.mean() / (RATE * (1 - RATE))) < 4.5 / np.sqrt(kept.size)


def test_the_hash_is_that_of_its_definition(plain_hash):
    """A change would drop other entries in a run that is resumed."""
    assert (plain_hash(0), plain_hash(5, 1, 2)) == (0xED42A3CF, 0xFC700E56)  # kept results of this hash
    examples, keys = [0, 1, 2**32 - 1], [0, 7, 1000]
    for seed in (0, 1, 5, 2**32 - 1):
        bits = hash_bits(jnp.uint32(seed), jnp.array(examples, jnp.uint32)[:, None], jnp.array(keys, jnp.uint32)[None])
        np.testing.assert_array_equal(bits, [[plain_hash(seed, example, key) for key in keys] for example in examples])


def test_every_bit_of_the_hash_is_fair():
    bits = np.asarray(hash_bits(jnp.uint32(1), jnp.arange(50_000, dtype=jnp.uint32)))
    ones = [(bits >> i & 1).mean() for i in range(32)]
    np.testing.assert_allclose(ones, 0.5, atol=4.5 * 0.5 / np.sqrt(bits.size))
    assert len(np.unique(bits)) == bits.size  # a bijection of one counter


def test_a_chain_of_small_seeds_and_counters_never_meets_itself():
    """As sites of a model and steps of training derive their seeds: 0 from 0 must not be 0 again."""
    small = jnp.arange(32, dtype=jnp.uint32)
    chain = jax.vmap(lambda seed: hash_bits(seed, small))
    one = chain(small)
    every = np.concatenate([small, one.ravel(), chain(one.ravel()).ravel()])
    # Of 33,824 random numbers of 32 bits 0.13 pairs are equal, on average.
    assert len(np.unique(every)) == every.size


def test_counters_are_not_interchangeable():
    i, j = jnp.arange(32, dtype=jnp.uint32)[:, None], jnp.arange(32, dtype=jnp.uint32)[None]
    square = np.asarray(hash_bits(jnp.uint32(3), i, j))
    off = ~np.eye(32, dtype=bool)
    assert not (square == square.T)[off].any()


def test_activation_dropout_scales_exactly_and_ignores_the_cut():
    x = jnp.asarray(np.random.default_rng(0).normal(size=(5, 11, 13)), jnp.float32)
    whole = dropout(x, RATE, jnp.uint32(2))
    part = dropout(x[2:4], RATE, jnp.uint32(2), jnp.array([2, 3], jnp.uint32))
    np.testing.assert_array_equal(whole[2:4], part)
    live = np.asarray(whole) != 0
    np.testing.assert_allclose(np.asarray(whole)[live], np.asarray(x)[live] / (1 - RATE), rtol=1e-6)
    assert abs(live.mean() - (1 - RATE)) < 4 * np.sqrt(RATE * (1 - RATE) / x.size)


@pytest.mark.parametrize("rate", [None, 0.0])
def test_no_rate_is_identity(rate):
    x = jnp.ones((3, 5))
    assert dropout(x, rate, jnp.uint32(0)) is x


@pytest.mark.parametrize("rate", [1.0, -0.1, 2.0])
def test_a_rate_outside_the_unit_interval_is_refused(rate):
    with pytest.raises(ValueError, match="0 <= rate < 1"):
        dropout(jnp.ones((3, 5)), rate, jnp.uint32(0))
    with pytest.raises(ValueError, match="0 <= rate < 1"):
        cross_attention(*(jnp.ones((3, 1, 2)),) * 3, dropout=Dropout(rate, jnp.uint32(0)))


def test_attention_dropout_is_weights_times_kept_over_rate():
    rng = np.random.default_rng(1)
    q, k = (jnp.asarray(rng.normal(size=(2, n, 3, 5)), jnp.float32) for n in (7, 11))
    identity = jnp.broadcast_to(jnp.eye(11)[None, :, None], (2, 11, 3, 11))
    plain = cross_attention(q, k, identity)  # [B,T,N,S]: the weights themselves
    dropped = cross_attention(q, k, identity, dropout=Dropout(RATE, jnp.uint32(9)))
    ratio = np.asarray(dropped / plain)
    kept = kept_with(9, (2, 3, 7, 11))
    np.testing.assert_allclose(ratio, np.swapaxes(kept, 1, 2) / (1 - RATE), rtol=1e-5)


def test_attention_dropout_ignores_how_the_batch_is_cut():
    rng = np.random.default_rng(1)
    q, k, v = (jnp.asarray(rng.normal(size=(5, n, 3, 2)), jnp.float32) for n in (7, 11, 11))
    rows = jnp.arange(5, dtype=jnp.uint32)
    whole = cross_attention(q, k, v, dropout=Dropout(RATE, jnp.uint32(9)))
    part = cross_attention(q[3:], k[3:], v[3:], dropout=Dropout(RATE, jnp.uint32(9), rows[3:]))
    np.testing.assert_allclose(whole[3:], part, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("impl", ["threefry2x32", "rbg"])
def test_a_jax_key_is_a_seed(plain_hash, impl):
    """Typed and raw keys drop the same, by the hash of their words, also under jit."""
    key = jax.random.key(2**40 + 7, impl=impl)
    raw = jax.random.key_data(key)
    seed = plain_hash(*(int(word) for word in raw))
    q = jnp.ones((2, 3, 2, 4))
    v = jnp.asarray(np.random.default_rng(0).normal(size=(2, 5, 2, 4)), jnp.float32)
    want = cross_attention(q, v, v, dropout=Dropout(0.4, jnp.uint32(seed)))
    for given in (key, raw, np.asarray(raw)):
        np.testing.assert_array_equal(cross_attention(q, v, v, dropout=Dropout(0.4, given)), want)
        np.testing.assert_array_equal(dropout(v, 0.4, given), dropout(v, 0.4, jnp.uint32(seed)))
    through = jax.jit(lambda key: cross_attention(q, v, v, dropout=Dropout(0.4, key)))
    np.testing.assert_allclose(through(key), want, atol=1e-6)
    assert np.abs(through(jax.random.fold_in(key, 1)) - want).max() > 0.1


def test_vmap_over_examples_needs_their_numbers():
    """Without `rows` every example is number 0 to the mapped function; with them it is the batched call."""
    q = jnp.ones((3, 4, 2, 4))
    v = jnp.asarray(np.random.default_rng(0).normal(size=(3, 5, 2, 4)), jnp.float32)
    seed = jnp.uint32(5)
    whole = cross_attention(q, v, v, dropout=Dropout(0.4, seed))

    def one(q, v, row):
        return cross_attention(q, v, v, dropout=Dropout(0.4, seed, rows=row))

    np.testing.assert_allclose(jax.vmap(one)(q, v, jnp.arange(3)), whole, atol=1e-6)
    alike = jax.vmap(one, (0, 0, None))(q, v, jnp.arange(1)[0])
    np.testing.assert_allclose(alike[0], whole[0], atol=1e-6)
    assert np.abs(alike[1] - whole[1]).max() > 0.1
