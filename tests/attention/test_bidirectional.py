"""Attention in both directions from one score matrix: against the definition, with masked queries and keys."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from xattn.attention import Mask, bidirectional_cross_attention, cross_attention

B, T, S, N, H, HV, HW = 2, 7, 5, 3, 4, 6, 2
IMPLEMENTATIONS = {"dense": None, "chunked": (4, 3)}  # blocks that divide neither T nor S


def sides(rng):
    shapes = {"a": (B, T, N, H), "b": (B, S, N, H), "v_a": (B, T, N, HV), "v_b": (B, S, N, HW)}
    return {name: rng.normal(size=shape) for name, shape in shapes.items()}


def masked_biased_and_scaled(rng):
    seen = rng.random((B, N, T, S)) < 0.6
    seen[0, :, 2], seen[1, ..., 3] = False, False  # a query nobody answers, a key nobody asks
    named = sides(rng) | {"bias": rng.normal(size=(1, N, T, S)), "scale": np.array(0.7)}
    return named, Mask.dense(seen), seen, {}


def capped_with_a_shared_bias(rng):
    return sides(rng) | {"bias": rng.normal(size=(B, 1, 1, S))}, None, None, {"softcap": 1.2}


TRUTH = {}  # gradients of two calls in float64


@pytest.fixture(params=[masked_biased_and_scaled, capped_with_a_shared_bias], ids=lambda make: make.__name__)
def case(request):
    """Differentiable arguments in float64, the mask as a Mask and as booleans, and the softcap."""
    return request.param(np.random.default_rng(7))


def floats(named, kind=jnp.float32):
    return {name: jnp.asarray(value, kind) for name, value in named.items()}


def both(implementation, mask, static):
    def run(named):
        return bidirectional_cross_attention(
            **named, mask=mask, **static, implementation=implementation, block=IMPLEMENTATIONS[implementation]
        )

    return run


def two_calls(mask, static):
    """The same by `cross_attention` in float64, whose derivatives have their own tests."""

    def run(named):
        a, b, v_a, v_b = (named[name] for name in ("a", "b", "v_a", "v_b"))
        bias = named["bias"] if "bias" in named else None
        back = None if bias is None else jnp.swapaxes(bias, -1, -2)
        seen = (
            jnp.ones((B, N, T, S), bool) if mask is None else mask.materialize(queries=T, keys=S, heads=N, batch=(B,))
        )
        options = static | {"scale": named["scale"] if "scale" in named else None, "implementation": "dense"}
        out_a = cross_attention(a, b, v_b, seen, bias=bias, **options)
        return out_a, cross_attention(b, a, v_a, jnp.swapaxes(seen, -1, -2), bias=back, **options)

    return run


def step(run):
    """Gradients of a function that both outputs move, with the outputs."""

    def objective(named):
        out_a, out_b = run(named)
        return jnp.sin(out_a).sum() + jnp.cos(out_b).sum(), (out_a, out_b)

    return jax.jit(jax.grad(objective, has_aux=True))


def close(have, want, tolerance):
    np.testing.assert_allclose(np.asarray(have, float), np.asarray(want), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_both_directions_are_the_definition_and_the_gradients_those_of_two_calls(case, implementation, pose):
    named, mask, seen, static = case
    gradients, (out_a, out_b) = step(both(implementation, mask, static))(floats(named))
    scale = {"scale": named["scale"]} if "scale" in named else {}
    bias = {"bias": named["bias"]} if "bias" in named else {}
    back = {"bias": np.swapaxes(named["bias"], -1, -2)} if bias else {}
    of_a = pose(named["a"], named["b"], named["v_b"], seen=seen, arrays=bias | scale, static=static)
    seen_back = None if seen is None else np.swapaxes(seen, -1, -2)
    of_b = pose(named["b"], named["a"], named["v_a"], seen=seen_back, arrays=back | scale, static=static)
    close(out_a, of_a.solve()["out"], 3e-6)
    close(out_b, of_b.solve()["out"], 3e-6)
    key = "softcap" in static
    if key not in TRUTH:
        with jax.enable_x64(True):
            TRUTH[key] = step(two_calls(mask, static))(floats(named, jnp.float64))[0]
    for name, gradient in gradients.items():
        close(gradient, TRUTH[key][name], 2e-5)


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_what_nobody_sees_is_never_read_and_gets_nothing(implementation):
    """Row 2 of example 0 and column 3 of example 1 are masked completely."""
    named, mask, _, static = masked_biased_and_scaled(np.random.default_rng(7))
    clean = floats(named)
    run = both(implementation, mask, static | {"softcap": 2.0})
    blind_a, blind_b = np.zeros((B, T), bool), np.zeros((B, S), bool)
    blind_a[0, 2], blind_b[1, 3] = True, True
    blind = {"a": blind_a, "v_a": blind_a, "b": blind_b, "v_b": blind_b}
    unseen = ~np.asarray(mask.conditions[0].array).all(0, keepdims=True)  # the bias serves both examples
    unseen &= ~np.asarray(mask.conditions[0].array).any(0, keepdims=True)
    assert unseen.any()

    @jax.jit
    def pulled(named, back):
        """Outputs and gradients; the cotangent is 1, but `back` at completely masked rows and columns."""
        outs, pull = jax.vjp(run, named)
        shown = (blind_a, blind_b)
        ones = tuple(
            jnp.where(no[..., None, None], back, jnp.ones_like(out)) for no, out in zip(shown, outs, strict=True)
        )
        return outs, pull(ones)[0]

    outs, gradients = pulled(clean, 1.0)
    for poison in (np.nan, np.inf):
        dirty = clean | {name: jnp.where(no[..., None, None], poison, clean[name]) for name, no in blind.items()}
        dirty["bias"] = jnp.where(unseen, poison, clean["bias"])
        jax.tree.map(np.testing.assert_array_equal, pulled(dirty, poison), (outs, gradients))
    for name, no in blind.items():
        assert not np.asarray(gradients[name])[no].any()
        assert np.asarray(gradients[name])[~no].any()
    assert not np.asarray(outs[0])[blind_a].any()
    assert not np.asarray(outs[1])[blind_b].any()


def test_a_nan_that_somebody_sees_comes_out_on_the_other_side():
    named = floats(sides(np.random.default_rng(7)))
    run = jax.jit(both("chunked", Mask.lengths(keys=jnp.array([4, 4])), {}))
    out_a, _ = run(named | {"v_b": named["v_b"].at[0, 1].set(jnp.nan)})
    _, out_b = run(named | {"v_a": named["v_a"].at[0, 6].set(jnp.nan)})
    assert np.isnan(out_a[0]).all()
    assert np.isnan(out_b[0, :4]).all()
    assert np.isfinite(out_a[1]).all()
    assert np.isfinite(out_b[1]).all()
    assert not np.asarray(out_b)[0, 4].any()


@pytest.mark.parametrize(("queries", "keys"), [(0, S), (T, 0), (1, 1)])
def test_sides_of_none_and_of_one(queries, keys):
    sizes = ((2, queries), (3, keys), (5, queries), (7, keys))
    arrays = (jnp.full((B, size, N, 1), value, jnp.float32) for value, size in sizes)
    out_a, out_b = jax.jit(partial(bidirectional_cross_attention, implementation="chunked"))(*arrays)
    np.testing.assert_array_equal(out_a, np.full((B, queries, N, 1), 7.0 if keys else 0.0))
    np.testing.assert_array_equal(out_b, np.full((B, keys, N, 1), 5.0 if queries else 0.0))


def test_half_precision_keeps_its_dtype_and_sums_in_float32(pose):
    named = floats(sides(np.random.default_rng(7)), jnp.bfloat16)
    exact = {name: np.asarray(x, float) for name, x in named.items()}
    want_a = pose(exact["a"], exact["b"], exact["v_b"]).solve()["out"]
    want_b = pose(exact["b"], exact["a"], exact["v_a"]).solve()["out"]
    out_a, out_b = jax.jit(both("chunked", None, {}))(named)
    assert out_a.dtype == out_b.dtype == jnp.bfloat16
    close(out_a, want_a, 2e-2)
    close(out_b, want_b, 2e-2)


def test_a_large_call_takes_tiles_by_itself():
    def shown(length):
        a, b = (jax.ShapeDtypeStruct((2, n, 2, 3), jnp.float32) for n in (length, 1000))
        return str(jax.make_jaxpr(bidirectional_cross_attention)(a, b, a, b))

    assert "[2,2,1,9,1000]" in shown(9)  # the whole score matrix
    assert "600,1000]" not in shown(600)
