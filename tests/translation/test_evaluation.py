"""The scores of text."""

import pytest

from xattn.data.corpora import Pair
from xattn.translation.evaluation import score_text


def test_tokenised_text_is_compared_by_its_spaces():
    """One of the four words differs, by a hyphen that 13a leaves and by a dot that it parts."""
    pairs = [Pair("x", "un chat-noir dort ici."), Pair("x", "un chat noir dort bien là")]
    texts = ["un chat-noir dort ici .", "un chat noir dort bien là"]
    plain, tokenised = score_text(texts, pairs), score_text(texts, pairs, tokenized=True)
    assert "tok:13a" in plain["bleu_signature"]
    assert "tok:none" in tokenised["bleu_signature"]
    assert plain["bleu"] == pytest.approx(100.0)
    # Matches of 1 to 4 words, of those written: 9/11, 7/9, 5/7, 3/5; 11 words for 10.
    assert tokenised["bleu"] == pytest.approx(100 * (9 / 11 * 7 / 9 * 5 / 7 * 3 / 5) ** 0.25, abs=0.01)
    assert plain["exact_match"] == 0.5
