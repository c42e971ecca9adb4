"""Words: a heatmap, or a running text tinted by attention with the target below."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from xattn.alignment.layouts import WordLayout
from xattn.alignment.maps import AttentionMap, Readout, WordMap
from xattn.viewing.canvas import Figure
from xattn.viewing.direction import is_right_to_left
from xattn.viewing.figures import heatmap
from xattn.viewing.fonts import width_of
from xattn.viewing.labels import printable
from xattn.viewing.layouts.common import gold_of, read, say
from xattn.viewing.look import DEFAULT, Look
from xattn.viewing.scales import shading
from xattn.viewing.style import GOLD, INK, RIGHT, WRONG

WIDTH = 6.5  # inches
INKS: dict[bool | None, tuple[str, str]] = {True: (RIGHT, "normal"), False: (WRONG, "italic"), None: (INK, "normal")}
LINE, SPACE = 1.75 * 9 / 72, 0.6 * 9 / 72  # inches for words of 9 points, between lines and between words


def words(attention: AttentionMap, readout: Readout, look: Look) -> Figure:
    """The heatmap of words, or the running text if the layout has lines."""
    read_out, layout = attention.to_words(readout), attention.layout
    assert isinstance(layout, WordLayout), "this is the figure of words"
    return heatmap(read_out, look) if layout.lines is None else text(read_out, layout.lines, look)


def text(words: WordMap, lines: Sequence[int], look: Look = DEFAULT) -> Figure:
    """The source as running text, and the target under it.

    The tint of a source word is the sum of its attention from all target words. Source words with gold links are
    underlined. The colour of a target word tells whether its largest weight is right, wrong, or without gold.
    """
    total_1S, gold_S = words.weights.sum(axis=0, keepdims=True), np.flatnonzero(gold_of(words).any(axis=0))
    most = float(total_1S.max(initial=0)) or 1.0
    mean_1S = total_1S / max(len(words.target), 1)
    scale = shading(replace(words, weights=mean_1S, special=np.zeros(1, np.float32)), look.scale or "map")
    shade_S = scale.shades(mean_1S)[0]
    labels, wide, line_height = words.source_labels, look.width or WIDTH, look.points(LINE)
    source = list(lay(labels, lines, wide, look))
    target = list(lay(words.target_labels, (), wide, look))
    gap = source[-1][1] + 1.8 if source else 0
    height = gap + (target[-1][1] if target else 0) + 1
    figure = Figure(figsize=(wide, height * line_height + look.points(0.75)), layout="constrained")
    axes = figure.subplots()
    axes.set(xlim=(0, wide), ylim=(height, 0))
    axes.axis("off")
    for place, (left, line, width) in enumerate(source):
        shade = float(shade_S[place])
        write(axes, labels[place], left, line + 0.5, "white" if shade > 0.55 else INK, look)
        box = ((left - 0.03, line + 0.08), width + 0.06, 0.84)
        axes.add_patch(Rectangle(*box, color=mpl.colormaps["Blues"](shade)))
        if place in gold_S:
            axes.plot([left, left + width], [line + 0.97] * 2, color=GOLD, lw=1.6, solid_capstyle="butt")
    axes.plot([0, wide], [gap - 0.4] * 2, color="#dddddd", lw=0.8)
    for word, (left, line, _), right in zip(words.target_labels, target, read(words)[1], strict=True):
        color, slant = INKS[right]
        write(axes, word, left, gap + line + 0.5, color, look, slant)
    tint = "" if look.scale in (None, "map") else f"; {scale.text}, of the mean"
    notes = [
        "tint: the sum of the attention from all words below; the darkest word has "
        f"{most:.2f} of {len(words.target)}{tint}"
    ]
    if words.gold is not None:
        notes.append(
            "underlined: gold; below: the largest weight is on gold (green) or not (orange italics); no gold: black"
        )
    say(figure, words, [*notes, *words.meaning], look)
    return figure


def lay(words: Sequence[str], lines: Sequence[int], wide: float, look: Look) -> Iterator[tuple[float, int, float]]:
    """For every word its distance from the left in inches, its line, and its width in inches.

    Words of scripts from right to left begin at the right.
    """
    turned = is_right_to_left(words)
    left, line = 0.0, 0
    for place, word in enumerate(words):
        width = width_of(printable(word), look.font_size)
        if left > 0 and (place in lines or left + width > wide):
            left, line = 0.0, line + 1
        yield wide - left - width if turned else left, line, width
        left += width + look.points(SPACE)


def write(axes: Axes, word: str, left: float, middle: float, color: str, look: Look, slant: str = "normal") -> None:
    style = {"color": color, "size": look.font_size, "style": slant, "va": "center_baseline", "zorder": 3}
    axes.text(left, middle, printable(word), parse_math=False, **style)
