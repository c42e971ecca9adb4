"""Attention maps: the attention of every decoder step, by sub-word piece and by word.

A decoder reads BOS, y0, y1, ... and produces y0, y1, ..., EOS: row t of a map is the step that *produces* piece t and
whose *input* is piece t - 1. There are two conventions for the row of piece i:

- "produced": row i, the step that produces the piece and does not know it yet;
- "read": row i + 1, the step that has just read the piece (the shifted row of Chen et al., 2020).

The choice changes alignment error by tens of points, so it is always explicit. The rows of an `AttentionMap` are
decoder steps. A convention turns it into a `WordMap`, which stores the convention and cannot be shifted again.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from jaxtyping import Float32

from xattn.alignment.kinds import SHARES, SINGLE, TITLES, Kind, unit
from xattn.alignment.layouts import Cells, Graph, Grid, Layout, Slots, Time, WordLayout
from xattn.alignment.links import Links, Method, Null, argmax, extract
from xattn.alignment.shown import Shown
from xattn.alignment.tokens import PADDING, stack, words_of_tokens
from xattn.errors import quantity

Convention = Literal["produced", "read"]
CONVENTIONS: dict[Convention, int] = {"produced": 0, "read": 1}  # added to i, this gives the row of piece i
MEANINGS: dict[Convention, str] = {
    "produced": "a row is the decoder step that produces the word",
    "read": "a row is the decoder step that has just read the word",
}
END = "</s>"  # stands for what the last step produces, where only the inputs of steps are known
SPECIAL = -1  # the word id of a piece that belongs to no word, such as EOS

UNKNOWN = "*"  # marks, in pictures, a word that the model's vocabulary lacks
MEANING_OF_UNKNOWN = f"{UNKNOWN}: a word that the model's vocabulary does not have"
_SPACE, _SPACE_IN_BYTES = "\N{LOWER ONE EIGHTH BLOCK}", ("<0xE2>", "<0x96>", "<0x81>")  # begin a word in SentencePiece
_UNKNOWN_PIECE = re.compile(r"<0x[0-9A-F]{2}>|<unk>|\[UNK\]")


@dataclass(frozen=True, kw_only=True)
class Readout:
    """Where alignments are taken from: a layer, a head or the mean of all heads, and the row convention.

    >>> print(Readout(layer=1, head="mean", convention="read"))
    layer 1, head mean, row convention: read
    """

    layer: int
    head: int | Literal["mean"]
    convention: Convention

    def __str__(self) -> str:
        return f"layer {self.layer}, head {self.head}, row convention: {self.convention}"


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class WordMap(Shown):
    """Attention from target words (rows) to source words (columns) [T, S], and the readout it was taken by.

    `special` [T] is the weight of each row on source pieces outside all words (EOS). It is kept apart and not spread
    over the words: a row and its special weight together have the sum of the original row, 1 for softmax weights, or 0
    if there is no decoder step for the word.
    """

    weights: Float32[np.ndarray, "T S"]
    special: Float32[np.ndarray, " T"]
    source: Sequence[str]
    target: Sequence[str]
    readout: Readout
    kind: Kind = "weights"
    gold: Links | None = None
    layout: Layout = field(default_factory=WordLayout)
    has_text: bool = True
    """Whether the rows are words of a text; see `AttentionMap.has_text`."""
    silent: Sequence[int] = ()
    """The target words without a decoder step, whose attention is unknown; their weights are 0."""
    difference: str = ""
    """What the values are a difference of, such as "B - A"; empty for a map itself."""
    unknown_source: Set[int] = frozenset()
    """The source words that the model's vocabulary lacks; see `unknown_words`."""
    unknown_target: Set[int] = frozenset()
    note: str = ""
    """What the title adds; see `AttentionMap.note`."""

    def __repr__(self) -> str:
        return f"WordMap({self.title}; {len(self.source)} source and {len(self.target)} target words)"

    @property
    def source_labels(self) -> list[str]:
        """The source words as pictures write them: those that the vocabulary lacks are marked."""
        return marked(self.source, self.unknown_source)

    @property
    def target_labels(self) -> list[str]:
        """The target words as pictures write them."""
        return marked(self.target, self.unknown_target)

    @property
    def states_convention(self) -> bool:
        """Whether a picture states the row convention: "produced" means nothing where the rows are no text."""
        return self.has_text or self.readout.convention != "produced"

    @property
    def title(self) -> str:
        """Kind, layer, head and row convention in one line, the title of every picture of the matrix."""
        parts = [self.difference, describe(self.kind, self.readout, self.states_convention), self.note]
        return ", ".join(filter(None, parts))

    @property
    def meaning(self) -> list[str]:
        """Notes of every picture: the row convention in words, and what the mark of unknown words means."""
        notes = [MEANINGS[self.readout.convention]] if self.states_convention else []
        return [*notes, MEANING_OF_UNKNOWN] if self.unknown_source or self.unknown_target else notes

    @property
    def unit(self) -> str:
        """What a value is: a weight, where rows sum to 1, a norm or another value."""
        return unit(self.kind)

    @property
    def most(self) -> float:
        """The darkest value of a figure: 1 for weights, so that figures can be compared; the largest norm otherwise."""
        if self.kind in SHARES:
            return 1.0
        return max(float(self.weights.max(initial=0)), float(self.special.max(initial=0))) or 1.0

    @property
    def empty(self) -> list[int]:
        """The target words whose decoder steps attend to nothing, such as a query whose every key is masked."""
        seen_T = self.weights.any(axis=1) | (self.special != 0)
        return [] if self.difference else sorted({*np.flatnonzero(~seen_T).tolist()} - {*self.silent})

    def minus(self, other: WordMap, names: tuple[str, str] = ("B", "A")) -> WordMap:
        """The difference of two maps of the same words, with the `names` of both; raises a ValueError for other words.

        A word without a decoder step in either map has none in the difference.
        """
        if (list(self.source), list(self.target)) != (list(other.source), list(other.target)):
            raise ValueError("A difference needs two maps of the same source and target words.")
        return replace(
            self,
            weights=self.weights - other.weights,
            special=self.special - other.special,
            silent=sorted({*self.silent, *other.silent}),
            difference=" - ".join(names),
        )

    def links(self, method: Method = argmax, null: Null = "mask") -> Links:
        """The links that `method` extracts from the matrix; see `xattn.alignment.links.extract`."""
        return Links.from_matrix(extract(self.weights, self.special, method, null))


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class AttentionMap(Shown):
    """All attention of one sentence pair: weights [L, N, T, S] of every layer, head and decoder step.

    Column s is piece `source[s]`, EOS included. Row t is the step that produces `target[t]`; the last one is EOS,
    unless decoding was cut short. An entry of `*_word_ids` is the position of the piece's word in `*_words`, or -1
    (`SPECIAL`). A map of kind "norms" has one head, the sum of all. Raises a ValueError if the parts do not fit.
    """

    weights: Float32[np.ndarray, "L N T S"]
    source: Sequence[str]
    target: Sequence[str]
    source_word_ids: Sequence[int]
    target_word_ids: Sequence[int]
    source_words: Sequence[str]
    target_words: Sequence[str]
    kind: Kind = "weights"
    gold: Links | None = None
    layout: Layout = field(default_factory=WordLayout)
    """What the source words are; for graphs, the target words too."""
    provenance: Mapping[str, str] = field(default_factory=dict)
    """The origin of the map: the run, its parameters, and how the map was taken."""
    readout: Readout | None = None
    """Where pictures read the map, if nothing else is asked for; None is the mean of the last layer's heads."""
    note: str = ""
    """What the title of every picture adds: what was done to the values (see `xattn.alignment.specials`), or what the
    model answered."""

    def __post_init__(self) -> None:
        _, _, rows, columns = self.weights.shape
        sides = [
            ("source", "column", columns, self.source, self.source_word_ids, self.source_words),
            ("target", "row", rows, self.target, self.target_word_ids, self.target_words),
        ]
        for side, axis, length, pieces, ids, words in sides:
            if not length == len(pieces) == len(ids):
                raise ValueError(
                    f"The weights have {quantity(length, axis)}, for {quantity(len(pieces), f'{side} piece')} and "
                    f"{quantity(len(ids), f'{side} word id')}; all three must be equal."
                )
            for piece, word in enumerate(ids):
                if not SPECIAL <= word < len(words):
                    raise ValueError(
                        f"The word id of {side} piece {piece} is {word}, but the {len(words)} {side} words "
                        f"have ids from 0 and a special piece has {SPECIAL}."
                    )
        if not (np.isfinite(self.weights).all() and (self.weights >= 0).all()):
            raise ValueError("Attention weights must be finite and not negative.")
        if self.gold is not None:
            self.gold.check(len(self.source_words), len(self.target_words))
        self.layout.check(len(self.source_words), len(self.target_words))
        # The number of sides, source first, on which every piece is a word of its own.
        whole = {WordLayout: 0, Slots: 1, Grid: 1, Time: 1, Graph: 2, Cells: 2}[type(self.layout)]
        for side, *_, ids, words in sides[:whole]:
            if list(ids) != list(range(len(words))):
                raise ValueError(
                    f"With the layout {self.layout.name!r} every {side} piece must be a word of its own, but the "
                    f"{side} word ids are {list(ids)}."
                )

    def __repr__(self) -> str:
        layers, heads, rows, columns = self.weights.shape
        return f"AttentionMap({self.kind}; {layers} layers, {heads} heads, {rows} target and {columns} source pieces)"

    @property
    def where(self) -> Readout:
        """The readout of pictures."""
        return self.readout or Readout(layer=len(self.weights) - 1, head="mean", convention="produced")

    @classmethod
    def of(
        cls,
        arrays: Any,
        source_tokens: Sequence[str],
        target_tokens: Sequence[str],
        *,
        inputs: bool = False,
        special: Set[str] = frozenset(),
    ) -> AttentionMap:
        """The map of anybody's cross-attention: NumPy, JAX or torch arrays, and the tokens of both sides.

        Args:
            arrays: [T, S], [heads, T, S] or [layers, heads, T, S]; or a sequence of layers; or, step by step, a
                sequence of sequences of layers. See `xattn.alignment.tokens.stack`.
            source_tokens: A token for each column, with the marks of its tokenizer. Padding, if there is any, is left
                out together with its columns; other special tokens belong to no word.
            target_tokens: A token for each row: the one that the step produces. Padding is left out.
            inputs: Whether the target tokens are those that the decoder reads, BOS first, instead: one step earlier.
            special: Tokens that belong to no word, beside the common ones; such as codes of languages.

        Raises a ValueError where shapes and tokens do not fit.

        >>> weights = np.array([[0.9, 0.1, 0.0], [0.2, 0.8, 0.0]])
        >>> made = AttentionMap.of(weights, ["▁the", "▁fox", "<pad>"], ["▁le", "▁renard"])
        >>> sorted(made.to_words(Readout(layer=0, head=0, convention="produced")).links().sure)
        [(0, 0), (1, 1)]
        """
        weights, source, target = stack(arrays), list(source_tokens), list(target_tokens)
        for axis, name, tokens in ((3, "columns", source), (2, "rows", target)):
            if weights.shape[axis] != len(tokens):
                raise ValueError(
                    f"The arrays have {weights.shape[axis]} {name}, but there are {len(tokens)} "
                    f"{'source' if axis == 3 else 'target'} tokens."
                )
        columns, rows = (
            [n for n, token in enumerate(tokens) if token not in PADDING or (inputs and tokens is target and n == 0)]
            for tokens in (source, target)
        )
        source, target = [source[n] for n in columns], [target[n] for n in rows]
        if inputs:
            target = [*target[1:], END]
        (source_words, source_ids), (target_words, target_ids) = (
            words_of_tokens(tokens, special | {END}) for tokens in (source, target)
        )
        return cls(
            weights=weights[:, :, rows][..., columns],
            source=source,
            target=target,
            source_word_ids=source_ids,
            target_word_ids=target_ids,
            source_words=source_words,
            target_words=target_words,
        )

    @property
    def has_text(self) -> bool:
        """Whether the target is a text, whose words have rows by one convention or the other.

        It is one with a layout of words, and wherever a target piece is a part of a word or special, such as EOS.
        Queries that are words of their own, such as nodes and questions, are none.
        """
        whole = list(self.target_word_ids) == list(range(len(self.target_words)))
        return isinstance(self.layout, WordLayout) or not whole

    def fold(
        self, convention: Convention
    ) -> tuple[Float32[np.ndarray, "L N target source"], Float32[np.ndarray, "L N target"]]:
        """The attention of every layer and head by words: weights [L, N, target, source], and special [L, N, target].

        Weights are summed over the source pieces of a word and averaged over the rows of its target pieces, where the
        parts of a word with a space inside count alike; see `shares`. A target piece without a row (with "read", the
        last one) is left out; a word without any row stays zero.
        """
        source_SV = _membership(self.source_word_ids, len(self.source_words))
        target_VT = self._steps(convention)
        total_V1 = target_VT.sum(axis=1, keepdims=True)
        target_VT = target_VT / np.where(total_V1 > 0, total_V1, 1)
        folded = target_VT @ self.weights @ source_SV
        return folded[..., :-1], folded[..., -1]

    def _steps(self, convention: Convention) -> Float32[np.ndarray, "target T"]:
        """The decoder steps of every target word, as rows of their shares, and of 0 for all other steps."""
        target_VT = _membership(self.target_word_ids, len(self.target_words)).T[:-1]
        target_VT = target_VT * shares(self.target, self.target_word_ids)
        return np.pad(target_VT, ((0, 0), (CONVENTIONS[convention], 0)))[:, : self.weights.shape[2]]

    def check(self, readout: Readout) -> None:
        """Raises a ValueError for a readout of a layer or a head that the map does not have."""
        layers, heads, _, _ = self.weights.shape
        if not 0 <= readout.layer < layers:
            raise ValueError(f"There is no layer {readout.layer}; the map has layers 0 to {layers - 1}.")
        if readout.head != "mean" and not 0 <= readout.head < heads:
            raise ValueError(f"There is no head {readout.head}; the map has heads 0 to {heads - 1} and 'mean'.")

    def to_words(self, readout: Readout) -> WordMap:
        """The word matrix of one readout; raises the errors of `check`."""
        self.check(readout)
        weights, special = (array[readout.layer] for array in self.fold(readout.convention))
        if readout.head == "mean":
            weights, special = weights.mean(axis=0), special.mean(axis=0)
        else:
            weights, special = weights[readout.head], special[readout.head]
        return WordMap(
            weights=weights,
            special=special,
            source=self.source_words,
            target=self.target_words,
            readout=readout,
            kind=self.kind,
            gold=self.gold,
            layout=self.layout,
            has_text=self.has_text,
            note=self.note,
            silent=np.flatnonzero(~self._steps(readout.convention).any(axis=1)).tolist(),
            unknown_source=unknown_words(self.source, self.source_word_ids),
            unknown_target=unknown_words(self.target, self.target_word_ids),
        )


