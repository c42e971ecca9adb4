"""Random shapes under random masks: every implementation follows the definition, and invariances hold."""

import jax
import jax.numpy as jnp
import numpy as np
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from xattn.attention import Mask, cross_attention_with_aux

# Every example compiles its own shapes, so there are few, and a failing one is not made smaller: that took minutes.
few = settings(max_examples=6, phases=[Phase.generate], suppress_health_check=[HealthCheck.too_slow])


def padded(rng, batch, heads, rows, cols):
    counts = rng.integers(0, cols + 1, batch)
    return Mask.lengths(keys=counts), (np.arange(cols) < counts[:, None])[:, None, None]


def chosen(rng, batch, heads, rows, cols):
    queries, keys = rng.random((batch, rows)) < 0.8, rng.random((1, cols)) < 0.8
    return Mask.queries(queries) & Mask.keys(keys), (queries[:, :, None] & keys[:, None])[:, None]


def packed(rng, batch, heads, rows, cols):
    queries, keys = rng.integers(-1, 2, (batch, rows)), rng.integers(-1, 2, cols)
    return Mask.segments(queries, keys), ((queries[:, :, None] == keys) & (keys >= 0))[:, None]


def near(rng, batch, heads, rows, cols):
    left, right, at = int(rng.integers(0, 4)), int(rng.integers(0, 4)), rng.integers(0, cols, (batch, rows))
    offset = np.arange(cols) - at[..., None]
    return Mask.window(left, right, queries=at), ((offset >= -left) & (offset <= right))[:, None]


def ranged(rng, batch, heads, rows, cols):
    start = rng.integers(0, cols, (batch, heads, rows))
    stop = start + rng.integers(0, cols + 1, (batch, heads, rows))
    at = np.arange(cols)
    return Mask.ranges(start, stop), (start[..., None] <= at) & (at < stop[..., None])


def in_blocks(rng, batch, heads, rows, cols):
    tall, wide = int(rng.integers(1, 4)), int(rng.integers(1, 4))
    grid = rng.random((-(-rows // tall), -(-cols // wide))) < 0.7
    return Mask.blocks(grid, tall, wide), np.kron(grid, np.ones((tall, wide), bool))[None, None, :rows, :cols]


def any_array(rng, batch, heads, rows, cols):
    array = rng.random((1, heads, rows, cols)) < 0.7
    return Mask.dense(array), array


CONDITIONS = [padded, chosen, packed, near, ranged, in_blocks, any_array]


SIZES = {"T": (1, 6), "S": (1, 6), "H": (1, 3), "Hv": (1, 4), "B": (1, 2), "K": (1, 2), "G": (1, 2)}
descriptions = st.fixed_dictionaries(
    {name: st.integers(*ends) for name, ends in SIZES.items()}
    | {"shared": st.booleans(), "biased": st.booleans(), "seed": st.integers(0, 2**16)}
    | {"block": st.tuples(st.integers(1, 7), st.integers(1, 7))}
    | {"conditions": st.lists(st.sampled_from(CONDITIONS), max_size=3)}
)


def made(pose, of):
    """The problem of a description: random arrays, and conditions that must all hold."""
    rng = np.random.default_rng(of["seed"])
    batch, heads, rows, cols = whole = of["B"], of["K"] * of["G"], of["T"], of["S"]
    mask, seen = Mask(), np.ones(whole, bool)
    for make in of["conditions"]:
        condition, allowed = make(rng, *whole)
        mask, seen = mask & condition, seen & allowed
    front = () if of["shared"] else (batch,)
    q = rng.normal(size=(batch, rows, heads, of["H"]))
    k = rng.normal(size=(*front, cols, of["K"], of["H"]))
    v = rng.normal(size=(*front, cols, of["K"], of["Hv"]))
    arrays = {"bias": rng.normal(size=(1, heads, rows, cols))} if of["biased"] else {}
    return pose(q, k, v, mask, seen, arrays=arrays, block=of["block"]), rng


def close(have, want):
    np.testing.assert_allclose(np.asarray(have, float), want, rtol=1e-5, atol=1e-5)


@given(of=descriptions)
@few
def test_every_implementation_is_the_definition(pose, of):
    problem, rng = made(pose, of)
    rows, cols = problem.q.shape[-3], problem.k.shape[-3]
    everyone = Mask.neighbors(np.broadcast_to(rng.permutation(cols), (rows, cols)))
    masks = {"dense": problem.mask, "chunked": problem.mask, "neighbors": problem.mask & everyone}

    @jax.jit
    def run(arrays, masks):
        return [problem.run(name, arrays, mask, ("lse",), None) for name, mask in masks.items()]

    want = problem.solve()
    for out, aux in run(problem.differentiable(jnp.float32), masks):
        close(out, want["out"])
        close(aux.lse, want["lse"])


@given(of=descriptions)
@few
def test_neither_the_order_of_keys_nor_keys_that_nobody_sees_matter(pose, of):
    problem, rng = made(pose, of)
    bias = problem.arrays["bias"] if "bias" in problem.arrays else np.zeros((1, 1, 1, problem.k.shape[-3]))
    order = rng.permutation(problem.k.shape[-3] + 1)

    def turned(x, axis, fill):
        """`x` with one more key, and all of them in another order."""
        widths = [(0, int(place == axis % x.ndim)) for place in range(x.ndim)]
        return np.take(np.pad(x, widths, constant_values=fill), order, axis)

    def turned_arrays():
        named = {"k": turned(problem.k, -3, np.nan), "v": turned(problem.v, -3, np.nan), "bias": turned(bias, -1, 9)}
        return {name: jnp.asarray(x, jnp.float32) for name, x in named.items()}

    @jax.jit
    def run(arrays, seen):
        options = {"implementation": "chunked", "block": problem.block} if of["shared"] else {"implementation": "dense"}
        out, aux = cross_attention_with_aux(**arrays, mask=Mask.dense(seen), **options)
        return out, aux.lse

    arrays = problem.differentiable(jnp.float32)
    want = problem.solve()
    out, lse = run(arrays | turned_arrays(), turned(problem.seen, -1, False))
    close(out, want["out"])
    close(lse, want["lse"])
