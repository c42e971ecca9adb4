"""Batches of sentence pairs of similar length, in a small number of shapes, in an order fixed by (seed, epoch).

Lengths are in pieces, and include one special piece: EOS, or BOS in the decoder's input.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Bool, Float, Int, Integer, UInt32

from xattn.data.tokenizer import Tokenizer

EncodedPair = tuple[Sequence[int] | Integer[np.ndarray, "_"], Sequence[int] | Integer[np.ndarray, "_"]]
"""Ids of source and target, without special pieces."""

# Resolution of the search for shapes, per side; and the maximum number of refinement passes.
GRID, SWEEPS = 64, 20


# A NamedTuple: dataclasses whose shapes the tests check cannot pass through vmap, pmap or device_get.
class TextBatch(NamedTuple):
    """Sentence pairs as arrays; masks are False on padding, and throughout a row without a pair."""

    source: Int[jax.Array, "B S"]
    """Source ids, then EOS."""
    source_mask: Bool[jax.Array, "B S"]
    target_in: Int[jax.Array, "B T"]
    """Decoder input: BOS, then the target ids."""
    target_out: Int[jax.Array, "B T"]
    """Decoder output: the target ids, then EOS."""
    target_mask: Bool[jax.Array, "B T"]
    rows: UInt32[jax.Array, "B"]
    """Index of every row in the whole batch; dropout uses it, so it stays the same when devices split the batch."""
    guide: Float[jax.Array, "B T S"] | None = None
    """Target attention for guided training, or None; a step whose weights are all zero is not guided."""


@dataclass(frozen=True, kw_only=True)
class Shape:
    """Number of rows of a batch, and the maximum lengths of source and target."""

    batch: int
    source: int
    target: int

    @property
    def row_length(self) -> int:
        """Positions of a row, source and target together."""
        return self.source + self.target


@dataclass(frozen=True, kw_only=True, eq=False)
class PlannedBatch:
    """The indices of the examples in a batch; the last rows are empty if the shape has more rows than examples."""

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
    """Chooses at most `buckets` shapes that hold all examples with little padding; the smallest comes first.

    The search covers all (source, target) lengths. Shapes are added greedily, each where it saves most padding; then
    each is moved to its best place given the others, until none moves. Shapes need not be nested: short sources with
    long targets can get a separate shape. A batch has a multiple of `multiple` rows, and at most `tokens` positions,
    source and target together, padding included. Raises `ValueError` without examples, or if `tokens` is too small
    for `multiple` rows of the longest examples.
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
        for number in range(1, len(places)):  # the first is fixed: it holds every example
            places[number] = _best_place(counts, [*places[:number], *places[number + 1 :]])
        if places == before:
            break
    shapes = []
    for place in dict.fromkeys(places):
        source, target = (min(int(side), at * step) for side, at in zip(sides, place, strict=True))
        shapes.append(Shape(batch=tokens // (source + target) // multiple * multiple, source=source, target=target))
    return tuple(sorted(shapes, key=lambda shape: (shape.row_length, shape.source)))


def _best_place(counts: Float[np.ndarray, "S T"], others: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """The sides of the shape that saves most padding in addition to `others`; the shortest on a tie."""
    current = np.full(counts.shape, np.inf)
    for source, target in others:
        held = current[: source + 1, : target + 1]
        np.minimum(held, source + target, out=held)
    most, best = 0.0, others[0]
    for row in range(2, int(current.max())):
        saved = (counts * np.maximum(current - row, 0)).cumsum(axis=0).cumsum(axis=1)
        source = np.arange(max(1, row - counts.shape[1] + 1), min(counts.shape[0] - 1, row - 1) + 1)
        along = saved[source, row - source]
        if along.max() > most:
            most, best = float(along.max()), (int(source[along.argmax()]), row - int(source[along.argmax()]))
    return best


def plan_epoch(
    source_lengths: Int[np.ndarray, "N"],
    target_lengths: Int[np.ndarray, "N"],
    shapes: Sequence[Shape],
    *,
    seed: int,
    epoch: int,
) -> list[PlannedBatch]:
    """Plans an epoch: every example once, in an order that depends only on the arguments.

    Examples are shuffled within the smallest shape that holds them; then the batches are shuffled. The examples left
    over from a shape's full batches join larger shapes or form a batch with empty rows, whichever adds less padding.
    `shapes` are sorted by row length. Raises `ValueError` if an example fits no shape.
    """
    generator = np.random.default_rng([seed, epoch])
    order = generator.permutation(len(source_lengths))
    batches = _deal(order, source_lengths, target_lengths, shapes)
    return [batches[i] for i in generator.permutation(len(batches))]


def plan_in_order(
    source_lengths: Int[np.ndarray, "N"], target_lengths: Int[np.ndarray, "N"], shapes: Sequence[Shape]
) -> list[PlannedBatch]:
    """Plans every example once, sorted by length, for evaluation and decoding; errors as in `plan_epoch`."""
    return _deal(np.lexsort((target_lengths, source_lengths)), source_lengths, target_lengths, shapes)


def efficiency(
    plan: Sequence[PlannedBatch], source_lengths: Int[np.ndarray, "N"], target_lengths: Int[np.ndarray, "N"]
) -> float:
    """The fraction of the positions in a plan's batches that are not padding."""
    valid = sum((source_lengths[planned.examples] + target_lengths[planned.examples]).sum() for planned in plan)
    return float(valid / sum(p.shape.batch * p.shape.row_length for p in plan))


def make_batch(planned: PlannedBatch, encoded: Sequence[EncodedPair], tokenizer: Tokenizer) -> TextBatch:
    """Builds a planned batch as NumPy arrays; `encoded` holds the examples that the plan indexes."""
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
    """Distributes examples, in the order given, over the smallest shapes that hold them."""
    # Index of the smallest shape for every pair of lengths; the last row and column stand for all greater lengths.
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
        larger = _next_larger(source_lengths[rest], target_lengths[rest], shapes, number)
        if larger is None:
            last = len(places)
        else:
            bucket[places[last:]] = larger
        batches += [
            PlannedBatch(shape=shape, examples=order[places[first : min(first + shape.batch, last)]])
            for first in range(0, last, shape.batch)
        ]
    return batches


def _next_larger(
    source_lengths: Int[np.ndarray, "N"], target_lengths: Int[np.ndarray, "N"], shapes: Sequence[Shape], number: int
) -> Int[np.ndarray, "N"] | None:
    """The next larger shapes for leftover examples, or None if a batch with empty rows has less padding."""
    row, later = shapes[number].row_length, shapes[number + 1 :]
    holds = np.array([(source_lengths <= s.source) & (target_lengths <= s.target) for s in later])
    if not later or not holds.any(axis=0).all():
        return None
    next_larger = holds.argmax(axis=0)
    padding = np.array([shape.row_length - row for shape in later])[next_larger].sum()
    return number + 1 + next_larger if padding < (shapes[number].batch - len(next_larger)) * row else None