def shares(pieces: Sequence[str], word_ids: Sequence[int]) -> Float32[np.ndarray, " pieces"]:
    """What each piece counts in the mean of its word: 1, except in words with a space inside, such as no-break space.

    In such a word ("dit :") every part counts alike: a mark in many pieces does not outweigh the word before it.

    >>> shares(["▁un", "▁di", "t", "▁:"], [0, 1, 1, 1]).tolist()
    [1.0, 0.5, 0.5, 1.0]
    """
    begins = [
        piece.startswith(_SPACE) or tuple(pieces[place : place + 3]) == _SPACE_IN_BYTES
        for place, piece in enumerate(pieces)
    ]
    parts = list(zip(word_ids, np.cumsum(begins).tolist(), strict=True))
    sizes = Counter(parts)
    count = Counter(word for word, _ in sizes)
    return np.array([1 / sizes[part] if count[part[0]] > 1 else 1 for part in parts], np.float32)


def unknown_words(pieces: Sequence[str], word_ids: Sequence[int]) -> frozenset[int]:
    """The words that the model's vocabulary lacks: those with a piece that is a byte or the unknown piece.

    >>> unknown_words(["▁the", "▁", "<0x6A>", "<0x75>", "[UNK]", "</s>"], [0, 1, 1, 1, 2, -1]) == {1, 2}
    True
    """
    both = zip(pieces, word_ids, strict=True)
    return frozenset(word for piece, word in both if word != SPECIAL and _UNKNOWN_PIECE.fullmatch(piece))


def marked(words: Sequence[str], unknown: Set[int]) -> list[str]:
    """The words, and after those that are unknown the mark `UNKNOWN`.

    >>> marked(["a", "jump"], {1})
    ['a', 'jump*']
    """
    return [word + UNKNOWN if number in unknown else word for number, word in enumerate(words)]


def describe(kind: Kind, readout: Readout, convention: bool = True) -> str:
    """The kind of the values and their readout, in one line.

    >>> describe("norms", Readout(layer=1, head="mean", convention="read"))
    'attention norms, layer 1, heads summed, row convention: read'
    """
    layer = "" if kind == "layer-mean" else f"layer {readout.layer}"
    head = SINGLE[kind] if kind in SINGLE else f"head {readout.head}"
    rows = f"row convention: {readout.convention}" if convention else ""
    return ", ".join(filter(None, (TITLES[kind], layer, head, rows)))


def _membership(word_ids: Sequence[int], words: int) -> Float32[np.ndarray, "pieces {words}+1"]:
    """One row for each piece with a 1 at its word; special pieces (-1) have theirs in the last column."""
    return np.eye(words + 1, dtype=np.float32)[np.asarray(word_ids, int)]
