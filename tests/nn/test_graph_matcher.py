"""The graph matcher: against NumPy, and its invariances."""

from functools import cache

import jax
import jax.numpy as jnp
import networkx
import numpy as np
import pytest
from flax import nnx

from xattn.nn.dimensions import Dimensions
from xattn.nn.graph_matcher import GraphBatch, GraphMatcher, return_probabilities

# Distinct primes, but for the width, which the heads divide.
B, T, S, D, N, F, L, K, Z = 3, 5, 7, 12, 2, 17, 2, 4, 11


def make(memory="full"):
    dims = Dimensions(width=D, heads=N, mlp=F, layers=L)
    return GraphMatcher(dims, memory=memory, latents=Z, kinds=K, steps=6, rngs=nnx.Rngs(0))


def draw(seed, nodes, sizes):
    """Random graphs of some sizes, filled up with False to `nodes`."""
    rng = np.random.default_rng(seed)
    mask = np.arange(nodes) < np.array(sizes)[:, None]
    upper = np.triu(rng.random((len(sizes), nodes, nodes)) < 0.4, 1) & mask[:, None] & mask[:, :, None]
    kinds = rng.integers(0, K, mask.shape).astype(np.int32)
    return GraphBatch(edges=jnp.asarray(upper | upper.swapaxes(1, 2)), mask=jnp.asarray(mask), kinds=jnp.asarray(kinds))


A, OTHER = draw(0, T, [5, 3, 4]), draw(1, S, [7, 7, 2])


@cache
def made(memory):
    return nnx.split(make(memory))


@jax.jit
def states(graph, params, a, b, hide=None):
    return nnx.merge(graph, params)(a, b, None, hide)


def run(a, b, memory="full", hide=None):
    return jax.device_get(states(*made(memory), a, b, hide))


def test_return_probabilities_are_those_of_networkx():
    """Powers of the transition matrix of a graph, an isolated node and a pair beside it."""
    graph = networkx.disjoint_union(networkx.gnp_random_graph(7, 0.5, seed=1), networkx.empty_graph(1))
    graph = networkx.disjoint_union(graph, networkx.path_graph(2))
    whole = networkx.to_numpy_array(graph)
    joined = [node for node in graph if graph.degree(node)]
    step = np.zeros_like(whole)
    step[joined] = whole[joined] / whole[joined].sum(1, keepdims=True)
    truth = np.stack([np.linalg.matrix_power(step, power).diagonal() for power in range(2, 7)], axis=-1)
    got = return_probabilities(jnp.asarray(whole, jnp.float32)[None], 6)
    np.testing.assert_allclose(got[0], truth, atol=1e-6)
    assert not got[0, 7].any()
    np.testing.assert_allclose(got[0, 8:], [[1, 0, 1, 0, 1]] * 2)


def numpy_norm(norm, x):
    x = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-6)
    return x * norm["scale"] + norm["bias"]


def numpy_linear(each, x):
    return x @ each["kernel"] + (each["bias"] if "bias" in each else 0)


def numpy_mlp(each, x):
    return numpy_linear(each["down"], np.maximum(numpy_linear(each["up"], x), 0))


