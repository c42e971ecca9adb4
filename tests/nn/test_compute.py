"""bfloat16 in the products of the layers, float32 in everything else: which is which, and how far it carries."""

import re
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from xattn.nn.dimensions import Dimensions
from xattn.nn.encoder_decoder import EncoderDecoder
from xattn.training.losses import cross_entropy, sum_of

B, S, T, V, D, N, L, F = 3, 7, 5, 31, 12, 2, 1, 17


def make(compute):
    dims = Dimensions(width=D, heads=N, layers=L, mlp=F, dtype=jnp.dtype(compute))
    return EncoderDecoder(vocabulary=V, dims=dims, rngs=nnx.Rngs(0))


@pytest.fixture(scope="module")
def params():
    return nnx.to_pure_dict(nnx.jit(lambda: nnx.state(make("bfloat16"), nnx.Param))())


def graph(compute):
    return nnx.split(nnx.eval_shape(partial(make, compute)), nnx.Param)[0]


@pytest.fixture(scope="module")
def batch():
    rng = np.random.default_rng(0)
    source, target, labels = (jnp.asarray(rng.integers(0, V, (B, n))) for n in (S, T, T))
    return source, jnp.arange(S)[None] < jnp.array([[7], [4], [1]]), target, labels


def loss(compute, params, source, mask, target, labels):
    logits, _ = nnx.merge(graph(compute), params)(source, mask, target)
    return sum_of(cross_entropy(logits, labels), labels != 0).mean


def test_loss_and_gradients_are_close_and_in_float32(params, batch):
    (value, got), (exact, wanted) = (
        jax.jit(jax.value_and_grad(partial(loss, compute)))(params, *batch) for compute in ("bfloat16", "float32")
    )
    assert value.dtype == jnp.float32
    assert 0 < abs(value / exact - 1) < 5e-3
    pairs = list(zip(jax.tree.leaves(got), jax.tree.leaves(wanted), strict=True))
    assert {a.dtype for a, _ in pairs} == {jnp.dtype("float32")}
    # bfloat16 has 8 bits: every rounding is off by up to 2^-9, and a gradient has gone through some thirty.
    error = sum(float(((a - b) ** 2).sum()) for a, b in pairs) / sum(float((b**2).sum()) for _, b in pairs)
    assert error**0.5 < 0.03


def test_the_layers_multiply_in_bfloat16_and_the_vocabulary_in_float32(params, batch):
    def run(params, source, mask, target):
        return nnx.merge(graph("bfloat16"), params)(source, mask, target)[0]

    program = jax.jit(run).lower(params, *batch[:3]).as_text()
    shapes = re.findall(r"dot_general.*: \(tensor<(.+?)>, tensor<(.+?)>\)", program)
    # Self-attention twice and cross-attention with four projections and two products each, and two MLPs; some of
    # them are compiled once and called twice.
    assert len(shapes) > 10
    assert [pair for pair in shapes if not all(side.endswith("xbf16") for side in pair)] == [
        (f"{B}x{T}x{D}xf32", f"{D}x{V}xf32")
    ]


def test_cached_steps_say_what_the_whole_pass_says(params, batch):
    source, mask, target, _ = batch

    @jax.jit
    def both(params):
        model = nnx.merge(graph("bfloat16"), params)
        whole, _ = model(source, mask, target)
        step, state = model.stepper(model.encode(source, mask), 1, T)
        parts = []
        for t in range(T):
            logits, state, _ = step(target[:, t, None], jnp.int32(t), state)
            parts.append(logits[:, 0])
        return whole, jnp.stack(parts, axis=1)

    whole, parts = both(params)
    np.testing.assert_allclose(parts, whole, atol=0.02 * float(jnp.abs(whole).max()))
