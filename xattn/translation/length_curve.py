"""Scores by the length of the source."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from sacrebleu.metrics import BLEU  # pyright: ignore[reportPrivateImportUsage]

from xattn.viewing import curves
from xattn.viewing.canvas import Figure

# Lengths of one point of the curve: first and last, in source words.
BINS = ((1, 3), (4, 6), (7, 9), (10, 12), (13, 16), (17, 20), (21, 24), (25, 40))


def length_curve(
    results: Mapping[str, dict[str, Any]], splits: Sequence[str], metric: Literal["exact match", "BLEU"]
) -> Figure:
    """A score by source length, a line for each named run, from their results (as in Bahdanau et al., 2015)."""
    counts, scores = [0] * len(BINS), {}
    for name, result in results.items():
        rows = [
            [
                row
                for split in splits
                if split in result["splits"]
                for length, row in result["splits"][split]["by_length"].items()
                if first <= int(length) <= last
            ]
            for first, last in BINS
        ]
        counts = [sum(row["count"] for row in together) for together in rows]
        scores[name] = [SCORES[metric](together) if together else math.nan for together in rows]
    used = [place for place, count in enumerate(counts) if count]
    return curves.length_curve(
        [f"{BINS[p][0]}-{BINS[p][1]}" for p in used],
        [counts[p] for p in used],
        {name: [values[p] for p in used] for name, values in scores.items()},
        metric=metric,
    )


def _exact(rows: Sequence[dict[str, Any]]) -> float:
    return sum(row["exact"] for row in rows) / sum(row["count"] for row in rows)


def _bleu(rows: Sequence[dict[str, Any]]) -> float:
    *ngrams, output, reference = (sum(part) for part in zip(*(row["bleu_statistics"] for row in rows), strict=True))
    return BLEU.compute_bleu(ngrams[:4], ngrams[4:], output, reference).score


SCORES = {"exact match": _exact, "BLEU": _bleu}
