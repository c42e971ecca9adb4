"""Two graphs side by side, the links between their nodes, and the matrix in gold order."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from xattn.alignment.layouts import Graph
from xattn.alignment.links import Links
from xattn.alignment.maps import AttentionMap, Readout, WordMap
from xattn.viewing.figures import cells, outline
from xattn.viewing.labels import printable
from xattn.viewing.layouts.common import gold_of, read, say
from xattn.viewing.style import GREY, INK, LINK, WRONG

Places = Float[np.ndarray, "nodes 2"]

_APART = 1.75  # from the one graph to the other, each being 1 wide
_FAINT = 0.03


def places(nodes: int, edges: Sequence[tuple[int, int]], kept: dict[int, np.ndarray] | None = None) -> Places:
    """Where to draw the nodes of a graph, in a unit square: as far apart as their paths are long, as nearly as can be.

    Stress majorisation (Gansner et al., 2004) from classical scaling, with nothing random in it. The nodes in `kept`
    stay where it says.
    """
    kept = kept or {}
    length = np.where(np.eye(nodes, dtype=bool), 0.0, np.inf)
    for a, b in edges:
        if a != b:
            length[a, b] = length[b, a] = 1.0
    for through in range(nodes):
        length = np.minimum(length, length[:, through, None] + length[None, through])
    # Parts that no path joins stand beside each other: further apart, a lonely node would make the others small.
    length = np.where(np.isfinite(length), length, max(2.0, np.max(length, where=np.isfinite(length), initial=0) / 2))
    centred = np.eye(nodes) - 1 / max(nodes, 1)
    _, vectors = np.linalg.eigh(-centred @ length**2 @ centred / 2)
    where = vectors[:, ::-1][:, :2] * np.sign(vectors[np.abs(vectors).argmax(axis=0), range(nodes)])[::-1][:2]
    where = np.pad(where, ((0, 0), (0, 2 - where.shape[1]))) * max(length.max(initial=0), 1)
    # Nodes of equal distances to all others, such as two leaves of one node, must not begin in one place.
    turn = 2.4 * np.arange(nodes)
    where = where + 0.1 * np.stack([np.cos(turn), np.sin(turn)], axis=1)
    weight = np.divide(1, length**2, out=np.zeros_like(length), where=length > 0)
    pull = np.linalg.pinv(np.diag(weight.sum(axis=1)) - weight)
    for _ in range(200 if nodes > 1 else 0):
        apart = np.linalg.norm(where[:, None] - where[None], axis=-1)
        ratio = weight * np.divide(length, apart, out=np.zeros_like(length), where=apart > 1e-9)
        where = pull @ (where * ratio.sum(axis=1, keepdims=True) - ratio @ where)
    low, span = where.min(axis=0, initial=np.inf), np.ptp(where, axis=0) if nodes else np.ones(2)
    where = np.where(span > 1e-9, (where - low) / np.maximum(span, 1e-9), 0.5)
    # Half of the height is given to each node in turn, so that no two links lie on each other.
    rank = where[:, 1].argsort(kind="stable").argsort() / max(nodes - 1, 1)
    where[:, 1] = (where[:, 1] + rank) / 2 if nodes > 1 else 0.5
    for node, place in kept.items():
        where[node] = place
    return where


def both_places(words: WordMap) -> tuple[Places, Places]:
    """Places of the nodes of both graphs: a node stands where its gold partner stands in the other graph."""
    layout, gold = words.layout, gold_of(words)
    assert isinstance(layout, Graph), "the layout of a map that is drawn as graphs"
    source = places(len(words.source), layout.source_edges)
    kept = {t: source[s] for t, s in partners(gold).items()}
    return source, places(len(words.target), layout.target_edges, kept)


def partners(gold: np.ndarray) -> dict[int, int]:
    """A gold partner for each target node, none of them twice."""
    found: dict[int, int] = {}
    for t, row in enumerate(gold):
        for s in np.flatnonzero(row).tolist():
            if s not in found.values():
                found[t] = s
                break
    return found


def graphs(attention: AttentionMap, readout: Readout) -> Figure:
    """The graph that is looked at, at the left, and that of the queries; links as opaque as their weights.

    Where gold is known, a node stands where its partner stands, so right links are level. Beside them the matrix, its
    rows in the order of their partners, so right cells are on the diagonal.
    """
    words = attention.to_words(readout)
    figure = Figure(figsize=(10.2, 4.4), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(1.55, 1))
    _links(left, words)
    _matrix(right, words)
    notes = ["links as opaque as their weights; each query's largest one is strong"]
    if words.gold is not None:
        notes.append("right: green and solid; wrong: red and dashed; a node stands where its gold partner stands")
        notes.append("matrix: the rows in the order of their gold partners; outlined: gold")
    say(figure, words, notes)
    return figure


def _links(axes: Axes, words: WordMap) -> None:
    layout = words.layout
    assert isinstance(layout, Graph), "the layout of a map that is drawn as graphs"
    source, target = both_places(words)
    target = target + np.array([_APART, 0])
    most, colors = read(words)
    for (t, s), value in np.ndenumerate(words.weights / words.most):
        ends, largest = (source[s], target[t]), s == most[t]
        if value < _FAINT and not largest:
            continue
        style = {"color": LINK, "linewidth": 0.9, "alpha": float(value), "zorder": 1}
        if largest:
            dash = (0, (4, 2)) if colors[t] == WRONG else "-"
            style |= {"color": colors[t], "linewidth": 1.8, "linestyle": dash, "alpha": max(float(value), 0.3)}
            style["zorder"] = 2
        axes.plot(*zip(*ends, strict=True), **style)
    for where, edges, names, side in [
        (source, layout.source_edges, words.source, "what is looked at"),
        (target, layout.target_edges, words.target, "queries"),
    ]:
        for a, b in edges:
            axes.plot(*zip(where[a], where[b], strict=True), color=GREY, linewidth=1.1, zorder=3)
        axes.scatter(*where.T, s=210, color="white", edgecolor=INK, linewidth=0.9, zorder=4)
        for place, name in zip(where, map(printable, names), strict=True):
            size = 7.5 if len(name) < 4 else 5.5
            axes.text(*place, name, size=size, ha="center", va="center", zorder=5, parse_math=False)
        middle = where[:, 0].mean() if len(where) else 0.0
        axes.text(middle, 1.13, side, size=8, color=GREY, ha="center", va="center")
    axes.set(xlim=(-0.1, _APART + 1.1), ylim=(-0.1, 1.2))
    axes.set_axis_off()


def _matrix(axes: Axes, words: WordMap) -> None:
    """The weights, rows in the order of their gold partners, and those without one below."""
    gold = gold_of(words)
    partner = partners(gold)
    order = sorted(range(len(words.target)), key=lambda t: (partner[t] if t in partner else len(words.source), t))
    values = words.weights[order] / words.most
    cells(axes, values, left=0.0, percent=max(values.shape) <= 10)
    outline(axes, Links.from_matrix(gold[order]))
    axes.set(xlim=(0, len(words.source)), ylim=(len(order), 0), aspect="equal")
    axes.spines[:].set_visible(False)
    axes.xaxis.tick_top()
    axes.tick_params(length=0, pad=2)
    size = 7 if len(order) <= 20 else 5
    names = [printable(words.target[t]) for t in order]
    axes.set_yticks(np.arange(len(order)) + 0.5, names, parse_math=False, size=size)
    names = list(map(printable, words.source))
    turn = 90 if max(map(len, names), default=0) > 2 else 0
    axes.set_xticks(np.arange(len(names)) + 0.5, names, parse_math=False, size=size, rotation=turn)
    axes.set_xlabel("what is looked at", size=8, color=GREY)
    axes.set_ylabel("queries", size=8, color=GREY)
