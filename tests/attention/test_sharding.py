"""The same numbers when the work is cut over eight devices: by `jit`, by `shard_map`, and round a ring."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import AxisType, NamedSharding
from jax.sharding import PartitionSpec as P

from xattn.attention import (
    Dropout,
    Mask,
    bidirectional_cross_attention,
    cross_attention,
    cross_attention_with_aux,
    ring_attention,
)

B, T, S, N, K, H = 8, 16, 24, 4, 2, 6


@pytest.fixture(scope="module")
def problem():
    rng = np.random.default_rng(0)
    q, k, v = (jnp.asarray(rng.normal(size=s), jnp.float32) for s in ((B, T, N, H), (B, S, K, H), (B, S, K, 5)))
    valid = jnp.asarray(rng.random((B, S)) < 0.6).at[3].set(False)
    return q, k, v, valid


def mesh(*sizes):
    return jax.make_mesh(sizes, ("data", "model")[: len(sizes)], axis_types=(AxisType.Auto,) * len(sizes))


def value_and_gradients(attend, q, k, v, valid):
    def loss(q, k, v):
        out = attend(q, k, v, valid)
        return (out * jnp.cos(jnp.arange(out.size)).reshape(out.shape)).sum(), out

    (_, out), gradients = jax.value_and_grad(loss, (0, 1, 2), has_aux=True)(q, k, v)
    return out, *gradients


def close(got, wanted):
    for a, b in zip(got, wanted, strict=True):
        np.testing.assert_allclose(a, b, atol=2e-5)


@pytest.mark.parametrize("implementation", ["dense", "chunked"])
def test_sharded_inputs_under_jit(problem, implementation):
    rows = jnp.arange(B, dtype=jnp.uint32)

    def attend(q, k, v, valid):
        dropout = Dropout(0.2, jnp.uint32(3), rows)
        return cross_attention(q, k, v, Mask.keys(valid), dropout=dropout, implementation=implementation)

    wanted = jax.jit(lambda *args: value_and_gradients(attend, *args))(*problem)
    for grid, heads in (((8,), None), ((4, 2), "model")):
        where = mesh(*grid)
        cut = [NamedSharding(where, P("data", None, heads))] * 3 + [NamedSharding(where, P("data"))]
        run = jax.jit(lambda *args: value_and_gradients(attend, *args), in_shardings=cut)
        got = run(*map(jax.device_put, problem, cut))
        assert len(got[0].sharding.device_set) == 8
        close(got, wanted)


@pytest.mark.parametrize("implementation", ["dense", "chunked"])
def test_shard_map_over_the_batch(problem, implementation):
    def attend(q, k, v, valid):
        return cross_attention(q, k, v, Mask.keys(valid), implementation=implementation)

    mapped = jax.shard_map(attend, mesh=mesh(8), in_specs=P("data"), out_specs=P("data"))
    close(
        jax.jit(lambda *args: value_and_gradients(mapped, *args))(*problem),
        jax.jit(lambda *args: value_and_gradients(attend, *args))(*problem),
    )


@pytest.mark.parametrize("implementation", ["dense", "chunked"])
def test_both_directions_under_shard_map(problem, implementation):
    q, k, _, valid = problem
    a, b = q[:, :, :K], k

    def attend(a, b, valid):
        seen = jnp.broadcast_to(valid[:, None, None], (len(a), K, T, S))
        return bidirectional_cross_attention(a, b, a, b, Mask.dense(seen), implementation=implementation)

    def gradients(attend):
        return jax.value_and_grad(lambda a, b: sum((x**2).sum() for x in attend(a, b, valid)), (0, 1))(a, b)

    mapped = jax.shard_map(attend, mesh=mesh(8), in_specs=P("data"), out_specs=P("data"))
    got, wanted = jax.jit(lambda: gradients(mapped))(), jax.jit(lambda: gradients(attend))()
    np.testing.assert_allclose(got[0], wanted[0], rtol=1e-5)
    close(got[1], wanted[1])


@pytest.mark.parametrize("cut_queries", [False, True])
@pytest.mark.parametrize("implementation", ["dense", "chunked"])
def test_a_ring_over_a_memory_that_is_cut(problem, implementation, cut_queries):
    q_places, k_places = jnp.arange(T) + 3, jnp.arange(S)

    def mask(valid, q_place, k_place):
        return Mask.keys(valid) & Mask.causal(queries=q_place, keys=k_place)

    def look(asked, part):
        q, q_place = asked
        k, v, valid, k_place = part
        out, aux = cross_attention_with_aux(
            q, k, v, mask(valid, q_place, k_place), implementation=implementation, returns=("lse",)
        )
        return out, aux.lse

    def results(attend):
        def loss(q, k, v):
            out, lse = attend(q, k, v)
            finite = jnp.where(jnp.isfinite(lse), lse, 0)
            weigh = jnp.cos(jnp.arange(out.size)).reshape(out.shape)
            return (out * weigh).sum() + (finite * jnp.sin(jnp.arange(lse.size)).reshape(lse.shape)).sum(), (out, lse)

        (_, found), gradients = jax.value_and_grad(loss, (0, 1, 2), has_aux=True)(*problem[:3])
        return *found, *gradients

    valid = problem[3]
    of_queries = P(None, "data") if cut_queries else P()
    ring = jax.shard_map(
        lambda asked, part: ring_attention(look, asked, part, "data"),
        mesh=mesh(8),
        in_specs=((of_queries, P("data") if cut_queries else P()), (*[P(None, "data")] * 3, P("data"))),
        out_specs=(of_queries, P(None, None, "data")) if cut_queries else (P("data"), P("data")),
    )

    def cut(q, k, v):
        out, lse = ring((q, q_places), (k, v, valid, k_places))
        # Queries that are not cut are answered by every device, one copy each.
        return (out, lse) if cut_queries else (out[:B], lse[:B])

    got = jax.jit(lambda: results(cut))()
    wanted = jax.jit(lambda: results(lambda q, k, v: look((q, q_places), (k, v, valid, k_places))))()
    assert np.isneginf(wanted[1][3]).all()
    close(got, wanted)


def test_a_ring_keeps_no_copy_of_the_memory():
    """What a device needs does not grow with the number of devices that share a memory: its parts go round again."""

    def look(q, part):
        out, aux = cross_attention_with_aux(q, *part, implementation="chunked")
        return out, aux.lse

    def temporary_bytes(devices):
        ring = jax.shard_map(
            lambda q, k, v: ring_attention(look, q, (k, v), "data")[0],
            mesh=mesh(devices),
            in_specs=(P(None, "data"),) * 3,
            out_specs=P(None, "data"),
        )
        x = jax.ShapeDtypeStruct((1, devices * 512, 1, 64), jnp.float32)
        step = jax.jit(jax.grad(lambda q, k, v: ring(q, k, v).sum(), (0, 1, 2))).lower(x, x, x)
        return step.compile().memory_analysis().temp_size_in_bytes

    part_of_keys = 512 * 64 * 4
    assert temporary_bytes(8) - temporary_bytes(2) < part_of_keys


@pytest.mark.parametrize("spec", [P("data"), P(None, None, "model")])
@pytest.mark.parametrize("implementation", ["auto", "dense", "chunked", "chunked_jvp"])
def test_a_mesh_of_explicit_axes(problem, implementation, spec):
    """That is what `jax.make_mesh` makes, and `jax.set_mesh` switches on; output and gradients keep their sharding."""
    q, k, v, valid = problem
    k, v = (jnp.repeat(x, N // K, axis=2) for x in (k, v))

    def step(q, k, v, valid):
        def loss(q, k, v):
            out, aux = cross_attention_with_aux(
                q, k, v, Mask.keys(valid), implementation=implementation, returns=("lse", "key_mass"), top_k=2
            )
            lse = jnp.where(jnp.isfinite(aux.lse), aux.lse, 0)
            return (out**2).sum() + lse.sum() + (aux.key_mass**2).sum(), out

        (_, out), gradients = jax.value_and_grad(loss, (0, 1, 2), has_aux=True)(q, k, v)
        return out, *gradients

    wanted = jax.jit(step)(q, k, v, valid)
    with jax.set_mesh(jax.make_mesh((4, 2), ("data", "model"))):
        cut = [jax.device_put(x, spec) for x in (q, k, v)]
        got = jax.jit(step)(*cut, valid)
        assert all(jax.typeof(x).sharding.spec == jax.typeof(cut[0]).sharding.spec for x in got)
    close(got, wanted)


@pytest.mark.parametrize("implementation", ["dense", "chunked"])
def test_both_directions_on_a_mesh_of_explicit_axes(problem, implementation):
    q, k, _, _ = problem

    def gradients(a, b):
        def loss(a, b):
            outs = bidirectional_cross_attention(a, b, a, b, Mask.causal(), implementation=implementation)
            return sum((x**2).sum() for x in outs)

        return jax.grad(loss, (0, 1))(a, b)

    wanted = jax.jit(gradients)(q[:, :, :K], k)
    with jax.set_mesh(jax.make_mesh((8,), ("data",))):
        got = jax.jit(gradients)(*(jax.device_put(x, P("data")) for x in (q[:, :, :K], k)))
    close(got, wanted)
