"""Layouts: what the positions of a map are, such as words, cells of a picture, moments, nodes of graphs, or slots.

An `AttentionMap` has a layout, so that a figure of it can draw the positions. Positions are the source words of the
map (columns of a `WordMap`), queries its target words (rows).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Float, UInt8


@dataclass(frozen=True, kw_only=True)
class WordLayout:
    """Words in order, or any other positions that have only a name.

    For a running text, such as a document, `lines` are the positions at which its lines begin.
    """

    name: ClassVar = "words"

    lines: Sequence[int] | None = None

    def check(self, positions: int, queries: int) -> None:
        """Raises a ValueError if a line begins outside the map's positions."""
        for start in self.lines or ():
            if not 0 <= start < positions:
                raise ValueError(
                    f"A line cannot begin at {start}: the map has {positions} source positions, counted from 0."
                )


@dataclass(frozen=True, kw_only=True)
class Slots:
    """Slots, each with some content: sentences of a story, keys with their values, latents."""

    name: ClassVar = "slots"

    def check(self, positions: int, queries: int) -> None:
        """Does nothing: slots fit any map."""


@dataclass(frozen=True, kw_only=True, eq=False)
class _Picture:
    """Cells of a picture, row by row: number p is the cell in row p // columns and column p % columns."""

    rows: int
    columns: int
    picture: np.ndarray | None = None

    def __post_init__(self) -> None:
        if self.rows < 1 or self.columns < 1:
            raise ValueError(f"A grid must have rows and columns, not {self.rows} x {self.columns}.")
        if self.picture is not None:
            shape, kind = self.picture.shape, self.picture.dtype
            if kind != np.uint8 or not (len(shape) == 2 or (len(shape) == 3 and shape[2] == 3)) or 0 in shape:
                raise ValueError(f"The picture of a grid is uint8 [h, w, 3] or [h, w], not {kind} {list(shape)}.")

    def _fit(self, count: int, what: str) -> None:
        if self.rows * self.columns != count:
            raise ValueError(
                f"A grid of {self.rows} x {self.columns} has {self.rows * self.columns} cells, but the map has "
                f"{count} {what}."
            )


@dataclass(frozen=True, kw_only=True, eq=False)
class Grid(_Picture):
    """Cells of a picture, row by row: position p is the cell in row p // columns and column p % columns.

    `picture` is stretched over the cells: uint8, [h, w, 3] in RGB or [h, w] in grey. Without it the cells are blank.
    """

    name: ClassVar = "grid"

    def check(self, positions: int, queries: int) -> None:
        """Raises a ValueError if the map does not have as many positions as there are cells."""
        self._fit(positions, "source positions")


@dataclass(frozen=True, kw_only=True, eq=False)
class Cells(_Picture):
    """Cells of a picture that was made from words: query t is the cell in row t // columns and column t % columns.

    `picture` is as in `Grid`; its white is the background, so that figures can tint it. Positions are words.
    """

    name: ClassVar = "cells"

    def check(self, positions: int, queries: int) -> None:
        """Raises a ValueError if the map does not have as many queries as there are cells."""
        self._fit(queries, "queries")

    @property
    def rgba(self) -> UInt8[np.ndarray, "h w 4"] | None:
        """The picture, if there is one, with its white see-through."""
        if self.picture is None:
            return None
        rgb = self.picture if self.picture.ndim == 3 else np.repeat(self.picture[..., None], 3, axis=2)
        seen = np.where((rgb < 255).any(axis=-1, keepdims=True), 255, 0)
        return np.concatenate([rgb, seen.astype(np.uint8)], axis=-1)


@dataclass(frozen=True, kw_only=True, eq=False)
class Time:
    """Consecutive intervals of time: when each position begins, in seconds, and the signal over that time.

    A position lasts until the next one begins, and the last as long as the one before it. `signal` [frames, bands] is
    a spectrogram, low bands first, or a few traces; its frames are spread evenly over the whole time. `sound` is what
    can be heard over that time, in 16 bits, with `rate` samples a second.
    """

    name: ClassVar = "time"

    seconds: Float[np.ndarray, " S"]
    signal: Float[np.ndarray, "frames bands"] | None = None
    sound: np.ndarray | None = None
    rate: int = 0

    def __post_init__(self) -> None:
        if self.seconds.ndim != 1 or not (np.isfinite(self.seconds).all() and (np.diff(self.seconds) > 0).all()):
            raise ValueError("The seconds at which positions begin must be finite, and each later than the one before.")
        if self.signal is not None:
            if self.signal.ndim != 2 or 0 in self.signal.shape:
                raise ValueError(f"A signal is [frames, bands], not {list(self.signal.shape)}.")
            if not np.isfinite(self.signal).all():
                raise ValueError("A signal must be finite.")
        if self.sound is not None and (self.sound.dtype != np.int16 or self.sound.ndim != 1 or self.rate < 1):
            raise ValueError(
                f"A sound is int16 [samples], with a rate of at least 1 a second, not {self.sound.dtype} "
                f"{list(self.sound.shape)} at {self.rate}."
            )

    @property
    def is_spectrogram(self) -> bool:
        """Whether the signal is drawn as a picture: it has more than four bands. Fewer are drawn as lines."""
        return self.signal is not None and self.signal.shape[1] > 4

    @property
    def edges(self) -> Float[np.ndarray, " edges"]:
        """The seconds at which positions begin, and at which the last one ends; a single position lasts one second."""
        last = self.seconds[-1:] + (self.seconds[-1] - self.seconds[-2] if len(self.seconds) > 1 else 1)
        return np.concatenate([self.seconds, last])

    def check(self, positions: int, queries: int) -> None:
        """Raises a ValueError if the map does not have as many positions as there are seconds."""
        if len(self.seconds) != positions:
            raise ValueError(f"There are {len(self.seconds)} seconds, but the map has {positions} source positions.")


@dataclass(frozen=True, kw_only=True)
class Graph:
    """Nodes of two graphs: positions are the nodes of the source graph, queries those of the target graph.

    An edge is a pair of nodes of one graph, counted from 0, in either order.
    """

    name: ClassVar = "graph"

    source_edges: Sequence[tuple[int, int]]
    target_edges: Sequence[tuple[int, int]]

    def check(self, positions: int, queries: int) -> None:
        """Raises a ValueError for an edge to a node that the map does not have."""
        for side, nodes, edges in [("source", positions, self.source_edges), ("target", queries, self.target_edges)]:
            for edge in edges:
                if len(edge) != 2 or not all(0 <= node < nodes for node in edge):
                    raise ValueError(
                        f"The {side} edge {'-'.join(map(str, edge))} is not a pair of nodes: the map has {nodes} "
                        f"{side} nodes, counted from 0."
                    )


Layout = WordLayout | Grid | Cells | Time | Graph | Slots

LAYOUTS: dict[str, type[Layout]] = {layout.name: layout for layout in (WordLayout, Grid, Cells, Time, Graph, Slots)}
