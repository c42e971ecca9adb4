"""Sentences of like length together, in few shapes, in an order that two integers decide.

Lengths count what a batch holds: the pieces of a sentence and one special piece (EOS, or BOS on the way in).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Bool, Float, Int, Integer, UInt32

from xattn.data.tokenizer import Tokenizer

EncodedPair = tuple[Sequence[int] | Integer[np.ndarray, "_"], Sequence[int] | Integer[np.ndarray, "_"]]
"""Source and target pieces, without special ones."""

# Sides of shapes are looked for in this many steps, and moved at most so often.
GRID, SWEEPS = 64, 20


# Not a dataclass: those that the tests check for shapes cannot pass through vmap, pmap or device_get.
class TextBatch(NamedTuple):
    """Sentence pairs as arrays; masks are False on padding, and in all of a row that holds no pair."""

    source: Int[jax.Array, "B S"]
    """Source pieces, then EOS."""
    source_mask: Bool[jax.Array, "B S"]
    target_in: Int[jax.Array, "B T"]
    """What a decoder reads: BOS, then the target pieces."""
    target_out: Int[jax.Array, "B T"]
    """What it should write: the target pieces, then EOS."""
    target_mask: Bool[jax.Array, "B T"]
    rows: UInt32[jax.Array, "B"]
    """Number of every row, which it keeps when a batch is cut over devices: dropout counts with it."""
    guide: Float[jax.Array, "B T S"] | None = None
    """Where decoder steps should look, if training says so; a row of zeros leaves its step alone."""


@dataclass(frozen=True, kw_only=True)
class Shape:
    """Rows of a batch, and the longest source and target that they hold."""

    batch: int
    source: int
    target: int

    @property
    def row(self) -> int:
        """Positions of a row, source and target together."""
        return self.source + self.target


@dataclass(frozen=True, kw_only=True, eq=False)
class PlannedBatch:
    """Which examples a batch holds; its last rows stay empty if they are fewer than its shape has."""

    shape: Shape
    examples: Int[np.ndarray, "N"]


def choose_shapes(
    source_lengths: Int[np.ndarray, "N"],
    target_lengths: Int[np.ndarray, "N"],
    *,
    buckets: int,
    tokens: int,
    multiple: int = 1,
) -> tuple[Shape, ...]:
    """At most `buckets` shapes that hold all examples with little padding, the smallest first.

    Shapes are found among all (source, target) sides: one after the other is put where it saves most, then each is
    moved to where it saves most beside the others, until none moves. They are not nested: sentences whose
    translations are long, and the other way round, get shapes of their own. A batch has at most `tokens`
    positions, source and target together, padding included, and a multiple of `multiple` rows.
    """
    if len(source_lengths) == 0:
        raise ValueError("There are no examples to choose batch shapes for.")
    sides = np.array([source_lengths.max(), target_lengths.max()])
    if tokens < sides.sum() * multiple:
        raise ValueError(
            f"The longest examples need {sides.sum()} positions a row, and a batch has a multiple of {multiple} "
            f"rows: tokens must be at least {sides.sum() * multiple}, not {tokens}."
        )
    step = -(-int(sides.max()) // GRID)
    steps = -(-sides // step)
    counts = np.zeros(steps + 1)
    np.add.at(counts, (-(-source_lengths // step), -(-target_lengths // step)), 1)
    places = [(int(steps[0]), int(steps[1]))]
    while len(places) < buckets and (place := _best_place(counts, places)) not in places:
        places.append(place)
    for _ in range(SWEEPS):
        before = list(places)
        for number in range(1, len(places)):  # the corner stays, since it holds everything
            places[number] = _best_place(counts, [*places[:number], *places[number + 1 :]])
        if places == before:
            break
    shapes = []
    for place in dict.fromkeys(places):
        source, target = (min(int(side), at * step) for side, at in zip(sides, place, strict=True))
        shapes.append(Shape(batch=tokens // (source + target) // multiple * multiple, source=source, target=target))
    return tuple(sorted(shapes, key=lambda shape: (shape.row, shape.source)))


def _best_place(counts: Float[np.ndarray, "S T"], others: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """Where one more shape saves most of the padding that is left beside `others`; the shortest of equals."""
    now = np.full(counts.shape, np.inf)
    for source, target in others:
        held = now[: source + 1, : target + 1]
        np.minimum(held, source + target, out=held)
    best, found = 0.0, others[0]
    for row in range(2, int(now.max())):
        saved = (counts * np.maximum(now - row, 0)).cumsum(axis=0).cumsum(axis=1)
        source = np.arange(max(1, row - counts.shape[1] + 1), min(counts.shape[0] - 1, row - 1) + 1)
        along = saved[source, row - source]
        if along.max() > best:
            best, found = float(along.max()), (int(source[along.argmax()]), row - int(source[along.argmax()]))
    return found


def plan_epoch(
    source_lengths: Int[np.ndarray, "N"],
    target_lengths: Int[np.ndarray, "N"],
    shapes: Sequence[Shape],
    *,
    seed: int,
    epoch: int,
) -> list[PlannedBatch]:
    """Every example once, in an order that depends on nothing but the arguments.

    Examples are shuffled within the smallest shape that holds them, then the batches among each other. What
    does not fill a batch joins longer examples, or is a batch with empty rows: whichever is less padding. `shapes`
    are ordered by the length of a row.
    """
    generator = np.random.default_rng([seed, epoch])
    order = generator.permutation(len(source_lengths))
    batches = _deal(order, source_lengths, target_lengths, shapes)
    return [batches[i] for i in generator.permutation(len(batches))]


def plan_in_order(
    source_lengths: Int[np.ndarray, "N"], target_lengths: Int[np.ndarray, "N"], shapes: Sequence[Shape]
) -> list[PlannedBatch]:
    """Every example once, the short ones first: for evaluation and decoding. `restore` undoes the order."""
    return _deal(np.lexsort((target_lengths, source_lengths)), source_lengths, target_lengths, shapes)


def restore(plan: Iterable[PlannedBatch], values: Iterable[Any]) -> list[Any]:
    """Puts one value for every planned example, in the order of the plan, into the order of the examples.

    >>> shape = Shape(batch=2, source=7, target=7)
    >>> plan = [PlannedBatch(shape=shape, examples=np.array(e)) for e in ([2, 0], [1])]
    >>> restore(plan, ["two", "zero", "one"])
    ['zero', 'one', 'two']
    """
    places = [example for planned in plan for example in planned.examples.tolist()]
    return [value for _, value in sorted(zip(places, values, strict=True), key=lambda pair: pair[0])]


def efficiency(
    plan: Sequence[PlannedBatch], source_lengths: Int[np.ndarray, "N"], target_lengths: Int[np.ndarray, "N"]
) -> float:
    """The share of all positions of a plan's batches that are not padding."""
    real = sum((source_lengths[planned.examples] + target_lengths[planned.examples]).sum() for planned in plan)
    return float(real / sum(p.shape.batch * p.shape.row for p in plan))


