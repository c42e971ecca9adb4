"""The options of CrossAttention: parameters are made as asked, and scores are treated as by the functions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from jax.sharding import AxisType
from jax.sharding import PartitionSpec as P

from xattn.attention import Mask, ScoreBias, alibi_slopes, cross_attention_with_aux
from xattn.nn.attention import AttentionOptions, CrossAttention, linear

B, T, S, D, M, N = 2, 5, 7, 12, 9, 4
rng = np.random.default_rng(0)
x, memory = (jnp.asarray(rng.normal(size=size), jnp.float32) for size in ((B, T, D), (B, S, M)))


def params(module):
    return nnx.to_pure_dict(nnx.state(module, nnx.Param))


def test_the_initial_parameters_are_those_of_four_linear_maps():
    module, rngs = CrossAttention(D, M, N, bias=True, norm=True, rngs=nnx.Rngs(3)), nnx.Rngs(3)
    widths = {"query": (D, D), "key": (M, D), "value": (M, D), "out": (D, D)}
    want = {name: params(nnx.Linear(*width, rngs=rngs)) for name, width in widths.items()}
    have = params(module)
    assert set(have) == {*want, "query_norm", "key_norm"}
    jax.tree.map(np.testing.assert_array_equal, {name: have[name] for name in want}, want)


def test_parameters_are_made_as_asked():
    mesh = jax.make_mesh((2,), ("heads",), axis_types=(AxisType.Auto,))
    module = CrossAttention(
        D, M, N, bias=True, norm=True, sink=True, param_dtype=jnp.bfloat16, precision="highest", rngs=nnx.Rngs(0),
        kernel_init=nnx.with_partitioning(nnx.initializers.constant(2.0), (None, "heads"), mesh=mesh),
        out_kernel_init=nnx.with_partitioning(nnx.initializers.constant(3.0), ("heads", None), mesh=mesh),
        bias_init=nnx.initializers.constant(4.0), out_bias_init=nnx.initializers.constant(5.0),
    )  # fmt: skip
    made = params(module)
    assert {leaf.dtype for leaf in jax.tree.leaves(made)} == {jnp.dtype(jnp.bfloat16)}
    for name in ("query", "key", "value", "out"):
        assert (made[name]["kernel"] == (3 if name == "out" else 2)).all()
        assert (made[name]["bias"] == (5 if name == "out" else 4)).all()
    specs = nnx.get_partition_spec(nnx.state(module, nnx.Param))
    assert specs["query"]["kernel"].get_value() == specs["value"]["kernel"].get_value() == P(None, "heads")
    assert specs["out"]["kernel"].get_value() == P("heads", None)
    assert made["query"]["kernel"].sharding.spec == P(None, "heads")
    text = str(jax.make_jaxpr(lambda x: linear(x, module.query)[0])(x))
    assert "HIGHEST" in text


def test_options_sink_bias_and_statistics_are_those_of_the_function():
    module = CrossAttention(
        D, M, N, sink=True, options=AttentionOptions(softcap=2.0, implementation="chunked", block=(4, 3)),
        rngs=nnx.Rngs(0),
    )  # fmt: skip
    module.sink[...] = jnp.linspace(-1, 1, N)
    bias, mask = ScoreBias.alibi(alibi_slopes(N)), Mask.window(4, 4)
    projected = module.project_memory(memory, mask)
    out, aux = module.attend_with_aux(x, projected, bias=bias, returns=("lse", "entropy"), top_k=2)
    q = linear(x, module.query)[0].reshape(B, T, N, -1)
    mixed, want = cross_attention_with_aux(
        q, *projected, bias=bias, sink=jnp.linspace(-1, 1, N), softcap=2.0, implementation="dense",
        returns=("lse", "entropy", "weights"), top_k=2,
    )  # fmt: skip
    np.testing.assert_allclose(out, linear(mixed.reshape(B, T, -1), module.out)[0], atol=2e-6)
    for name in ("lse", "entropy", "top_weights", "top_keys"):
        np.testing.assert_allclose(getattr(aux, name), getattr(want, name), atol=2e-6)
    again, weights = module(x, memory, mask, bias=bias)
    np.testing.assert_allclose(again, out, atol=2e-6)
    np.testing.assert_allclose(weights, want.weights, atol=2e-6)
    gradient = jax.grad(lambda sink: jnp.sin(
        cross_attention_with_aux(q, *projected, sink=sink, returns=())[0]).sum())(module.sink[...])  # fmt: skip
    assert np.abs(gradient).min() > 0


def test_another_normalizer():
    module = CrossAttention(D, M, N, options=AttentionOptions(normalizer="sparsemax"), rngs=nnx.Rngs(0))
    _, weights = module(x, memory)
    assert (np.asarray(weights) == 0).any()
    np.testing.assert_allclose(weights.sum(-1), 1, rtol=1e-6)


def test_positions_per_example():
    module = CrossAttention(D, D, N, head_width=4, rngs=nnx.Rngs(0))
    positions = np.array([[0, 1, 2, 3, 4], [9, 3, 70, 2, 1]])
    out, weights = module(x, x, positions=positions)
    traced, _ = module(x, x, positions=jnp.asarray(positions))
    np.testing.assert_allclose(traced, out, atol=3e-6)
    for b in range(B):
        one, some = module(x[b], x[b], positions=positions[b])
        np.testing.assert_allclose(out[b], one, atol=3e-6)
        np.testing.assert_allclose(weights[b], some, atol=3e-6)


def test_from_flax_keeps_the_types_of_parameters_and_the_precision():
    flax = nnx.MultiHeadAttention(2, 8, decode=False, param_dtype=jnp.bfloat16, precision="highest", rngs=nnx.Rngs(0))
    ours = CrossAttention.from_flax(flax)
    assert ours.query.kernel.dtype == jnp.bfloat16
    assert ours.query.param_dtype == jnp.bfloat16
    assert ours.out.precision == "highest"


def test_a_wrong_option_is_refused_by_the_function():
    module = CrossAttention(D, M, N, options=AttentionOptions(normalizer="softmx"), rngs=nnx.Rngs(0))
    with pytest.raises(ValueError, match="normalizer is 'softmx'; accepted are softmax"):
        module(x, memory)
