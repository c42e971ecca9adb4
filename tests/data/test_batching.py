import itertools

import jax
import numpy as np
import pytest

from xattn.data.batching import (
    PlannedBatch,
    Shape,
    choose_shapes,
    efficiency,
    make_batch,
    plan_epoch,
    plan_in_order,
)
from xattn.data.tokenizer import Tokenizer


def like_captions(size, seed=0):
    """Lengths like those of English and French image captions: means 15 and 18, correlation 0.86."""
    generator = np.random.default_rng(seed)
    common, own = generator.normal(size=size), generator.normal(size=size)
    source = np.exp(2.69 + 0.30 * common)
    target = np.exp(2.82 + 0.32 * (0.87 * common + 0.49 * own))
    return source.round().astype(int).clip(3, 61), target.round().astype(int).clip(3, 61)


SOURCE, TARGET = like_captions(5003)
SHAPES = choose_shapes(SOURCE, TARGET, buckets=5, tokens=1009, multiple=3)


def examples(plan):
    return [example for planned in plan for example in planned.examples.tolist()]


def as_lists(plan):
    return [(planned.shape, planned.examples.tolist()) for planned in plan]


def test_shapes_hold_everything_within_the_budget():
    assert len(SHAPES) == 5
    assert SHAPES[-1].source >= SOURCE.max()
    assert SHAPES[-1].target >= TARGET.max()
    for shape in SHAPES:
        assert shape.batch % 3 == 0
        assert shape.batch * (shape.source + shape.target) <= 1009
        assert (shape.batch + 3) * (shape.source + shape.target) > 1009


def test_shapes_by_hand():
    source, target = np.array([2, 2, 2, 5, 5, 11]), np.array([3, 3, 3, 5, 4, 11])
    shapes = choose_shapes(source, target, buckets=2, tokens=44, multiple=1)
    # The fives share a shape with the twos, which pads 3 * 5 positions; with the eleven it would be 2 * 12.
    assert shapes == (Shape(batch=4, source=5, target=5), Shape(batch=2, source=11, target=11))
    assert choose_shapes(source, target, buckets=7, tokens=44) == (
        Shape(batch=8, source=2, target=3),
        Shape(batch=4, source=5, target=4),
        Shape(batch=4, source=5, target=5),
        Shape(batch=2, source=11, target=11),
    )


def test_long_sources_and_long_targets_get_separate_shapes():
    source, target = np.array([3] * 6 + [13] * 5 + [13]), np.array([13] * 6 + [3] * 5 + [13])
    shapes = choose_shapes(source, target, buckets=3, tokens=104)
    assert [(shape.source, shape.target) for shape in shapes] == [(3, 13), (13, 3), (13, 13)]
    plan = plan_in_order(source, target, shapes)
    assert {(p.shape.source, p.shape.target): sorted(p.examples.tolist()) for p in plan} == {
        (3, 13): list(range(6)),
        (13, 3): list(range(6, 11)),
        (13, 13): [11],
    }


@pytest.mark.parametrize("buckets", [2, 3, 5])
def test_moving_one_shape_never_reduces_padding(buckets):
    source, target = like_captions(53, seed=buckets)
    shapes = choose_shapes(source, target, buckets=buckets, tokens=10**4)
    sides = [(shape.source, shape.target) for shape in shapes]

    def padded(sides):
        rows = [np.where((source <= s) & (target <= t), s + t, np.inf) for s, t in sides]
        return np.min(rows, axis=0).sum()

    for number in range(buckets - 1):
        for place in itertools.product(range(source.max() + 1), range(target.max() + 1)):
            assert padded([*sides[:number], place, *sides[number + 1 :]]) >= padded(sides)


def test_long_documents_have_shapes():
    source = np.array([2, 501, 997, 1009])
    shapes = choose_shapes(source, source[::-1].copy(), buckets=4, tokens=10**4)
    assert (shapes[-1].source, shapes[-1].target) == (1009, 1009)
    plan = plan_in_order(source, source[::-1].copy(), shapes)
    assert sorted(examples(plan)) == [0, 1, 2, 3]


@pytest.mark.parametrize(("buckets", "least"), [(4, 0.78), (8, 0.87), (20, 0.92)])
def test_padding_is_little(buckets, least):
    source, target = like_captions(29_000)
    shapes = choose_shapes(source, target, buckets=buckets, tokens=4096)
    plan = plan_epoch(source, target, shapes, seed=0, epoch=0)
    assert len({planned.shape for planned in plan}) == buckets
    assert efficiency(plan, source, target) >= least


def test_efficiency_by_hand():
    plan = [PlannedBatch(shape=Shape(batch=3, source=5, target=7), examples=np.array([0, 1]))]
    assert efficiency(plan, np.array([5, 2]), np.array([7, 4])) == 18 / 36


def test_an_epoch_has_every_example_once_in_a_shape_that_holds_it():
    plan = plan_epoch(SOURCE, TARGET, SHAPES, seed=3, epoch=5)
    assert sorted(examples(plan)) == list(range(len(SOURCE)))
    for planned in plan:
        assert 0 < len(planned.examples) <= planned.shape.batch
        assert SOURCE[planned.examples].max() <= planned.shape.source
        assert TARGET[planned.examples].max() <= planned.shape.target


