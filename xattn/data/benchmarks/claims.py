"""Claims about drawn scenes, and the same words in another order, which say something false:

    red square left of blue circle
    blue square left of red circle      the colours are swapped
    blue circle left of red square      the relation is swapped

Half of the scenes have a decoy: another object in the colour of one that the claim names.
"""

import zlib
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from xattn.data.benchmarks.scenes import CELLS, COLORS, SHARES, Scene, Thing, render
from xattn.data.benchmarks.sprites import SHAPES, SIZES
from xattn.errors import ConfigError

NAMES = SHAPES["shapes"]
RELATIONS = {"left": ("left", "of"), "right": ("right", "of"), "above": ("above",), "below": ("below",)}
LONGEST = 6
"""Words of a claim, at most."""
DECOY = "decoy"
"""The end of the name of a split in which every scene has a decoy."""

Named = tuple[str, str]
"""A colour and a shape."""


class Claim(NamedTuple):
    """A relation of two objects."""

    first: Named
    relation: str
    second: Named

    @property
    def words(self) -> tuple[str, ...]:
        """The claim as text.

        >>> " ".join(Claim(("red", "square"), "left", ("blue", "circle")).words)
        'red square left of blue circle'
        """
        return *self.first, *RELATIONS[self.relation], *self.second

    @property
    def swapped(self) -> tuple["Claim", "Claim"]:
        """The claim with its colours swapped, and with its objects swapped."""
        (color, shape), (other, form) = self.first, self.second
        return Claim((other, shape), self.relation, (color, form)), Claim(self.second, self.relation, self.first)

    def holds(self, things: tuple[Thing, ...]) -> bool:
        """Whether the claim is true of these objects."""
        places = [
            [divmod(thing.cell, CELLS) for thing in things if (thing.color, thing.shape) == named]
            for named in (self.first, self.second)
        ]
        return any(self.relation in _relations(a, b) for a in places[0] for b in places[1])


@dataclass(frozen=True, kw_only=True, eq=False)
class Match:
    """A scene and four claims: the true one, its swaps of colours and of the relation, and a claim of another scene."""

    scene: Scene
    claims: tuple[Claim, Claim, Claim, Claim]
    about: tuple[int, int]
    """The objects that the true claim names, in its order."""
    decoys: tuple[bool, bool]
    """Whether there is another object in the colour of each of them."""


def draw(seed: int, split: str, number: int, *, side: int) -> Match:
    """Draws a scene of two to four objects, with its claims; the same arguments give the same.

    `split` is train, validation or test; or one of these with `_decoy`. Raises `ConfigError` for any other.
    """
    part, _, kind = split.partition("_")
    if part not in SHARES or kind not in ("", DECOY) or split.endswith("_"):
        raise ConfigError(
            f"There is no split {split!r}: there are {', '.join(SHARES)}, and of each such as test_{DECOY}."
        )
    generator = np.random.default_rng([seed, zlib.crc32(split.encode()), number])
    while True:
        things, about = _choose(generator, decoy=bool(kind) or generator.random() < 0.5)
        a, b = (things[place] for place in about)
        possible = _relations(divmod(a.cell, CELLS), divmod(b.cell, CELLS))
        true = Claim((a.color, a.shape), possible[int(generator.integers(len(possible)))], (b.color, b.shape))
        claims = (true, *true.swapped, _random_claim(generator))
        if any(each.holds(things) for each in claims[1:]):
            continue
        if zlib.crc32(str((things, true)).encode()) % 10 in SHARES[part]:
            scene = render(things, generator, part=part, kind="shapes", side=side)
            first, second = (sum(thing.color == each.color for thing in things) > 1 for each in (a, b))
            return Match(scene=scene, claims=claims, about=about, decoys=(first, second))


def _choose(generator: np.random.Generator, *, decoy: bool) -> tuple[tuple[Thing, ...], tuple[int, int]]:
    """Objects without equals, and the places of the two that a claim names, which differ in colour and in shape."""
    (first, second), (form, other) = (generator.permutation(len(each))[:2].tolist() for each in (COLORS, NAMES))
    named = [(first, form), (second, other)]
    if decoy:
        named.append(((first, second)[int(generator.integers(2))], int(generator.integers(len(NAMES)))))
    if generator.random() < 0.5:
        colors = [color for color in range(len(COLORS)) if decoy or color not in (first, second)]
        named.append((colors[int(generator.integers(len(colors)))], int(generator.integers(len(NAMES)))))
    if len(set(named)) < len(named):
        return _choose(generator, decoy=decoy)
    cells = generator.permutation(CELLS * CELLS)[: len(named)].tolist()
    sizes = [list(SIZES)[place] for place in generator.integers(len(SIZES), size=len(named))]
    things = [
        Thing(cell, size, list(COLORS)[color], NAMES[shape])
        for cell, size, (color, shape) in zip(cells, sizes, named, strict=True)
    ]
    order = sorted(range(len(things)), key=lambda place: things[place].cell)
    return tuple(things[place] for place in order), (order.index(0), order.index(1))


def _random_claim(generator: np.random.Generator) -> Claim:
    (first, second), (form, other) = (generator.permutation(len(each))[:2].tolist() for each in (COLORS, NAMES))
    relation = list(RELATIONS)[int(generator.integers(len(RELATIONS)))]
    return Claim((list(COLORS)[first], NAMES[form]), relation, (list(COLORS)[second], NAMES[other]))


def _relations(a: tuple[int, int], b: tuple[int, int]) -> list[str]:
    """The relations of a row and column to another."""
    (row, column), (other_row, other_column) = a, b
    found = {
        "left": column < other_column,
        "right": column > other_column,
        "above": row < other_row,
        "below": row > other_row,
    }
    return [name for name, true in found.items() if true]
