"""Every implementation in the table, against NumPy in float64 and against the contract."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from xattn.attention import Mask, cross_attention

OWN = ("dense", "chunked", "chunked_jvp", "neighbors")
STATISTICS = ("lse", "key_mass", "entropy", "max_score", "weights")


def finite(x):
    return jnp.where(x == -jnp.inf, 0, x)


def objective(run):
    """The gradients of a function that output and lse move, with those outputs."""

    def of(arrays):
        out, aux = run(arrays)
        value = jnp.sin(out.astype(jnp.float32)).sum()
        return value if aux.lse is None else value + jnp.cos(finite(aux.lse)).sum(), (out, aux)

    return jax.jit(jax.grad(of, has_aux=True))


def asked(implementation, problem, serve, **options):
    run = serve(implementation, problem, **options)
    if run is None:
        pytest.skip(f"{implementation} says that it cannot")
    return run


def close(have, want, tolerance):
    np.testing.assert_allclose(np.asarray(have, float), np.asarray(want), rtol=tolerance, atol=tolerance)


TRUTH = {}  # gradients of the dense implementation in float64, which finite differences vouch for


def test_values_and_gradients(problem, implementation, serve, request):
    run = asked(implementation, problem, serve)
    gradients, (out, aux) = objective(run)(problem.differentiable(jnp.float32))
    want = problem.solve()
    close(out, want["out"], 3e-6)
    if aux.lse is not None:
        close(aux.lse, want["lse"], 3e-6)
    key = (request.node.callspec.params["problem"], aux.lse is None)
    if key not in TRUTH:
        with jax.enable_x64(True):
            exact = objective(
                lambda arrays: problem.run("dense", arrays, problem.mask, () if key[1] else ("lse",), None)
            )
            TRUTH[key] = exact(problem.differentiable(jnp.float64))[0]
    for name, gradient in gradients.items():
        close(gradient, TRUTH[key][name], 2e-5)


@pytest.mark.parametrize("name", OWN)
@pytest.mark.parametrize("which", ["padded_with_sink", "everything"])
def test_statistics(name, which, problems, serve):
    problem = problems[which]
    returns = tuple(set(STATISTICS) - {"weights"}) if name == "neighbors" else STATISTICS
    _, aux = jax.jit(serve(name, problem, returns=returns, top_k=2))(problem.differentiable(jnp.float32))
    want = problem.solve()
    for statistic in (*returns, "top_weights"):
        close(getattr(aux, statistic), want[statistic], 5e-6)
    keys = np.asarray(aux.top_keys)
    assert ((keys < 0) == (want["top_weights"] == 0)).all()
    listed = np.take_along_axis(want["weights"], np.maximum(keys, 0), -1)
    close(np.where(keys < 0, 0, listed), want["top_weights"], 5e-6)


@pytest.mark.parametrize("name", OWN)
def test_own_implementations_serve_every_problem(name, problems, serve):
    for problem in problems.values():
        assert serve(name, problem) is not None


def small(problems):
    """A problem with every differentiable argument, small enough for second derivatives."""
    problem, rng = problems["everything"], np.random.default_rng(0)
    problem.q, problem.k, problem.v = (rng.normal(size=shape) for shape in ((3, 2, 2), (4, 1, 2), (4, 1, 3)))
    problem.mask, problem.block = Mask.lengths(keys=jnp.array(3)) & Mask.window(2, 1), (2, 2)
    problem.arrays |= {"bias": rng.normal(size=(2, 1, 4)), "sink": rng.normal(size=2)}
    del problem.static["dropout"]
    return problem


def test_derivatives_of_the_reference(problems, serve):
    problem = small(problems)
    with jax.enable_x64(True):
        run = serve("dense", problem, jnp.float64)

        @jax.jit
        def outputs(arrays):
            out, aux = run(arrays)
            return out, aux.lse

        check_grads(outputs, (problem.differentiable(jnp.float64),), order=2, atol=1e-5, rtol=1e-5)


def moved(tree, by, along):
    return jax.tree.map(lambda x, d: x + by * d, tree, along)


def inner(a, b):
    return sum(jnp.vdot(x, y) for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True))


@pytest.mark.parametrize("name", OWN)
def test_slopes_of_output_and_statistics_are_those_of_finite_differences(name, problems, serve):
    """Along one direction through all arguments at once."""
    problem, rng, step = small(problems), np.random.default_rng(1), 1e-5
    with jax.enable_x64(True):
        run = serve(name, problem, jnp.float64, ("lse", "entropy", "key_mass"))

        @jax.jit
        def f(arrays):
            out, aux = run(arrays)
            return sum((x**2 + jnp.sin(x)).sum() for x in (out, aux.lse, aux.entropy, aux.key_mass))

        at = problem.differentiable(jnp.float64)
        along = jax.tree.map(lambda x: jnp.asarray(rng.normal(size=x.shape)), at)
        slope = (f(moved(at, step, along)) - f(moved(at, -step, along))) / (2 * step)
        np.testing.assert_allclose(inner(jax.jit(jax.grad(f))(at), along), slope, rtol=1e-7)
        if name != "chunked":
            forward = jax.jit(lambda x: jax.jvp(f, (x,), (along,))[1])(at)
            np.testing.assert_allclose(forward, slope, rtol=1e-7)


@pytest.mark.parametrize("name", OWN)
def test_second_derivatives_are_those_of_finite_differences(name, problems, serve):
    problem, rng, step = small(problems), np.random.default_rng(1), 1e-5
    with jax.enable_x64(True):
        run = serve(name, problem, jnp.float64)

        def f(arrays):
            out, aux = run(arrays)
            return jnp.sin(out).sum() + jnp.sin(aux.lse).sum()

        at = problem.differentiable(jnp.float64)
        along = jax.tree.map(lambda x: jnp.asarray(rng.normal(size=x.shape)), at)
        gradient = jax.jit(jax.grad(f))
        ahead, behind = gradient(moved(at, step, along)), gradient(moved(at, -step, along))
        want = jax.tree.map(lambda a, b: (a - b) / (2 * step), ahead, behind)
        products = [jax.jit(lambda x: jax.vjp(jax.grad(f), x)[1](along)[0])]  # the Hessian is symmetric
        if name == "chunked":  # the others are differentiated by JAX alone
            products.append(jax.jit(lambda x: jax.jvp(jax.grad(f), (x,), (along,))[1]))
        for product in products:
            jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-7), product(at), want)


def test_what_nobody_sees_is_never_read_and_blind_queries_give_nothing(problems, implementation, serve):
    problem = problems["padded_with_sink"]
    problem.arrays = {"scale": np.array(0.6)}
    run = asked(implementation, problem, serve)
    seen = np.broadcast_to(problem.seen, (3, 2, 7, 11))
    unseen, blind = ~seen.any((1, 2)), ~seen.any(3)  # [B,S] and [B,N,T]
    assert unseen.any()
    assert blind.any()

    @jax.jit
    def step(arrays, back):
        """Outputs, and gradients of ones, except that `back` comes back to queries that see nothing."""
        (out, aux), pull = jax.vjp(run, arrays)
        d_out = jnp.where(jnp.swapaxes(blind, 1, 2)[..., None], back, jnp.ones_like(out))
        d_aux = jax.tree.map(lambda x: jnp.where(blind, back, jnp.ones_like(x)), aux)
        return pull((d_out, d_aux))[0], out, aux

    clean = problem.differentiable(jnp.float32)
    want = step(clean, 1.0)
    for poison in (np.nan, np.inf, 1e30):
        dirty = clean | {name: jnp.where(unseen[..., None, None], poison, clean[name]) for name in "kv"}
        dirty["q"] = jnp.where(blind[:, 0, :, None, None], poison, clean["q"])
        jax.tree.map(np.testing.assert_array_equal, step(dirty, poison), want)
    gradients, out, aux = want
    assert not np.asarray(out)[blind[:, 0]].any()
    assert not np.asarray(gradients["q"])[blind[:, 0]].any()
    assert not np.asarray(gradients["k"])[unseen].any()
    assert not np.asarray(gradients["v"])[unseen].any()
    assert aux.lse is None or (np.asarray(aux.lse)[blind] == -np.inf).all()


def test_a_nan_that_somebody_sees_comes_out(problems, implementation, serve):
    problem = problems["listed_neighbors"]
    run = jax.jit(asked(implementation, problem, serve))
    sees = problem.seen[0, 0, :, 5]
    assert sees.any()
    assert not sees.all()
    for name in "kv":
        arrays = problem.differentiable(jnp.float32)
        out, _ = run(arrays | {name: arrays[name].at[0, 5].set(jnp.nan)})
        assert np.isnan(out[0, sees]).all()
        assert np.isfinite(out[1:]).all()


@pytest.mark.parametrize("name", OWN)
def test_a_bias_of_minus_infinity_is_a_mask(name, serve, problems):
    problem = problems["grouped_shared_memory"]
    problem.arrays["bias"] = np.where(np.arange(7)[:, None] == 4, -np.inf, np.zeros((1, 1, 1, 7, 11)))
    gradients, (out, aux) = objective(serve(name, problem))(problem.differentiable(jnp.float32))
    assert not np.asarray(out)[:, :, 4].any()
    assert (np.asarray(aux.lse)[..., 4] == -np.inf).all()
    assert all(np.isfinite(gradient).all() for gradient in gradients.values())
    assert not np.asarray(gradients["q"])[:, :, 4].any()


@pytest.mark.parametrize("name", OWN)
def test_a_bias_of_what_is_masked_is_never_read(name, serve, problems):
    problem = small(problems)
    step = objective(serve(name, problem))
    clean, seen = problem.differentiable(jnp.float32), problem.mask.materialize(queries=3, keys=4)
    dirty = clean | {"bias": jnp.where(seen.any(1, keepdims=True), clean["bias"], jnp.nan)}
    jax.tree.map(np.testing.assert_array_equal, step(dirty), step(clean))


@pytest.mark.parametrize("name", ["dense", "chunked"])
def test_eager_jit_and_vmap_agree(name, problems):
    problem = problems["listed_neighbors"]
    q, k, v = (problem.differentiable(jnp.float32)[x] for x in "qkv")
    block = (4, 3) if name == "chunked" else None

    def loss(q, k, v, mask):
        out = cross_attention(q, k, v, mask, implementation=name, block=block)
        return jnp.sin(out).sum(), out

    def step(q, k, v, mask):
        return jax.grad(loss, argnums=(0, 1, 2), has_aux=True)(q, k, v, mask)

    first, mask = jax.tree.map(lambda x: x[0], problem.mask), problem.mask
    gradients, out = jax.jit(step)(q, k, v, mask)
    close(loss(q, k, v, mask)[1], out, 3e-6)
    mapped = jax.jit(jax.vmap(step))(q, k, v, mask)
    jax.tree.map(lambda a, b: close(a, b, 3e-6), mapped, (gradients, out))
    shared = jax.jit(jax.vmap(step, (0, None, None, None)))(q, k[0], v[0], first)
    jax.tree.map(lambda a, b: close(a[0], b[0], 3e-6), shared, (gradients, out))


SIZES = [(1, 513), (513, 7), (7, 65), (65, 64), (64, 1)]


@pytest.mark.parametrize(("queries", "keys", "kind"), [
    *((queries, keys, jnp.float32) for queries, keys in SIZES), (65, 64, jnp.bfloat16), (7, 513, jnp.bfloat16)
])  # fmt: skip
def test_rounding_errors_are_those_of_a_naive_run(queries, keys, kind, problems, serve, implementation):
    if implementation == "neighbors" and queries * keys > 2000:
        pytest.skip("lists of all keys are not what it is for")
    rng = np.random.default_rng(queries)
    problem = problems["grouped_shared_memory"]
    problem.q, problem.k, problem.v = (rng.normal(size=(n, 2, 8)) for n in (queries, keys, keys))
    problem.block, problem.arrays = None, {}
    arrays = problem.differentiable(kind)
    problem.q, problem.k, problem.v = (np.asarray(arrays[name], float) for name in "qkv")
    run = asked(implementation, problem, serve, dtype=kind, returns=())

    @jax.jit
    def naive(q, k, v):
        weights = jax.nn.softmax(jnp.einsum("tnh,snh->nts", q, k) * jnp.asarray(8**-0.5, kind), axis=-1)
        return jnp.einsum("nts,snh->tnh", weights, v)

    want = problem.solve()["out"]
    out, rough = jax.jit(run)(arrays)[0], naive(*(arrays[name] for name in "qkv"))
    assert out.dtype == kind
    error, allowed = (np.abs(np.asarray(x, float) - want).max() for x in (out, rough))
    assert error <= 2 * allowed + 1e-6


@pytest.mark.parametrize(("queries", "keys", "masked"), [(*n, i % 2 == 0) for i, n in enumerate(SIZES)])
def test_gradients_at_sizes_that_blocks_do_not_divide(queries, keys, masked):
    rng = np.random.default_rng(keys)
    q, k, v = (jnp.asarray(rng.normal(size=(2, n, 2, 3)), jnp.float32) for n in (queries, keys, keys))
    mask = Mask.causal(queries=jnp.arange(queries) + 2) if masked else None

    def step(name):
        def loss(q, k, v):
            out = cross_attention(q, k, v, mask, implementation=name)
            return jnp.sin(out).sum(), out

        return jax.jit(jax.grad(loss, argnums=(0, 1, 2), has_aux=True))(q, k, v)

    jax.tree.map(lambda a, b: close(a, b, 5e-6), step("chunked"), step("dense"))


@pytest.mark.parametrize(("queries", "keys"), [(0, 3), (3, 0)])
def test_nothing_to_ask_or_nothing_to_see(queries, keys, serve, problems, implementation):
    problem = problems["grouped_shared_memory"]
    problem.q, problem.k, problem.v = (np.ones((2, n, 2, 5)) for n in (queries, keys, keys))
    problem.arrays = {}
    out, aux = jax.jit(asked(implementation, problem, serve))(problem.differentiable(jnp.float32))
    assert out.shape == (2, queries, 2, 5)
    assert not np.asarray(out).any()
    assert (np.asarray(aux.lse) == -np.inf).all()
