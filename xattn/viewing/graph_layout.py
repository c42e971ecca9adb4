"""Positions of graph nodes in pictures: the same in figures and in the page."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Bool, Float
from scipy.sparse.csgraph import shortest_path

from xattn.alignment.layouts import Graph

Places = Float[np.ndarray, "_ 2"]


def places(nodes: int, edges: Sequence[tuple[int, int]], kept: Mapping[int, np.ndarray] | None = None) -> Places:
    """The positions of a graph's nodes in a unit square; their distances approximate the lengths of shortest paths.

    Nodes in `kept` have the given positions. The result is deterministic. Source: stress majorisation (Gansner et
    al., 2004), which starts from classical scaling.
    """
    if nodes == 0:
        return np.zeros((0, 2))
    where = _majorised(_path_lengths(nodes, edges))
    low, span = where.min(axis=0), np.ptp(where, axis=0)
    tall = max(span[1], 1e-9)
    wide = span[0] if span[0] > tall / 6 else tall  # a graph that is nearly a vertical line is not widened
    where = (where - low) / (wide, tall) + ((1 - span[0] / wide) / 2, 0)
    # Half of each height is the node's rank from bottom to top, so that no two links overlap.
    rank = where[:, 1].argsort(kind="stable").argsort() / max(nodes - 1, 1)
    where[:, 1] = (where[:, 1] + rank) / 2 if nodes > 1 else 0.5
    for node, place in (kept or {}).items():
        where[node] = place
    return where


def _path_lengths(nodes: int, edges: Sequence[tuple[int, int]]) -> Float[np.ndarray, "N N"]:
    """The number of edges on the shortest path between every two nodes."""
    adjacent = np.zeros((nodes, nodes))
    for a, b in edges:
        adjacent[a, b] = 1.0
    length = shortest_path(adjacent, directed=False, unweighted=True)
    # Parts without a path between them stand close to each other, so that a lone node leaves room for the others.
    return np.where(np.isfinite(length), length, max(2.0, np.max(length, where=np.isfinite(length), initial=0) / 2))


def _majorised(length: Float[np.ndarray, "N N"]) -> Places:
    """Positions whose distances approximate `length`, with relative errors weighted equally."""
    nodes = len(length)
    centred = np.eye(nodes) - 1 / nodes
    values, vectors = np.linalg.eigh(-centred @ length**2 @ centred / 2)
    vectors = vectors * np.sign(vectors[np.abs(vectors).argmax(axis=0), range(nodes)])  # either sign is an eigenvector
    # The longest direction is vertical, because links go from left to right.
    where = np.pad((vectors * np.maximum(values, 0) ** 0.5)[:, -2:], ((0, 0), (max(2 - nodes, 0), 0)))
    # Nodes with equal distances to all others, such as two leaves of one node, must not start at the same position.
    turn = 2.4 * np.arange(nodes)
    where = where + 0.1 * np.stack([np.cos(turn), np.sin(turn)], axis=1)
    weight = np.divide(1, length**2, out=np.zeros_like(length), where=length > 0)
    pull = np.linalg.pinv(np.diag(weight.sum(axis=1)) - weight)
    for _ in range(200 if nodes > 1 else 0):
        apart = np.linalg.norm(where[:, None] - where[None], axis=-1)
        ratio = weight * np.divide(length, apart, out=np.zeros_like(length), where=apart > 1e-9)
        where = pull @ (where * ratio.sum(axis=1, keepdims=True) - ratio @ where)
    return where


def both_places(layout: Graph, gold: Bool[np.ndarray, "T S"]) -> tuple[Places, Places]:
    """The positions of the nodes of both graphs; gold partners have the same position."""
    source = places(gold.shape[1], layout.source_edges)
    kept = {t: source[s] for t, s in partners(gold).items()}
    return source, places(gold.shape[0], layout.target_edges, kept)


def partners(gold: Bool[np.ndarray, "T S"]) -> dict[int, int]:
    """One gold partner for each target node that has gold, and each source node at most once."""
    found: dict[int, int] = {}
    for t, row in enumerate(gold):
        for s in np.flatnonzero(row).tolist():
            if s not in found.values():
                found[t] = s
                break
    return found
