"""Greedy and beam search against lists of every sentence that tiny models can write."""

import functools
import itertools
import math
import operator

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from xattn.decoding import Hypotheses, beam_search, greedy

B, V, T = 5, 3, 5
BOS, EOS, PAD = 0, 1, 77
EXHAUSTIVE = V * (V - 1) ** (T - 1)  # all continuations of all that can be alive
LIMITS = (5, 3, 0, 1, 4)


class History:
    """The next piece depends on everything before it, through one random table a sentence.

    The state is the history itself, so that a hypothesis that is given the state of another one is found out.
    """

    def __init__(self, *, batch: int, seed: int, peak: float = 1.5):
        rng = np.random.default_rng(seed)
        self.tables = (rng.normal(size=(batch, V**T, V)) * peak).astype(np.float32)

    def logp(self, sentence, prefix):
        """Natural logarithms [V] of the probabilities of the next piece, in float64."""
        code = sum(piece * V**i for i, piece in enumerate((BOS, *prefix)))
        logits = self.tables[sentence, code].astype(np.float64)
        return logits - np.logaddexp.reduce(logits)

    def score(self, sentence, pieces):
        return math.fsum(self.logp(sentence, pieces[:i])[piece] for i, piece in enumerate(pieces))


def history_step(tables):
    def step(ids, position, state):
        history = state["history"].at[:, :, position].set(ids)
        code = jnp.einsum("BWT,T->BW", history, V ** jnp.arange(T))
        logits = jax.vmap(lambda table, at: table[at])(tables, code)
        return logits, {"history": history}, {"history": history, "position": ids * 0 + position + 1}

    return step


def rank(model, sentence, ended, alpha):
    """Rows (finished, normalised, score, pieces), the best first."""
    rows = []
    for pieces in ended:
        score = model.score(sentence, pieces)
        rows.append((pieces[-1] == EOS, score / ((5 + len(pieces)) / 6) ** alpha, score, pieces))
    return sorted(rows, reverse=True)


def every_sentence(model, sentence, limit, alpha):
    """All that can be written within the limit, ranked."""
    inner = [piece for piece in range(V) if piece != EOS]
    ended = [(*prefix, EOS) for size in range(limit) for prefix in itertools.product(inner, repeat=size)]
    ended += itertools.product(inner, repeat=limit) if limit else ()
    return rank(model, sentence, ended, alpha)


def plain_beam(model, sentence, *, width, limit, alpha, patience):
    """Beam search by its definition, for one sentence; with a penalty, the count of the finished stops it."""
    alive, ended = [()], []
    for size in range(1, limit + 1):
        grown = [(*prefix, piece) for prefix in alive for piece in range(V)]
        grown.sort(key=lambda pieces: -model.score(sentence, pieces))
        ended += [pieces for pieces in grown[:width] if pieces[-1] == EOS or size == limit]
        alive = [pieces for pieces in grown if pieces[-1] != EOS][:width]
        if alpha != 0 and sum(pieces[-1] == EOS for pieces in ended) >= patience * width:
            break
    return rank(model, sentence, ended, alpha)


@functools.partial(jax.jit, static_argnames=("width", "n_best", "patience"))
def search(tables, limits, alpha, *, width, n_best=1, patience=1.0):
    """`beam_search`, or `greedy` for width 0."""
    state = {"history": jnp.zeros((len(tables), width or 1, T), jnp.int32)}
    common = {"batch": len(tables), "bos": BOS, "eos": EOS, "pad": PAD}
    common |= {"max_length": T, "limits": limits, "length_penalty": alpha}
    if not width:
        return greedy(history_step(tables), state, **common)
    return beam_search(history_step(tables), state, **common, width=width, n_best=n_best, patience=patience)


def run(model, limits=LIMITS, alpha=0.0, **static) -> Hypotheses:
    tables, limits = jnp.asarray(model.tables), jnp.asarray(limits, jnp.int32)
    return jax.device_get(search(tables, limits, jnp.float32(alpha), **static))


