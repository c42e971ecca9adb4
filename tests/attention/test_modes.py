"""Modes of JAX that people switch on, over the table of implementations."""

import jax
import jax.numpy as jnp
import jaxtyping
import numpy as np
import pytest
from flax import nnx
from jax import export

from xattn import CrossAttention
from xattn.attention import (
    Dropout,
    Mask,
    attention_weights,
    bidirectional_cross_attention,
    cross_attention,
    cross_attention_with_aux,
    merge,
)

B, T, S, N, H = 2, 3, 5, 2, 4
TABLE = ["auto", "dense", "chunked", "chunked_jvp", "neighbors", "jax_nn"]
LISTS = np.array([[[0, 1], [2, -1], [3, 4]]] * B)


def arrays(b=B, t=T, s=S):
    rng = np.random.default_rng(0)
    return tuple(jnp.asarray(rng.normal(size=(b, size, N, H)), jnp.float32) for size in (t, s, s))


def mask_for(implementation):
    if implementation == "neighbors":
        return Mask.neighbors(LISTS)
    return Mask.lengths(keys=np.array([3, 4]))


def attend(implementation):
    return lambda q, k, v: cross_attention(q, k, v, mask_for(implementation), implementation=implementation)


@pytest.fixture
def symbolic_sizes(monkeypatch):
    """Annotations call sizes `int`, which symbolic ones are not; the checks of annotations run in tests only."""
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)


@pytest.mark.usefixtures("symbolic_sizes")
@pytest.mark.parametrize("implementation", ["auto", "dense", "chunked", "chunked_jvp", "jax_nn"])
def test_symbolic_shapes_are_exported(implementation):
    b, t, s = export.symbolic_shape("b, t, s")
    types = [jax.ShapeDtypeStruct((b, size, N, H), jnp.float32) for size in (t, s, s)]

    def run(q, k, v, lengths):
        return cross_attention(q, k, v, Mask.lengths(keys=lengths), implementation=implementation)

    exported = export.export(jax.jit(run))(*types, jax.ShapeDtypeStruct((b,), jnp.int32))
    for sizes in ((2, 3, 5), (1, 520, 300)):
        q, k, v = arrays(*sizes)
        lengths = jnp.full(sizes[0], sizes[2] - 1)
        wanted = cross_attention(q, k, v, Mask.lengths(keys=lengths), implementation="dense")
        np.testing.assert_allclose(exported.call(q, k, v, lengths), wanted, atol=2e-6)


@pytest.mark.usefixtures("symbolic_sizes")
def test_a_module_of_symbolic_shapes_is_exported():
    b, t, s = export.symbolic_shape("b, t, s")
    layer = CrossAttention(8, 8, 2, rngs=nnx.Rngs(0))
    types = [jax.ShapeDtypeStruct((b, size, 8), jnp.float32) for size in (t, s)]
    exported = export.export(jax.jit(lambda x, memory: layer(x, memory, Mask.causal())[0]))(*types)
    x, memory = jnp.ones((2, 3, 8)), jnp.arange(2 * 5 * 8.0).reshape(2, 5, 8) / 80
    np.testing.assert_allclose(exported.call(x, memory), layer(x, memory, Mask.causal())[0], atol=2e-6)


@pytest.mark.parametrize("implementation", TABLE)
def test_debug_infs_raises_no_false_alarm(implementation):
    q, k, v = arrays()
    with jax.debug_infs(True):
        out = attend(implementation)(q, k, v)
        jax.grad(lambda *x: attend(implementation)(*x).sum(), (0, 1, 2))(q, k, v)
        jax.jit(attend(implementation))(q, k, v)
    np.testing.assert_allclose(out, attend(implementation)(q, k, v), atol=2e-6)


@pytest.mark.parametrize("implementation", ["dense", "chunked", "chunked_jvp"])
def test_debug_infs_raises_for_rows_without_a_key_only_with_their_lse(implementation):
    q, k, v = arrays()
    hidden = Mask.lengths(keys=np.array([0, 4]))
    with jax.debug_infs(True):
        assert (cross_attention(q, k, v, hidden, implementation=implementation)[0] == 0).all()
        d_q = jax.grad(lambda q: cross_attention(q, k, v, hidden, implementation=implementation).sum())(q)
        assert (d_q[0] == 0).all()
        with pytest.raises(Exception, match="inf"):  # a FloatingPointError, or one of JAX's own
            cross_attention_with_aux(q, k, v, hidden, implementation=implementation, returns=("lse",))


def test_debug_infs_in_the_other_functions():
    q, k, v = arrays()
    mask = mask_for("dense")
    with jax.debug_infs(True):
        _, aux = cross_attention_with_aux(q, k, v, mask)
        assert jnp.allclose(attention_weights(q, k, mask), attention_weights(q, k, mask, lse=aux.lse), atol=1e-6)
        for implementation in ("dense", "chunked"):
            bidirectional_cross_attention(q, k, q, v, mask, implementation=implementation)


STRICT = [(name, "softmax") for name in TABLE] + [
    (name, normalizer) for name in ("dense", "neighbors") for normalizer in ("sigmoid", "sparsemax", "entmax15")
]


