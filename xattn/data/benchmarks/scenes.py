"""Drawn scenes: up to four objects on a picture, each in a cell of its own, with their captions and their masks.

An object has a size, a colour and a shape; its cell is one of 3 x 3. Cells are read row by row, and so is the caption:

    small red circle , big blue star

Shapes are drawn, or are the handwritten digits of scikit-learn (see `xattn.data.benchmarks.sprites`). A scene is in the
split that a hash of its objects and their cells chooses, so that no scene is in two splits.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, UInt8

from xattn.data.benchmarks.sprites import SHAPES, SIZES, Kind, sprites
from xattn.errors import ConfigError

CELLS = 3
"""Rows of cells, and columns."""
COLORS = {
    "red": (215, 40, 40),
    "green": (40, 165, 60),
    "blue": (45, 80, 215),
    "yellow": (235, 215, 45),
    "purple": (150, 50, 185),
    "cyan": (50, 205, 215),
}
COMMA = ","
MOST = 4
"""Objects of a scene, at most."""
WHOLE = 0.25
"""The share of a patch that an object must cover for the patch to be gold."""
_SPREAD = 16  # by which a channel of a colour varies, either way
SHARES = {"train": range(2, 10), "validation": range(0, 1), "test": range(1, 2)}
"""The hashes modulo 10 of the scenes of each part."""


class Thing(NamedTuple):
    """An object: its cell, counted row by row, and its three words."""

    cell: int
    size: str
    color: str
    shape: str

    @property
    def words(self) -> tuple[str, str, str]:
        """The words of its phrase."""
        return self.size, self.color, self.shape


@dataclass(frozen=True, kw_only=True, eq=False)
class Scene:
    """Objects in reading order, their picture in RGB, and the share of every pixel that each object covers."""

    things: tuple[Thing, ...]
    picture: UInt8[np.ndarray, "h w 3"]
    cover: Float[np.ndarray, "K h w"]

    @property
    def caption(self) -> tuple[str, ...]:
        """The phrases of all objects, with commas between them."""
        return caption(self.things)


def caption(things: Sequence[Thing]) -> tuple[str, ...]:
    """The phrases of objects, with commas between them.

    >>> " ".join(caption([Thing(0, "small", "red", "circle"), Thing(4, "big", "blue", "star")]))
    'small red circle , big blue star'
    """
    return tuple(word for thing in things for word in (COMMA, *thing.words))[1:]


def draw(seed: int, split: str, number: int, *, objects: tuple[int, int], kind: Kind, side: int) -> Scene:
    """Draws a scene of the fewest to the most `objects` on `side` x `side` pixels; the same arguments, the same scene.

    `split` is train, validation or test; or one of these with a number of objects, such as test_3. Raises `ConfigError`
    for any other.
    """
    part, few, most = counts(split, objects)
    generator = np.random.default_rng([seed, zlib.crc32(split.encode()), number])
    while True:
        things = choose(generator, int(generator.integers(few, most + 1)), kind)
        if zlib.crc32(str(things).encode()) % 10 in SHARES[part]:
            return render(things, generator, part=part, kind=kind, side=side)


def counts(split: str, objects: tuple[int, int]) -> tuple[str, int, int]:
    """The part that a split belongs to, and the fewest and most objects of its scenes.

    >>> counts("test_3", (1, 4))
    ('test', 3, 3)
    """
    if split in SHARES:
        return split, *objects
    part, _, number = split.partition("_")
    if part not in SHARES or number not in map(str, range(objects[0], objects[1] + 1)):
        raise ConfigError(
            f"There is no split {split!r}: there are {', '.join(SHARES)}, and of each the scenes of {objects[0]} to "
            f"{objects[1]} objects, such as test_{objects[1]}."
        )
    return part, int(number), int(number)


def choose(generator: np.random.Generator, count: int, kind: Kind) -> tuple[Thing, ...]:
    """Random objects in cells of their own, in reading order."""
    cells = np.sort(generator.permutation(CELLS * CELLS)[:count])
    words = [list(SIZES), list(COLORS), list(SHAPES[kind])]
    picks = generator.integers([len(each) for each in words], size=(count, len(words)))
    return tuple(
        Thing(int(cell), *(each[place] for each, place in zip(words, row, strict=True)))
        for cell, row in zip(cells, picks.tolist(), strict=True)
    )


def render(things: Sequence[Thing], generator: np.random.Generator, *, part: str, kind: Kind, side: int) -> Scene:
    """The picture of objects: on a random grey, each somewhere in its cell, in a shade of its colour.

    `part` chooses the sprites: no handwritten digit is in two parts.
    """
    picture = np.full((side, side, 3), generator.integers(256), np.float32)
    cover = np.zeros((len(things), side, side), np.float32)
    drawn = sprites(kind, side / CELLS)
    edges = [side * line // CELLS for line in range(CELLS + 1)]
    for thing, mask in zip(things, cover, strict=True):
        choices = drawn[part, thing.size, thing.shape]
        sprite = choices[int(generator.integers(len(choices)))]
        row, column = divmod(thing.cell, CELLS)
        top, left = (int(generator.integers(edges[line], edges[line + 1] - len(sprite) + 1)) for line in (row, column))
        window = slice(top, top + len(sprite)), slice(left, left + len(sprite))
        mask[window] = sprite
        shade = np.array(COLORS[thing.color]) + generator.integers(-_SPREAD, _SPREAD + 1, size=3)
        picture[window] += sprite[..., None] * (shade - picture[window])
    return Scene(things=tuple(things), picture=picture.round().clip(0, 255).astype(np.uint8), cover=cover)


def gold(cover: Float[np.ndarray, "K h w"], patch: int) -> Bool[np.ndarray, "K S"]:
    """The patches of each object: those that it covers by a quarter, or else the one that it covers most.

    To score a patch is to score all of its pixels: a map of patches scaled up by repetition.
    """
    objects, height, width = cover.shape
    shares = cover.reshape(objects, height // patch, patch, width // patch, patch).mean(axis=(2, 4))
    shares = shares.reshape(objects, -1)
    return shares >= np.minimum(WHOLE, shares.max(axis=1, keepdims=True))