def assert_equals(found: Hypotheses, sentence: int, truth: list) -> None:
    """Compares all hypotheses of one sentence with the head of a ranked list, padding and record included."""
    n = found.tokens.shape[1]
    for i, (finished, normalised, score, pieces) in enumerate(truth[:n]):
        assert found.tokens[sentence, i].tolist() == [*pieces, *[PAD] * (T - len(pieces))]
        assert found.lengths[sentence, i] == len(pieces)
        assert found.finished[sentence, i] == finished
        np.testing.assert_allclose(found.scores[sentence, i], score, rtol=1e-5)
        np.testing.assert_allclose(found.normalised[sentence, i], normalised, rtol=1e-5)
        for t in range(T):
            read = [BOS, *pieces[:t]] if t < len(pieces) else []
            assert found.record["history"][sentence, i, t].tolist() == read + [0] * (T - len(read))
            assert found.record["position"][sentence, i, t] == (t + 1 if t < len(pieces) else 0)
    for i in range(len(truth), n):
        assert found.tokens[sentence, i].tolist() == [PAD] * T
        assert found.lengths[sentence, i] == 0
        assert not found.finished[sentence, i]
        assert found.scores[sentence, i] == found.normalised[sentence, i] == -np.inf


@pytest.mark.parametrize("n_best", [3, 41])
@pytest.mark.parametrize("alpha", [0.0, 0.6, 3.0, -1.0])
def test_a_beam_wide_enough_finds_the_best_of_all_sentences(alpha, n_best):
    model = History(batch=B, seed=1)
    found = run(model, alpha=alpha, width=EXHAUSTIVE, n_best=n_best, patience=math.inf)
    for sentence, limit in enumerate(LIMITS):
        assert_equals(found, sentence, every_sentence(model, sentence, limit, alpha))


@pytest.mark.parametrize(("patience", "n_best"), [(1.0, 3), (math.inf, 2)])
def test_a_narrow_beam_equals_its_definition(patience, n_best):
    width, limits = 3, (5, 4, 5, 3, 5)
    for seed, alpha in itertools.product(range(2, 10), (0.0, 1.0, 3.0, -1.0)):
        model = History(batch=B, seed=seed)
        found = run(model, limits, alpha=alpha, width=width, n_best=n_best, patience=patience)
        for sentence, limit in enumerate(limits):
            truth = plain_beam(model, sentence, width=width, limit=limit, alpha=alpha, patience=patience)
            assert_equals(found, sentence, truth)


def test_greedy_writes_the_most_probable_piece():
    model = History(batch=B, seed=4)
    found = run(model, alpha=0.6, width=0)
    for sentence, limit in enumerate(LIMITS):
        pieces = ()
        while len(pieces) < limit and pieces[-1:] != (EOS,):
            pieces += (int(model.logp(sentence, pieces).argmax()),)
        assert_equals(found, sentence, rank(model, sentence, [pieces] if pieces else [], 0.6))


@pytest.mark.parametrize("alpha", [0.0, 3.0])
def test_a_beam_of_one_is_greedy_search_bit_for_bit(alpha):
    model = History(batch=B, seed=5)
    jax.tree.map(np.testing.assert_array_equal, run(model, alpha=alpha, width=1), run(model, alpha=alpha, width=0))


def test_a_batch_gives_what_its_sentences_give_alone():
    model = History(batch=B, seed=6)
    together = run(model, alpha=0.6, width=2, n_best=2)
    for i, limit in enumerate(LIMITS):
        tables = jnp.asarray(model.tables[i : i + 1])
        alone = search(tables, jnp.array([limit]), jnp.float32(0.6), width=2, n_best=2)
        row = jax.tree.map(operator.itemgetter(slice(i, i + 1)), together)
        jax.tree.map(np.testing.assert_array_equal, row, alone)


# A Markov chain where the first step misleads: "a" is likelier than "b", but "b" is sure of its end.
#        EOS  a    b
CHAIN = [[0.0, 0.6, 0.4], [0.4, 0.3, 0.3], [0.9, 0.05, 0.05]]


def chain_step(ids, position, state):
    return jnp.log(jnp.array(CHAIN))[ids % 3], state, ()


