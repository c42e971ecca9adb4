"""Inputs of several dtypes are those raised to the widest one; half precision with a scale a head."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from xattn.attention import Mask, attention_weights, bidirectional_cross_attention, cross_attention, prepare_memory

B, T, S, N, K, H = 2, 5, 7, 4, 2, 6
rng = np.random.default_rng(0)
MIXED = [
    (jnp.float32, jnp.float8_e4m3fn, jnp.float8_e4m3fn, jnp.float32),
    (jnp.float32, jnp.float8_e5m2, jnp.bfloat16, jnp.float32),
    (jnp.bfloat16, jnp.float8_e4m3fn, jnp.float8_e5m2, jnp.bfloat16),
    (jnp.bfloat16, jnp.float32, jnp.bfloat16, jnp.float32),
    (jnp.float16, jnp.bfloat16, jnp.float16, jnp.float32),
    (jnp.float8_e5m2, jnp.float8_e5m2, jnp.float8_e5m2, jnp.bfloat16),
]


def normal(kind, *shape):
    return jnp.asarray(rng.normal(size=shape), jnp.float32).astype(kind)


CASES = [*(("dense", kinds) for kinds in MIXED), ("chunked", MIXED[0]), ("chunked", MIXED[2]), ("jax_nn", MIXED[0])]


@pytest.mark.parametrize(("name", "kinds"), CASES, ids=[f"{name} {number}" for number, (name, _) in enumerate(CASES)])
def test_a_cache_of_another_dtype_is_raised(name, kinds):
    *own, widest = kinds
    inputs = [normal(kind, *shape) for kind, shape in zip(own, ((B, T, N, H), (B, S, K, H), (B, S, K, H)), strict=True)]

    @jax.jit
    def results(q, k, v):
        def loss(q, k, v):
            out = cross_attention(q, k, v, Mask.causal(queries=jnp.arange(T) + 2), implementation=name)
            return jnp.sin(out.astype(jnp.float32)).sum(), out

        return jax.grad(loss, (0, 1, 2), has_aux=True)(q, k, v)

    gradients, out = results(*inputs)
    raised_gradients, raised = results(*(x.astype(widest) for x in inputs))
    assert out.dtype == raised.dtype == widest
    np.testing.assert_array_equal(out, raised)
    for got, want, kind in zip(gradients, raised_gradients, own, strict=True):
        assert got.dtype == kind
        np.testing.assert_array_equal(got.astype(jnp.float32), want.astype(kind).astype(jnp.float32))


def test_every_door_takes_a_cache_of_another_dtype():
    q, k = normal(jnp.float32, B, T, N, H), normal(jnp.float8_e4m3fn, B, S, N, H)
    raised = k.astype(jnp.float32)
    np.testing.assert_array_equal(attention_weights(q, k), attention_weights(q, raised))
    memory = prepare_memory(k, k, jnp.arange(B * S).reshape(B, S) % 5 > 0)
    assert memory.k.dtype == memory.v.dtype == k.dtype
    np.testing.assert_array_equal(cross_attention(q, *memory), cross_attention(q, raised, raised, memory.mask))
    values = normal(jnp.bfloat16, B, T, N, H)
    got = bidirectional_cross_attention(q.astype(jnp.bfloat16), k, values, raised)
    rounded, values = q.astype(jnp.bfloat16).astype(jnp.float32), values.astype(jnp.float32)
    want = bidirectional_cross_attention(rounded, raised, values, raised)
    assert got[0].dtype == got[1].dtype == jnp.float32
    jax.tree.map(np.testing.assert_array_equal, got, want)
    wider = bidirectional_cross_attention(k, k, q[:, :, :, :3].repeat(2, 1)[:, :S], k)
    assert wider[1].dtype == jnp.float32


@pytest.mark.parametrize("name", ["dense", "chunked", "chunked_jvp", "both dense", "both chunked"])
def test_a_scale_a_head_in_half_precision(name):
    """Against float64, with a tolerance of the rounding of bfloat16; the scale itself is float32."""
    key_heads = K if not name.startswith("both") else N
    shapes = ((B, T, N, H), (B, S, key_heads, H), (B, S, key_heads, H))
    q, k, v = (normal(jnp.bfloat16, *shape) for shape in shapes)
    scale = jnp.asarray([0.3, -0.2, 0.0, 0.5])

    def loss(q, k, v, scale, name):
        if name.startswith("both"):
            outs = bidirectional_cross_attention(q, k, q, v, scale=scale, implementation=name.split()[1])
        else:
            outs = [cross_attention(q, k, v, scale=scale, implementation=name)]
        return sum(jnp.sin(out.astype(jnp.float32)).sum() for out in outs)

    got = jax.jit(jax.grad(loss, (0, 1, 2, 3)), static_argnums=4)(q, k, v, scale, name)
    with jax.enable_x64(True):
        raised = [jnp.asarray(np.asarray(x, np.float64)) for x in (q, k, v, scale)]
        want = jax.jit(jax.grad(loss, (0, 1, 2, 3)), static_argnums=4)(*raised, name.replace("chunked_jvp", "dense"))
    for a, b in zip(got, want, strict=True):
        np.testing.assert_allclose(np.asarray(a, np.float64), b, atol=0.02 * max(1, float(np.abs(b).max())))
    assert got[3].shape == (N,)


@pytest.mark.parametrize("name", ["dense", "chunked", "chunked_jvp"])
@pytest.mark.parametrize("kind", [jnp.bfloat16, jnp.float16])
def test_half_precision_serves_grouped_heads_a_shared_memory_and_masks(name, kind):
    """XLA's CPU backend fails at run time on some products of 16-bit numbers inside a conditional."""
    q, k, v = normal(kind, B, T, N, H), normal(kind, 1, S, K, H), normal(kind, 1, S, K, H)

    def loss(q, k, v):
        out = cross_attention(q, k, v, Mask.causal(), implementation=name)
        return jnp.sin(out.astype(jnp.float32)).sum()

    got = jax.jit(jax.value_and_grad(loss, (0, 1, 2)))(q, k, v)
    want = jax.jit(jax.value_and_grad(loss, (0, 1, 2)))(*(x.astype(jnp.float32) for x in (q, k, v)))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a.astype(jnp.float32), b, atol=0.06), got, want)
