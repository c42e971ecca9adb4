"""Sentences of like length together, in few shapes, in an order that two integers decide.

Lengths count what a batch holds: the pieces of a sentence and one special piece (EOS, or BOS on the way in).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Bool, Int, UInt32

from xattn.data.tokenizer import Tokenizer

Pair = tuple[Sequence[int], Sequence[int]]
"""Source and target pieces, without special ones."""


# Not a dataclass: those that the tests check for shapes cannot pass through vmap, pmap or device_get.
class Batch(NamedTuple):
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


@dataclass(frozen=True, kw_only=True)
class PlannedBatch:
    """Which examples a batch holds; its last rows stay empty if they are fewer than its shape has."""

    shape: Shape
    examples: tuple[int, ...]


def lengths(encoded: Iterable[Pair]) -> tuple[Int[np.ndarray, "N"], Int[np.ndarray, "N"]]:
    """Lengths of sources and targets, one special piece included.

    >>> lengths([([5, 6, 7], [8]), ([5], [])])
    (array([4, 2]), array([2, 1]))
    """
    both = np.array([(len(source) + 1, len(target) + 1) for source, target in encoded], int).reshape(-1, 2)
    return both[:, 0], both[:, 1]


def choose_shapes(
    source_lengths: Int[np.ndarray, "N"],
    target_lengths: Int[np.ndarray, "N"],
    *,
    buckets: int,
    tokens: int,
    multiple: int = 1,
) -> tuple[Shape, ...]:
    """At most `buckets` shapes that hold all examples with the least padding, the smallest first.

    Examples are ordered by their longer side (sources stretched to the mean length of targets) and cut into
    contiguous buckets, where it is best of all places (dynamic programming). A batch has at most `tokens`
    positions, source and target together, padding included, and a multiple of `multiple` rows.
    """
    if len(source_lengths) == 0:
        raise ValueError("There are no examples to choose batch shapes for.")
    stretch = target_lengths.mean() / source_lengths.mean()
    key = np.maximum(np.rint(source_lengths * stretch), target_lengths)
    keys, group, counts = np.unique(key, return_inverse=True, return_counts=True)
    longest = np.zeros((2, len(keys)), int)
    np.maximum.at(longest[0], group, source_lengths)
    np.maximum.at(longest[1], group, target_lengths)
    # The shape of a bucket that ends with key j also holds all that came before: shapes are nested.
    sides = np.maximum.accumulate(longest, axis=1)
    row = sides.sum(axis=0)
    rows = tokens // row // multiple * multiple
    if rows[-1] == 0:
        raise ValueError(
            f"The longest examples need {row[-1]} positions a row, and a batch has a multiple of {multiple} "
            f"rows: tokens must be at least {row[-1] * multiple}, not {tokens}."
        )
    before = np.concatenate([[0], counts.cumsum()])
    held = before[None, 1:] - before[:-1, None]  # examples of a bucket from key i to key j
    padded = np.where(held > 0, held * row[None], np.inf)

    best = np.full(len(keys) + 1, np.inf)
    best[0] = 0
    totals, starts = [], []
    for _ in range(buckets):
        through = best[:-1, None] + padded
        starts.append(through.argmin(axis=0))
        best = np.concatenate([[np.inf], through.min(axis=0)])
        totals.append(best[-1])
    shapes: list[Shape] = []
    end = len(keys) - 1
    for start in reversed(starts[: int(np.argmin(totals)) + 1]):
        shapes.append(Shape(batch=int(rows[end]), source=int(sides[0, end]), target=int(sides[1, end])))
        end = start[end] - 1
    return tuple(reversed(shapes))


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
    does not fill a batch joins longer examples, or is a batch with empty rows: whichever is less padding.
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
    >>> plan = [PlannedBatch(shape=shape, examples=(2, 0)), PlannedBatch(shape=shape, examples=(1,))]
    >>> restore(plan, ["two", "zero", "one"])
    ['zero', 'one', 'two']
    """
    places = [example for planned in plan for example in planned.examples]
    return [value for _, value in sorted(zip(places, values, strict=True), key=lambda pair: pair[0])]


def efficiency(
    plan: Sequence[PlannedBatch], source_lengths: Int[np.ndarray, "N"], target_lengths: Int[np.ndarray, "N"]
) -> float:
    """The share of all positions of a plan's batches that are not padding."""
    real = sum((source_lengths + target_lengths)[list(planned.examples)].sum() for planned in plan)
    return float(real / sum(p.shape.batch * p.shape.row for p in plan))


def make_batch(planned: PlannedBatch, encoded: Sequence[Pair], tokenizer: Tokenizer) -> Batch:
    """The arrays of a planned batch, in NumPy; `encoded` holds the examples that were planned."""
    shape, pad = planned.shape, tokenizer.pad
    sources, targets = [], []
    for example in planned.examples:
        source, target = encoded[example]
        sources.append([*source, tokenizer.eos])
        targets.append([tokenizer.bos, *target, tokenizer.eos])
    source, source_mask = _pad(sources, shape.batch, shape.source, pad)
    target_in, target_mask = _pad([target[:-1] for target in targets], shape.batch, shape.target, pad)
    target_out, _ = _pad([target[1:] for target in targets], shape.batch, shape.target, pad)
    return Batch(
        source=source,
        source_mask=source_mask,
        target_in=target_in,
        target_out=target_out,
        target_mask=target_mask,
        rows=np.arange(shape.batch, dtype=np.uint32),  # pyright: ignore[reportArgumentType]
    )


def _pad(sentences: Sequence[Sequence[int]], rows: int, length: int, pad: int) -> tuple[Any, Any]:
    ids, mask = np.full((rows, length), pad, np.int32), np.zeros((rows, length), bool)
    for row, sentence in enumerate(sentences):
        ids[row, : len(sentence)] = sentence
        mask[row, : len(sentence)] = True
    return ids, mask


def _deal(
    order: Int[np.ndarray, "N"],
    source_lengths: Int[np.ndarray, "N"],
    target_lengths: Int[np.ndarray, "N"],
    shapes: Sequence[Shape],
) -> list[PlannedBatch]:
    """Deals examples, in the order given, to the smallest shapes that hold them."""
    holds = np.array([(source_lengths <= s.source) & (target_lengths <= s.target) for s in shapes])
    too_long = np.flatnonzero(~holds.any(axis=0))
    if too_long.size:
        first = too_long[0]
        raise ValueError(
            f"No batch shape holds {too_long.size} of {len(order)} examples; the first is number {first}: "
            f"{source_lengths[first]} source and {target_lengths[first]} target positions."
        )
    bucket = holds.argmax(axis=0)[order]
    batches: list[PlannedBatch] = []
    rest = order[:0]
    for number, (shape, longer) in enumerate(zip(shapes, [*shapes[1:], None], strict=True)):
        waiting = np.concatenate([rest, order[bucket == number]])
        last = len(waiting) // shape.batch * shape.batch
        if len(waiting) > last and not _join(len(waiting) - last, shape, longer):
            last = len(waiting)
        for first in range(0, last, shape.batch):
            examples = waiting[first : first + shape.batch]
            batches.append(PlannedBatch(shape=shape, examples=tuple(examples.tolist())))
        rest = waiting[last:]
    return batches


def _join(count: int, shape: Shape, longer: Shape | None) -> bool:
    """Whether `count` examples rather join longer ones than make a batch whose other rows are empty."""
    return (
        longer is not None
        and longer.source >= shape.source
        and longer.target >= shape.target
        and count * (longer.row - shape.row) < (shape.batch - count) * shape.row
    )
