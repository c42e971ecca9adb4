"""Scores of links: alignment error rate, precision, recall and F1 (Och & Ney, 2003).

All scores are of a corpus: counts are summed over sentences first and divided once. The counts of a sentence are four
numbers: |A| links of the hypothesis, |S| sure links of the gold alignment, |A∩S| and |A∩P|, with P its possible links.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy.typing import ArrayLike

from xattn.alignment.links import Links, Method, Null, argmax, extract
from xattn.alignment.maps import CONVENTIONS, AttentionMap, Readout
from xattn.errors import UserError, quantity


@dataclass(frozen=True, kw_only=True)
class Score:
    """The scores of a corpus, as fractions, and the numbers of links |A| and |S|."""

    aer: float
    precision: float
    recall: float
    f1: float
    links: int
    sure: int


def count(hypothesis: Links, gold: Links) -> Int[np.ndarray, "4"]:
    """The four counts of one sentence; all links of the hypothesis count, sure or possible."""
    links = hypothesis.possible
    return np.array([len(links), len(gold.sure), len(links & gold.sure), len(links & gold.possible)])


def error_rate(counts: Int[np.ndarray, "*R 4"]) -> Float[np.ndarray, "*R"]:
    """AER = 1 - (|A∩S| + |A∩P|) / (|A| + |S|), as a fraction; 0 if neither side has links.

    >>> error_rate(np.array([3, 2, 1, 2])).item()
    0.4
    """
    links, sure, sure_hits, possible_hits = np.moveaxis(counts, -1, 0)
    return np.asarray(1 - _ratio(sure_hits + possible_hits, links + sure))


def summarize(counts: Int[np.ndarray, "*R 4"]) -> Score:
    """The scores of counts, which are summed over every axis but the last.

    Precision is |A∩P| / |A| and recall |A∩S| / |S|; the ratio 0 / 0 counts as 1.
    """
    total = counts.reshape(-1, 4).sum(axis=0)
    links, sure, sure_hits, possible_hits = total
    precision = float(_ratio(possible_hits, links))
    recall = float(_ratio(sure_hits, sure))
    return Score(
        aer=float(error_rate(total)),
        precision=precision,
        recall=recall,
        f1=2 * precision * recall / (precision + recall) if precision + recall else 0.0,
        links=int(links),
        sure=int(sure),
    )


def score(hypotheses: Sequence[Links], golds: Sequence[Links]) -> Score:
    """The scores of a corpus of hypotheses against its gold alignments.

    Raises a `UserError` unless there are as many hypotheses as gold alignments, at least one.

    >>> gold = Links.of([(0, 0), (1, 1)], possible=[(2, 1)])
    >>> s = score([Links.of([(0, 0), (2, 1), (0, 2)])], [gold])  # |A| 3, |S| 2, |A∩S| 1, |A∩P| 2
    >>> round(s.aer, 3), round(s.precision, 3), s.recall
    (0.4, 0.667, 0.5)
    """
    return summarize(_counts(hypotheses, golds))


def score_each(hypotheses: Sequence[Links], golds: Sequence[Links]) -> list[Score]:
    """The scores of every sentence; the score of the corpus is not their mean. Raises as `score` does."""
    return [summarize(counts) for counts in _counts(hypotheses, golds)]


def interval(
    hypotheses: Sequence[Links],
    golds: Sequence[Links],
    *,
    level: float = 0.95,
    samples: int = 1000,
    seed: int = 0,
) -> tuple[float, float]:
    """The bootstrap interval (low, high) of the corpus AER, resampling sentences with replacement (Efron, 1979)."""
    counts_IC = _counts(hypotheses, golds)
    sentences = len(counts_IC)
    drawn_RI = np.random.default_rng(seed).multinomial(sentences, np.full(sentences, 1 / sentences), samples)
    low, high = np.quantile(error_rate(drawn_RI @ counts_IC), [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def best_readout(
    maps: Sequence[AttentionMap],
    golds: Sequence[Links],
    *,
    method: Method = argmax,
    null: Null = "mask",
) -> list[tuple[Readout, Score]]:
    """The scores of every readout: layer × (head, or the mean of heads) × row convention, lowest AER first.

    Choose on validation data and report on test data: the first score is the best of many and therefore optimistic.
    Raises a `UserError` if maps and gold alignments do not match, a ValueError if maps differ in layers or heads.
    """
    _check_corpus(maps, golds)
    readouts = all_readouts(maps)
    total_RC = np.zeros((len(readouts), 4), int)
    for sentence, (attention, gold) in enumerate(zip(maps, golds, strict=True)):
        try:
            sure_TS, possible_TS = gold.matrices(len(attention.source_words), len(attention.target_words))
        except ValueError as error:
            raise UserError(f"Sentence {sentence}: {error}") from error
        links_RTS = links_by_readout(attention, method, null)
        links_R, sure_R, possible_R = (
            hits_RTS.sum(axis=(-2, -1)) for hits_RTS in (links_RTS, links_RTS & sure_TS, links_RTS & possible_TS)
        )
        total_RC += np.stack([links_R, np.full_like(links_R, sure_TS.sum()), sure_R, possible_R], axis=-1)
    table = [(readout, summarize(counts)) for readout, counts in zip(readouts, total_RC, strict=True)]
    return sorted(table, key=lambda row: (row[1].aer, -row[1].f1))


def best_agreement(
    forward: Sequence[AttentionMap],
    reverse: Sequence[AttentionMap],
    *,
    method: Method = argmax,
    null: Null = "mask",
) -> list[tuple[Readout, Readout, float]]:
    """For every readout of a model: the readout of the reverse model that agrees with it most, and their agreement.

    The list begins with the highest agreement, 2 |A∩B| / (|A| + |B|), with links summed over the corpus. It is a way to
    choose a readout without gold. The maps of `reverse` are those of the same pairs with source and target exchanged.
    Raises a ValueError if the maps of the two directions do not match.
    """
    if len(forward) != len(reverse) or not forward:
        raise ValueError(
            f"Both directions need maps of the same pairs, but there are {len(forward)} and {len(reverse)}."
        )
    readouts = all_readouts(forward), all_readouts(reverse)
    both, totals = np.zeros([len(side) for side in readouts], int), [0, 0]
    for sentence, (ahead, back) in enumerate(zip(forward, reverse, strict=True)):
        links_RTS, links_QST = links_by_readout(ahead, method, null), links_by_readout(back, method, null)
        if links_RTS.shape[1:] != links_QST.shape[:0:-1]:
            raise ValueError(
                f"Sentence {sentence}: the forward map is of {links_RTS.shape[2]} source and {links_RTS.shape[1]} "
                f"target words, the reverse map of {links_QST.shape[1]} and {links_QST.shape[2]}."
            )
        flat = [links.reshape(len(links), -1).astype(np.float32) for links in (links_RTS, np.swapaxes(links_QST, 1, 2))]
        both = both + (flat[0] @ flat[1].T).astype(int)
        totals = [total + links.sum(axis=1).astype(int) for total, links in zip(totals, flat, strict=True)]
    agreement_RQ = _ratio(2 * both, np.add.outer(*totals))
    table = [
        (readout, readouts[1][int(row.argmax())], float(row.max()))
        for readout, row in zip(readouts[0], agreement_RQ, strict=True)
    ]
    return sorted(table, key=lambda row: -row[2])


def all_readouts(maps: Sequence[AttentionMap]) -> list[Readout]:
    """All layers × (heads, and their mean if there are several) × conventions, in the order of `links_by_readout`.

    Raises a ValueError if the maps differ in layers or heads.
    """
    shapes = {attention.weights.shape[:2] for attention in maps}
    if len(shapes) > 1:
        raise ValueError(f"All maps must have the same (layers, heads), but there are {sorted(shapes)}.")
    layers, heads = shapes.pop()
    return [
        Readout(layer=layer, head=head, convention=convention)
        for convention in CONVENTIONS
        for layer in range(layers)
        for head in ((*range(heads), "mean") if heads > 1 else ("mean",))
    ]


def links_by_readout(attention: AttentionMap, method: Method, null: Null) -> Bool[np.ndarray, "readouts T S"]:
    """The links of a sentence for every readout, in the order of `all_readouts`."""
    links = []
    for convention in CONVENTIONS:
        folded = attention.fold(convention)
        if attention.weights.shape[1] > 1:
            folded = [np.concatenate([x, x.mean(axis=1, keepdims=True)], axis=1) for x in folded]
        weights_LNTS, special_LNT = folded
        links_LNTS = extract(weights_LNTS, special_LNT, method, null)
        links.append(links_LNTS.reshape(-1, *links_LNTS.shape[2:]))
    return np.concatenate(links)


def _counts(hypotheses: Sequence[Links], golds: Sequence[Links]) -> Int[np.ndarray, "I 4"]:
    _check_corpus(hypotheses, golds)
    return np.stack([count(links, gold) for links, gold in zip(hypotheses, golds, strict=True)])


def _check_corpus(hypotheses: Sequence[object], golds: Sequence[Links]) -> None:
    if not hypotheses or len(hypotheses) != len(golds):
        raise UserError(
            f"Scoring needs one gold alignment for each sentence and at least one sentence, not "
            f"{quantity(len(hypotheses), 'sentence')} and {quantity(len(golds), 'gold alignment')}."
        )


def _ratio(part: ArrayLike, whole: ArrayLike) -> np.ndarray:
    """part / whole, or 1 where both are 0."""
    return np.where(np.greater(whole, 0), np.divide(part, np.maximum(whole, 1)), 1.0)
