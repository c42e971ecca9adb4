"""Arguments as people write them: infinities, integers of any dtype and size, scalars of any library, empty arrays."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from xattn.attention import (
    Dropout,
    Mask,
    attention_weights,
    bidirectional_cross_attention,
    cross_attention,
    cross_attention_with_aux,
    dropout,
    explain,
    hash_bits,
    merge,
)

pytestmark = pytest.mark.usefixtures("no_jaxtyping")

B, T, S, N, H = 2, 5, 7, 2, 4
OWN = ("dense", "chunked", "chunked_jvp", "neighbors")
ALL = (*OWN, "jax_nn")


def arrays(batch=B, queries=T, keys=S, values=H):
    rng = np.random.default_rng(0)
    shapes = (batch, queries, N, H), (batch, keys, N, H), (batch, keys, N, values)
    return [jnp.asarray(rng.normal(size=shape), jnp.float32) for shape in shapes]


def attend(name, q, k, v, mask=None, returns=(), **options):
    """Output and statistics, over lists of all keys where an implementation needs lists."""
    if name == "neighbors":
        lists = Mask.neighbors(np.broadcast_to(np.arange(k.shape[-3]), (q.shape[-3], k.shape[-3])))
        mask = lists if mask is None else lists & mask
    block = (2, 3) if name.startswith("chunked") else None
    return cross_attention_with_aux(q, k, v, mask, implementation=name, block=block, returns=returns, **options)


@pytest.mark.parametrize("softcap", [None, 1.5])
@pytest.mark.parametrize("name", OWN)
def test_a_sink_of_minus_infinity_is_no_sink(name, softcap):
    """Head 0 has none; query 1 sees nothing."""
    q, k, v = arrays()
    sink, seen = jnp.array([-jnp.inf, 0.3]), jnp.arange(T)[:, None] != jnp.full(S, 1)[None]
    mask = Mask.dense(seen[None, None])

    def loss(q, k, v, sink):
        returns = ("lse", "entropy", "key_mass", "max_score")
        out, aux = attend(name, q, k, v, mask, returns, sink=sink, softcap=softcap)
        moved = sum(jnp.sin(jnp.where(jnp.isfinite(x), x, 0)).sum() for x in (out, aux.lse, aux.entropy, aux.key_mass))
        return moved, (out, aux)

    gradients, (out, aux) = jax.jit(jax.grad(loss, (0, 1, 2, 3), has_aux=True))(q, k, v, sink)
    scores = np.einsum("BTNH,BSNH->BNTS", *(np.asarray(x, float) for x in (q, k))) / 2
    scores = scores if softcap is None else softcap * np.tanh(scores / softcap)
    raised = np.where(np.asarray(seen)[None, None], np.exp(scores), 0)
    total = raised.sum(-1) + np.exp([-np.inf, 0.3])[None, :, None]
    with np.errstate(divide="ignore"):
        np.testing.assert_allclose(aux.lse, np.log(total), atol=3e-6)
    weights = raised / np.where(total == 0, 1, total)[..., None]
    np.testing.assert_allclose(out, np.einsum("BNTS,BSNH->BTNH", weights, np.asarray(v, float)), atol=3e-6)
    np.testing.assert_allclose(aux.key_mass, weights.sum(-2), atol=3e-6)
    logs = np.log(np.where(weights == 0, 1, weights))
    np.testing.assert_allclose(aux.entropy, -(weights * logs).sum(-1), atol=1e-5)
    assert all(np.isfinite(gradient).all() for gradient in gradients)
    assert gradients[3][0] == 0
    assert gradients[3][1] != 0


@pytest.mark.parametrize("softcap", [None, 1.5])
@pytest.mark.parametrize("name", ALL)
def test_a_bias_of_minus_infinity_masks(name, softcap):
    """The bias hides all that query 1 may see, and some of what the others may."""
    if softcap is not None and name == "jax_nn":
        pytest.skip("it has no softcap")
    q, k, v = arrays()
    hidden = np.random.default_rng(1).random((T, S)) < 0.4
    hidden[1, :4] = True
    mask = Mask.lengths(keys=4)
    bias = jnp.where(hidden, -jnp.inf, 0.25)[None, None]

    def loss(q, k, v, bias, mask):
        out, _ = attend(name, q, k, v, mask, bias=bias, softcap=softcap)
        return jnp.sin(out).sum(), out

    step = jax.jit(jax.value_and_grad(loss, (0, 1, 2, 3), has_aux=True))
    (_, out), gradients = step(q, k, v, bias, mask)
    (_, wanted), others = step(q, k, v, jnp.full_like(bias, 0.25), mask & Mask.dense(~hidden[None, None]))
    np.testing.assert_allclose(out, wanted, atol=3e-6)
    assert not np.asarray(out)[:, 1].any()
    for gradient, other in zip(gradients, others, strict=True):
        np.testing.assert_allclose(gradient, other, atol=3e-6)


@pytest.mark.parametrize("implementation", ["dense", "chunked"])
def test_a_bias_of_minus_infinity_masks_both_directions(implementation):
    q, k, _ = arrays()
    hidden = np.random.default_rng(1).random((1, 1, T, S)) < 0.4
    hidden[:, :, 1], hidden[..., 2] = True, True
    bias = jnp.where(hidden, -jnp.inf, 0.25)

    def both(a, b, mask, bias):
        outs = bidirectional_cross_attention(a, b, a, b, mask, bias=bias, softcap=1.5, implementation=implementation)
        return sum(jnp.sin(out).sum() for out in outs), outs

    step = jax.jit(jax.value_and_grad(both, (0, 1), has_aux=True))
    got, wanted = step(q, k, None, bias), step(q, k, Mask.dense(~hidden), jnp.full_like(bias, 0.25))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=3e-6), got, wanted)


def test_numbers_that_fill_a_row_do_not_become_infinite_in_a_narrow_dtype():
    q, k, v = (x.astype(jnp.float16) for x in arrays())
    bias = jnp.full((1, 1, T, S), jnp.finfo(jnp.float32).min / 2)
    out = cross_attention(q, k, v, bias=bias, implementation="jax_nn")
    assert np.isfinite(out).all()
    assert np.asarray(out).any()


WHOLE = (1, T, 1, 1)
LENGTH = np.array([2, 7])


@pytest.mark.parametrize("kind", ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"])
@pytest.mark.parametrize("library", [np, jnp])
def test_integers_of_every_dtype_mean_the_same(kind, library):
    if library is jnp and "64" in kind:
        pytest.skip("JAX has no such arrays here")

    def make(x):
        return library.asarray(np.asarray(x, kind))

    q, k, v = arrays()
    queries, keys, start = np.array([0, 3, 1, 6, 2]), np.arange(S), np.array([[0, 2, 1, 0, 3]])
    index = np.array([[0, 6, 2]] * T)
    masks = {
        "window": (Mask.window(1, 2, queries=make(queries), keys=make(keys)), abs_window(queries, keys)),
        "lengths": (Mask.lengths(keys=make(3), queries=make(4)), np.outer(np.arange(T) < 4, np.arange(S) < 3)),
        "segments": (Mask.segments(make(queries), make(keys)), queries[:, None] == keys),
        "ranges": (Mask.ranges(make(start), make(start + 2)), (keys >= start.T) & (keys < start.T + 2)),
        "neighbors": (Mask.neighbors(make(index)), np.isin(np.arange(S), index[0])[None].repeat(T, 0)),
    }
    for name, (mask, seen) in masks.items():
        found = np.broadcast_to(mask.materialize(queries=T, keys=S)[0], (T, S))
        np.testing.assert_array_equal(found, seen, err_msg=name)
    out = cross_attention(q, k, v, masks["neighbors"][0], implementation="neighbors")
    np.testing.assert_allclose(out, cross_attention(q, k, v, masks["neighbors"][0]), atol=3e-6)


def abs_window(queries, keys):
    apart = keys - queries[:, None]
    return (apart >= -1) & (apart <= 2)


def test_lists_of_eight_bits_over_many_keys():
    """Key 127 is the last that int8 can name, and 255 the last of uint8."""
    q, k, v = arrays(keys=300)
    for kind, last in ((np.int8, 127), (np.uint8, 255)):
        mask = Mask.neighbors(np.array([[0, 5, last]] * T, kind))
        for name in ("neighbors", "auto"):
            out = cross_attention(q, k, v, mask, implementation=name)
            np.testing.assert_allclose(out, cross_attention(q, k, v, mask, implementation="dense"), atol=3e-6)
        picked = attention_weights(q, k, queries=np.array([0, 3], kind))
        np.testing.assert_allclose(picked, attention_weights(q, k)[:, :, [0, 3]], atol=1e-6)


FAR = np.array([2**31 - 1, -(2**31), 0, 2**31 - 2]), np.array([2**31 - 1, 2**31 - 3, -(2**31), 3 - 2**31, 0, 5])
REACHES = [None, 0, 1, 3, 2**31 - 1, 2**31, 2**32 - 2, 2**32 - 1, 2**63 - 1, 2**70, np.int64(2**63 - 1)]


@pytest.mark.parametrize("left", REACHES)
def test_windows_reach_as_far_as_their_numbers_say(left):
    queries, keys = FAR
    apart = keys.astype(object) - queries.astype(object)[:, None]
    for right in (None, 0, 2**31 - 2, 2**64):
        mask = Mask.window(left, right, queries=queries, keys=keys)
        found = mask.materialize(queries=4, keys=6)[0]
        want = [[(left is None or x >= -int(left)) and (right is None or x <= right) for x in row] for row in apart]
        np.testing.assert_array_equal(np.broadcast_to(found, (4, 6)), want)


def test_windows_may_be_traced_or_one_an_example():
    queries, keys = (x.astype(np.int32) for x in FAR)

    @jax.jit
    def traced(left, right):
        return Mask.window(left, right, queries=queries, keys=keys).materialize(queries=4, keys=6, batch=(2,))

    for left, right in ((1, 3), (2**31 - 1, 0), (0, 2**31 - 1)):
        want = Mask.window(left, right, queries=queries, keys=keys).materialize(queries=4, keys=6, batch=(2,))
        np.testing.assert_array_equal(traced(left, right), want)
    each = Mask.window(np.array([1, 2]), jnp.array([0, 3])).materialize(queries=T, keys=S, batch=(2,))
    for found, (left, right) in zip(each, ((1, 0), (2, 3)), strict=True):
        np.testing.assert_array_equal(found, Mask.window(left, right).materialize(queries=T, keys=S))


BAD = {
    "far positions": (lambda: Mask.window(1, 1, queries=np.array([2**40])), "queries has the number 1099511627776"),
    "far segments": (
        lambda: Mask.segments(np.array([-(2**33)]), np.array([0])),
        "segments: queries has the number -85",
    ),
    "large positions": (lambda: Mask.causal(keys=jnp.array([2**32 - 1], jnp.uint32)), "keys has the number 4294967295"),
    "half a step": (lambda: Mask.window(0.5, None), "window: left has dtype float64; accepted are integers"),
    "backwards": (lambda: Mask.window(jnp.array([1, -2]), None), "window: left is -2; it is a distance"),
    "half a block": (lambda: Mask.blocks(np.ones((1, 1), bool), 1.5, 2), "query_block is 1.5; accepted is a whole"),
    "a rate a head": (lambda: dropout(jnp.ones(3), jnp.ones(2), 0), "dropout rate is"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_meant_is_refused(name):
    make, words = BAD[name]
    with pytest.raises(ValueError) as error:  # noqa: PT011  the words follow
        make()
    assert words in str(error.value)


def test_indices_beyond_all_keys_are_the_end():
    for end in (2**31 - 1, np.uint32(2**32 - 1), np.int64(2**63 - 1), np.uint64(2**64 - 1), 2**70):
        assert Mask.lengths(keys=end).materialize(queries=2, keys=3).all()
        stop = np.full((1, 2), end)
        assert Mask.ranges(np.zeros((1, 2), int), stop).materialize(queries=2, keys=3).all()
        assert not Mask.neighbors(np.full((2, 1), end)).materialize(queries=2, keys=3).any()
    assert Mask.blocks(np.ones((1, 1), bool), 2**40, np.int64(2**33)).materialize(queries=2, keys=3).all()


SEEDS = [0, 3, 2**31 - 1, 2**31, 2**32 - 1, np.uint32(2**32 - 1), np.int64(7)]


@pytest.mark.parametrize("name", OWN)
def test_seeds_and_rates_of_every_library(name):
    q, k, v = arrays()
    wants = jax.jit(jax.vmap(lambda seed: attend(name, q, k, v, dropout=Dropout(0.25, seed))[0]))
    for seed, want in zip(SEEDS, wants(jnp.asarray([int(seed) for seed in SEEDS], jnp.uint32)), strict=True):
        found = attend(name, q, k, v, dropout=Dropout(0.25, seed))[0]
        np.testing.assert_allclose(found, want, atol=1e-6)
    for rate in (np.float64(0.25), np.float32(0.25), jnp.float32(0.25), np.array(0.25)):
        np.testing.assert_array_equal(attend(name, q, k, v, dropout=Dropout(rate, SEEDS[-1]))[0], found)
    large = [2**32, 2**32 + 3, 2**33 + 3, 2**63, 2**64 + 3, -(2**40)]
    drawn = {bytes(np.asarray(hash_bits(seed, jnp.arange(8, dtype=jnp.uint32)))) for seed in (*SEEDS[:5], *large)}
    assert len(drawn) == 5 + len(large)
    np.testing.assert_array_equal(
        attend(name, q, k, v, dropout=Dropout(0.25, np.int64(2**33 + 3)))[0],
        attend(name, q, k, v, dropout=Dropout(0.25, 2**33 + 3))[0],
    )


@pytest.mark.parametrize("name", OWN)
def test_traced_scalars_give_what_numbers_give(name):
    q, k, v = arrays()

    @jax.jit
    def traced(rate, softcap, left):
        def loss(q):
            mask = Mask.window(left, None)
            return attend(name, q, k, v, mask, softcap=softcap, dropout=Dropout(rate, 3))[0].sum()

        return jax.value_and_grad(loss)(q)

    for rate, softcap, left in ((0.25, 1.5, 2), (0.0, 30.0, 0)):

        def loss(q, rate=rate, softcap=softcap, left=left):
            mask = Mask.window(left, None)
            return attend(name, q, k, v, mask, softcap=softcap, dropout=Dropout(rate, 3))[0].sum()

        got, want = traced(rate, softcap, left), jax.jit(jax.value_and_grad(loss))(q)
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6), got, want)


@pytest.mark.parametrize("which", ["softcap", "rate"])
def test_derivatives_that_do_not_exist_are_refused_by_name(which):
    q, k, v = arrays()

    def loss(x):
        options = {"softcap": x} if which == "softcap" else {"dropout": Dropout(x, 3)}
        return cross_attention(q, k, v, **options).sum()

    with pytest.raises(ValueError, match=f"{which} has no derivative here"):
        jax.grad(loss)(0.5)


@pytest.mark.parametrize(
    ("softcap", "scale"),
    [(2, 0.5), (np.float64(2), np.float64(0.5)), (np.array(2.0), np.float32(0.5)), (jnp.float32(2), jnp.float32(0.5))],
)
@pytest.mark.parametrize("x64", [False, True])
def test_softcaps_and_scales_of_every_library(softcap, scale, x64):
    with jax.enable_x64(x64):
        q, k, v = arrays()
        for name in OWN:
            want = attend(name, q, k, v, softcap=2.0, scale=0.5)[0]
            np.testing.assert_array_equal(attend(name, q, k, v, softcap=softcap, scale=scale)[0], want)


def test_what_can_be_read_once_is_read_once():
    q, k, v = arrays()
    out, aux = cross_attention_with_aux(q, k, v, returns=(name for name in ("lse", "entropy")), top_k=np.int64(2))
    assert aux.lse is not None
    assert aux.entropy is not None
    assert aux.top_keys.shape[-1] == 2
    merged, _ = merge((x for x in [out]), (x for x in [aux.lse]))
    np.testing.assert_allclose(merged, out, atol=1e-6)
    assert "dense: runs" in explain(q, k, v, returns=iter(["lse"]))
    np.testing.assert_allclose(attention_weights(q, k, queries=[1, 2]), attention_weights(q, k)[:, :, 1:3], atol=1e-6)


@pytest.mark.parametrize("sizes", [(0, T, S, H), (B, 0, S, H), (B, T, 0, H), (B, T, S, 0), (0, 0, 0, 0)])
@pytest.mark.parametrize("name", ALL)
def test_every_size_may_be_zero(name, sizes):
    batch, queries, keys, values = sizes
    if (name == "neighbors" and keys == 0) or name == "jax_nn":
        assert f"{name}: cannot" in explain(*arrays(*sizes))
        return
    returns = ("lse", "key_mass", "entropy", "max_score", *(() if name == "neighbors" else ("weights",)))

    def loss(q, k, v):
        out, aux = attend(name, q, k, v, returns=returns)
        return out.sum() + aux.key_mass.sum() + aux.entropy.sum(), (out, aux)

    gradients, (out, aux) = jax.jit(jax.grad(loss, (0, 1, 2), has_aux=True))(*arrays(*sizes))
    assert out.shape == (batch, queries, N, values)
    assert aux.key_mass.shape == (batch, N, keys)
    assert aux.lse.shape == aux.entropy.shape == aux.max_score.shape == (batch, N, queries)
    assert [x.shape for x in gradients] == [x.shape for x in arrays(*sizes)]


def test_explain_explains_where_nothing_can():
    q, k, v = arrays()
    lines = explain(q, k, v, normalizer="sparsemax", block=(2, 2)).splitlines()
    assert [line.split(":")[0] for line in lines[:-1]] == [
        "dense", "chunked", "chunked_jvp", "neighbors", "jax_nn", "cudnn", "tokamax"
    ]  # fmt: skip
    assert all("cannot; it " in line for line in lines[:-1])
    assert lines[-1] == "Nothing runs: dense cannot serve this call."
    assert explain(q, k, v, implementation="neighbors").endswith("Nothing runs: neighbors cannot serve this call.")
    assert "chunked: can" in explain(q, k, v, implementation="dense", block=(2, 2))


def test_forward_mode_at_every_size():
    """Tiles begin at 2^21 entries; the rule for reverse mode is kept where nothing goes forward."""
    rng = np.random.default_rng(0)
    q, k, v, d = (jnp.asarray(rng.normal(size=(1500, 1, 4)), jnp.float32) for _ in range(4))

    def slope(name, x, d):
        return jax.jvp(lambda x: cross_attention(x, k, v, implementation=name), (x,), (d,))[1]

    wanted = jax.jit(lambda: slope("dense", q, d))()
    np.testing.assert_allclose(jax.jit(lambda: slope("auto", q, d))(), wanted, atol=1e-5)
    mapped = jax.jit(jax.vmap(lambda d: slope("auto", q, d)))(d[None])
    np.testing.assert_allclose(mapped[0], wanted, atol=1e-5)
    with pytest.raises(ValueError, match=r"no forward-mode derivatives \(jvp\); chunked_jvp has"):
        slope("chunked", q, d)
    backward = str(jax.make_jaxpr(jax.grad(lambda x: cross_attention(x, k, v).sum()))(q))
    assert "remat" not in backward
    assert "checkpoint" not in backward
