"""Scores by the length of the source."""

import numpy as np
import sacrebleu

from xattn.data.corpora import Pair
from xattn.translation.evaluation import score_text
from xattn.translation.length_curve import length_curve


def test_statistics_of_lengths_add_up_to_the_bleu_of_all():
    rng = np.random.default_rng(0)
    words = np.array(["un", "chien", "court", "dans", "la", "neige", "."])
    references = [" ".join(rng.choice(words, size=length)) for length in rng.integers(5, 12, 31)]
    texts = [" ".join(np.where(rng.random(len(r.split())) < 0.8, r.split(), "chat")) for r in references]
    pairs = [Pair(reference, reference) for reference in references]
    row = score_text(texts, pairs, tokenized=True)
    figure = length_curve({"all": {"splits": {"test": row}}}, ["test"], "BLEU")
    numbers = [n for n, reference in enumerate(references) if 7 <= len(reference.split()) <= 9]
    truth = sacrebleu.corpus_bleu([texts[n] for n in numbers], [[references[n] for n in numbers]], tokenize="none")
    line = figure.axes[0].lines[0].get_ydata()
    bins = [label.get_text().split("\n") for label in figure.axes[0].get_xticklabels()]
    assert bins[1] == ["7-9", f"n={len(numbers)}"]
    np.testing.assert_allclose(line[1], truth.score)
    assert 20 < truth.score < 90
