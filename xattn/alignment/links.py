"""Word alignments as sets of links, and methods that extract links from attention weights.

A link is a pair (source word, target word), counted from 0. Matrices are [T, S]: target words are rows, as in
attention weights.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float32

from xattn.errors import quantity

Link = tuple[int, int]
Null = Literal["mask", "drop"]

Method = Callable[[np.ndarray], np.ndarray]
"""A function from the attention weights [*B, T, S] of words to links [*B, T, S], such as `argmax`."""

NULLS: dict[Null, str] = {
    "mask": "EOS is masked before links are extracted: a word whose highest weight is on EOS is linked all the same",
    "drop": "a word with more weight on EOS than on any word has no link",
}
"""What happens to the weight on EOS."""


@dataclass(frozen=True, kw_only=True)
class Links:
    """The links of one sentence pair: the sure ones, and all possible ones (Och & Ney, 2003).

    A sure link is also possible, so `possible` must contain `sure`; `Links.of` takes care of it. All links of a
    hypothesis are sure. Raises a ValueError for a sure link that is not possible, and for a negative position.

    >>> Links.of([(0, 0)], possible=[(2, 1)]).possible == {(0, 0), (2, 1)}
    True
    """

    sure: frozenset[Link]
    possible: frozenset[Link]

    def __post_init__(self) -> None:
        if stray := self.sure - self.possible:
            raise ValueError(f"Every sure link must also be possible, but {min(stray)} is not.")
        for link in self.possible:
            if min(link) < 0:
                raise ValueError(f"Word positions count from 0, but a link is {link}.")

    @classmethod
    def of(cls, sure: Iterable[Link], *, possible: Iterable[Link] = ()) -> Links:
        """Links from sure pairs and from pairs that are only possible, all (source word, target word)."""
        sure = frozenset(sure)
        return cls(sure=sure, possible=sure | frozenset(possible))

    @property
    def turned(self) -> Links:
        """The same links with source and target exchanged."""
        return Links(sure=frozenset((t, s) for s, t in self.sure), possible=frozenset((t, s) for s, t in self.possible))

    @classmethod
    def from_matrix(cls, matrix: Bool[np.ndarray, "T S"]) -> Links:
        """Sure links where the matrix is True."""
        return cls.of((int(s), int(t)) for t, s in np.argwhere(matrix))

    def check(self, source_words: int, target_words: int) -> None:
        """Raises a ValueError for a link outside a sentence pair of these lengths."""
        for s, t in sorted(self.possible):
            if s >= source_words or t >= target_words:
                raise ValueError(
                    f"Link {s}-{t} (source-target, counted from 0) lies outside a pair of "
                    f"{source_words} source and {quantity(target_words, 'target word')}."
                )

    def matrices(self, source_words: int, target_words: int) -> tuple[Bool[np.ndarray, "T S"], Bool[np.ndarray, "T S"]]:
        """The sure and the possible links as two matrices [target_words, source_words]; raises as `check` does."""
        self.check(source_words, target_words)
        sure_TS = np.zeros((target_words, source_words), bool)
        possible_TS = sure_TS.copy()
        for s, t in self.sure:
            sure_TS[t, s] = True
        for s, t in self.possible:
            possible_TS[t, s] = True
        return sure_TS, possible_TS


def argmax(weights: Float32[np.ndarray, "*B T S"]) -> Bool[np.ndarray, "*B T S"]:
    """Links every target word to the source word with the largest weight.

    Among equal weights the first wins. A row of zeros, for which there was no decoder step, has no link.

    >>> argmax(np.array([[0.1, 0.3, 0.2], [0.0, 0.0, 0.0]], np.float32)).astype(int)
    array([[0, 1, 0],
           [0, 0, 0]])
    """
    links_BTS = np.zeros(weights.shape, bool)
    if weights.size:
        best_BT1 = weights.argmax(axis=-1, keepdims=True)
        np.put_along_axis(links_BTS, best_BT1, weights.max(axis=-1, keepdims=True) > 0, axis=-1)
    return links_BTS


def threshold(weights: Float32[np.ndarray, "*B T S"], *, level: float) -> Bool[np.ndarray, "*B T S"]:
    """Links every pair whose weight is at least `level`: none, one or several links for each word.

    Raises a ValueError unless 0 < level <= 1.

    >>> threshold(np.array([[0.5, 0.3, 0.2]], np.float32), level=0.25).astype(int)
    array([[1, 1, 0]])
    """
    if not 0 < level <= 1:
        raise ValueError(f"A threshold on attention weights lies in (0, 1], not at {level}.")
    return weights >= np.float32(level)


def top_k(weights: Float32[np.ndarray, "*B T S"], *, k: int) -> Bool[np.ndarray, "*B T S"]:
    """Links every target word to the `k` source words with the largest weights above 0; among equals the first win.

    Raises a ValueError if `k` is below 1.

    >>> top_k(np.array([[0.1, 0.3, 0.2], [0.0, 0.4, 0.0]], np.float32), k=2).astype(int)
    array([[0, 1, 1],
           [0, 1, 0]])
    """
    if k < 1:
        raise ValueError(f"The number of links of a word, k, must be at least 1, not {k}.")
    best_BTk = np.argsort(-weights, axis=-1, kind="stable")[..., :k]
    links_BTS = np.zeros(weights.shape, bool)
    np.put_along_axis(links_BTS, best_BTk, True, axis=-1)
    return links_BTS & (weights > 0)


def mutual(weights: Float32[np.ndarray, "*B T S"]) -> Bool[np.ndarray, "*B T S"]:
    """Links a pair whose weight is the largest of both its row and its column (Jalili Sabet et al., 2020).

    >>> mutual(np.array([[0.6, 0.4], [0.7, 0.3]], np.float32)).astype(int)
    array([[0, 0],
           [1, 0]])
    """
    return argmax(weights) & np.swapaxes(argmax(np.swapaxes(weights, -1, -2)), -1, -2)


def dual(weights: Float32[np.ndarray, "*B T S"]) -> Bool[np.ndarray, "*B T S"]:
    """The `mutual` links after every weight is multiplied by its share of its column: one map read in both directions.

    It finds the link of a target word whose largest weight is on a word that belongs to another. The product of both
    directions of one matrix of scores is the dual softmax of LoFTR (Sun et al., 2021).

    >>> weights = np.array([[0.5, 0.4], [0.9, 0.1]], np.float32)
    >>> dual(weights).astype(int), mutual(weights).astype(int)
    (array([[0, 1],
           [1, 0]]), array([[0, 0],
           [1, 0]]))
    """
    columns_B1S = weights.sum(axis=-2, keepdims=True)
    return mutual(weights * weights / np.where(columns_B1S > 0, columns_B1S, 1))


def method(name: str, *, level: float = 0.2, k: int = 2) -> Method:
    """The method of a name, a threshold at `level` and top-k of `k`; raises a ValueError for an unknown name."""
    methods: dict[str, Method] = {
        "argmax": argmax,
        "threshold": partial(threshold, level=level),
        "mutual": mutual,
        "dual": dual,
        "top-k": partial(top_k, k=k),
    }
    if name not in methods:
        raise ValueError(f"There is no method {name!r} to extract links; there are {', '.join(methods)}.")
    return methods[name]


def extract(
    weights: Float32[np.ndarray, "*B T S"],
    special: Float32[np.ndarray, "*B T"],
    method: Method = argmax,
    null: Null = "mask",
) -> Bool[np.ndarray, "*B T S"]:
    """The links [*B, T, S] of word weights, where `special` [*B, T] is the weight of each row on EOS.

    With `null="mask"` that weight is ignored: every word is linked, even one whose highest weight is on EOS (Chen et
    al., 2020). With `null="drop"` such a word has no links (Kobayashi et al., 2020).

    >>> weights, special = np.array([[0.1, 0.3]], np.float32), np.array([0.6], np.float32)
    >>> extract(weights, special).astype(int), extract(weights, special, null="drop").astype(int)
    (array([[0, 1]]), array([[0, 0]]))
    """
    links_BTS = method(weights)
    if null == "mask" or not weights.size:
        return links_BTS
    return links_BTS & (special <= weights.max(axis=-1))[..., None]


def diagonal(source_words: int, target_words: int) -> Links:
    """Links along the diagonal, from corner to corner: the baseline that an alignment must beat.

    >>> sorted(diagonal(5, 3).sure)
    [(0, 0), (2, 1), (4, 2)]
    """
    step = (source_words - 1) / max(target_words - 1, 1)
    return Links.of((round(t * step), t) for t in range(target_words if source_words else 0))
