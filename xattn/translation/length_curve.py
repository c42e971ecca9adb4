"""Scores by the length of the source."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from sacrebleu.metrics import BLEU  # pyright: ignore[reportPrivateImportUsage]

if TYPE_CHECKING:
    from matplotlib.figure import Figure


# Lengths that are drawn together: first and last, in source words.
BINS = ((1, 3), (4, 6), (7, 9), (10, 12), (13, 16), (17, 20), (21, 24), (25, 40))


def length_curve(
    results: Mapping[str, dict[str, Any]], splits: Sequence[str], metric: Literal["exact match", "BLEU"]
) -> "Figure":
    """A score by source length, a line for each named run: the picture that made attention famous."""
    from xattn.viewing.curves import length_curve as draw

    counts, scores = [0] * len(BINS), {}
    for name, each in results.items():
        rows = [
            [
                row
                for split in splits
                if split in each["splits"]
                for length, row in each["splits"][split]["by_length"].items()
                if first <= int(length) <= last
            ]
            for first, last in BINS
        ]
        counts = [sum(each["count"] for each in row) for row in rows]
        scores[name] = [SCORES[metric](row) if row else math.nan for row in rows]
    used = [place for place, count in enumerate(counts) if count]
    return draw(
        [f"{BINS[p][0]}-{BINS[p][1]}" for p in used],
        [counts[p] for p in used],
        {name: [values[p] for p in used] for name, values in scores.items()},
        metric=metric,
    )


def _exact(rows: Sequence[dict[str, Any]]) -> float:
    return sum(row["exact"] for row in rows) / sum(row["count"] for row in rows)


def _bleu(rows: Sequence[dict[str, Any]]) -> float:
    *ngrams, output, reference = (sum(each) for each in zip(*(row["bleu_statistics"] for row in rows), strict=True))
    return BLEU.compute_bleu(ngrams[:4], ngrams[4:], output, reference).score


SCORES = {"exact match": _exact, "BLEU": _bleu}
