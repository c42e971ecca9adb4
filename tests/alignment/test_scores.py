"""Alignment error rate by hand, and the choice of a readout."""

from dataclasses import asdict, replace

import numpy as np
import pytest

from xattn.alignment.links import Links, threshold
from xattn.alignment.maps import AttentionMap, Convention, Readout
from xattn.alignment.scores import Score, best_agreement, best_readout, interval, score, score_each

GOLD = [Links.of([(0, 0), (1, 1)], possible=[(2, 1)]), Links.of([(i, i) for i in range(5)])]
HYPOTHESIS = [Links.of([(0, 0), (2, 1), (0, 2)]), Links.of([(i, i) for i in range(5)])]


def test_scores_are_sums_over_the_corpus_divided_once():
    # |A| = 3 + 5, |S| = 2 + 5, |A∩S| = 1 + 5, |A∩P| = 2 + 5
    expected = Score(aer=1 - 13 / 15, precision=7 / 8, recall=6 / 7, f1=2 * 42 / (49 + 48), links=8, sure=7)
    assert asdict(score(HYPOTHESIS, GOLD)) == pytest.approx(asdict(expected))
    assert score(HYPOTHESIS[:1], GOLD[:1]).aer == pytest.approx(0.4)  # so the mean would be 0.2
    assert score(HYPOTHESIS[1:], GOLD[1:]).aer == 0


def test_every_sentence_has_its_own_score():
    each = score_each(HYPOTHESIS, GOLD)
    assert [one.aer for one in each] == [pytest.approx(0.4), 0]
    assert [one.links for one in each] == [3, 5]


def test_sure_and_possible_gold_both_score_a_perfect_hypothesis():
    for kind in ("sure", "possible"):
        assert score([Links.of(getattr(gold, kind)) for gold in GOLD], GOLD).aer == 0


def test_nothing_to_find_and_nothing_found():
    empty = Links.of([])
    assert score([empty], [empty]).aer == 0
    assert score([empty], [GOLD[0]]).aer == 1
    assert score([HYPOTHESIS[0]], [empty]).aer == 1
    assert score([HYPOTHESIS[0]], [empty]).f1 == 0


def test_a_missing_sentence_is_refused():
    with pytest.raises(ValueError, match="1 sentence and 2 gold"):
        score(HYPOTHESIS[:1], GOLD)
    with pytest.raises(ValueError, match="0 sentences"):
        best_readout([], [])


def test_the_interval_holds_the_score_and_shrinks_with_the_corpus():
    def width(copies):
        low, high = interval(HYPOTHESIS * copies, GOLD * copies)
        assert 0 <= low <= 2 / 15 <= high <= 0.4
        return high - low

    assert width(100) < width(2) / 3  # by the law of √n it should be a seventh
    assert interval(HYPOTHESIS[:1] * 5, GOLD[:1] * 5) == (pytest.approx(0.4), pytest.approx(0.4))
    assert interval(HYPOTHESIS, GOLD, seed=3) == interval(HYPOTHESIS, GOLD, seed=3)


def copy_task(sentences: int, *, reverse: bool, convention: Convention) -> tuple[list[AttentionMap], list[Links]]:
    """Maps of a copying (or reversing) model that show the alignment in layer 1, head 2 only."""
    rng = np.random.default_rng(1)
    maps, golds = [], []
    for _ in range(sentences):
        words = int(rng.integers(5, 13))
        weights = rng.dirichlet(np.ones(words + 1), (2, 3, words + 1)).astype(np.float32)
        order = list(range(words))[:: -1 if reverse else 1]
        rows = [*order, words] if convention == "produced" else [words, *order]
        weights[1, 2] = np.eye(words + 1)[rows]
        text = [f"w{i}" for i in range(words)]
        maps.append(
            AttentionMap(
                weights=weights,
                source=[*text, "</s>"],
                target=[*text, "</s>"],
                source_word_ids=[*range(words), -1],
                target_word_ids=[*range(words), -1],
                source_words=text,
                target_words=text,
            )
        )
        links = [(s, t) for t, s in enumerate(order)]
        golds.append(Links.of(links[1:], possible=links[:1]))
    return maps, golds


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("convention", ["produced", "read"])
def test_the_best_readout_is_the_head_that_aligns(reverse, convention):
    good = Readout(layer=1, head=2, convention=convention)
    maps, golds = copy_task(7, reverse=reverse, convention=convention)
    table = best_readout(maps, golds)
    assert len({readout for readout, _ in table}) == len(table) == 2 * (3 + 1) * 2
    assert table[0] == (good, score([m.to_words(good).links() for m in maps], golds))
    assert table[0][1].aer == 0
    assert [s.aer for _, s in table] == sorted(s.aer for _, s in table)
    scores = dict(table)
    other = replace(good, convention="read" if convention == "produced" else "produced")
    assert scores[other].aer > 0.8
    for readout in (other, Readout(layer=1, head="mean", convention=convention)):
        assert scores[readout] == score([m.to_words(readout).links() for m in maps], golds)


def test_without_gold_two_directions_find_the_head_that_aligns():
    """The reverse model reads words as they are produced, the forward one when they have been read."""
    good = Readout(layer=1, head=2, convention="read")
    (forward, _), (reverse, _) = (copy_task(7, reverse=True, convention=each) for each in ("read", "produced"))
    table = best_agreement(forward, reverse)
    assert table[0] == (good, replace(good, convention="produced"), 1.0)
    assert len(table) == 16
    assert [agreement for _, _, agreement in table] == sorted((row[2] for row in table), reverse=True)
    for mine, other, agreement in table[:3]:
        links = [m.to_words(mine).links() for m in forward]
        turned = [m.to_words(other).links().turned for m in reverse]
        assert agreement == pytest.approx(1 - score(links, turned).aer)
    with pytest.raises(ValueError, match="there are 7 and 6"):
        best_agreement(forward, reverse[1:])
    with pytest.raises(ValueError, match="Sentence 0: the forward map is of"):
        best_agreement(forward[:1], [max(reverse, key=lambda m: len(m.source))])


def test_another_method_scores_other_links():
    maps, golds = copy_task(3, reverse=False, convention="read")
    table = dict(best_readout(maps, golds, method=lambda weights: threshold(weights, level=0.9)))
    assert table[Readout(layer=1, head=2, convention="read")].aer == 0
    assert table[Readout(layer=0, head="mean", convention="read")].links == 0


def test_maps_of_different_models_and_gold_of_another_sentence_are_refused():
    maps, golds = copy_task(3, reverse=False, convention="read")
    with pytest.raises(ValueError, match="Sentence 1: Link 40-0"):
        best_readout(maps, [golds[0], Links.of([(40, 0)]), golds[2]])
    first = maps[0]
    other = replace(first, weights=first.weights[:1])
    with pytest.raises(ValueError, match=r"\(1, 3\), \(2, 3\)"):
        best_readout([*maps[1:], other], [*golds[1:], golds[0]])