def test_an_epoch_depends_on_seed_and_number_and_nothing_else():
    plan = plan_epoch(SOURCE, TARGET, SHAPES, seed=3, epoch=5)
    assert as_lists(plan) == as_lists(plan_epoch(SOURCE, TARGET, SHAPES, seed=3, epoch=5))
    for seed, epoch in ((3, 6), (4, 5), (5, 3)):
        other = plan_epoch(SOURCE, TARGET, SHAPES, seed=seed, epoch=epoch)
        # Both the order of the batches and their contents differ.
        assert [planned.shape for planned in other] != [planned.shape for planned in plan]
        assert not {frozenset(e) for _, e in as_lists(plan)} & {frozenset(e) for _, e in as_lists(other)}


def test_leftover_examples_go_where_they_cost_less_padding():
    shapes = (Shape(batch=10, source=5, target=5), Shape(batch=5, source=10, target=10))
    # Of 14 short examples 4 are left over: 4 * 10 positions of padding in the long shape, 6 * 10 in empty rows.
    join = plan_in_order(np.array([4] * 14 + [9]), np.array([3] * 14 + [9]), shapes)
    assert [(p.shape, len(p.examples)) for p in join] == [(shapes[0], 10), (shapes[1], 5)]
    # Of 16 short examples 6 are left over: 6 * 10 against 4 * 10.
    stay = plan_in_order(np.array([4] * 16 + [9]), np.array([3] * 16 + [9]), shapes)
    assert [(p.shape, len(p.examples)) for p in stay] == [(shapes[0], 10), (shapes[0], 6), (shapes[1], 1)]


def test_in_order_is_by_length():
    plan = plan_in_order(SOURCE, TARGET, SHAPES)
    assert sorted(examples(plan)) == list(range(len(SOURCE)))
    for shape in SHAPES:
        together = [SOURCE[e] for p in plan if p.shape == shape for e in p.examples if SOURCE[e] * 9 > shape.source * 8]
        assert together == sorted(together)


def test_too_long_examples_and_too_small_budgets_are_refused():
    with pytest.raises(ValueError, match=r"holds 2 of 3 examples; the first is number 1: 8 source and 3"):
        plan_epoch(np.array([2, 8, 2]), np.array([2, 3, 9]), [Shape(batch=2, source=7, target=7)], seed=0, epoch=0)
    with pytest.raises(ValueError, match="tokens must be at least 51, not 50"):
        choose_shapes(np.array([2, 8]), np.array([2, 9]), buckets=2, tokens=50, multiple=3)
    with pytest.raises(ValueError, match="no examples"):
        choose_shapes(np.array([], int), np.array([], int), buckets=2, tokens=50)


def test_a_batch_by_hand():
    tokenizer = Tokenizer.train(["a b"], vocabulary=300)
    pad, bos, eos = tokenizer.pad, tokenizer.bos, tokenizer.eos
    encoded = [([11, 12], [21]), ([13], [22, 23, 24]), ([14], [])]
    source_lengths, target_lengths = np.array([3, 2, 2]), np.array([2, 4, 1])
    shapes = choose_shapes(source_lengths, target_lengths, buckets=1, tokens=35)
    (planned,) = plan_in_order(source_lengths, target_lengths, shapes)
    assert as_lists([planned]) == [(Shape(batch=5, source=3, target=4), [2, 1, 0])]
    batch = make_batch(planned, encoded, tokenizer)
    assert batch.source.tolist() == [[14, eos, pad], [13, eos, pad], [11, 12, eos], [pad] * 3, [pad] * 3]
    assert batch.target_in.tolist()[:3] == [[bos, pad, pad, pad], [bos, 22, 23, 24], [bos, 21, pad, pad]]
    assert batch.target_out.tolist()[:3] == [[eos, pad, pad, pad], [22, 23, 24, eos], [21, eos, pad, pad]]
    assert batch.target_in.tolist()[3:] == batch.target_out.tolist()[3:] == [[pad] * 4] * 2
    assert batch.source_mask.tolist() == (batch.source != pad).tolist()
    assert batch.target_mask.tolist() == (batch.target_out != pad).tolist() == (batch.target_in != pad).tolist()
    assert batch.rows.tolist() == [0, 1, 2, 3, 4]
    assert batch.rows.dtype == np.uint32
    assert batch.source.dtype == np.int32


def test_a_batch_passes_through_jax():
    tokenizer = Tokenizer.train(["a b"], vocabulary=300)
    planned = PlannedBatch(shape=Shape(batch=3, source=5, target=7), examples=np.array([0]))
    batch = make_batch(planned, [([11], [12, 13])], tokenizer)
    counts = jax.jit(jax.vmap(lambda row: row.source_mask.sum() + row.target_mask.sum()))(batch)
    assert counts.tolist() == [2 + 3, 0, 0]
    shapes = jax.eval_shape(lambda batch: batch, batch)
    assert shapes.target_out.shape == (3, 7)
