"""CrossAttention: equal to Flax's module where both are defined, and to plain NumPy where it is not."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from xattn.attention import Mask
from xattn.nn.attention import CrossAttention
from xattn.nn.rotary import rotate

# Distinct sizes, so that no two axes can be mixed up.
B, T, S, D, M, MV = 2, 5, 7, 12, 9, 11


@pytest.fixture(scope="module")
def inputs():
    rng = np.random.default_rng(0)
    x, memory, values = (jnp.asarray(rng.normal(size=size), jnp.float32) for size in ((B, T, D), (B, S, M), (B, S, MV)))
    return x, memory, values, jnp.asarray(rng.random((B, S)) < 0.7).at[:, 0].set(True)


@pytest.mark.parametrize(("bias", "norm"), [(True, False), (False, True)])
def test_it_takes_over_from_flax(inputs, bias, norm):
    x, memory, _, valid = inputs
    flax = nnx.MultiHeadAttention(
        num_heads=3,
        in_features=D,
        in_kv_features=M,
        qkv_features=24,
        out_features=10,
        use_bias=bias,
        normalize_qk=norm,
        decode=False,
        rngs=nnx.Rngs(0),
    )
    call = nnx.jit(lambda module, *args, **options: module(*args, **options))
    # Biases and gains are made unlike 0 and 1, or nothing would show that they are taken over.
    nnx.update(flax, jax.tree.map(lambda p: p + jnp.linspace(0.1, 0.5, p.size).reshape(p.shape), nnx.state(flax)))
    ours = CrossAttention.from_flax(flax)
    for mask, dense in ((None, None), (Mask.keys(valid), valid[:, None, None])):
        out, weights = call(ours, x, memory, mask)
        np.testing.assert_allclose(out, call(flax, x, memory, mask=dense), atol=1e-5)
        np.testing.assert_allclose(weights.sum(-1), 1, rtol=1e-6)
        assert weights.shape == (B, 3, T, S)


def test_widths_and_grouped_heads_are_as_by_hand(inputs):
    x, memory, values, valid = inputs
    module = CrossAttention(
        D, M, 6, value_width=MV, key_heads=2, head_width=4, out_width=3, bias=True, norm=True, rngs=nnx.Rngs(0)
    )
    assert module.key.kernel.shape == (M, 8)
    out, weights = nnx.jit(lambda m: m(x, memory, Mask.keys(valid), values=values))(module)

    f64 = np.float64
    p = jax.tree.map(lambda a: np.asarray(a, f64), nnx.to_pure_dict(nnx.state(module, nnx.Param)))

    def linear(a, name):
        return np.asarray(a, f64) @ p[name]["kernel"] + p[name]["bias"]

    def normed(a, name):
        a = a - a.mean(-1, keepdims=True)
        return a / np.sqrt((a**2).mean(-1, keepdims=True) + 1e-6) * p[name]["scale"]

    q = normed(linear(x, "query").reshape(B, T, 6, 4), "query_norm")
    k = np.repeat(normed(linear(memory, "key").reshape(B, S, 2, 4), "key_norm"), 3, axis=2)
    v = np.repeat(linear(values, "value").reshape(B, S, 2, 4), 3, axis=2)
    scores = np.where(np.asarray(valid)[:, None, None], np.einsum("BTNH,BSNH->BNTS", q, k) / 2, -np.inf)
    wanted = np.exp(scores) / np.exp(scores).sum(-1, keepdims=True)
    np.testing.assert_allclose(weights, wanted, atol=1e-6)
    heads = np.einsum("BNTS,BSNH->BTNH", wanted, v).reshape(B, T, 24)
    np.testing.assert_allclose(out, linear(heads, "out"), atol=1e-5)


def test_a_memory_projected_once_serves_every_query(inputs):
    x, memory, values, valid = inputs
    module = CrossAttention(D, M, 4, value_width=MV, key_heads=2, norm=True, rngs=nnx.Rngs(0))
    whole, weights = nnx.jit(lambda m: m(x, memory, Mask.keys(valid), values=values))(module)
    projected = nnx.jit(lambda m: m.project_memory(memory, Mask.keys(valid), values=values))(module)
    attend = nnx.jit(lambda m, x, projected: m.attend(x, projected))
    for t in range(T):
        out, row = attend(module, x[:, t : t + 1], projected)
        np.testing.assert_allclose(out[:, 0], whole[:, t], atol=1e-6)
        np.testing.assert_allclose(row[:, :, 0], weights[:, :, t], atol=1e-6)


def test_rotated_products_depend_on_the_distance_alone():
    rng = np.random.default_rng(0)
    q, k = jnp.asarray(rng.normal(size=(2, 1, 2, 6)), jnp.float32)

    def product(i, j):
        return np.einsum("tnh,tnh->n", rotate(q, jnp.array([i])), rotate(k, jnp.array([j])))

    np.testing.assert_allclose(product(3, 5), product(13, 15), rtol=1e-4)
    assert (np.abs(product(3, 5) - product(3, 6)) > 1e-3).all()
    # Pairs (i, i + H/2) are complex numbers, which a position turns.
    turned = (np.asarray(q)[..., :3] + 1j * np.asarray(q)[..., 3:]) * np.exp(1j * 7 * 1e4 ** -(np.arange(3) / 3))
    np.testing.assert_allclose(rotate(q, jnp.array([7])), np.concatenate([turned.real, turned.imag], -1), atol=1e-5)


def test_wrong_sizes_are_refused():
    with pytest.raises(ValueError, match="heads=5 does not divide width=12"):
        CrossAttention(D, M, 5, rngs=nnx.Rngs(0))
    with pytest.raises(ValueError, match="key_heads=3 does not divide heads=4"):
        CrossAttention(D, M, 4, key_heads=3, rngs=nnx.Rngs(0))
    with pytest.raises(ValueError, match="a head has 5, which is odd"):
        rotate(jnp.ones((1, 1, 5)), jnp.array([1]))


@pytest.mark.parametrize("together", [True, False])
def test_contributions_are_norms_of_what_heads_add(inputs, together):
    """NumPy in float64, every vector written out; 4 heads read 2 key heads."""
    x, memory, _, valid = inputs
    module = CrossAttention(D, M, 4, key_heads=2, head_width=2, out_width=7, rngs=nnx.Rngs(0))
    projected = module.project_memory(memory, Mask.keys(valid))
    out, weights = module.attend(x, projected)
    values, kernel = np.asarray(projected.v, float), np.asarray(module.out.kernel[...], float).reshape(4, 2, 7)
    added = np.zeros((B, 4, T, S, 7))
    for n in range(4):
        added[:, n] = np.asarray(weights, float)[:, n, :, :, None] * (values[:, :, n // 2] @ kernel[n])[:, None]
    np.testing.assert_allclose(added.sum(axis=(1, 3)), out, rtol=1e-4, atol=1e-5)  # together they are the output
    expected = np.linalg.norm(added.sum(axis=1, keepdims=True) if together else added, axis=-1)
    found = module.contributions(projected, weights, together=together)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("heads", "dtype"), [(2, None), (6, jnp.bfloat16)])
def test_shared_heads_and_dtype_come_from_flax_too(inputs, heads, dtype):
    x, memory, _, valid = inputs
    flax = nnx.MultiHeadAttention(
        6, D, qkv_features=24, in_kv_features=M, num_kv_heads=heads, dtype=dtype, decode=False, rngs=nnx.Rngs(0)
    )
    ours, dense = CrossAttention.from_flax(flax), valid[:, None, None]
    out, _ = ours(x, memory, dense)
    wanted = flax(x, memory, mask=dense)
    assert out.dtype == wanted.dtype
    np.testing.assert_allclose(
        *(np.asarray(y, np.float32) for y in (out, wanted)), atol=1e-5 if dtype is None else 0.02
    )


@pytest.mark.parametrize("name", ["attention_fn", "qkv_dot_general", "out_promote_dtype"])
def test_functions_that_would_be_lost_are_refused(name):
    flax = nnx.MultiHeadAttention(2, 4, decode=False, rngs=nnx.Rngs(0))
    setattr(flax, name, lambda *arguments, **options: arguments[0])
    with pytest.raises(ValueError, match=f"from_flax: the module has {name}=.*accepted is Flax's own"):
        CrossAttention.from_flax(flax)


@pytest.mark.usefixtures("no_jaxtyping")
def test_a_boolean_array_is_a_mask(inputs):
    x, memory, _, _ = inputs
    module = CrossAttention(D, M, 2, rngs=nnx.Rngs(0))
    seen = np.random.default_rng(1).random((B, 1, T, S)) < 0.5
    wanted, weights = module(x, memory, Mask.dense(seen))
    assert not np.asarray(weights)[~np.broadcast_to(seen, weights.shape)].any()
    for array in (seen, jnp.asarray(seen)):
        np.testing.assert_array_equal(module(x, memory, array)[0], wanted)
        np.testing.assert_array_equal(module.attend(x, module.project_memory(memory, array))[0], wanted)
    one = module(x, memory, np.zeros((1, 1, 1, 1), bool))[1]
    assert not np.asarray(one).any()
    for wrong, words in (
        (np.ones((B, S), bool), "write Mask.keys"),
        (seen * 1.0, "accepted is bool"),
        ([True], "list"),
    ):
        with pytest.raises(ValueError, match=words):
            module(x, memory, wrong)


@pytest.mark.parametrize(("batch", "queries", "keys"), [(0, T, S), (B, 0, S), (B, T, 0), (0, 0, 0)])
def test_every_size_may_be_zero(batch, queries, keys):
    module = CrossAttention(D, M, 2, norm=True, rngs=nnx.Rngs(0))
    x, memory = jnp.ones((batch, queries, D)), jnp.ones((batch, keys, M))
    out, weights = module(x, memory)
    assert out.shape == (batch, queries, D)
    assert weights.shape == (batch, 2, queries, keys)
    assert module.project_memory(memory, positions=np.arange(keys)).k.shape == (batch, keys, 2, 6)
    same = CrossAttention(D, D, 2, rngs=nnx.Rngs(0))
    assert same(x, x, positions=np.arange(queries))[0].shape == x.shape


def test_sizes_of_zero_and_other_widths_are_refused(inputs):
    x, memory, values, _ = inputs
    for name in ("heads", "key_heads", "head_width", "out_width", "value_width"):
        with pytest.raises(ValueError, match=f"^{name} is 0; accepted is a whole number of 1 or more"):
            CrossAttention(**({"width": D, "memory_width": M, "heads": 2} | {name: 0}), rngs=nnx.Rngs(0))
    module = CrossAttention(D, M, 2, rngs=nnx.Rngs(0))
    for name, arguments, options in (
        ("x", (memory, memory), {}), ("memory", (x, x), {}), ("values", (x, memory), {"values": values})
    ):  # fmt: skip
        with pytest.raises(ValueError, match=rf"^{name} has shape .*; accepted is \[\*B, length, (12|9)\]"):
            module(*arguments, **options)
