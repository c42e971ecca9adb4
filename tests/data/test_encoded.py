"""Pairs as ids: the same in memory, in a file, and read again; and nothing is read twice without need."""

import pickle

import numpy as np
import pytest

from xattn.data import encoded as module
from xattn.data.batching import PlannedBatch, Shape, make_batch
from xattn.data.corpora import identity
from xattn.data.encoded import Corpus, encode, key
from xattn.data.pairs import BadLines, DataError, Pair
from xattn.data.tokenizer import Tokenizer

PAIRS = [Pair(f"the {word} of {n}", f"le {word} numéro {n * n}") for n in range(11) for word in ("fox", "été")]
TOKENIZER = Tokenizer.train([text for pair in PAIRS for text in pair[:2]], vocabulary=300)


def as_lists(encoded):
    return [(source.tolist(), target.tolist()) for source, target in encoded]


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    monkeypatch.setattr(module, "CHUNK", 3)


@pytest.mark.parametrize("limit", [0, 100, 10**6])
def test_in_memory_or_in_a_file_it_is_what_the_tokenizer_says(tmp_path, limit):
    home = tmp_path / "cache" / "home"
    encoded = encode(PAIRS, TOKENIZER, longest=64, home=home, limit=limit)
    expected = [(TOKENIZER.encode(pair.source), TOKENIZER.encode(pair.target)) for pair in PAIRS]
    assert len(encoded) == 22
    assert as_lists(encoded) == expected
    source, target = encoded.lengths()
    assert list(zip(source, target, strict=True)) == [(len(s) + 1, len(t) + 1) for s, t in expected]
    assert encoded.ids.dtype == np.uint16
    assert home.exists() == (limit < 10**6)
    assert [each.name for each in tmp_path.glob("cache/*")] == (["home"] if limit < 10**6 else [])
    assert as_lists(pickle.loads(pickle.dumps(encoded))) == expected


def test_a_batch_of_it_is_that_of_lists(tmp_path):
    encoded = encode(PAIRS, TOKENIZER, longest=64, home=tmp_path / "home", limit=0)
    shape = Shape(batch=5, source=31, target=37)
    planned = PlannedBatch(shape=shape, examples=np.array([13, 2, 7]))
    for ours, theirs in zip(*(make_batch(planned, e, TOKENIZER) for e in (encoded, as_lists(encoded))), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_what_is_too_long_is_left_out_and_counted(tmp_path):
    pairs = [PAIRS[0], Pair("fox " * 31, "le"), PAIRS[1], Pair("the", "le " * 30), Pair("the", "le " * 31)]
    encoded = encode(pairs, TOKENIZER, longest=len(TOKENIZER.encode("le " * 30)), home=tmp_path / "home")
    kept = [(TOKENIZER.encode(pair.source), TOKENIZER.encode(pair.target)) for pair in (pairs[0], pairs[2], pairs[3])]
    assert as_lists(encoded) == kept
    assert encoded.too_long == 2
    assert len(encode([pairs[1]], TOKENIZER, longest=7, home=tmp_path / "home")) == 0


def test_a_file_is_read_again_by_the_next_run(tmp_path):
    def never():
        raise AssertionError("the corpus is read again")
        yield

    longest = len(TOKENIZER.encode(PAIRS[-1].target)) - 1
    arguments = {"longest": longest, "home": tmp_path / "home", "report": lambda: ["7 pairs left out: so it goes."]}
    first = encode(PAIRS, TOKENIZER, limit=0, **arguments)
    second = encode(never(), TOKENIZER, limit=0, **arguments)
    assert as_lists(first) == as_lists(second)
    assert first.too_long == second.too_long > 0
    assert second.report == ("7 pairs left out: so it goes.",)


def test_an_interrupted_encoding_leaves_nothing_behind(tmp_path):
    def interrupted():
        yield from PAIRS
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        encode(interrupted(), TOKENIZER, longest=64, home=tmp_path / "home", limit=0)
    assert list(tmp_path.iterdir()) == []


def test_a_cache_that_cannot_be_written(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match=r"encoded corpus cannot be kept in .*file"):
        encode(PAIRS, TOKENIZER, longest=64, home=tmp_path / "file" / "home", limit=0)


def test_the_key_names_all_that_decides(tmp_path):
    for suffix in ("en", "fr"):
        (tmp_path / f"train.{suffix}").write_text("a\n")
    other = Tokenizer.train(["a b c"], vocabulary=290)
    known = identity(str(tmp_path), "train")
    keys = {key(TOKENIZER, known, 7), key(TOKENIZER, known, 8), key(other, known, 7)}
    assert key(TOKENIZER, identity(str(tmp_path), "train"), 7) in keys
    (tmp_path / "train.fr").write_text("a\nb\n")
    keys.add(key(TOKENIZER, identity(str(tmp_path), "train"), 7))
    assert len(keys) == 4


@pytest.mark.parametrize(("keep", "passes"), [(21, 3), (22, 1)])
def test_a_corpus_is_read_again_only_if_it_is_large(keep, passes):
    started = []

    def read(bad: BadLines):
        started.append(bad)
        bad.left_out("line 1", "it rains")
        yield from PAIRS

    corpus = Corpus(read, keep=keep)
    assert corpus.size is None
    assert next(iter(corpus)) == PAIRS[0]
    assert corpus.size is None
    started.clear()
    for _ in range(3):
        assert list(corpus) == PAIRS
    assert len(started) == passes
    assert corpus.size == 22
    assert corpus.bad.report() == ["1 pair left out: it rains (the first: line 1)."]
