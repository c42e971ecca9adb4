"""Curves of experiments: scores by length and by step, memory by size, frontiers."""

from collections.abc import Mapping, Sequence

import numpy as np

from xattn.viewing.canvas import Figure
from xattn.viewing.fonts import styled
from xattn.viewing.style import LINES


@styled
def length_curve(
    bins: Sequence[str],
    counts: Sequence[int],
    scores: Mapping[str, Sequence[float]],
    *,
    metric: str,
) -> Figure:
    """A score by sentence length, one line per system.

    `bins` are the labels of the length bins ("5-8"), and `counts` the numbers of sentences in them. `scores` has one
    score per bin for every system, all in 0..1 or all in percent; NaN leaves a bin out. Raises a ValueError for counts
    or scores of another length than `bins`.
    """
    for name, values in [("counts", counts), *scores.items()]:
        if len(values) != len(bins):
            raise ValueError(f"There are {len(bins)} length bins, but {len(values)} values of {name!r}.")
    figure = _lines(max(4.2, 0.6 * len(bins)), {name: list(enumerate(each)) for name, each in scores.items()})
    axes = figure.axes[0]
    highest = np.nanmax([0.0, *(value for values in scores.values() for value in values)])
    axes.set(ylim=(0, 1 if highest <= 1 else 100), xlabel="source words", ylabel=metric)
    axes.set_xticks(range(len(bins)), [f"{b}\nn={n}" for b, n in zip(bins, counts, strict=True)], size=8)
    return figure


@styled
def learning_curve(scores: Mapping[str, Sequence[tuple[int, float]]], *, metric: str) -> Figure:
    """A score by training step, one line per run, which is given as pairs of step and score."""
    figure = _lines(4.2, scores)
    axes = figure.axes[0]
    axes.set(xlabel="step", ylabel=metric, xlim=(0, None), ylim=(0, None))
    axes.locator_params(axis="x", nbins=5)
    return figure


@styled
def growth(sizes: Sequence[int], costs: Mapping[str, Sequence[float]], *, size: str, cost: str) -> Figure:
    """Costs by size, one line per name, on logarithmic axes with the labels `size` and `cost`."""
    figure = _lines(4.2, {name: list(zip(sizes, each, strict=True)) for name, each in costs.items()})
    axes = figure.axes[0]
    axes.set(xlabel=size, ylabel=cost, xscale="log", yscale="log")
    axes.set_xticks(sizes, map(str, sizes))
    axes.minorticks_off()
    return figure


@styled
def frontier(scores: Mapping[str, Sequence[tuple[int, float]]], *, size: str, score: str) -> Figure:
    """A score in 0..1 by size on a logarithmic axis, one line per system, which is given as pairs of size and score."""
    figure = _lines(4.2, scores)
    axes = figure.axes[0]
    sizes = sorted({place for each in scores.values() for place, _ in each})
    axes.set(xlabel=size, ylabel=score, xscale="log", ylim=(0, 1))
    axes.set_xticks(sizes, [f"{each:,}" for each in sizes], size=7, rotation=45)
    axes.minorticks_off()
    return figure


def _lines(width: float, points: Mapping[str, Sequence[tuple[int, float]]]) -> Figure:
    figure = Figure(figsize=(width, 2.8), layout="constrained")
    axes = figure.subplots()
    for index, (name, each) in enumerate(points.items()):
        color, marker, dash = LINES[index % len(LINES)]
        style = {"color": color, "marker": marker, "linestyle": dash, "markersize": 5, "clip_on": False}
        axes.plot([place for place, _ in each], [value for _, value in each], label=name, **style)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="#e5e5e5", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(length=0)
    figure.legend(loc="outside upper left", ncols=3, frameon=False)
    return figure
