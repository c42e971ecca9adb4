"""Encoded pairs are the same in memory, in a file and reopened; a corpus is read again only if it is large."""

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
def test_in_memory_or_in_a_file_ids_are_those_of_the_tokenizer(tmp_path, limit):
    folder = tmp_path / "cache" / "encoded"
    encoded = encode(PAIRS, TOKENIZER, longest=64, folder=folder, limit=limit)
    expected = [(TOKENIZER.encode(pair.source), TOKENIZER.encode(pair.target)) for pair in PAIRS]
    assert len(encoded) == 22
    assert as_lists(encoded) == expected
    source, target = encoded.lengths()
    assert list(zip(source, target, strict=True)) == [(len(s) + 1, len(t) + 1) for s, t in expected]
    assert encoded.ids.dtype == np.uint16
    assert folder.exists() == (limit < 10**6)
    assert [path.name for path in tmp_path.glob("cache/*")] == (["encoded"] if limit < 10**6 else [])
    assert as_lists(pickle.loads(pickle.dumps(encoded))) == expected


def test_a_batch_is_the_same_as_from_lists(tmp_path):
    encoded = encode(PAIRS, TOKENIZER, longest=64, folder=tmp_path / "encoded", limit=0)
    shape = Shape(batch=5, source=31, target=37)
    planned = PlannedBatch(shape=shape, examples=np.array([13, 2, 7]))
    for ours, theirs in zip(*(make_batch(planned, e, TOKENIZER) for e in (encoded, as_lists(encoded))), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_too_long_pairs_are_left_out_and_counted(tmp_path):
    pairs = [PAIRS[0], Pair("fox " * 31, "le"), PAIRS[1], Pair("the", "le " * 30), Pair("the", "le " * 31)]
    encoded = encode(pairs, TOKENIZER, longest=len(TOKENIZER.encode("le " * 30)), folder=tmp_path / "encoded")
    kept = [(TOKENIZER.encode(pair.source), TOKENIZER.encode(pair.target)) for pair in (pairs[0], pairs[2], pairs[3])]
    assert as_lists(encoded) == kept
    assert encoded.too_long == 2
    assert len(encode([pairs[1]], TOKENIZER, longest=7, folder=tmp_path / "encoded")) == 0


def test_the_next_run_opens_the_file(tmp_path):
    def never():
        raise AssertionError("the corpus is read again")
        yield

    longest = len(TOKENIZER.encode(PAIRS[-1].target)) - 1
    arguments = {
        "longest": longest,
        "folder": tmp_path / "encoded",
        "report": lambda: ["7 pairs left out: for a reason."],
    }
    first = encode(PAIRS, TOKENIZER, limit=0, **arguments)
    second = encode(never(), TOKENIZER, limit=0, **arguments)
    assert as_lists(first) == as_lists(second)
    assert first.too_long == second.too_long > 0
    assert second.report == ("7 pairs left out: for a reason.",)


def test_an_interrupted_encoding_leaves_nothing_behind(tmp_path):
    def interrupted():
        yield from PAIRS
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        encode(interrupted(), TOKENIZER, longest=64, folder=tmp_path / "encoded", limit=0)
    assert list(tmp_path.iterdir()) == []


def test_a_cache_that_cannot_be_written(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match=r"encoded corpus cannot be stored in .*file"):
        encode(PAIRS, TOKENIZER, longest=64, folder=tmp_path / "file" / "encoded", limit=0)


def test_the_key_depends_on_tokenizer_files_and_facts(tmp_path):
    for suffix in ("en", "fr"):
        (tmp_path / f"train.{suffix}").write_text("a\n")
    other = Tokenizer.train(["a b c"], vocabulary=290)
    before = identity(str(tmp_path), "train")
    keys = {key(TOKENIZER, before, 7), key(TOKENIZER, before, 8), key(other, before, 7)}
    assert key(TOKENIZER, identity(str(tmp_path), "train"), 7) in keys
    (tmp_path / "train.fr").write_text("a\nb\n")
    keys.add(key(TOKENIZER, identity(str(tmp_path), "train"), 7))
    assert len(keys) == 4


@pytest.mark.parametrize(("keep", "passes"), [(21, 3), (22, 1)])
def test_a_corpus_is_read_again_only_if_it_is_large(keep, passes):
    started = []

    def read(bad: BadLines):
        started.append(bad)
        bad.skip("line 1", "for a reason")
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
    assert corpus.bad.report() == ["1 pair left out: for a reason (the first: line 1)."]
