"""Real corpora, read from the folder in the environment variable XATTN_DATA; skipped without it."""

import os

import pytest

from xattn.data.batching import choose_shapes, efficiency, plan_epoch
from xattn.data.corpora import load
from xattn.data.encoded import encode
from xattn.data.tokenizer import Tokenizer

pytestmark = pytest.mark.skipif("XATTN_DATA" not in os.environ, reason="XATTN_DATA is not set")


def test_multi30k_in_few_shapes_with_little_padding(tmp_path):
    corpus = "$XATTN_DATA/multi30k/{split}.lc.norm.tok"
    assert [len(load(corpus, split)) for split in ("val", "test_2016_flickr")] == [1014, 1000]
    pairs = load(corpus, "train")
    assert len(pairs) == 29_000
    tokenizer = Tokenizer.train([text for pair in pairs for text in pair[:2]], vocabulary=6000, kind="bpe")
    source, target = encode(pairs, tokenizer, longest=64, folder=tmp_path / "encoded").lengths()
    for tokens in (2048, 4096):
        shapes = choose_shapes(source, target, buckets=22, tokens=tokens)
        plan = plan_epoch(source, target, shapes, seed=0, epoch=0)
        assert efficiency(plan, source, target) >= 0.92