def numpy_states(params, graphs, row, sizes):
    """One pair in float64, nodes one by one and no padding: final states, and the weights of the first graph."""
    edges = [np.asarray(g.edges[row], float)[:n, :n] for g, n in zip(graphs, sizes, strict=True)]
    x = []
    for e, g, n in zip(edges, graphs, sizes, strict=True):
        step = e / np.maximum(e.sum(1, keepdims=True), 1)
        walks = np.stack([np.linalg.matrix_power(step, power).diagonal() for power in range(2, 7)], axis=-1)
        x.append(numpy_linear(params["walks"], walks) + params["kinds"]["embedding"][np.asarray(g.kinds[row])[:n]])
    weights = []
    for each in (params["rounds"][number] for number in range(L)):
        for side, e in enumerate(edges):
            h = numpy_norm(each["norm_hear"], x[side])
            heard = e @ np.maximum(numpy_linear(each["message"], h), 0)
            x[side] = x[side] + numpy_mlp(each["mlp_hear"], np.concatenate([h, heard], axis=-1))
        h = [numpy_norm(each["norm_look"], y) for y in x]
        read, seen = [np.zeros_like(y) for y in x], []
        for head in range(N):
            part = slice(head * D // N, (head + 1) * D // N)
            first, second = (numpy_linear(each["key"], y)[:, part] for y in h)
            scores = np.exp(first @ second.T / np.sqrt(D // N))
            rows, columns = scores / scores.sum(1, keepdims=True), (scores / scores.sum(0, keepdims=True)).T
            read[0][:, part], read[1][:, part] = rows @ h[1][:, part], columns @ h[0][:, part]
            seen.append(rows)
        weights.append(seen)
        x = [
            y + numpy_mlp(each["mlp_look"], np.concatenate([z, r], axis=-1)) for y, z, r in zip(x, h, read, strict=True)
        ]
    return [numpy_norm(params["norm"], y) for y in x], np.array(weights)


def test_states_and_weights_are_those_of_numpy():
    params = jax.tree.map(lambda x: np.asarray(x, np.float64), nnx.to_pure_dict(made("full")[1]))
    a, b = run(A, OTHER)
    for number, sizes in enumerate([(5, 7), (3, 7), (4, 2)]):
        (first, second), weights = numpy_states(params, (A, OTHER), number, sizes)
        np.testing.assert_allclose(a.states[number, : sizes[0]], first, atol=2e-5)
        np.testing.assert_allclose(b.states[number, : sizes[1]], second, atol=2e-5)
        np.testing.assert_allclose(a.weights[:, number, :, : sizes[0], : sizes[1]], weights, atol=2e-6)


def test_padding_is_seen_in_neither_direction():
    a, b = run(A, OTHER)
    for side, queries, keys in [(a, A.mask, OTHER.mask), (b, OTHER.mask, A.mask)]:
        np.testing.assert_array_equal(side.visible, keys)
        rows = np.broadcast_to(np.asarray(queries)[None, :, None], side.weights.shape[:-1])
        np.testing.assert_allclose(side.weights.sum(-1), rows, atol=1e-6)
        assert not side.weights[np.broadcast_to(~np.asarray(keys)[None, :, None, None], side.weights.shape)].any()


def test_what_stands_in_padding_does_not_matter():
    """Edges to padding nodes, and their kinds, change no bit of the results of real nodes."""
    noisy = GraphBatch(
        edges=A.edges | ~A.mask[:, None] | ~A.mask[:, :, None], mask=A.mask, kinds=jnp.where(A.mask, A.kinds, K - 1)
    )
    for one, other, mask in zip(run(A, OTHER), run(noisy, OTHER), (A.mask, OTHER.mask), strict=True):
        np.testing.assert_array_equal(one.states[np.asarray(mask)], other.states[np.asarray(mask)])


def test_graphs_that_change_places_change_results():
    swapped = run(OTHER, A)
    for one, other in zip(run(A, OTHER), swapped[::-1], strict=True):
        np.testing.assert_allclose(one.states, other.states, atol=1e-5)
        np.testing.assert_allclose(one.weights, other.weights, atol=1e-6)


def test_nodes_in_another_order_give_the_same_in_that_order():
    order = np.array([3, 0, 4, 2, 1])
    turned = GraphBatch(edges=A.edges[:, order][:, :, order], mask=A.mask[:, order], kinds=A.kinds[:, order])
    (a, b), (c, d) = run(A, OTHER), run(turned, OTHER)
    mask = np.asarray(A.mask)[:, order]
    np.testing.assert_allclose(c.states[mask], a.states[:, order][mask], atol=1e-5)
    np.testing.assert_allclose(c.weights, a.weights[..., order, :], atol=1e-6)
    np.testing.assert_allclose(d.states[np.asarray(OTHER.mask)], b.states[np.asarray(OTHER.mask)], atol=1e-5)
    np.testing.assert_allclose(d.weights, b.weights[..., order], atol=1e-6)


def test_hidden_pairs_see_each_other_in_neither_direction():
    hide = np.random.default_rng(0).random((B, T, S)) < 0.3
    a, b = run(A, OTHER, hide=jnp.asarray(hide))
    assert not a.weights[np.broadcast_to(hide[None, :, None], a.weights.shape)].any()
    assert not b.weights[np.broadcast_to(hide.swapaxes(1, 2)[None, :, None], b.weights.shape)].any()


@pytest.mark.parametrize("memory", ["none", "shuffle", "mean"])
def test_what_a_graph_knows_of_the_other(memory):
    """Another graph in the first row changes the first row's states, unless its memory is none, or another row's."""
    changed = GraphBatch(edges=OTHER.edges.at[0].set(False), mask=OTHER.mask, kinds=OTHER.kinds)
    before, after = run(A, OTHER, memory)[0].states, run(A, changed, memory)[0].states
    moved = [bool(np.abs(x - y)[np.asarray(m)].max() > 1e-4) for x, y, m in zip(before, after, A.mask, strict=True)]
    assert moved == {"none": [False] * 3, "shuffle": [False, False, True], "mean": [True, False, False]}[memory]


def test_all_memories_but_latents_have_the_same_parameters():
    shapes = {
        memory: jax.tree.map(
            jnp.shape, nnx.to_pure_dict(nnx.state(nnx.eval_shape(lambda m=memory: make(m)), nnx.Param))
        )
        for memory in ("full", "mean", "shuffle", "none")
    }
    assert all(each == shapes["full"] for each in shapes.values())
    a, b = run(A, OTHER, "latents")
    assert (a.weights.shape, b.weights.shape) == ((L, B, N, T, Z), (L, B, N, S, Z))
