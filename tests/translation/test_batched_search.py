"""Beam search of many sentences: half-finished batches are joined, and no translation changes."""

import random
from dataclasses import replace

import pytest

from xattn.data.toy import grammar
from xattn.runs.folder import TOY, open_run
from xattn.translation import batched_search
from xattn.translation.translator import Translator


def test_sentences_are_searched_together_as_they_are_alone(monkeypatch):
    joined, join = [], batched_search.join
    monkeypatch.setattr(batched_search, "join", lambda *arguments: joined.append(1) or join(*arguments))
    run = open_run(TOY)
    small = replace(run.config, task=replace(run.config.task, decoding_batch=12))
    model = Translator.open(run)
    together, alone = (Translator(config, model.tokenizer, model.params) for config in (small, run.config))
    draw = random.Random(0).random
    lines = [grammar.sample(draw).english for _ in range(31)]
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
