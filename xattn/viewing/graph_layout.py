"""Where the nodes of graphs are drawn: the same in figures and in the page."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Bool, Float

from xattn.alignment.layouts import Graph

Places = Float[np.ndarray, "_ 2"]


def places(nodes: int, edges: Sequence[tuple[int, int]], kept: Mapping[int, np.ndarray] | None = None) -> Places:
    """Where to draw the nodes of a graph, in a unit square: as far apart as their paths are long, as nearly as can be.

    Stress majorisation (Gansner et al., 2004) from classical scaling, with nothing random in it. The nodes in `kept`
    stay where it says.
    """
    if nodes == 0:
        return np.zeros((0, 2))
    length = np.where(np.eye(nodes, dtype=bool), 0.0, np.inf)
    for a, b in edges:
        if a != b:
            length[a, b] = length[b, a] = 1.0
    for through in range(nodes):
        length = np.minimum(length, length[:, through, None] + length[None, through])
    # Parts that no path joins stand beside each other: further apart, a lonely node would make the others small.
    length = np.where(np.isfinite(length), length, max(2.0, np.max(length, where=np.isfinite(length), initial=0) / 2))
    centred = np.eye(nodes) - 1 / nodes
    values, vectors = np.linalg.eigh(-centred @ length**2 @ centred / 2)
    vectors = vectors * np.sign(vectors[np.abs(vectors).argmax(axis=0), range(nodes)])  # which may be either
    # The longest direction is upright, since links go from left to right.
    where = np.pad((vectors * np.maximum(values, 0) ** 0.5)[:, -2:], ((0, 0), (max(2 - nodes, 0), 0)))
    # Nodes of equal distances to all others, such as two leaves of one node, must not begin in one place.
    turn = 2.4 * np.arange(nodes)
    where = where + 0.1 * np.stack([np.cos(turn), np.sin(turn)], axis=1)
    weight = np.divide(1, length**2, out=np.zeros_like(length), where=length > 0)
    pull = np.linalg.pinv(np.diag(weight.sum(axis=1)) - weight)
    for _ in range(200 if nodes > 1 else 0):
        apart = np.linalg.norm(where[:, None] - where[None], axis=-1)
        ratio = weight * np.divide(length, apart, out=np.zeros_like(length), where=apart > 1e-9)
        where = pull @ (where * ratio.sum(axis=1, keepdims=True) - ratio @ where)
    low, span = where.min(axis=0), np.ptp(where, axis=0)
    tall = max(span[1], 1e-9)
    wide = span[0] if span[0] > tall / 6 else tall  # what is hardly wider than a line stays one
    where = (where - low) / (wide, tall) + ((1 - span[0] / wide) / 2, 0)
    # Half of the height is given to each node in turn, so that no two links lie on each other.
    rank = where[:, 1].argsort(kind="stable").argsort() / max(nodes - 1, 1)
    where[:, 1] = (where[:, 1] + rank) / 2 if nodes > 1 else 0.5
    for node, place in (kept or {}).items():
        where[node] = place
    return where


def both_places(layout: Graph, gold: Bool[np.ndarray, "T S"]) -> tuple[Places, Places]:
    """Places of the nodes of both graphs: a node stands where its gold partner stands in the other graph."""
    source = places(gold.shape[1], layout.source_edges)
    kept = {t: source[s] for t, s in partners(gold).items()}
    return source, places(gold.shape[0], layout.target_edges, kept)


def partners(gold: np.ndarray) -> dict[int, int]:
    """A gold partner for each target node, none of them twice."""
    found: dict[int, int] = {}
    for t, row in enumerate(gold):
        for s in np.flatnonzero(row).tolist():
            if s not in found.values():
                found[t] = s
                break
    return found
