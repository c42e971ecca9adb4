"""Pictures of 4 x 4 cells and sentences that say what is in them: every thing has a colour, a shape and a place.

A cell is empty (0) or holds one of 30 codes, which stand for the image tokens of a text-to-image model (Ramesh et al.,
2021). Things come in any order, so that only the words of its place say which cell a thing belongs to.
"""

import random
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from jaxtyping import Int, UInt8

from xattn.data.benchmarks.scenes import COLORS
from xattn.data.benchmarks.sprites import SHAPES, sprites
from xattn.errors import UserError

ROWS, COLUMNS = ("top", "upper", "lower", "bottom"), ("left", "mid-left", "mid-right", "right")
PLACES = tuple(f"{row} {column}" for row, column in product(ROWS, COLUMNS))
"""The name of every cell, row by row."""
CODES = ("", *(f"{colour} {shape}" for colour, shape in product(COLORS, SHAPES["shapes"])))
"""What a cell can hold; 0 is nothing."""
NEXT = {"above": (-1, 0), "below": (1, 0), "left of": (0, -1), "right of": (0, 1)}
"""Steps, in rows and columns, from the thing before ("it") to the thing that is next to it."""
_FUNCTION = ("a", "in", "the", "of", "it", "and", ",")
WORDS = tuple(sorted({word for each in (*_FUNCTION, *PLACES, *CODES, *NEXT) for word in each.split()}))
LONGEST_PHRASE = 8
"""Words of a thing with its place, and of the comma or "and" before it."""
# The split of a picture is decided by a hash of it, so that no picture is in two splits.
_SHARES = {"train": range(2, 10), "validation": range(0, 1), "test": range(1, 2)}
_PIXELS = 36  # of a cell


@dataclass(frozen=True)
class Scene:
    """A picture and its sentence, and which things they name: things count from 1 in the order of the sentence."""

    cells: tuple[int, ...]
    """The code of every cell, row by row."""
    things: tuple[int, ...]
    """The thing in every cell; 0 is none."""
    words: tuple[str, ...]
    phrases: tuple[int, ...]
    """The thing that every word belongs to; 0 for what joins phrases."""


def draw(
    seed: int, split: str, number: int, *, things: tuple[int, int], relative: float, chains: bool = False
) -> Scene:
    """Draws a picture with its sentence; the same arguments give the same ones.

    `things` is the fewest and the most, and `relative` the probability that a thing stands next to the one before it,
    and is said to; with `chains` also where that one is itself said to be next to another. No picture is in two splits.
    Raises `UserError` for an unknown split.
    """
    if split not in _SHARES:
        raise UserError(f"Pictures of cells have the splits {', '.join(_SHARES)}, not {split!r}.")
    rng = random.Random(f"{seed} {split} {number}")
    while True:
        scene = _scene(rng, rng.randint(*things), relative, chains)
        if zlib.crc32(bytes(scene.cells)) % 10 in _SHARES[split]:
            return scene


def read(text: str) -> list[str]:
    """The words of a sentence in small letters; every punctuation mark but a final full stop is a word of its own.

    >>> read("A red square in the top left, and a BLUE circle below it.")[5:11]
    ['top', 'left', ',', 'and', 'a', 'blue']
    """
    return re.findall(r"[\w-]+|[^\w\s]", re.sub(r"\s*\.\s*$", "", text.lower()))


def picture(cells: Sequence[int] | Int[np.ndarray, " 16"]) -> UInt8[np.ndarray, "h w 3"]:
    """The cells as a picture on white."""
    drawn = np.full((len(ROWS) * _PIXELS, len(COLUMNS) * _PIXELS, 3), 255.0)
    for cell, code in enumerate(cells):
        if code:
            color, shape = CODES[code].split()
            cover = sprites("shapes", float(_PIXELS))["test", "small", shape][-1]
            row, column = (place * _PIXELS + (_PIXELS - len(cover)) // 2 for place in divmod(cell, len(COLUMNS)))
            window = slice(row, row + len(cover)), slice(column, column + len(cover))
            drawn[window] += cover[..., None] * (np.array(COLORS[color]) - drawn[window])
    return drawn.round().astype(np.uint8)


def _scene(rng: random.Random, count: int, relative: float, chains: bool) -> Scene:
    cells, things = [0] * len(PLACES), [0] * len(PLACES)
    words, phrases, cell, named = [], [], 0, False  # the cell of the thing before, and whether "it" may refer to it
    for thing in range(1, count + 1):
        near = [each for each in _neighbours(cell) if not things[each[1]]] if named else []
        if near and rng.random() < relative:
            step, cell = rng.choice(near)
            place, named = f"{step} it", chains
        else:
            cell = rng.choice([each for each, other in enumerate(things) if not other])
            place, named = f"in the {PLACES[cell]}", True
        cells[cell], things[cell] = rng.randrange(1, len(CODES)), thing
        join = [] if thing == 1 else ["and"] if thing == count else [","]
        phrase = f"a {CODES[cells[cell]]} {place}".split()
        words += [*join, *phrase]
        phrases += [*(0 for _ in join), *(thing for _ in phrase)]
    return Scene(tuple(cells), tuple(things), tuple(words), tuple(phrases))


def _neighbours(cell: int) -> list[tuple[str, int]]:
    """The cells next to a cell, each with the words that say where it is."""
    row, column = divmod(cell, len(COLUMNS))
    steps = [(name, row + down, column + across) for name, (down, across) in NEXT.items()]
    inside = [(name, y, x) for name, y, x in steps if 0 <= y < len(ROWS) and 0 <= x < len(COLUMNS)]
    return [(name, y * len(COLUMNS) + x) for name, y, x in inside]
