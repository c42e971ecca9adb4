"""What the figures of all layouts do alike."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Int
from matplotlib.figure import Figure

from xattn.alignment.maps import WordMap
from xattn.viewing.style import GREY, LINK, RIGHT, WRONG

MOST = 8  # panels of a figure, each of which shows a query


def say(figure: Figure, words: WordMap, notes: Sequence[str]) -> None:
    """What the figure must say of itself above it, and how to read it below."""
    notes = [*notes]
    if words.kind != "weights":
        notes.append(f"1 is the largest norm, {words.most:.3g}")
    figure.suptitle(words.title, x=0.005, ha="left", size=9, weight="bold")
    figure.supxlabel("\n".join(notes), x=0.005, ha="left", size=7.5, color=GREY, linespacing=1.5)


def gold_of(words: WordMap) -> Bool[np.ndarray, "T S"]:
    """All possible gold links as a matrix; without gold, none."""
    if words.gold is None:
        return np.zeros(words.weights.shape, bool)
    return words.gold.matrices(len(words.source), len(words.target))[1]


def read(words: WordMap) -> tuple[Int[np.ndarray, " T"], list[str]]:
    """Where every query looks most, and the colour of that: right, wrong, or, where nobody knows, neither."""
    gold, most = gold_of(words), words.weights.argmax(axis=1)
    known = gold.any(axis=1)
    return most, [LINK if not known[t] else RIGHT if gold[t, s] else WRONG for t, s in enumerate(most.tolist())]


def queries(words: WordMap) -> tuple[list[int], list[str]]:
    """The queries that have a panel, and what is said of those that have none: those with gold come first."""
    known = gold_of(words).any(axis=1)
    shown = [t for t in range(len(words.target)) if known[t] or not known.any()][:MOST]
    left = len(words.target) - len(shown)
    return shown, [f"{len(shown)} of {len(words.target)} queries are shown"] if left else []
