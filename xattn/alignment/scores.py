"""How right links are: alignment error rate, precision, recall and F1 (Och & Ney, 2003).

All are corpus figures: counts are summed over sentences first and divided once. The counts of one
sentence are an array of four: |A| links in the hypothesis, |S| sure links in the gold, |A∩S| and |A∩P|.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy.typing import ArrayLike

from xattn.alignment.links import Links, argmax
from xattn.alignment.maps import CONVENTIONS, AttentionMap, Convention, Readout


@dataclass(frozen=True, kw_only=True)
class Score:
    """The scores of a corpus, as fractions, with the numbers of links they rest on."""

    aer: float
    precision: float
    recall: float
    f1: float
    links: int
    sure: int


def count(hypothesis: Links, gold: Links) -> Int[np.ndarray, "4"]:
    """The four counts of one sentence; the hypothesis' links all count alike."""
    links = hypothesis.possible
    return np.array([len(links), len(gold.sure), len(links & gold.sure), len(links & gold.possible)])


def error_rate(counts: Int[np.ndarray, "*R 4"]) -> Float[np.ndarray, "*R"]:
    """AER = 1 - (|A∩S| + |A∩P|) / (|A| + |S|); 0 if there was nothing to find and nothing was found.

    >>> error_rate(np.array([3, 2, 1, 2])).item()
    0.4
    """
    links, sure, sure_hits, possible_hits = np.moveaxis(counts, -1, 0)
    return np.asarray(1 - _ratio(sure_hits + possible_hits, links + sure))


def summarize(counts: Int[np.ndarray, "*R 4"]) -> Score:
    """The scores of counts, summed over every axis but the last.

    Precision is |A∩P| / |A| and recall |A∩S| / |S|; a ratio of nothing to nothing is 1.
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
    """Scores a corpus of hypotheses against its gold.

    >>> gold = Links.of([(0, 0), (1, 1)], possible=[(2, 1)])
    >>> s = score([Links.of([(0, 0), (2, 1), (0, 2)])], [gold])  # |A| 3, |S| 2, |A∩S| 1, |A∩P| 2
    >>> round(s.aer, 3), round(s.precision, 3), s.recall
    (0.4, 0.667, 0.5)
    """
    return summarize(_counts(hypotheses, golds))


def interval(
    hypotheses: Sequence[Links],
    golds: Sequence[Links],
    *,
    level: float = 0.95,
    samples: int = 1000,
    seed: int = 0,
) -> tuple[float, float]:
    """The bootstrap interval of the corpus AER, resampling sentences with replacement (Efron, 1979)."""
    counts_IC = _counts(hypotheses, golds)
    sentences = len(counts_IC)
    drawn_RI = np.random.default_rng(seed).multinomial(sentences, np.full(sentences, 1 / sentences), samples)
    low, high = np.quantile(error_rate(drawn_RI @ counts_IC), [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def best_readout(
    maps: Sequence[AttentionMap],
    golds: Sequence[Links],
    *,
    method: Callable[[np.ndarray], Bool[np.ndarray, "*B T S"]] = argmax,
) -> list[tuple[Readout, Score]]:
    """Scores every layer × (each head, and the mean of heads) × row convention, best AER first.

    Choose on validation, report on test: the first row is the best of many, so its score flatters.
    """
    _check_corpus(maps, golds)
    shapes = {attention.weights.shape[:2] for attention in maps}
    if len(shapes) > 1:
        raise ValueError(f"All maps must have the same (layers, heads), but there are {sorted(shapes)}.")
    layers, heads = shapes.pop()
    table = []
    for convention in CONVENTIONS:
        total_LNC = np.zeros((layers, heads + 1, 4), int)
        for sentence, (attention, gold) in enumerate(zip(maps, golds, strict=True)):
            try:
                total_LNC += _grid(attention, gold, convention, method)
            except ValueError as error:
                raise ValueError(f"Sentence {sentence}: {error}") from error
        for layer in range(layers):
            for head in range(heads + 1):
                readout = Readout(layer=layer, head="mean" if head == heads else head, convention=convention)
                table.append((readout, summarize(total_LNC[layer, head])))
    return sorted(table, key=lambda row: (row[1].aer, -row[1].f1))


def _grid(
    attention: AttentionMap,
    gold: Links,
    convention: Convention,
    method: Callable[[np.ndarray], Bool[np.ndarray, "*B T S"]],
) -> Int[np.ndarray, "layers heads 4"]:
    """The counts of one sentence for every layer and head, and in the last column the mean of heads."""
    weights_LNTS, _ = attention.fold(convention)
    weights_LNTS = np.concatenate([weights_LNTS, weights_LNTS.mean(axis=1, keepdims=True)], axis=1)
    links_LNTS = method(weights_LNTS)
    sure_TS, possible_TS = gold.matrices(len(attention.source_words), len(attention.target_words))
    links, sure_hits, possible_hits = (
        hits_LNTS.sum(axis=(-2, -1)) for hits_LNTS in (links_LNTS, links_LNTS & sure_TS, links_LNTS & possible_TS)
    )
    return np.stack([links, np.full_like(links, sure_TS.sum()), sure_hits, possible_hits], axis=-1)


def _counts(hypotheses: Sequence[Links], golds: Sequence[Links]) -> Int[np.ndarray, "I 4"]:
    _check_corpus(hypotheses, golds)
    return np.stack([count(links, gold) for links, gold in zip(hypotheses, golds, strict=True)])


def _check_corpus(hypotheses: Sequence[object], golds: Sequence[Links]) -> None:
    if not hypotheses or len(hypotheses) != len(golds):
        raise ValueError(
            f"Scoring needs one gold alignment a sentence and at least one sentence, but there are "
            f"{len(hypotheses)} sentences and {len(golds)} gold alignments."
        )


def _ratio(part: ArrayLike, whole: ArrayLike) -> np.ndarray:
    """part / whole, and 1 where both are 0."""
    return np.where(np.greater(whole, 0), np.divide(part, np.maximum(whole, 1)), 1.0)
