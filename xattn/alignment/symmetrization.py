"""Symmetrization: one alignment from those of two directions, as sets of links or as soft matrices.

"grow-diag" is the name of two algorithms. Both start from the intersection and add links of the union that are next
to a link that is already there, diagonally included. One adds a link only if *neither* of its words is linked yet
("and"), the other if *at least one of them* is not ("or"). Published results of neural alignment use "and" (Zenkel et
al., 2019, and later work that compares with them); Moses and the atools of fast_align use "or" (Koehn et al., 2003).
On En-Fr they differ by up to 4 points of AER, so a score must say which one was used.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Literal

import numpy as np
from jaxtyping import Float32

from xattn.alignment.links import Link, Links

Symmetrization = Literal["intersection", "union", "grow-diag", "grow-diag-final", "grow-diag-final-and"]
GrowTest = Literal["and", "or"]
Combination = Literal["product", "harmonic"]

TESTS: dict[GrowTest, str] = {
    "and": "a link is added if neither of its words is linked yet (published neural results)",
    "or": "a link is added if one of its words is not linked yet (Moses, atools)",
}

# The order matters: up to 0.1 points of AER. Published alignments use this one.
NEIGHBOURS = ((0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, 0), (1, -1), (1, 1))


def symmetrize(forward: Links, reverse: Links, method: Symmetrization, *, test: GrowTest = "and") -> Links:
    """One set of sure links from those of two directions, both as (source, target); see `Links.turned`.

    - "intersection", "union": links of both directions, or of either.
    - "grow-diag": the intersection; then neighbouring links of the union that pass the test, until no more are found.
    - "grow-diag-final": grow-diag; then all other links of `forward`, and of `reverse`, that pass the test.
    - "grow-diag-final-and": grow-diag; then all other links for which neither word is linked, whatever `test` is.

    Links are visited in the order of source, then target word; a link that was just added is visited too.

    >>> forward, reverse = Links.of([(0, 0), (1, 1)]), Links.of([(0, 0), (0, 1)])
    >>> for test in ("and", "or"):
    ...     print(sorted(symmetrize(forward, reverse, "grow-diag", test=test).sure))
    [(0, 0), (1, 1)]
    [(0, 0), (0, 1), (1, 1)]
    """
    ahead, back = forward.possible, reverse.possible
    if method == "intersection":
        return Links.of(ahead & back)
    if method == "union":
        return Links.of(ahead | back)
    grown = _Grown(ahead & back)
    passes = {"and": grown.both_free, "or": grown.one_free}
    _grow(grown, sorted(ahead | back), passes[test])
    if method != "grow-diag":
        last = passes[test if method == "grow-diag-final" else "and"]
        for direction in (ahead, back):
            grown.add(sorted(direction), last)
    return Links.of(grown.links)


def combine(
    forward: Float32[np.ndarray, "T S"], reverse: Float32[np.ndarray, "_ _"], how: Combination
) -> Float32[np.ndarray, "T S"]:
    """One soft matrix [T, S] from those of two directions, [T, S] and [S, T], by product or harmonic mean.

    A value is high if both directions have a high one, and 0 if one has 0. Links are extracted from it as from weights:
    `links.argmax`, `links.mutual`. Raises a ValueError if the shapes do not match.

    >>> forward, reverse = np.array([[0.5, 0.25]], np.float32), np.array([[0.5], [0.75]], np.float32)
    >>> combine(forward, reverse, "product"), combine(forward, reverse, "harmonic")
    (array([[0.25  , 0.1875]], dtype=float32), array([[0.5  , 0.375]], dtype=float32))
    """
    if forward.shape != reverse.T.shape:
        raise ValueError(
            f"The two directions do not have the same words: {forward.shape[1]} source and {forward.shape[0]} target "
            f"words forward, {reverse.shape[0]} and {reverse.shape[1]} in reverse."
        )
    product = forward * reverse.T
    if how == "product":
        return product
    total = forward + reverse.T
    return np.divide(2 * product, total, out=np.zeros_like(product), where=total > 0)


def agreement(one: Iterable[Links], other: Iterable[Links]) -> int:
    """The number of links that two alignments of a corpus share.

    Files of the reverse direction come in both orders: a run on the swapped corpus writes (target, source), while
    fast_align with `-r` writes (source, target). The order that agrees more with the other direction is the likely one.
    """
    return sum(len(a.possible & b.possible) for a, b in zip(one, other, strict=True))


def same_direction(forward: Sequence[Links], reverse: Sequence[Links]) -> bool:
    """Whether both alignments, as (source, target), seem to be of one direction.

    A direction links every word of one side once at most, and some words of the other side several times. Two
    directions do so on different sides. Equal alignments are of one direction too.

    >>> same_direction([Links.of([(0, 0), (0, 1)])], [Links.of([(1, 0), (1, 1)])])
    True
    >>> same_direction([Links.of([(0, 0), (0, 1)])], [Links.of([(0, 0), (1, 0)])])
    False
    """
    sides = [_linked_often(corpus) for corpus in (forward, reverse)]
    return sides[0] == sides[1] and (sides[0][0] != sides[0][1] or list(forward) == list(reverse))


def _linked_often(corpus: Iterable[Links]) -> tuple[bool, bool]:
    """Whether any source word has several links, and whether any target word has."""
    source = target = False
    for links in corpus:
        many = len(links.possible)
        source = source or len({s for s, _ in links.possible}) < many
        target = target or len({t for _, t in links.possible}) < many
    return source, target


class _Grown:
    """A growing set of links, and the words that they cover."""

    def __init__(self, links: Iterable[Link]):
        self.links = set(links)
        self.sources, self.targets = {s for s, _ in self.links}, {t for _, t in self.links}

    def both_free(self, link: Link) -> bool:
        return link[0] not in self.sources and link[1] not in self.targets

    def one_free(self, link: Link) -> bool:
        return link[0] not in self.sources or link[1] not in self.targets

    def add(self, links: Iterable[Link], passes: Callable[[Link], bool]) -> bool:
        """Adds the links that pass, one after the other; returns whether there were any."""
        some = False
        for link in links:
            if passes(link):
                self.links.add(link)
                self.sources.add(link[0])
                self.targets.add(link[1])
                some = True
        return some


def _grow(grown: _Grown, union: list[Link], passes: Callable[[Link], bool]) -> None:
    among, growing = set(union), True
    while growing:
        growing = False
        for s, t in union:
            if (s, t) in grown.links:
                beside = ((s + ds, t + dt) for ds, dt in NEIGHBOURS)
                growing |= grown.add((link for link in beside if link in among), passes)
