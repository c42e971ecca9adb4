"""merge, attention_weights, prepare_memory, explain, and every statistic on an example worked by hand."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from xattn.attention import (
    Mask,
    attention_weights,
    cross_attention,
    cross_attention_with_aux,
    explain,
    merge,
    prepare_memory,
)

B, T, S, N, K, H, HV = 2, 5, 9, 4, 2, 3, 6


@pytest.fixture
def arrays():
    rng = np.random.default_rng(8)
    shapes = {"q": (B, T, N, H), "k": (B, S, K, H), "v": (B, S, K, HV)}
    return {name: rng.normal(size=shape) for name, shape in shapes.items()}


def floats(named):
    return {name: jnp.asarray(value, jnp.float32) for name, value in named.items()}


def close(have, want, tolerance=3e-6):
    np.testing.assert_allclose(np.asarray(have, float), np.asarray(want), rtol=tolerance, atol=tolerance)


def test_merged_parts_are_the_whole_memory_and_so_are_their_gradients(arrays, pose):
    """In any order, an empty part among them; example 1 sees nothing of one part, and query 2 nothing at all."""
    seen = np.ones((B, 1, T, S), bool)
    seen[1, :, :, 7:], seen[:, :, 2] = False, False

    def merged(named):
        parts = []
        for start, stop in ((7, 9), (0, 3), (2, 2), (3, 7)):
            k, v = named["k"][:, start:stop], named["v"][:, start:stop]
            parts.append(cross_attention_with_aux(named["q"], k, v, jnp.asarray(seen[..., start:stop])))
        return merge([out for out, _ in parts], [aux.lse for _, aux in parts])

    def whole(named):
        out, aux = cross_attention_with_aux(**named, mask=jnp.asarray(seen))
        return out, aux.lse

    def step(run):
        def objective(named):
            out, lse = run(named)
            return jnp.sin(out).sum() + jnp.where(lse == -jnp.inf, 0, jnp.cos(lse)).sum(), (out, lse)

        return jax.grad(objective, has_aux=True)

    both = jax.jit(lambda named: (step(merged)(named), step(whole)(named)))
    (gradients, (out, lse)), (want_gradients, _) = both(floats(arrays))
    want = pose(**arrays, seen=seen).solve()
    close(out, want["out"])
    close(lse, want["lse"])
    jax.tree.map(lambda a, b: close(a, b, 1e-5), gradients, want_gradients)


def test_merge_weighs_parts_by_the_exponential_of_their_lse():
    """Shares 1/4 and 3/4; the part that saw nothing holds NaN, and no gradient meets it."""
    outs = [jnp.array([[[8.0, 0.0]]]), jnp.full((1, 1, 2), jnp.nan), jnp.array([[[4.0, -4.0]]])]
    lses = [jnp.log(jnp.array([[1.0]])), jnp.array([[-jnp.inf]]), jnp.log(jnp.array([[3.0]]))]

    @jax.jit
    def step(outs, lses):
        (out, lse), pull = jax.vjp(merge, outs, lses)
        first = jnp.zeros_like(out).at[0, 0, 0].set(1.0)
        return out, lse, pull((first, jnp.zeros_like(lse))), pull((jnp.zeros_like(out), jnp.ones_like(lse)))

    out, lse, (d_outs, d_lses), (_, d_lses_by_lse) = step(outs, lses)
    close(out, [[[5.0, -3.0]]], 1e-6)
    close(lse, [[np.log(4)]], 1e-6)
    close(np.stack(d_outs)[:, 0, 0], [[0.25, 0], [0, 0], [0.75, 0]], 1e-6)
    close(np.stack(d_lses)[:, 0, 0], [0.75, 0, -0.75], 1e-6)  # share * (out - merged): 1/4 * 3 and 3/4 * -1
    close(np.stack(d_lses_by_lse)[:, 0, 0], [0.25, 0, 0.75], 1e-6)


def test_merge_keeps_the_dtype_of_its_parts_and_nothing_merged_with_nothing_is_nothing():
    nothing = jnp.full((N, T), -jnp.inf)
    out, lse = merge([jnp.full((T, N, HV), jnp.nan, jnp.bfloat16)] * 2, [nothing] * 2)
    assert out.dtype == jnp.bfloat16
    assert lse.dtype == jnp.float32
    assert not np.asarray(out, float).any()
    np.testing.assert_array_equal(lse, nothing)


@pytest.mark.parametrize("normalizer", ["softmax", "entmax15"])
def test_weights_after_the_fact_are_those_of_the_definition(normalizer, arrays, pose):
    valid = np.arange(S) < np.array([[6], [0]])
    named = {"bias": np.random.default_rng(1).normal(size=(1, N, T, S))}
    if normalizer == "softmax":
        named["sink"] = np.array([0.5, -1.0, 0.0, 2.0])
    problem = pose(**arrays, seen=valid[:, None, None], arrays=named, static={"normalizer": normalizer, "softcap": 3.0})
    want = problem.solve()["weights"]
    picked, mask = jnp.array([4, 0, 4]), Mask.keys(valid)

    @jax.jit
    def run(named):
        q, k, v = (named.pop(name) for name in "qkv")
        options = named | problem.static
        found = {"whole": attention_weights(q, k, mask, **options)}
        found["picked"] = attention_weights(q, k, mask, queries=picked, **options)
        if normalizer == "softmax":
            lse = cross_attention_with_aux(q, k, v, mask, implementation="chunked", **options)[1].lse
            found["whole by lse"] = attention_weights(q, k, mask, lse=lse, **options)
            found["picked by lse"] = attention_weights(q, k, mask, lse=lse, queries=picked, **options)
        return found

    for name, have in run(floats(arrays | named)).items():
        close(have, want[:, :, np.asarray(picked)] if "picked" in name else want)
        assert not np.asarray(have)[1].any()


def test_a_number_beyond_the_queries_is_taken_for_the_nearest(arrays):
    q, k = (floats(arrays)[name] for name in "qk")
    run = jax.jit(lambda queries: attention_weights(q, k, queries=queries))
    np.testing.assert_array_equal(run(jnp.array([-3, T + 2])), run(jnp.array([0, T - 1])))


def test_a_prepared_memory_is_the_masked_memory(arrays, pose):
    named = floats(arrays)
    valid = jnp.asarray(np.arange(S) < np.array([[5], [9]]))
    spoilt = {name: jnp.where(valid[..., None, None], named[name], jnp.nan) for name in "kv"}

    @jax.jit
    def run(named):
        memory = prepare_memory(**named, valid=valid)
        return memory.k, memory.v, cross_attention(floats(arrays)["q"], *memory)

    k, v, out = run(spoilt)
    assert not np.asarray(k)[0, 5:].any()
    assert not np.asarray(v)[0, 5:].any()
    np.testing.assert_array_equal(k[1], named["k"][1])
    want = pose(**arrays, seen=np.asarray(valid)[:, None, None]).solve()["out"]
    close(out, want)
    gradients = jax.jit(jax.grad(lambda named: run(named)[2].sum()))(spoilt)
    assert not any(np.asarray(gradient)[0, 5:].any() for gradient in gradients.values())
    whole = prepare_memory(named["k"], named["v"])
    assert whole.k is named["k"]
    assert not whole.mask.conditions


def test_explain_names_what_runs_and_the_reason_why_another_cannot(arrays):
    named = floats(arrays)

    def lines(**options):
        return dict(line.split(": ", 1) for line in explain(**named, **options).splitlines())

    plain = lines()
    assert plain["dense"].startswith("runs; stores T x S scores")
    assert plain["chunked"].startswith("can; O(T + S) memory")
    assert plain["neighbors"] == "cannot; it needs one Mask.neighbors, not 0"
    assert plain["jax_nn"] == "cannot; it needs values as wide as keys (H = Hv)"
    assert "needs an NVIDIA GPU" in plain["cudnn"]
    assert lines(implementation="chunked")["chunked"].startswith("runs; ")
    assert lines(block=(4, 4))["chunked"].startswith("runs; ")
    assert lines(block=(4, 4))["dense"] == "cannot; it has no block"
    assert lines(normalizer="sparsemax")["chunked"] == "cannot; it normalizes with softmax, not sparsemax"
    asked = lines(softcap=2.0, sink=0.0, returns=("lse",))["jax_nn"]
    for reason in ("has no sink", "returns no statistics", "has no softcap"):
        assert f"it {reason}" in asked
    listed = Mask.neighbors(jnp.zeros((T, 1), int))
    assert lines(mask=listed)["neighbors"].startswith("runs; gathers")
    assert lines(mask=listed, returns=("weights",))["neighbors"] == "cannot; it stores no weights [T,S]"
    assert lines(mask=listed, top_k=2)["neighbors"] == "cannot; it has no top 2 in lists of 1"
    large = [jax.ShapeDtypeStruct((1, 4096, 2, 3), jnp.float32)] * 3
    said = []
    jax.eval_shape(lambda q, k, v: said.append(explain(q, k, v)), *large)
    assert "chunked: runs; " in said[0]


@pytest.mark.parametrize("implementation", ["dense", "chunked"])
def test_every_statistic_on_an_example_worked_by_hand(implementation):
    """Scores are the bias: logarithms of 1, 2, 5 and of 4, 1, 3; the sink adds 2 to the first sum of 8."""
    bias = jnp.log(jnp.array([[[1.0, 2, 5], [4, 1, 3], [1, 1, 1]]]))
    mask = Mask.dense(jnp.array([[[True] * 3, [True, True, False], [False] * 3]]))
    q, v = jnp.zeros((3, 1, 2)), jnp.array([[[10.0]], [[20.0]], [[30.0]]])
    returns = ("lse", "weights", "key_mass", "entropy", "max_score")
    block = (2, 2) if implementation == "chunked" else None
    options = {"implementation": implementation, "block": block, "returns": returns, "top_k": 2}
    run = jax.jit(partial(cross_attention_with_aux, **options))
    out, aux = run(q, jnp.ones((3, 1, 2)), v, mask, bias=bias, sink=jnp.log(2.0))
    first, second = np.array([0.1, 0.2, 0.5]), np.array([4, 1, 0]) / 7
    close(out[:, 0, 0], [1 + 4 + 15, (40 + 20) / 7, 0])
    close(aux.lse, [[np.log(10), np.log(7), np.log(2)]])
    close(aux.weights, [[first, second, np.zeros(3)]])
    close(aux.key_mass, [first + second])
    entropies = [-(first * np.log(first)).sum(), 5 / 7 * np.log(7) - 4 / 7 * np.log(4), 0]
    close(aux.entropy, [entropies])
    close(aux.max_score, [[np.log(5), np.log(4), -np.inf]])
    close(aux.top_weights, [[[0.5, 0.2], [4 / 7, 1 / 7], [0, 0]]])
    np.testing.assert_array_equal(aux.top_keys, [[[2, 1], [0, 1], [-1, -1]]])


def test_only_the_statistics_asked_for_are_given(arrays):
    def run(**options):
        return jax.eval_shape(lambda: cross_attention_with_aux(**floats(arrays), **options))

    out, aux = run(returns=("entropy",))
    assert {name for name, value in vars(aux).items() if value is not None} == {"entropy"}
    assert aux.entropy.shape == (B, N, T)
    assert out.shape == (B, T, N, HV)
    _, aux = run(returns=(), top_k=3)
    assert {name for name, value in vars(aux).items() if value is not None} == {"top_weights", "top_keys"}
    assert aux.top_keys.shape == (B, N, T, 3)
