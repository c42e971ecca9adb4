"""Sampling and forced beginnings, against NumPy and against chains whose probabilities are known."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from xattn.decoding import beam_search, draw, greedy, sample

EOS, PAD = 0, -1
#        EOS  a    b
CHAIN = [[0.0, 0.6, 0.4], [0.4, 0.3, 0.3], [0.9, 0.05, 0.05]]
SEARCH = {"bos": 0, "eos": EOS, "pad": PAD, "max_length": 7}


def step(ids, position, state):
    return jnp.log(jnp.array(CHAIN))[ids], state, {"read": ids}


def numpy_draw(logp, u, temperature, top_k, top_p):
    """By its definition, in float64."""
    p = np.exp(logp.astype(np.float64) / temperature)
    order = np.argsort(-p, kind="stable")[:top_k]
    p = p[order] / p[order].sum()
    kept = 1 + np.searchsorted(np.cumsum(p), top_p)
    order, p = order[:kept], p[:kept]
    return order[np.searchsorted(np.cumsum(p) / p.sum(), u, side="right").clip(max=len(p) - 1)]


@pytest.mark.parametrize("temperature", [0.7, 1.0, 1.9])
@pytest.mark.parametrize("top_p", [0.3, 0.8, 1.0])
@pytest.mark.parametrize("top_k", [None, 1, 5])
def test_a_draw_is_that_of_numpy(temperature, top_k, top_p):
    rng = np.random.default_rng(0)
    logp, u = rng.normal(size=(211, 13)).astype(np.float32) * 2, rng.uniform(size=211).astype(np.float32)
    got = draw(jnp.asarray(logp), jnp.asarray(u), temperature=temperature, top_k=top_k, top_p=top_p)
    want = [numpy_draw(row, each, temperature, top_k, top_p) for row, each in zip(logp, u, strict=True)]
    assert got.tolist() == want


def samples(numbers, **changes):
    def drawn(numbers):
        return sample(step, (), numbers=numbers, **({"seed": 3, "width": 2} | SEARCH | changes))

    return jax.device_get(jax.jit(drawn)(jnp.asarray(numbers)))


def test_sentences_are_drawn_as_often_as_they_are_probable():
    """Eight thousand sentences; five standard deviations."""
    count = 4001
    found = samples(np.arange(count))
    rows = [tuple(row[row != PAD]) for row in found.tokens.reshape(-1, 7)]
    for pieces, p in {(1, 0): 0.24, (2, 0): 0.36, (1, 1, 0): 0.6 * 0.3 * 0.4, (2, 1, 0): 0.4 * 0.05 * 0.4}.items():
        mean, spread = 2 * count * p, (2 * count * p * (1 - p)) ** 0.5
        assert abs(rows.count(pieces) - mean) < 5 * spread
    for i, (pieces, score) in enumerate(zip(rows, found.scores.reshape(-1), strict=True)):
        if i % 97 == 0:
            p = np.prod([CHAIN[a][b] for a, b in zip((0, *pieces), pieces, strict=False)])
            assert score == pytest.approx(np.log(p), rel=1e-5)
    # The two samples of a sentence know nothing of each other.
    first, second = (found.tokens[:, w, 0] == 1 for w in range(2))
    assert abs(np.corrcoef(first, second)[0, 1]) < 5 / count**0.5


def test_a_sample_depends_on_the_seed_and_the_number_only():
    together = samples([11, 4, 7])
    alone = samples([7])
    jax.tree.map(lambda a, b: np.testing.assert_array_equal(a[2], b[0]), together, alone)
    many = samples(np.arange(53)).tokens
    assert (many != samples(np.arange(53), seed=4).tokens).any()
    np.testing.assert_array_equal(many, samples(np.arange(53)).tokens)


def test_the_one_most_probable_piece_is_greedy():
    found = samples([5, 6], top_k=1)
    want = jax.jit(lambda: greedy(step, (), batch=2, **SEARCH))()
    for w in range(2):
        np.testing.assert_array_equal(found.tokens[:, w], want.tokens[:, 0])
        np.testing.assert_array_equal(found.record["read"][:, w], want.record["read"][:, 0])


def test_what_is_forced_is_written_and_counted():
    prefix = jnp.array([[1, 2], [2, -1], [-1, -1]])
    beam = jax.jit(lambda: beam_search(step, (), batch=3, width=2, n_best=2, prefix=prefix, **SEARCH))()
    plain = jax.jit(lambda: greedy(step, (), batch=3, prefix=prefix, **SEARCH))()
    drawn = samples([0, 1, 2], prefix=prefix)
    assert [row[row != PAD].tolist() for row in beam.tokens[:, 0]] == [[1, 2, 0], [2, 0], [2, 0]]
    np.testing.assert_allclose(np.exp(beam.scores[:, 0]), [0.6 * 0.3 * 0.9, 0.36, 0.36], rtol=1e-5)
    assert [row[row != PAD].tolist() for row in plain.tokens[:, 0]] == [[1, 2, 0], [2, 0], [1, 0]]
    np.testing.assert_allclose(np.exp(plain.scores[:, 0]), [0.6 * 0.3 * 0.9, 0.36, 0.24], rtol=1e-5)
    assert (drawn.tokens[0, :, :2] == [1, 2]).all()
    assert (drawn.tokens[1, :, 0] == 2).all()
