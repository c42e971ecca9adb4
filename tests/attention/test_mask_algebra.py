"""`&`, `|` and `~` of masks against the same operators on boolean arrays, for random expressions; and equality."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from xattn.attention import Mask, cross_attention

B, N, T, S = 2, 2, 5, 7
row, col = np.arange(T)[:, None], np.arange(S)[None]


def leaves(rng):
    """One mask of each kind, with its definition [B,N,T,S]."""
    valid, lengths, positions = rng.random((B, S)) < 0.6, rng.integers(0, S + 1, B), rng.integers(0, S, (B, T))
    start, stop = rng.integers(0, S, (2, N, T))
    index, grid, dense = rng.integers(-1, S, (B, T, 3)), rng.random((2, 3)) < 0.5, rng.random((1, N, T, S)) < 0.5
    segments = rng.integers(-1, 2, (B, T)), rng.integers(-1, 2, (B, S))
    same = (segments[0][:, :, None] == segments[1][:, None]) & (segments[1][:, None] >= 0)
    return [
        (Mask(), np.ones((1, 1, T, S), bool)),
        (Mask.keys(valid), valid[:, None, None]),
        (Mask.lengths(keys=lengths), (col < lengths[:, None, None])[:, None]),
        (Mask.causal(queries=positions), (col[None] <= positions[..., None])[:, None]),
        (Mask.segments(*segments), same[:, None]),
        (Mask.ranges(start, stop), ((start[..., None] <= col) & (col < stop[..., None]))[None]),
        (Mask.neighbors(index), (index[..., None] == np.arange(S)).any(2)[:, None]),
        (Mask.blocks(grid, 3, 3), np.kron(grid, np.ones((3, 3), bool))[None, None, :T, :S]),
        (Mask.dense(dense), dense),
    ]


def expression(rng, depth):
    """A random expression over the kinds of masks, and its definition."""
    if depth == 0:
        made = leaves(rng)
        return made[rng.integers(len(made))]
    mask, seen = expression(rng, depth - 1)
    if rng.random() < 0.3:
        return ~mask, ~seen
    other, also = expression(rng, rng.integers(depth))
    return (mask & other, seen & also) if rng.random() < 0.4 else (mask | other, seen | also)


@pytest.mark.parametrize("seed", range(40))
def test_a_random_expression_is_that_of_boolean_arrays(seed):
    mask, seen = expression(np.random.default_rng(seed), 3)
    have = mask.materialize(queries=T, keys=S, heads=N, batch=(B,))
    np.testing.assert_array_equal(np.broadcast_to(have, (B, N, T, S)), np.broadcast_to(seen, (B, N, T, S)))


@pytest.mark.parametrize("implementation", ["dense", "chunked", "neighbors"])
def test_attention_under_an_expression_is_that_under_its_array(implementation):
    """Tile by tile as well: the padding of the last tiles must not come back under a `~`."""
    block = (2, 3) if implementation == "chunked" else None

    @jax.jit
    def both(q, k, v, mask, seen):
        def out(q, k, v, mask, name="dense", block=None):
            return cross_attention(q, k, v, mask, implementation=name, block=block)

        def results(*options):
            def loss(q, k, v):
                return jnp.sin(out(q, k, v, *options)).sum()

            return out(q, k, v, *options), jax.grad(loss, (0, 1, 2))(q, k, v)

        return results(mask, implementation, block), results(seen)

    for seed in range(6):
        rng = np.random.default_rng(seed)
        mask, seen = expression(rng, 2)
        if implementation == "neighbors":
            index = rng.integers(-1, S, (B, T, 4))
            mask, seen = mask & Mask.neighbors(index), seen & (index[..., None] == np.arange(S)).any(2)[:, None]
        q, k, v = (jnp.asarray(rng.normal(size=(B, n, N, 3)), jnp.float32) for n in (T, S, S))
        got, want = both(q, k, v, mask, jnp.asarray(np.broadcast_to(seen, (B, N, T, S))))
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=3e-6), got, want)


def test_an_expression_holds_no_array_of_queries_by_keys():
    mask = ~(Mask.lengths(keys=jnp.array([3])) | Mask.window(2, 2)) & ~Mask.keys(jnp.ones((1, 4096), bool))
    assert max(leaf.size for leaf in jax.tree.leaves(mask)) == 4096
    x = jax.ShapeDtypeStruct((1, 4096, 1, 8), jnp.float32)
    run = jax.jit(lambda q, k: cross_attention(q, k, k, mask, implementation="chunked"))
    assert run.lower(x, x).compile().memory_analysis().temp_size_in_bytes < 4096 * 4096 / 4


def test_equal_masks_are_those_made_in_the_same_way_of_equal_arrays():
    def made(seed):
        return [mask for mask, _ in leaves(np.random.default_rng(seed))]

    masks, again, others = made(0), made(0), made(1)
    for place, mask in enumerate(masks):
        assert mask == again[place]
        assert hash(mask) == hash(again[place])
        assert (mask != others[place]) == (place > 0)  # Mask() holds nothing that could differ
        assert sum(mask == another for another in masks) == 1
    assert masks[1] | masks[2] == again[1] | again[2] != again[2] | again[1]
    assert ~masks[1] == ~again[1] != masks[1]
    assert len({*masks, *again}) == len(masks)
    assert Mask.causal() != "a mask"
    assert Mask.window(1, 2) != Mask.window(1, 3)
    assert Mask.lengths(keys=np.int32([2, 3])) == Mask.lengths(keys=np.int8([2, 3]))


def test_masks_that_jit_traces_are_not_compared():
    with pytest.raises(ValueError, match="Masks of traced arrays cannot be compared"):
        jax.jit(lambda valid: Mask.keys(valid) == Mask.keys(~valid))(jnp.ones((B, S), bool))


@pytest.mark.usefixtures("no_jaxtyping")
@pytest.mark.parametrize("kind", [np.asarray, jnp.asarray])
def test_a_boolean_array_joins_from_either_side(kind):
    array = kind(np.random.default_rng(0).random((1, N, T, S)) < 0.5)
    mask, dense = Mask.causal(), Mask.dense(array)
    assert mask & array == mask & dense
    assert mask | array == mask | dense
    assert array & mask == dense & mask
    assert array | mask == dense | mask
