"""Parts that the figures of all layouts share."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Int
from matplotlib.axes import Axes

from xattn.alignment.maps import WordMap
from xattn.viewing.canvas import Figure
from xattn.viewing.fonts import folded
from xattn.viewing.look import Look
from xattn.viewing.style import GREY, INK, RIGHT, WRONG

MOST = 8  # panels in a figure, one per query


def say(figure: Figure, words: WordMap, notes: Sequence[str], look: Look) -> None:
    """Writes the map's title above the figure, and notes on how to read it below, unless `look` has others."""
    notes = [*notes]
    if words.unit != "weight":
        notes.append(f"1 is the largest {words.unit}, {words.most:.3g}")
    inches = look.width or max(figure.get_size_inches()[0], 4.5)
    title = words.title if look.title is None else look.title
    style = {"x": 0.005, "ha": "left", "parse_math": False}
    if title:
        text = folded(title, look.points(9), inches, "bold")
        figure.suptitle(text, **style, size=look.points(9), weight="bold")
    if look.notes:
        text = "\n".join(folded(each, look.points(7.5), inches) for each in notes)
        figure.supxlabel(text, **style, size=look.points(7.5), color=GREY, linespacing=1.5)


def gold_of(words: WordMap) -> Bool[np.ndarray, "T S"]:
    """All possible gold links as a matrix; all False if the map has no gold."""
    if words.gold is None:
        return np.zeros(words.weights.shape, bool)
    return words.gold.matrices(len(words.source), len(words.target))[1]


def read(words: WordMap) -> tuple[Int[np.ndarray, " T"], list[bool | None]]:
    """The position of each query's largest weight, and whether it is gold: None without gold, or without any weight."""
    gold = gold_of(words)
    most = words.weights.argmax(axis=1)
    known = (gold.sum(axis=1) > 0) & (words.weights.sum(axis=1) > 0)
    return most, [bool(gold[t, s]) if known[t] else None for t, s in enumerate(most.tolist())]


def mark(axes: Axes, x: float, y: float, right: bool | None, *, size: float = 36.0) -> None:
    """Draws a green disc for a right reading, a red cross for a wrong one, a black disc for one without gold."""
    color, marker = {True: (RIGHT, "o"), False: (WRONG, "X"), None: (INK, "o")}[right]
    style = {"color": color, "marker": marker, "edgecolor": "white", "linewidth": 0.8}
    axes.scatter([x], [y], s=size, **style, zorder=6, clip_on=False)


def queries(words: WordMap) -> tuple[list[int], list[str]]:
    """The queries that get a panel, those with gold if there are any, and a note if some queries get none."""
    known = gold_of(words).sum(axis=1)
    shown = [t for t in range(len(words.target)) if known[t] or not known.any()][:MOST]
    left = len(words.target) - len(shown)
    return shown, [f"{len(shown)} of {len(words.target)} queries are shown"] if left else []
