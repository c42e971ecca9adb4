"""Problems for every implementation, and their solutions by NumPy in float64, one query at a time."""

from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from xattn.attention import Dropout, Mask, cross_attention_with_aux
from xattn.attention.checks import check_call
from xattn.attention.implementations import IMPLEMENTATIONS
from xattn.attention.statistics import check_wanted


def plain_hash(seed, *counters):
    """The 32 bits of one entry, by the definition and in plain integers; for weights the counters are the absolute
    example, head, query and key."""

    def finalize(x):
        x = (x ^ (x >> 16)) * 0x21F0AAAD % 2**32
        x = (x ^ (x >> 15)) * 0xD35A2D97 % 2**32
        return x ^ (x >> 15)

    state = finalize(seed ^ 0x85EBCA6B)
    for counter in counters:
        state = finalize(state ^ finalize((counter + 0x9E3779B9) % 2**32))
    return state


@dataclass
class Problem:
    """Arrays in float64, the mask as a Mask and as booleans, and the other arguments."""

    q: np.ndarray
    k: np.ndarray
    v: np.ndarray
    mask: Mask | None = None
    seen: np.ndarray | None = None
    arrays: dict = field(default_factory=dict)  # bias, scale, sink: differentiable
    static: dict = field(default_factory=dict)  # softcap, normalizer, dropout
    block: tuple[int, int] = (4, 3)
    top_k: int = 2

    def solve(self):
        """Output and statistics by the definition."""
        q, k, v = self.q, self.k, self.v
        batch, (queries, heads), keys, groups = q.shape[:-3], q.shape[-3:-1], k.shape[-3], q.shape[-2] // k.shape[-2]
        whole = (*batch, heads, queries, keys)
        k = np.broadcast_to(k, batch + k.shape[-3:])
        v = np.broadcast_to(v, batch + v.shape[-3:])
        seen = np.ones(whole, bool) if self.seen is None else np.broadcast_to(self.seen, whole)
        bias = np.broadcast_to(self.arrays["bias"], whole) if "bias" in self.arrays else np.zeros(whole)
        scale = np.broadcast_to(self.arrays["scale"] if "scale" in self.arrays else q.shape[-1] ** -0.5, (heads,))
        sinks = np.broadcast_to(self.arrays["sink"], (heads,)) if "sink" in self.arrays else [None] * heads
        normalizer = self.static["normalizer"] if "normalizer" in self.static else "softmax"
        out, weights = np.zeros((*q.shape[:-1], v.shape[-1])), np.zeros(whole)
        lse, top = np.full(whole[:-1], -np.inf), np.full(whole[:-1], -np.inf)
        for b in np.ndindex(batch):
            for n in range(heads):
                for t in range(queries):
                    live = np.flatnonzero(seen[b][n, t])
                    scores = scale[n] * k[b][live, n // groups] @ q[b][t, n] + bias[b][n, t, live]
                    if "softcap" in self.static:
                        scores = self.static["softcap"] * np.tanh(scores / self.static["softcap"])
                    if sinks[n] is not None or len(live):
                        terms = np.append(scores, [] if sinks[n] is None else sinks[n])
                        lse[b][n, t] = np.log(np.exp(terms - terms.max()).sum()) + terms.max()
                    if len(live):
                        top[b][n, t] = scores.max()
                        weights[b][n, t, live] = weigh(normalizer, scores, lse[b][n, t])
        kept = self.kept(whole)
        for b in np.ndindex(batch):
            for n in range(heads):
                out[b][:, n] = (weights[b][n] * kept[b][n]) @ v[b][:, n // groups]
        with np.errstate(divide="ignore", invalid="ignore"):
            entropy = -np.where(weights > 0, weights * np.log(weights), 0).sum(-1)
        return {
            "out": out, "weights": weights, "lse": lse, "max_score": top, "entropy": entropy,
            "key_mass": weights.sum(-2), "top_weights": -np.sort(-weights, -1)[..., : self.top_k],
        }  # fmt: skip

    def kept(self, whole):
        """Dropout's factors: 0, or 1 / (1 - rate) where the bits are at least rate * 2^32."""
        if "dropout" not in self.static:
            return np.ones(whole)
        dropout, sizes = self.static["dropout"], (int(np.prod(whole[:-3])), *whole[-3:])
        bits = [plain_hash(int(dropout.seed), *entry) for entry in np.ndindex(sizes)]
        kept = np.array(bits).reshape(whole) >= round(dropout.rate * 2**32)
        return kept / (1 - dropout.rate)

    def differentiable(self, dtype):
        """q, k, v and the differentiable arguments."""
        named = {"q": self.q, "k": self.k, "v": self.v, **self.arrays}
        return {name: jnp.asarray(value, dtype) for name, value in named.items()}

    def arguments(self, arrays, mask):
        """The arguments of `check_call` and of the public functions."""
        options = {"bias": None, "scale": None, "sink": None, "softcap": None, "dropout": None}
        return options | {"normalizer": "softmax"} | self.static | arrays | {"mask": mask}

    def run(self, implementation, arrays, mask, returns, top_k):
        """Output and Aux from an implementation."""
        block = self.block if implementation.startswith("chunked") else None
        return cross_attention_with_aux(
            **self.arguments(arrays, mask), implementation=implementation, block=block, returns=returns, top_k=top_k
        )


def weigh(normalizer, scores, lse):
    """Weights of live scores; thresholds of sparsemax and entmax by bisection."""
    if normalizer == "softmax":
        return np.exp(scores - lse)
    if normalizer == "sigmoid":
        return 1 / (1 + np.exp(-scores))
    power, scores = {"sparsemax": (1, scores), "entmax15": (2, scores / 2)}[normalizer]
    low, high = scores.max() - 1, scores.max()
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if (np.maximum(scores - middle, 0) ** power).sum() > 1 else (low, middle)
    return np.maximum(scores - low, 0) ** power


T, S, H = 7, 11, 5


def normal(rng, *shape):
    return rng.normal(size=shape)


def plain(rng):
    return Problem(normal(rng, 3, T, 2, H), normal(rng, 3, S, 2, H), normal(rng, 3, S, 2, 3))


def grouped_shared_memory(rng):
    return Problem(
        normal(rng, 2, 3, T, 6, H), normal(rng, S, 2, H), normal(rng, S, 2, H),
        arrays={"bias": normal(rng, 1, 1, 6, 1, S), "scale": np.array(0.3)},
    )  # fmt: skip


def scale_a_head(rng):
    return Problem(
        normal(rng, 3, T, 4, H), normal(rng, 3, S, 2, H), normal(rng, 3, S, 2, 3),
        arrays={"scale": np.array([0.2, -0.4, 0.0, 0.7])},
    )  # fmt: skip


def padded_with_sink(rng):
    lengths, queries = np.array([S, 4, 0]), rng.random((3, T)) < 0.7
    mask = Mask.lengths(keys=jnp.asarray(lengths)) & Mask.queries(jnp.asarray(queries))
    seen = (np.arange(S) < lengths[:, None])[:, None, None, :] & queries[:, None, :, None]
    sink = {"sink": normal(rng, 2)}
    return Problem(normal(rng, 3, T, 2, H), normal(rng, 3, S, 2, H), normal(rng, 3, S, 2, 3), mask, seen, sink)


def packed_and_capped(rng):
    q_segment, k_segment = np.sort(rng.integers(-1, 3, (3, T))), np.sort(rng.integers(-1, 3, (3, S)))
    q_position, k_position = rng.integers(0, 20, (3, T)), rng.integers(0, 20, (3, S))
    mask = Mask.segments(jnp.asarray(q_segment), jnp.asarray(k_segment)) & Mask.window(
        15, 9, queries=jnp.asarray(q_position), keys=jnp.asarray(k_position)
    )
    offset = k_position[:, None] - q_position[..., None]
    seen = (q_segment[..., None] == k_segment[:, None]) & (k_segment[:, None] >= 0)
    seen = (seen & (offset >= -15) & (offset <= 9))[:, None]
    return Problem(
        normal(rng, 3, T, 2, H), normal(rng, 3, S, 2, H), normal(rng, 3, S, 2, 3), mask, seen,
        static={"softcap": 1.5},
    )  # fmt: skip


def ranges_blocks_and_dense(rng):
    start, stop = rng.integers(0, S, (3, 2, T)), rng.integers(0, S + 1, (3, 2, T))
    dense = rng.random((1, 2, T, S)) < 0.8
    dense[:, 0, 2] = False
    grid = np.array([[True, False, True], [False, True, True]])
    mask = Mask.ranges(jnp.asarray(start), jnp.asarray(stop)) & Mask.dense(jnp.asarray(dense))
    mask &= Mask.blocks(grid, 5, 4)
    seen = (start[..., None] <= np.arange(S)) & (np.arange(S) < stop[..., None]) & dense
    seen &= np.kron(grid, np.ones((5, 4), bool))[:T, :S]
    return Problem(
        normal(rng, 3, T, 2, H), normal(rng, 3, S, 2, H), normal(rng, 3, S, 2, H), mask, seen,
        arrays={"bias": normal(rng, 3, 1, T, S)},
    )  # fmt: skip


def listed_neighbors(rng):
    index = rng.integers(-1, S, (3, T, 6))
    index[:, :, 4] = index[:, :, 1]  # a key listed twice counts once
    index[1, 3] = -1
    seen = (index[..., None] == np.arange(S)).any(2)[:, None]
    return Problem(
        normal(rng, 3, T, 2, H), normal(rng, 3, S, 2, H), normal(rng, 3, S, 2, 3),
        Mask.neighbors(jnp.asarray(index)), seen,
    )  # fmt: skip


def everything(rng):
    valid = rng.random((2, 3, S)) < 0.6
    valid[0, 1] = False
    mask = Mask.keys(jnp.asarray(valid)) & Mask.window(6, 4)
    offset = np.arange(S)[None] - np.arange(T)[:, None]
    seen = valid[:, :, None, None, :] & (offset >= -6) & (offset <= 4)
    return Problem(
        normal(rng, 2, 3, T, 6, H), normal(rng, 1, 3, S, 2, H), normal(rng, 1, 3, S, 2, 3), mask, seen,
        arrays={"bias": normal(rng, 1, 3, 6, T, S), "scale": np.array(0.6), "sink": normal(rng, 6)},
        static={"softcap": 2.0, "dropout": Dropout(0.3, jnp.uint32(5))},
    )  # fmt: skip


PROBLEMS = {
    make.__name__: make
    for make in (
        grouped_shared_memory,
        scale_a_head,
        padded_with_sink,
        packed_and_capped,
        ranges_blocks_and_dense,
        listed_neighbors,
        everything,
    )
}


def served(name, problem, dtype=jnp.float32, returns=("lse",), top_k=None):
    """A function from arrays to an implementation's solution of a problem, or None if it cannot solve it.

    An implementation that needs neighbour lists gets lists of all keys, which change nothing. One that returns no
    statistics is asked for none.
    """
    keys = np.append(np.random.default_rng(1).permutation(problem.k.shape[-3]), -1)
    lists = Mask.neighbors(jnp.asarray(np.broadcast_to(keys, (problem.q.shape[-3], len(keys)))))
    for mask in (problem.mask, lists if problem.mask is None else problem.mask & lists):
        for names in (returns, ()):
            if can(name, problem, mask, dtype, names):
                return lambda arrays, mask=mask, names=names: problem.run(
                    name, arrays, mask, names, top_k if names else None
                )
    return None


def can(name, problem, mask, dtype, returns):
    """Whether the implementation can serve the call, by the table."""
    reasons = []

    def ask(arrays):
        call = check_call(**problem.arguments(arrays, mask))
        wanted = check_wanted(returns, None, call.normalizer, call.sizes["S"])
        reasons.extend(IMPLEMENTATIONS[name].why_not(call, wanted, None))

    jax.eval_shape(ask, problem.differentiable(dtype))
    return not reasons


@pytest.fixture(params=sorted(PROBLEMS))
def problem(request):
    return PROBLEMS[request.param](np.random.default_rng(len(request.param)))


@pytest.fixture
def problems():
    return {name: make(np.random.default_rng(len(name))) for name, make in PROBLEMS.items()}


# chunked_jvp runs chunked's forward pass; its derivatives have their own test.
@pytest.fixture(params=sorted(set(IMPLEMENTATIONS) - {"chunked_jvp"}))
def implementation(request):
    return request.param


@pytest.fixture
def serve():
    return served


@pytest.fixture(scope="session")
def pose():
    """The constructor of a problem, for tests with problems of their own."""
    return Problem


@pytest.fixture(scope="session", name="plain_hash")
def plain_hash_fixture():
    """The hash of dropout, without the library."""
    return plain_hash