@pytest.mark.parametrize(("implementation", "normalizer"), STRICT)
def test_strict_promotion(implementation, normalizer):
    kind = jnp.float32 if implementation == "jax_nn" else jnp.bfloat16  # JAX's own function has no strict 16 bits
    q, k, v = (x.astype(kind) for x in arrays())
    options = {} if implementation == "jax_nn" else {"dropout": Dropout(0.5, 3), "softcap": 2.0}
    if normalizer == "softmax" and options:
        options["sink"] = jnp.zeros(N)
    returns = () if implementation == "jax_nn" else ("key_mass", "entropy", "max_score")

    def run(q, k, v):
        bias = jnp.ones((1, N, T, S), kind)
        out, aux = cross_attention_with_aux(
            q, k, v, mask_for(implementation), bias=bias, implementation=implementation, normalizer=normalizer,
            returns=returns if normalizer == "softmax" else (), **options,
        )  # fmt: skip
        return out.sum(), aux

    with jax.numpy_dtype_promotion("strict"):
        gradients, _ = jax.jit(jax.grad(run, (0, 1, 2), has_aux=True))(q, k, v)
    assert [x.dtype for x in gradients] == [kind] * 3
    assert all(jnp.isfinite(x).all() for x in gradients)


def test_strict_promotion_in_the_module():
    layer = CrossAttention(8, 8, 2, norm=True, sink=True, rngs=nnx.Rngs(0))
    x = jnp.ones((2, 3, 8))
    with jax.numpy_dtype_promotion("strict"):
        for positions in (np.arange(3), jnp.arange(3), jnp.arange(3, dtype=jnp.uint8)):
            layer(x, x, Mask.causal(), positions=positions)


@pytest.mark.parametrize("implementation", TABLE)
def test_transformations(implementation):
    """Checks of JAX, rematerialization, loops, vmap, and forward mode where an implementation has it."""
    q, k, v = arrays()
    run = attend(implementation)
    wanted = run(run(q, k, v), k, v)

    def twice(q, k, v):
        return jax.lax.scan(lambda q, _: (jax.checkpoint(run)(q, k, v), None), q, None, length=2)[0]

    with jax.enable_checks(True), jax.debug_nans(True):
        np.testing.assert_allclose(twice(q, k, v), wanted, atol=2e-6)
        jax.grad(lambda q: twice(q, k, v).sum())(q)
        by_vmap = jax.vmap(run, in_axes=(0, None, None))(jnp.stack([q, 2 * q]), k, v)
    np.testing.assert_allclose(by_vmap[1], run(2 * q, k, v), atol=2e-6)
    if implementation != "chunked":
        jax.jvp(jax.jit(twice), (q, k, v), (q, k, v))


EXPLICIT = [
    ("neighbors", {"implementation": "neighbors"}), ("jax_nn", {"implementation": "jax_nn"}),
    ("dense", {"implementation": "dense"}), ("chunked", {"implementation": "chunked", "block": (2, 2)}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "options"), EXPLICIT, ids=[name for name, _ in EXPLICIT])
def test_meshes_of_explicit_axes(name, options):
    """The output keeps the sharding of the queries, and gradients are those of one device."""
    q, k, v = arrays()
    run = jax.jit(jax.value_and_grad(lambda q, k, v: jnp.sin(attend_with(q, k, v, name, options)).sum(), (0, 1, 2)))
    wanted = run(q, k, v)
    mesh = jax.make_mesh((2, 2), ("data", "model"), axis_types=(jax.sharding.AxisType.Explicit,) * 2)
    with jax.set_mesh(mesh):
        placed = [jax.device_put(x, jax.P("data", None, "model")) for x in (q, k, v)]
        out = jax.jit(lambda *x: attend_with(*x, name, options))(*placed)
        assert out.sharding.spec[:3] == ("data", None, "model")
        got = run(*placed)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=3e-6), got, wanted)


def attend_with(q, k, v, name, options):
    return cross_attention(q, k, v, mask_for(name), **options)


def test_the_other_functions_and_the_module_on_a_mesh_of_explicit_axes():
    q, k, v = arrays()
    mask = mask_for("dense")
    x = jnp.asarray(np.random.default_rng(1).normal(size=(B, T, 8)), jnp.float32)
    layer = CrossAttention(8, 8, 2, rngs=nnx.Rngs(0))

    def run(q, k, v, x):
        _, aux = cross_attention_with_aux(q, k, v, mask, returns=("lse", "key_mass"))
        halves = [cross_attention_with_aux(q, k[:, at], v[:, at], returns=("lse",)) for at in (slice(2), slice(2, S))]
        merged, _ = merge([out for out, _ in halves], [aux.lse for _, aux in halves])
        both = bidirectional_cross_attention(q, k, q, v, mask)
        return (
            aux.key_mass,
            attention_weights(q, k, mask),
            attention_weights(q, k, mask, lse=aux.lse),
            merged,
            both,
            (layer(x, x)[0]),
        )

    wanted = jax.jit(run)(q, k, v, x)
    mesh = jax.make_mesh((2, 2), ("data", "model"), axis_types=(jax.sharding.AxisType.Explicit,) * 2)
    with jax.set_mesh(mesh):
        placed = [jax.device_put(y, jax.P("data", None, "model")) for y in (q, k, v)]
        got = jax.jit(run)(*placed, jax.device_put(x, jax.P("data")))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=3e-6), got, wanted)