def chain(step=chain_step, state=(), **changes):
    arguments = {"batch": 1, "width": 2, "bos": 0, "eos": 0, "pad": -1, "max_length": 7}
    return jax.jit(lambda: beam_search(step, state, **(arguments | changes)))()


def test_beam_search_is_right_where_greedy_search_is_misled_by_hand():
    best = chain(n_best=2)
    assert best.tokens[0].tolist() == [[2, 0, -1, -1, -1, -1, -1], [1, 0, -1, -1, -1, -1, -1]]
    np.testing.assert_allclose(np.exp(best.scores[0]), [0.4 * 0.9, 0.6 * 0.4], rtol=1e-6)
    np.testing.assert_allclose(best.normalised, best.scores, rtol=0)
    arguments = {"batch": 1, "bos": 0, "eos": 0, "pad": -1, "max_length": 7, "length_penalty": 1.0}
    misled = jax.jit(lambda: greedy(chain_step, (), **arguments))()
    assert misled.tokens[0, 0].tolist() == [1, 0, -1, -1, -1, -1, -1]
    # Two pieces, alpha 1: the penalty is 7/6.
    np.testing.assert_allclose(misled.normalised[0, 0], math.log(0.24) * 6 / 7, rtol=1e-6)


def test_a_forbidden_piece_is_never_written_and_makes_no_hypothesis():
    # After BOS the chain knows two pieces.
    best = chain(width=3, n_best=3, max_length=1)
    assert best.tokens[0].tolist() == [[1], [2], [-1]]
    assert best.lengths[0].tolist() == [1, 1, 0]
    assert best.finished[0].tolist() == [False] * 3


def test_a_vocabulary_smaller_than_the_beam():
    def step(ids, position, state):
        return jnp.zeros((*ids.shape, 1)), state, ()

    best = chain(step, batch=2, width=3, pad=9, max_length=2, n_best=2)
    assert best.tokens.tolist() == [[[0, 9], [9, 9]]] * 2
    assert best.scores.tolist() == [[0.0, -math.inf]] * 2


def test_a_penalty_that_favours_short_hypotheses_still_waits_for_a_better_one():
    def step(ids, position, state):
        return jnp.log(jnp.array([[0.3, 0.6, 0.1], [0.9, 0.05, 0.05], [0.9, 0.05, 0.05]]))[ids], state, ()

    best = chain(step, max_length=19, length_penalty=-1.0, patience=math.inf)
    # EOS at once gives log(0.3) = -1.204; one piece more gives log(0.54) * 7/6 = -0.719.
    assert best.tokens[0, 0, :3].tolist() == [1, 0, -1]
    np.testing.assert_allclose(best.normalised[0, 0], math.log(0.54) * 7 / 6, rtol=1e-6)


@pytest.mark.parametrize(("alpha", "max_length", "steps"), [(0.0, 7, 2), (1.0, 6, 2), (1.0, 7, 3)])
def test_the_search_stops_once_nothing_alive_can_win(alpha, max_length, steps):
    """After two steps 0.36 is kept and the best alive has 0.18.

    At alpha 1 it may still win with 7 pieces, but not with 6: log(0.36) / (7/6) = -0.876 is between
    log(0.18) / (11/6) = -0.935 and log(0.18) / (12/6) = -0.857.
    """
    calls = []

    def step(ids, position, state):
        jax.debug.callback(lambda: calls.append(1))
        return chain_step(ids, position, state)

    best = chain(step, max_length=max_length, length_penalty=alpha, patience=math.inf)
    jax.effects_barrier()
    np.testing.assert_allclose(np.exp(best.scores), [[0.36]], rtol=1e-6)
    assert len(calls) == steps


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"width": 0, "n_best": 0}, "n_best must be between 1 and width"),
        ({"n_best": 3}, r"n_best must be between 1 and width \(2\), not 3"),
        ({"max_length": 0}, "max_length must be at least 1"),
        ({"batch": 3}, r"\[3, 2\], but state.cache.0 has the shape \[1, 2, 7\]"),
    ],
)
def test_what_cannot_be_served_is_refused_by_name(changes, message):
    with pytest.raises(ValueError, match=message):
        chain(state={"cache": [jnp.zeros((1, 2, 7))]}, **changes)
