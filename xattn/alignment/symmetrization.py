"""One alignment from two, of a pair and of its reverse: as sets of links, or as soft matrices.

"grow-diag" is the name of two algorithms. Both start from the intersection and add links of the union that touch,
also by a corner, a link that is there: one where *neither* of the two words is linked yet ("and"), the other where
*one of them* is not ("or"). All published figures of neural alignment were made with "and" (Zenkel et al., 2019, and
who compared with them); "or" is what Moses and fast_align's atools do (Koehn et al., 2003). On En-Fr they are up to
4 points of AER apart, so a figure must say which.
"""

from collections.abc import Callable, Iterable
from typing import Literal

import numpy as np
from jaxtyping import Float32

from xattn.alignment.links import Link, Links

Method = Literal["intersection", "union", "grow-diag", "grow-diag-final", "grow-diag-final-and"]
Test = Literal["and", "or"]
Soft = Literal["product", "harmonic"]

TESTS: dict[Test, str] = {
    "and": "a link is added where neither word is linked yet (published neural figures)",
    "or": "a link is added where one of its words is not linked yet (Moses, atools)",
}

# The order decides up to 0.1 AER. This is the one that the published files were made with.
NEIGHBOURS = ((0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, 0), (1, -1), (1, 1))


def symmetrize(forward: Links, reverse: Links, method: Method, *, test: Test = "and") -> Links:
    """One set of sure links from those of two directions, both as (source, target): `Links.turned` turns one.

    - "intersection", "union": links of both, or of either.
    - "grow-diag": the intersection, and links of the union beside what is there, as long as there are some whose
      words pass the test.
    - "grow-diag-final": then the links of `forward` and those of `reverse` that pass the test, wherever they lie.
    - "grow-diag-final-and": the same, but these only where neither word is linked, whatever the test of growing.

    Links are gone through by source and then by target word, those that were just added included.

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
    forward: Float32[np.ndarray, "T S"], reverse: Float32[np.ndarray, "_ _"], how: Soft
) -> Float32[np.ndarray, "T S"]:
    """One soft matrix from those of two directions, [T, S] and [S, T], by product or harmonic mean.

    A pair is strong where both find it strong, and 0 where one gives it nothing.

    Read links from it as from weights: `links.argmax`, `links.mutual`.

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


def reversed_order(forward: Iterable[Links], reverse: Iterable[Links]) -> bool:
    """Whether the links of `reverse` must be (target, source), as they agree more with `forward` when turned.

    Files of the reverse direction come both ways: a run on the swapped corpus writes (target, source), fast_align's
    `-r` writes (source, target).
    """
    as_it_is = turned = 0
    for ahead, back in zip(forward, reverse, strict=True):
        as_it_is += len(ahead.possible & back.possible)
        turned += len(ahead.possible & back.turned.possible)
    return turned > as_it_is


class _Grown:
    """Links, and the words that they cover."""

    def __init__(self, links: Iterable[Link]):
        self.links = set(links)
        self.sources, self.targets = {s for s, _ in self.links}, {t for _, t in self.links}

    def both_free(self, link: Link) -> bool:
        return link[0] not in self.sources and link[1] not in self.targets

    def one_free(self, link: Link) -> bool:
        return link[0] not in self.sources or link[1] not in self.targets

    def add(self, links: Iterable[Link], passes: Callable[[Link], bool]) -> bool:
        """Adds those that pass, each seeing those before it; says whether there were any."""
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
