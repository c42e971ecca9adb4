"""Questions about drawn scenes in the style of SHAPES (Andreas et al., 2016): yes or no, and which objects they mean.

    is there a red shape above a circle left of a blue square

Each relation is between neighbouring cells, and what follows belongs to the object before it: the circle is left of a
square, and the red shape is above such a circle. A scene whose answer is "no" has the objects of one whose answer is
"yes", in other cells, if the question has a relation: only the places tell them apart.
"""

import random
import zlib
from collections.abc import Sequence
from typing import NamedTuple

from xattn.data.benchmarks.scenes import CELLS, Thing
from xattn.data.benchmarks.sprites import SIZES
from xattn.errors import UserError

COLORS, SHAPES = ("red", "green", "blue"), ("circle", "square", "triangle")
ANY = "shape"
NEXT = {"above": (1, 0), "below": (-1, 0), "left of": (0, 1), "right of": (0, -1)}
"""Steps, in rows and columns, from an object to the one that it is, for example, above."""
START = ("is", "there")
WORDS = tuple(sorted({*START, "a", ANY, *COLORS, *SHAPES, *(word for name in NEXT for word in name.split())}))
LONGEST_PHRASE = 5
"""Words of a relation and of the object after it."""
YES = 0.37
"""The share of questions whose answer is yes."""
FILLED = 0.75
"""The share of cells with an object."""
_SHARES = {"train": range(2, 10), "validation": range(0, 1), "test": range(1, 2)}
PARTS = tuple(_SHARES)
_TRIES = 100
# For each relation and cell, the cell that an object there is, for example, above; -1 is none.
_AFTER = {
    name: [
        (row + down) * CELLS + column + across if 0 <= row + down < CELLS and 0 <= column + across < CELLS else -1
        for row in range(CELLS)
        for column in range(CELLS)
    ]
    for name, (down, across) in NEXT.items()
}


class Noun(NamedTuple):
    """An object that a question names: its colour or "" for any, its shape or "shape" for any."""

    color: str
    shape: str

    @property
    def words(self) -> tuple[str, ...]:
        """The words of its phrase, without the article."""
        return (self.color, self.shape) if self.color else (self.shape,)

    def fits(self, thing: Thing | None) -> bool:
        """Whether an object is one of these."""
        return thing is not None and self.color in ("", thing.color) and self.shape in (ANY, thing.shape)


class Question(NamedTuple):
    """Objects and the relations between them, each from an object to the one after it."""

    nouns: tuple[Noun, ...]
    relations: tuple[str, ...]

    @property
    def words(self) -> tuple[str, ...]:
        """The words of the question."""
        return self.phrased[0]

    @property
    def phrased(self) -> tuple[tuple[str, ...], tuple[int, ...]]:
        """The words, and the object that each of them names, counted from 1; 0 is none."""
        words, named = list(START), [0] * len(START)
        for number, noun in enumerate(self.nouns, start=1):
            joined = [*(self.relations[number - 2].split() if number > 1 else []), "a"]
            words += [*joined, *noun.words]
            named += [*(0 for _ in joined), *(number for _ in noun.words)]
        return tuple(words), tuple(named)

    def meant(self, cells: Sequence[Thing | None]) -> list[set[int]]:
        """The cells of the objects that each noun means in a scene, row by row; all empty if the answer is no.

        >>> red, circle = Thing(0, "big", "red", "square"), Thing(3, "big", "blue", "circle")
        >>> question = Question((Noun("red", "shape"), Noun("", "circle")), ("above",))
        >>> question.meant([red, None, None, circle, None, None, None, None, red])
        [{0}, {3}]
        """
        fit = [{place for place, thing in enumerate(cells) if noun.fits(thing)} for noun in self.nouns]
        after = [_AFTER[relation] for relation in self.relations]
        for number in range(len(after) - 1, -1, -1):  # an object fits if what it is, for example, above fits
            fit[number] = {place for place in fit[number] if after[number][place] in fit[number + 1]}
        for number, step in enumerate(after):  # and if one that fits is above it
            fit[number + 1] &= {step[place] for place in fit[number]}
        return fit


def draw(seed: int, split: str, number: int, relations: tuple[int, int]) -> tuple[Question, list[Thing], bool]:
    """Draws a question, the objects of a scene in reading order, and the answer; the same arguments, the same draw.

    `relations` is the fewest and the most. A question with the objects and cells of its scene is in the split that a
    hash of them chooses. Raises `UserError` for an unknown split.
    """
    if split not in _SHARES:
        raise UserError(f"Questions have the splits {', '.join(_SHARES)}, not {split!r}.")
    rng = random.Random(f"{seed} {split} {number} {relations}")
    # Before the loop, so that the shares of answers and of relations do not depend on what is found.
    count, yes = rng.randint(*relations), rng.random() < YES
    while True:
        question = ask(rng, count)
        cells = scene(rng, question, yes)
        if cells is not None:
            things = [thing for thing in cells if thing is not None]
            if zlib.crc32(str((question, things)).encode()) % 10 in _SHARES[split]:
                return question, things, yes


def placed(things: Sequence[Thing]) -> list[Thing | None]:
    """The objects of a scene in their cells."""
    by_cell = {thing.cell: thing for thing in things}
    return [by_cell[place] if place in by_cell else None for place in range(CELLS * CELLS)]


def ask(rng: random.Random, relations: int) -> Question:
    """A random question."""
    nouns = []
    for _ in range(relations + 1):
        color, shape = rng.choice(COLORS), rng.choice(SHAPES)
        nouns.append(rng.choice([Noun(color, ANY), Noun("", shape), Noun(color, shape)]))
    return Question(tuple(nouns), tuple(rng.choice(list(NEXT)) for _ in range(relations)))


def scene(rng: random.Random, question: Question, yes: bool) -> list[Thing | None] | None:
    """The cells of a random scene with an answer; None if none was found."""
    if not question.relations:
        tries = (_random(rng) for _ in range(_TRIES))
        return next((cells for cells in tries if any(question.meant(cells)) == yes), None)
    cells = _planted(rng, question)
    if cells is None or yes:
        return cells
    for _ in range(_TRIES):
        rng.shuffle(cells)
        moved = [thing and thing._replace(cell=place) for place, thing in enumerate(cells)]
        if not any(question.meant(moved)):
            return moved
    return None


def _planted(rng: random.Random, question: Question) -> list[Thing | None] | None:
    """A random scene with objects where the question says; None if they would leave it, or meet in a cell."""
    cells, place = _random(rng), rng.randrange(CELLS * CELLS)
    for number, noun in enumerate(question.nouns):
        if number:
            place = _AFTER[question.relations[number - 1]][place]
        if place < 0:
            return None
        thing = _thing(rng, place)
        color, shape = noun.color or thing.color, thing.shape if noun.shape == ANY else noun.shape
        cells[place] = thing._replace(color=color, shape=shape)
    return cells if any(question.meant(cells)) else None


def _random(rng: random.Random) -> list[Thing | None]:
    return [_thing(rng, place) if rng.random() < FILLED else None for place in range(CELLS * CELLS)]


def _thing(rng: random.Random, place: int) -> Thing:
    return Thing(place, rng.choice(list(SIZES)), rng.choice(COLORS), rng.choice(SHAPES))