def make_batch(planned: PlannedBatch, encoded: Sequence[EncodedPair], tokenizer: Tokenizer) -> TextBatch:
    """The arrays of a planned batch, in NumPy; `encoded` holds the examples that were planned."""
    shape, count = planned.shape, len(planned.examples)
    source, target_in, target_out = (
        np.full((shape.batch, side), tokenizer.pad, np.int32) for side in (shape.source, shape.target, shape.target)
    )
    ends = np.zeros((2, shape.batch), int)
    for row, example in enumerate(planned.examples.tolist()):
        pieces, translation = encoded[example]
        ends[:, row] = len(pieces), len(translation)
        source[row, : ends[0, row]] = pieces
        target_in[row, 1 : ends[1, row] + 1] = target_out[row, : ends[1, row]] = translation
    filled = np.arange(count)
    source[filled, ends[0, :count]] = target_out[filled, ends[1, :count]] = tokenizer.eos
    target_in[filled, 0] = tokenizer.bos
    ends[:, count:] = -1
    arrays: dict[str, Any] = {
        "source": source,
        "source_mask": np.arange(shape.source) <= ends[0, :, None],
        "target_in": target_in,
        "target_out": target_out,
        "target_mask": np.arange(shape.target) <= ends[1, :, None],
        "rows": np.arange(shape.batch, dtype=np.uint32),
    }
    return TextBatch(**arrays)


def _deal(
    order: Int[np.ndarray, "N"],
    source_lengths: Int[np.ndarray, "N"],
    target_lengths: Int[np.ndarray, "N"],
    shapes: Sequence[Shape],
) -> list[PlannedBatch]:
    """Deals examples, in the order given, to the smallest shapes that hold them."""
    # The smallest shape for every pair of lengths; whatever is longer than all of them is in the last row or column.
    longest = (max(s.source for s in shapes), max(s.target for s in shapes))
    smallest = np.full((longest[0] + 2, longest[1] + 2), len(shapes), np.int16)
    for number, shape in reversed(list(enumerate(shapes))):
        smallest[: shape.source + 1, : shape.target + 1] = number
    bucket = smallest[np.minimum(source_lengths, longest[0] + 1), np.minimum(target_lengths, longest[1] + 1)]
    too_long = np.flatnonzero(bucket == len(shapes))
    if too_long.size:
        first = too_long[0]
        raise ValueError(
            f"No batch shape holds {too_long.size} of {len(order)} examples; the first is number {first}: "
            f"{source_lengths[first]} source and {target_lengths[first]} target positions."
        )
    bucket = bucket[order]
    batches: list[PlannedBatch] = []
    for number, shape in enumerate(shapes):
        places = np.flatnonzero(bucket == number)
        last = len(places) // shape.batch * shape.batch
        rest = order[places[last:]]
        longer = _longer(source_lengths[rest], target_lengths[rest], shapes, number)
        if longer is None:
            last = len(places)
        else:
            bucket[places[last:]] = longer
        batches += [
            PlannedBatch(shape=shape, examples=order[places[first : min(first + shape.batch, last)]])
            for first in range(0, last, shape.batch)
        ]
    return batches


def _longer(
    source_lengths: Int[np.ndarray, "N"], target_lengths: Int[np.ndarray, "N"], shapes: Sequence[Shape], number: int
) -> Int[np.ndarray, "N"] | None:
    """The next larger shapes for what does not fill a batch, if joining them pads less than empty rows would."""
    row, later = shapes[number].row, shapes[number + 1 :]
    holds = np.array([(source_lengths <= s.source) & (target_lengths <= s.target) for s in later])
    if not later or not holds.any(axis=0).all():
        return None
    found = holds.argmax(axis=0)
    more = np.array([shape.row - row for shape in later])[found].sum()
    return number + 1 + found if more < (shapes[number].batch - len(found)) * row else None
