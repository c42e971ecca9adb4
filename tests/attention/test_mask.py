"""Every constructor of Mask against its own definition in NumPy, alone, under jit, vmap and tiles; and wrong masks."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from xattn.attention import Mask, cross_attention

B, N, T, S = 2, 3, 5, 7
row, col = np.arange(T)[:, None], np.arange(S)[None]


def lengths(rng):
    queries, keys = np.array([4, 0]), np.array([0, 6])
    seen = (row < queries[:, None, None]) & (col < keys[:, None, None])
    return Mask.lengths(queries=queries, keys=keys), seen[:, None]


def lengths_of_keys(rng):
    return Mask.lengths(keys=np.array([2, 9])), (col < np.array([2, 9])[:, None, None])[:, None]


def lengths_of_queries(rng):
    return Mask.lengths(queries=np.array([3])), (row < 3)[None, None]


def queries(rng):
    valid = rng.random((B, T)) < 0.5
    return Mask.queries(valid), valid[:, None, :, None]


def keys_shared_by_the_batch(rng):
    valid = rng.random(S) < 0.5
    return Mask.keys(valid), valid[None, None, None]


def segments(rng):
    of_queries, of_keys = rng.integers(-2, 3, (B, T)), rng.integers(-2, 3, (1, S))
    same = of_queries[:, :, None] == of_keys[:, None]
    return Mask.segments(of_queries, of_keys), (same & (of_keys[:, None] >= 0))[:, None]


def causal(rng):
    return Mask.causal(), (col <= row)[None, None]


def causal_at_positions(rng):
    of_queries = rng.integers(0, 9, (B, T))
    return Mask.causal(queries=of_queries), (col[None] <= of_queries[:, :, None])[:, None]


def window(rng):
    return Mask.window(2, 1), ((col >= row - 2) & (col <= row + 1))[None, None]


def window_open_on_the_right_at_positions(rng):
    of_queries, of_keys = rng.integers(-4, 9, T), rng.integers(-4, 9, (B, S))
    seen = of_keys[:, None] >= of_queries[None, :, None] - 3
    return Mask.window(3, None, queries=of_queries, keys=of_keys), seen[:, None]


def window_without_bounds(rng):
    return Mask.window(None, None), np.ones((1, 1, T, S), bool)


def ranges(rng):
    start, stop = rng.integers(-1, S, (B, N, T)), rng.integers(0, S + 3, (B, 1, T))
    return Mask.ranges(start, stop), (start[..., None] <= col) & (stop[..., None] > col)


def neighbors(rng):
    index = rng.integers(-1, S + 2, (B, T, 4))  # -1 and what lies beyond the keys name no key
    index[0, 1] = 3
    return Mask.neighbors(index), np.array([[[s in row for s in range(S)] for row in rows] for rows in index])[:, None]


def blocks(rng):
    grid = np.array([[True, False, True], [False, True, True]])
    seen = np.array([[grid[t // 4, s // 3] for s in range(S)] for t in range(T)])
    return Mask.blocks(grid, 4, 3), seen[None, None]


def dense(rng):
    array = rng.random((1, N, T, 1)) < 0.5
    return Mask.dense(array), array


def several_joined(rng):
    valid, start, stop = rng.random((B, S)) < 0.7, rng.integers(0, 3, (N, T)), rng.integers(3, S + 1, (1, T))
    seen = valid[:, None, None] & (start[..., None] <= col) & (stop[..., None] > col) & (col <= row + 3)
    return Mask.keys(valid) & Mask.ranges(start, stop) & Mask() & Mask.window(None, 3), seen


def nothing(rng):
    return Mask(), np.ones((1, 1, 1, 1), bool)


MASKS = [
    lengths, lengths_of_keys, lengths_of_queries, queries, keys_shared_by_the_batch, segments, causal,
    causal_at_positions, window, window_open_on_the_right_at_positions, window_without_bounds, ranges, neighbors,
    blocks, dense, several_joined, nothing,
]  # fmt: skip


def materialized(mask, batch=(B,)):
    return mask.materialize(queries=T, keys=S, heads=N, batch=batch)


@pytest.fixture(params=MASKS, ids=lambda make: make.__name__)
def example(request):
    """A mask and its definition."""
    return request.param(np.random.default_rng(3))


def test_a_mask_is_its_definition(example):
    mask, seen = example
    have = materialized(mask)
    assert have.dtype == bool
    whole = (B, N, T, S)
    np.testing.assert_array_equal(np.broadcast_to(have, whole), np.broadcast_to(seen, whole))


def test_masks_are_made_inside_jit_of_constants():
    def make_all():
        return [materialized(make(np.random.default_rng(3))[0]) for make in MASKS]

    for have, want in zip(jax.jit(make_all)(), make_all(), strict=True):
        np.testing.assert_array_equal(have, want)


@pytest.mark.parametrize("kind", [np.asarray, jnp.asarray], ids=["NumPy", "JAX"])
def test_constants_are_checked_inside_jit_too(kind):
    reach, negative, positions = kind(np.array([1, 3])), kind(np.array([1, -1])), kind(np.arange(T))
    seen = jax.jit(lambda: materialized(Mask.window(reach, 0) & Mask.causal(queries=positions)))()
    np.testing.assert_array_equal(seen, materialized(Mask.window(np.array([1, 3]), 0)))
    with pytest.raises(ValueError, match=r"left is -1"):
        jax.jit(lambda: materialized(Mask.window(negative, 0)))()


def test_masks_are_pytrees_through_jit():
    masks, definitions = zip(*(make(np.random.default_rng(3)) for make in MASKS), strict=True)
    through = jax.jit(lambda masks: [materialized(mask) for mask in masks])(masks)
    for have, want in zip(through, definitions, strict=True):
        np.testing.assert_array_equal(np.broadcast_to(have, (B, N, T, S)), np.broadcast_to(want, (B, N, T, S)))
    leaves, tree = jax.tree.flatten(masks)
    assert all(isinstance(leaf, jax.Array) for leaf in leaves)
    assert jax.tree.structure(jax.tree.unflatten(tree, leaves)) == jax.tree.structure(masks)


def test_a_mask_made_of_what_jit_traces_is_the_same():
    valid, position = np.array([[True] * 3 + [False] * 4] * B), np.arange(B * T).reshape(B, T) % 6

    @jax.jit
    def make(valid, position):
        return materialized(Mask.keys(valid) & Mask.causal(queries=position))

    want = valid[:, None, None] & (col <= position[:, None, :, None])
    np.testing.assert_array_equal(make(valid, position), want)


def test_vmap_maps_a_mask_over_its_first_axis():
    rng = np.random.default_rng(4)
    counts, start, stop = np.array([3, 6]), rng.integers(0, 3, (B, N, T)), rng.integers(3, S, (B, 1, T))
    mask = Mask.lengths(keys=counts) & Mask.ranges(start, stop) & Mask.window(4, 2)
    mapped = jax.vmap(lambda one: materialized(one, ()))(mask)
    assert mapped.shape == (B, N, T, S)
    np.testing.assert_array_equal(mapped, materialized(mask))
    shared = jax.vmap(lambda count, rest: materialized(Mask.lengths(keys=count) & rest, ()), in_axes=(0, None))
    want = (col < counts[:, None, None])[:, None] & (col >= row)
    np.testing.assert_array_equal(shared(jnp.asarray(counts), Mask.window(0, None)), want)


def test_two_batch_axes_are_matched_from_the_right():
    batch, valid = (4, B), np.arange(B * S).reshape(B, S) % 3 > 0
    have = materialized(Mask.keys(valid), batch)
    assert have.shape == (*batch, 1, 1, S)
    np.testing.assert_array_equal(have[:, :, 0, 0], np.broadcast_to(valid, (*batch, S)))
    first = materialized(Mask.lengths(queries=np.arange(4)[:, None]), batch)
    np.testing.assert_array_equal(first[:, 1, 0, :, 0], np.arange(T) < np.arange(4)[:, None])


def test_a_mask_of_everything_changes_nothing_and_holds_no_array():
    rng = np.random.default_rng(5)
    q, k = (jnp.asarray(rng.normal(size=(n, N, 2)), jnp.float32) for n in (T, S))
    assert not jax.tree.leaves(Mask())
    np.testing.assert_array_equal(cross_attention(q, k, k, Mask()), cross_attention(q, k, k))


def test_a_tile_of_a_mask_is_that_part_of_the_whole(example):
    mask, _ = example
    canonical = mask.canonical((B,), N, T, S)

    def part(x, place):
        return x[(slice(None),) * place + (slice(1, 4),)]

    tile = canonical.map_axis("T", part).map_axis("S", part).allowed(jnp.arange(1, 4)[None], jnp.arange(1, 4)[None])
    whole = np.broadcast_to(materialized(mask), (B, N, T, S))
    np.testing.assert_array_equal(np.broadcast_to(tile, (B, N, 3, 3)), whole[:, :, 1:4, 1:4])


def integers(*shape):
    return np.zeros(shape, np.int32)


def booleans(*shape):
    return np.ones(shape, bool)


# What is made, and the words that the message must have: constructor, argument, what came, what is accepted.
WRONG_SHAPES = {
    "a length a key": (lambda: Mask.lengths(keys=integers(B, S)), "Mask.lengths: keys", "(2, 7)", "[*B]"),
    "validity of queries": (lambda: Mask.queries(booleans(B, S)), "Mask.queries: valid", "(2, 7)", "[*B, T=5]"),
    "validity of keys": (lambda: Mask.keys(booleans(B, T)), "Mask.keys: valid", "(2, 5)", "[*B, S=7]"),
    "another batch": (lambda: Mask.keys(booleans(4, S)), "Mask.keys: valid", "(4, 7)", "*B=(2,)"),
    "more batch axes": (lambda: Mask.keys(booleans(1, B, S)), "Mask.keys: valid", "(1, 2, 7)", "*B=(2,)"),
    "one key for all": (lambda: Mask.keys(booleans(B, 1)), "Mask.keys: valid", "(2, 1)", "[*B, S=7]"),
    "segments": (lambda: Mask.segments(integers(T), integers(T)), "Mask.segments: keys", "(5,)", "[*B, S=7]"),
    "positions": (lambda: Mask.causal(queries=integers(B, S)), "Mask.window: queries", "(2, 7)", "[*B, T=5]"),
    "ranges of K heads": (
        lambda: Mask.ranges(integers(B, 2, T), integers(B, N, T)), "Mask.ranges: start", "(2, 2, 5)", "N=3|1"
    ),
    "ranges without heads": (
        lambda: Mask.ranges(integers(N, T), integers(T)), "Mask.ranges: stop", "(5,)", "[*B, N=3|1, T=5]"
    ),
    "one list": (lambda: Mask.neighbors(integers(4)), "Mask.neighbors: index", "(4,)", "[*B, T=5, M]"),
    "blocks": (lambda: Mask.blocks(booleans(3, 2), 4, 3), "Mask.blocks: grid", "(3, 2)", "(2, 3)"),
    "axes swapped": (
        lambda: Mask.dense(booleans(B, N, S, T)), "Mask.dense: array", "(2, 3, 7, 5)", "N=3|1, T=5|1, S=7|1"
    ),
    "a batch or heads": (lambda: Mask.dense(booleans(N, T, S)), "Mask.dense: array", "(3, 5, 7)", "[*B, N=3|1"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG_SHAPES)
@pytest.mark.usefixtures("no_jaxtyping")
def test_a_wrong_shape_is_refused_where_the_sizes_are_known(name):
    make, *words = WRONG_SHAPES[name]
    with pytest.raises(ValueError, match="accepted is") as error:
        materialized(make())
    for word in words:
        assert word in str(error.value)


FLOATS = np.ones((B, S), np.float32)
WRONG_VALUES = {
    "validity as 0 and 1": (lambda: Mask.keys(integers(B, S)), "Mask.keys: valid", "int32", "bool"),
    "queries as 0 and 1": (lambda: Mask.queries(integers(B, T)), "Mask.queries: valid", "int32", "bool"),
    "an additive mask": (lambda: Mask.dense(FLOATS), "Mask.dense: array", "float32", "bool"),
    "a length in floats": (lambda: Mask.lengths(keys=FLOATS[:, 0]), "Mask.lengths: keys", "float32", "integers"),
    "validity as lengths": (lambda: Mask.lengths(queries=booleans(B)), "Mask.lengths: queries", "bool", "integers"),
    "segments": (lambda: Mask.segments(integers(S), FLOATS), "Mask.segments: keys", "float32", "integers"),
    "positions": (lambda: Mask.causal(keys=FLOATS), "Mask.window: keys", "float32", "integers"),
    "ranges": (lambda: Mask.ranges(integers(1, T), FLOATS), "Mask.ranges: stop", "float32", "integers"),
    "neighbors": (lambda: Mask.neighbors(FLOATS), "Mask.neighbors: index", "float32", "integers"),
    "a reach to the other side": (lambda: Mask.window(-1, 2), "Mask.window: left", "-1", "0 or more"),
    "a grid as 0 and 1": (lambda: Mask.blocks(np.ones((2, 3), int), 4, 3), "Mask.blocks: grid", "int64", "bool"),
    "a grid of one axis": (lambda: Mask.blocks(booleans(6), 4, 3), "Mask.blocks: grid", "(6,)", "[ceil(T/query_block)"),
    "blocks of nothing": (lambda: Mask.blocks(booleans(2, 3), 4, 0), "Mask.blocks: key_block", "0", "1 or more"),
    "numbers joined": (lambda: Mask.causal() & np.ones((1, N, T, S)), "Mask.dense: array", "accepted is bool"),
    "a list joined": (lambda: Mask.causal() | [True], "mask is of type list", "accepted is a Mask, a boolean array"),
}


@pytest.mark.parametrize("name", WRONG_VALUES)
@pytest.mark.usefixtures("no_jaxtyping")
def test_a_wrong_value_is_refused_where_the_mask_is_made(name):
    make, *words = WRONG_VALUES[name]
    with pytest.raises(ValueError, match="Mask") as error:
        make()
    for word in words:
        assert word in str(error.value)
