"""Words: a heatmap, or a running text tinted by attention with the target below."""

from collections.abc import Iterator, Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.patches import Rectangle
from matplotlib.textpath import TextToPath

from xattn.alignment.layouts import WordLayout
from xattn.alignment.maps import AttentionMap, Readout, WordMap
from xattn.viewing.figures import heatmap
from xattn.viewing.fonts import families
from xattn.viewing.labels import printable
from xattn.viewing.layouts.common import gold_of, read, say
from xattn.viewing.look import Look
from xattn.viewing.style import GOLD, INK, RIGHT, WRONG

WIDTH, SIZE = 6.5, 9  # inches, points
INKS: dict[bool | None, tuple[str, str]] = {True: (RIGHT, "normal"), False: (WRONG, "italic"), None: (INK, "normal")}
LINE, SPACE = 1.75 * SIZE / 72, 0.6 * SIZE / 72  # inches, between lines and between words


def words(attention: AttentionMap, readout: Readout, look: Look) -> Figure:
    """The heatmap of words, or the running text if the layout has lines."""
    read_out, layout = attention.to_words(readout), attention.layout
    assert isinstance(layout, WordLayout), "this is the figure of words"
    return heatmap(read_out, look) if layout.lines is None else text(read_out, layout.lines)


def text(words: WordMap, lines: Sequence[int]) -> Figure:
    """The source as running text, and the target under it.

    The tint of a source word is the sum of its attention from all target words. Source words with gold links are
    underlined. The colour of a target word tells whether its largest weight is right, wrong, or without gold.
    """
    total_S, gold_S = words.weights.sum(axis=0), np.flatnonzero(gold_of(words).any(axis=0))
    most = float(total_S.max(initial=0)) or 1.0
    labels = words.source_labels
    source = list(_lay(labels, lines))
    target = list(_lay(words.target_labels, ()))
    gap = source[-1][1] + 1.8 if source else 0
    height = gap + (target[-1][1] if target else 0) + 1
    figure = Figure(figsize=(WIDTH, height * LINE + 0.75), layout="constrained")
    axes = figure.subplots()
    axes.set(xlim=(0, WIDTH), ylim=(height, 0))
    axes.axis("off")
    for place, (left, line, width) in enumerate(source):
        share = total_S[place] / most
        _write(axes, labels[place], left, line + 0.5, "white" if share > 0.55 else INK)
        axes.add_patch(Rectangle((left - 0.03, line + 0.08), width + 0.06, 0.84, color=mpl.colormaps["Blues"](share)))
        if place in gold_S:
            axes.plot([left, left + width], [line + 0.97] * 2, color=GOLD, lw=1.6, solid_capstyle="butt")
    axes.plot([0, WIDTH], [gap - 0.4] * 2, color="#dddddd", lw=0.8)
    for word, (left, line, _), right in zip(words.target_labels, target, read(words)[1], strict=True):
        _write(axes, word, left, gap + line + 0.5, *INKS[right])
    notes = [
        f"tint: the sum of the attention from all words below; the darkest word has {most:.2f} of {len(words.target)}"
    ]
    if words.gold is not None:
        notes.append(
            "underlined: gold; below: the largest weight is on gold (green) or not (orange italics); no gold: black"
        )
    say(figure, words, [*notes, *words.meaning])
    return figure


def _lay(words: Sequence[str], lines: Sequence[int]) -> Iterator[tuple[float, int, float]]:
    """For every word its distance from the left in inches, its line, and its width in inches."""
    path, font = TextToPath(), FontProperties(size=SIZE, family=families(words))
    left, line = 0.0, 0
    for place, word in enumerate(words):
        width = path.get_text_width_height_descent(printable(word), font, ismath=False)[0] / 72
        if left > 0 and (place in lines or left + width > WIDTH):
            left, line = 0.0, line + 1
        yield left, line, width
        left += width + SPACE


def _write(axes: Axes, word: str, left: float, middle: float, color: str, slant: str = "normal") -> None:
    style = {"color": color, "size": SIZE, "style": slant, "va": "center_baseline", "zorder": 3}
    axes.text(left, middle, printable(word), parse_math=False, **style)
