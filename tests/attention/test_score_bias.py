"""A bias that is a function of positions: the same numbers as its array, in every implementation, without the array."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import AxisType
from jax.sharding import PartitionSpec as P

from xattn.attention import (
    Dropout,
    Mask,
    ScoreBias,
    alibi_slopes,
    attention_weights,
    bidirectional_cross_attention,
    cross_attention,
    cross_attention_with_aux,
    explain,
    ring_attention,
    tiles,
)

B, T, S, N, K, H = 3, 7, 11, 4, 2, 5
rng = np.random.default_rng(0)


def wave(arrays, heads, queries, keys):
    """Reads every kind of argument: a table of floats, one of integers, and a number."""
    gap = (keys - queries).astype(arrays["high"].dtype)
    return arrays["high"][heads] * jnp.cos(arrays["pace"] * gap) + arrays["row"][arrays["of"][keys % S], heads]


def waves(kind):
    table = {"high": rng.normal(size=N), "pace": np.array(0.7), "row": rng.normal(size=(3, N))}
    arrays = {name: jnp.asarray(x, kind) for name, x in table.items()}
    return ScoreBias(wave, arrays | {"of": jnp.asarray(np.arange(S) % 3)})


def placed(kind):
    """The same with positions of their own: each example has other queries, and all share the keys."""
    bias = waves(kind)
    queries, keys = rng.integers(0, 300, (B, T)).astype(np.uint8), rng.integers(-50, 50, S)
    return ScoreBias(bias.function, bias.arrays, queries=queries, keys=keys)


def alibi(kind):
    return ScoreBias.alibi(jnp.asarray(alibi_slopes(N), kind), queries=np.arange(T) + 3)


def relative(kind):
    return ScoreBias.relative(jnp.asarray(rng.normal(size=(N, 9)), kind))


def t5(kind):
    return ScoreBias.t5(jnp.asarray(rng.normal(size=(N, 8)), kind), furthest=9, queries=jnp.arange(T)[None])


BIASES = {make.__name__: make for make in (waves, placed, alibi, relative, t5)}


def sizes(batch=(B,)):
    return {"queries": T, "keys": S, "heads": N, "batch": batch}


def arrays(kind, *counts):
    return [jnp.asarray(rng.normal(size=(B, *count, H)), kind) for count in counts]


def close(got, want, tolerance=1e-11):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance), got, want)


KEEP = Mask.keys(rng.random((B, S)) < 0.7) & Mask.window(8, 6)
CALLS = {
    "waves": {"mask": KEEP, "softcap": 1.7, "sink": 0.3, "dropout": Dropout(0.3, jnp.uint32(3))},
    "placed": {"mask": KEEP},
    "alibi": {"mask": Mask.causal()},
    "relative": {"mask": Mask()},
    "t5": {"mask": KEEP, "softcap": 0.9},
}


@pytest.mark.parametrize(("name", "which"), [
    ("dense", "waves"), ("chunked_jvp", "waves"), ("neighbors", "placed"), *(("chunked", which) for which in BIASES)
])  # fmt: skip
def test_outputs_and_gradients_are_those_of_its_array(name, which):
    lists = Mask.neighbors(np.stack([rng.permutation(S)[:9] for _ in range(B * T)]).reshape(B, T, 9))
    options, block = dict(CALLS[which]), (4, 3) if name.startswith("chunked") else None
    options["mask"] &= lists if name == "neighbors" else Mask()
    with jax.enable_x64(True):
        bias = BIASES[which](jnp.float64)
        q, k, v = arrays(jnp.float64, (T, N), (S, K), (S, K))

        def results(moving, make, name, block):
            def loss(moving):
                q, k, v, floats = moving
                out, aux = cross_attention_with_aux(
                    q, k, v, bias=make(with_floats(bias, floats)), implementation=name, block=block,
                    returns=("lse", "key_mass"), **options,
                )  # fmt: skip
                return sum(jnp.sin(x).sum() for x in (out, finite(aux.lse), aux.key_mass)), out

            return jax.value_and_grad(loss, has_aux=True)(moving)

        @jax.jit
        def both(moving):
            whole = results(moving, lambda b: b.materialize(**sizes()), "dense", None)
            return results(moving, lambda b: b, name, block), whole

        close(*both((q, k, v, floats_of(bias))))


def finite(x):
    return jnp.where(x == -jnp.inf, 0, x)


def floats_of(bias):
    return [x for x in jax.tree.leaves(bias.arrays) if jnp.issubdtype(x.dtype, jnp.floating)]


def with_floats(bias, floats):
    rest, (leaves, tree) = iter(floats), jax.tree.flatten(bias.arrays)
    leaves = [next(rest) if jnp.issubdtype(x.dtype, jnp.floating) else x for x in leaves]
    return ScoreBias(bias.function, jax.tree.unflatten(tree, leaves), bias.queries, bias.keys)


def test_second_derivatives_are_those_of_its_array():
    with jax.enable_x64(True):
        bias = placed(jnp.float64)
        q, k, v = arrays(jnp.float64, (T, N), (S, K), (S, K))

        def products(make, name, block):
            def loss(moving):
                some = make(with_floats(bias, moving[1]))
                return jnp.sin(cross_attention(moving[0], k, v, bias=some, implementation=name, block=block)).sum()

            at = (q, floats_of(bias))
            return jax.jit(lambda at: jax.vjp(jax.grad(loss), at)[1](at))(at)

        close(
            products(lambda bias: bias, "chunked", (4, 3)),
            products(lambda bias: bias.materialize(**sizes()), "dense", None),
        )


def test_parts_of_a_large_call_share_its_arrays(monkeypatch):
    """So many heads and examples that one CPU takes some at a time: the arrays of the function are never cut."""
    monkeypatch.setattr(jax, "device_count", lambda: 1)
    monkeypatch.setattr(tiles, "cores", lambda: 2)
    heads, batch = 8, 2
    sizes = {"B": batch, "K": heads, "N": heads, "G": 1, "T": 520, "S": 600}
    assert tiles.choose_blocks(sizes, None)[:2] < (batch, heads)
    table, shared = jnp.asarray(rng.normal(size=(heads, 5)), jnp.float32), jnp.ones((batch, 1, 1, 1, 2))

    def scored(arrays, heads, queries, keys):
        return arrays[0][heads, jnp.clip(keys - queries, -2, 2) + 2] + arrays[1].sum() - arrays[1].size

    q, k, v = (jnp.asarray(rng.normal(size=(batch, n, heads, 8)), jnp.float32) for n in (520, 600, 600))

    def results(make, name):
        def loss(q, arrays):
            return jnp.sin(cross_attention(q, k, v, bias=make(ScoreBias(scored, arrays)), implementation=name)).sum()

        return jax.jit(jax.grad(loss, (0, 1)))(q, (table, shared))

    whole = {"queries": 520, "keys": 600, "heads": heads, "batch": (batch,)}
    close(results(lambda b: b, "chunked"), results(lambda b: b.materialize(**whole), "dense"), 2e-3)


@pytest.mark.parametrize("name", ["dense", "chunked"])
def test_both_directions_take_it(name):
    with jax.enable_x64(True):
        bias = placed(jnp.float64)
        a, b = arrays(jnp.float64, (T, N), (S, N))

        def results(make, name, block):
            def loss(a, b, floats):
                some = make(with_floats(bias, floats))
                outs = bidirectional_cross_attention(a, b, a, b, bias=some, implementation=name, block=block)
                return sum(jnp.sin(out).sum() for out in outs)

            return jax.jit(jax.value_and_grad(loss, (0, 1, 2)))(a, b, floats_of(bias))

        block = (4, 3) if name == "chunked" else None
        close(results(lambda b: b, name, block), results(lambda b: b.materialize(**sizes()), "dense", None))


def test_rows_of_weights_are_those_of_its_array():
    bias = placed(jnp.float32)
    q, k, _ = arrays(jnp.float32, (T, N), (S, K), (S, K))
    rows = jnp.array([4, 0])
    close(
        attention_weights(q, k, bias=bias, queries=rows),
        attention_weights(q, k, bias=bias.materialize(**sizes()), queries=rows),
        1e-6,
    )


def test_a_decoding_step_has_its_position():
    bias = waves(jnp.float32)
    q, k, v = arrays(jnp.float32, (T, N), (S, K), (S, K))
    whole = cross_attention(q, k, v, Mask.causal(), bias=bias)
    for t in range(T):
        here = jnp.array([t])
        step = ScoreBias(bias.function, bias.arrays, queries=here)
        close(cross_attention(q[:, t : t + 1], k, v, Mask.causal(queries=here), bias=step), whole[:, t : t + 1], 1e-6)


def test_vmap_maps_arrays_and_positions():
    bias = ScoreBias.alibi(
        jnp.asarray(rng.random((B, N)), jnp.float32), queries=jnp.asarray(rng.integers(0, 9, (B, T)))
    )
    q, k, v = arrays(jnp.float32, (T, N), (S, K), (S, K))
    mapped = jax.vmap(lambda q, k, v, bias: cross_attention(q, k, v, bias=bias, implementation="chunked"))
    got = mapped(q, k, v, bias)
    for b in range(B):
        one = jax.tree.map(lambda x, b=b: x[b], bias).materialize(**sizes(()))
        close(got[b], cross_attention(q[b], k[b], v[b], bias=one), 3e-6)


def test_jit_compiles_once_for_new_arrays():
    traced = []

    @jax.jit
    def run(q, bias):
        traced.append(1)
        return cross_attention(q, q, q, bias=bias)

    q = jnp.ones((3, N, H))
    for seed in range(3):
        run(q, ScoreBias.t5(jnp.full((N, 8), float(seed))))
    assert len(traced) == 1
    run(q, ScoreBias.t5(jnp.ones((N, 8)), furthest=64))
    assert len(traced) == 2


def test_chunked_makes_no_array_of_queries_by_keys():
    length, heads = 2048, 2
    x = jax.ShapeDtypeStruct((1, length, heads, 16), jnp.float32)
    table = jax.ShapeDtypeStruct((heads, 32), jnp.float32)

    def temporary_bytes(name):
        def loss(q, k, v, table):
            return cross_attention(q, k, v, bias=ScoreBias.t5(table), implementation=name).sum()

        step = jax.jit(jax.grad(loss, (0, 1, 2, 3))).lower(x, x, x, table)
        return step.compile().memory_analysis().temp_size_in_bytes

    one_array = 4 * heads * length**2
    assert temporary_bytes("chunked") < one_array / 4
    assert temporary_bytes("dense") > one_array


def test_the_slopes_of_alibi_are_the_published_ones():
    np.testing.assert_allclose(alibi_slopes(8), [2.0**-i for i in range(1, 9)], rtol=1e-7)
    np.testing.assert_allclose(alibi_slopes(12)[8:], [2.0 ** -(i + 0.5) for i in range(4)], rtol=1e-7)
    assert [len(alibi_slopes(n)) for n in (1, 3, 16)] == [1, 3, 16]


@pytest.mark.parametrize("bidirectional", [True, False])
def test_the_buckets_of_t5_are_the_published_ones(bidirectional):
    """By the formula of Raffel et al., in float64."""

    def bucket(distance, buckets=32, furthest=128):
        first = 0
        if bidirectional:
            buckets //= 2
            first, distance = (buckets if distance > 0 else 0), abs(distance)
        else:
            distance = max(-distance, 0)
        exact = buckets // 2
        if distance < exact:
            return first + distance
        wide = math.floor(math.log(distance / exact) / math.log(furthest / exact) * (buckets - exact) + 1e-9)
        return first + min(exact + wide, buckets - 1)

    bias = ScoreBias.t5(jnp.arange(32.0)[None], bidirectional=bidirectional, queries=jnp.array([300]))
    have = bias.materialize(queries=1, keys=601).ravel()
    np.testing.assert_array_equal(have, [bucket(key - 300) for key in range(601)])


def test_a_ring_takes_it_with_the_shard():
    bias = waves(jnp.float32)
    q, k, v = arrays(jnp.float32, (T, N), (16, K), (16, K))

    def look(asked, part):
        q, floats = asked
        k, v, places = part
        some = with_floats(ScoreBias(bias.function, bias.arrays, keys=places), floats)
        out, aux = cross_attention_with_aux(q, k, v, bias=some, implementation="chunked")
        return out, aux.lse

    mesh = jax.make_mesh((8,), ("data",), axis_types=(AxisType.Auto,))
    ring = jax.shard_map(
        lambda asked, part: ring_attention(look, asked, part, "data"),
        mesh=mesh,
        in_specs=(P(), (P(None, "data"), P(None, "data"), P("data"))),
        out_specs=P("data"),
    )

    def results(attend):
        def loss(q, k, v, floats):
            out, _ = attend((q, floats), (k, v, jnp.arange(16)))
            return jnp.sin(out[:B]).sum()

        return jax.jit(jax.value_and_grad(loss, (0, 1, 2, 3)))(q, k, v, floats_of(bias))

    close(results(ring), results(look), 2e-5)


WRONG = {
    "a bare function": (lambda: wave, "bias is of type function", "ScoreBias(function, arrays)"),
    "keys turned": (lambda: ScoreBias(wave, None, keys=np.arange(T)), "keys has shape (7,)", "[*B, S=11]", "*B=(3,)"),
    "another batch": (
        lambda: ScoreBias(wave, None, queries=np.ones((2, T), int)), "queries has shape (2, 7)", "*B=(3,)"
    ),
    "positions in floats": (lambda: ScoreBias(wave, None, queries=np.ones(T)), "queries has dtype float64", "integers"),
    "a function of another shape": (
        lambda: ScoreBias(lambda arrays, heads, queries, keys: jnp.ones((N, T, 5))),
        "shape (1, 4, 7, 5)", "(3, 4, 7, 11)"
    ),
    "a function of integers": (
        lambda: ScoreBias(lambda arrays, heads, queries, keys: keys - queries), "returned int32", "floating point"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
@pytest.mark.usefixtures("no_jaxtyping")
def test_a_wrong_function_is_refused(name):
    make, *words = WRONG[name]
    q, k, v = arrays(jnp.float32, (T, N), (S, K), (S, K))
    with pytest.raises(ValueError, match=r"bias is|ScoreBias") as error:
        cross_attention(q, k, v, bias=make())
    for word in words:
        assert word in str(error.value)


def test_external_kernels_say_that_they_cannot():
    q, k, v = arrays(jnp.float32, (T, N), (S, K), (S, K))
    lines = explain(q, k, v, bias=waves(jnp.float32)).splitlines()
    assert [line.split(":")[0] for line in lines if "has no score function" in line] == ["jax_nn", "cudnn", "tokamax"]
