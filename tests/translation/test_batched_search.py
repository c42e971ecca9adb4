"""Many sentences at once: batches that are half done become one, and nobody's translation changes."""

import random
from dataclasses import replace

import numpy as np
import pytest

from xattn.data.toy import grammar
from xattn.runs.folder import PRETRAINED, open_run
from xattn.translation.length_batches import by_length
from xattn.translation.translator import Translator


def test_sentences_are_searched_together_as_they_are_alone():
    run = open_run(PRETRAINED)
    small = replace(run.config, task=replace(run.config.task, decoding_batch=12))
    model = Translator.open(run)
    together, alone = (Translator(config, model.tokenizer, model.params) for config in (small, run.config))
    draw = random.Random(0).random
    lines = [grammar.sample(draw).english for _ in range(31)]
    searcher = together._searcher(3, 2, False)
    joined, join = [], searcher._join
    searcher._join = lambda *trees: joined.append(1) or join(*trees)
    done = []
    found = together.translate(lines, beam=3, n_best=2, done=lambda: done.append(1))
    assert joined
    assert len(done) == len(lines)
    for line, two in zip(lines, found, strict=True):
        (want,) = alone.translate([line], beam=3, n_best=2)
        assert [each.text for each in two] == [each.text for each in want]
        for each, its in zip(two, want, strict=True):
            assert each.score == pytest.approx(its.score, abs=1e-4)
            assert each.pieces == its.pieces


def test_batches_hold_every_sentence_once():
    sources = [[5] * n for n in (3, 0, 40, 15, 16, 2, 31, 7, 1)]
    batches = {length: [rows.tolist() for rows in each] for length, each in by_length(sources, 4)}
    assert batches == {16: [[8, 5, 0, 7], [3, -1, -1, -1]], 32: [[4, 6]], 64: [[2]]}
    assert np.concatenate([rows for each in batches.values() for rows in each]).max() == 8
