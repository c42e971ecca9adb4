"""Graph matching: what is drawn, what is counted, and what a hand can do."""

import io
import re
from dataclasses import replace

import jax
import jax.numpy as jnp
import networkx
import numpy as np
import pytest
from flax import nnx
from rich.console import Console

from xattn.config import Experiment, GraphMatch, Model, Optimizer, Training
from xattn.errors import ConfigError
from xattn.nn.graph_matcher import GraphBatch
from xattn.runs import folder as runs
from xattn.tasks.graph_match import GraphMatchTask, draw, profiles
from xattn.training.losses import means

SMALL = Experiment(
    task=GraphMatch(nodes=7, moved=0.2, train_examples=13, held_out_examples=11),
    model=Model(width=12, heads=2, layers=2, mlp=17, dropout=0.0),
    optimizer=Optimizer(warmup=0),
    training=Training(steps=5, batch_tokens=3 * 14),
)


@pytest.fixture(scope="module")
def task(tmp_path_factory):
    return GraphMatchTask(runs.create(tmp_path_factory.mktemp("match") / "run", SMALL), Console(file=io.StringIO()))


def test_an_example_depends_on_seed_split_and_number_alone():
    row = GraphMatch()
    whole = draw(row, "test", 5)
    for one, other in zip(draw(row, "test", 3), whole, strict=True):
        np.testing.assert_array_equal(one, other[:3])
    for changed in (draw(row, "train", 5), draw(replace(row, seed=1), "test", 5)):
        assert (changed.first != whole.first).any(axis=(1, 2)).all()


def test_examples_go_on_over_the_blocks_they_are_drawn_in(monkeypatch):
    whole = draw(GraphMatch(nodes=5), "test", 7)
    monkeypatch.setattr("xattn.tasks.graph_match.DRAWN", 3)
    for one, other in zip(draw(GraphMatch(nodes=5), "test", 7), whole, strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_copy_has_its_nodes_in_the_planted_order_and_some_edges_elsewhere():
    row = GraphMatch(moved=0.1)
    first, second, planted = draw(row, "train", 101)
    for a, b, order in zip(first, second, planted, strict=True):
        assert sorted(order) == list(range(15))
        for matrix in (a, b):
            assert (matrix == matrix.T).all()
            assert not matrix.diagonal().any()
        back = b[np.ix_(order, order)]
        moved = round(0.1 * a.sum() / 2)
        assert (np.triu(a & ~back).sum(), np.triu(back & ~a).sum()) == (moved, moved)
    assert first.sum() / 2 / len(first) == pytest.approx(0.25 * 105, rel=0.05)
    # Every node is moved to every place, and no place is likelier.
    assert len(set(planted[:, 0])) == 15


def test_without_moved_edges_the_planted_order_is_an_isomorphism():
    first, second, planted = draw(GraphMatch(moved=0.0), "train", 5)
    for a, b, order in zip(first, second, planted.tolist(), strict=True):
        named = networkx.relabel_nodes(networkx.from_numpy_array(a), dict(enumerate(order)))
        assert {*map(frozenset, named.edges)} == {*map(frozenset, networkx.from_numpy_array(b).edges)}


def test_no_two_splits_share_a_graph():
    def name(matrix):
        graph = networkx.from_numpy_array(matrix)
        networkx.set_node_attributes(graph, "", "kind")  # without one it warns
        return networkx.weisfeiler_lehman_graph_hash(graph, node_attr="kind", iterations=3)

    known = [set(map(name, draw(GraphMatch(), split, 200).first)) for split in ("train", "validation", "test")]
    assert sum(map(len, known)) == len(set.union(*known)) == 600


def test_profiles_are_those_of_networkx():
    edges = draw(GraphMatch(), "test", 2).first
    for matrix, found in zip(edges, profiles(edges), strict=True):
        graph = networkx.from_numpy_array(matrix)
        np.testing.assert_array_equal(found[:, 0], [graph.degree(node) for node in graph])
        np.testing.assert_array_equal(found[:, 1], [networkx.triangles(graph, node) for node in graph])
        around = [sorted((graph.degree(n) for n in graph.neighbors(node)), reverse=True) for node in graph]
        np.testing.assert_array_equal(found[:, 2:17], [each + [0] * (15 - len(each)) for each in around])


def test_a_hand_finds_nearly_all_where_nothing_is_moved(tmp_path):
    config = replace(SMALL, task=GraphMatch(moved=0.0, held_out_examples=50))
    scores = GraphMatchTask(runs.create(tmp_path / "run", config), Console(file=io.StringIO())).baselines("test")
    assert scores["chance"]["hits"] == pytest.approx(1 / 15)
    assert 0.95 < scores["hand profile"]["hits"] <= scores["hand profile, Hungarian"]["hits"]


def test_scores_are_those_of_the_fit_by_plain_numpy_in_both_directions(task):
    """Over the real rows of all batches; what fills a batch counts nowhere."""
    params = task.parameters()
    found = means([task.apply(params, batch, None).sums for batch in task.validation_batches(1)])
    first, second, planted = task.examples("validation")
    real = jnp.ones(planted.shape, bool)
    model = nnx.merge(task.graph, params)
    fit = jax.jit(lambda a, b: model(GraphBatch(edges=a, mask=real), GraphBatch(edges=b, mask=real))[0])(first, second)
    fit, losses, ahead = np.asarray(fit, np.float64), [], []
    for scores, order in zip(fit, planted, strict=True):
        for side, right in ((scores, order), (scores.T, np.argsort(order))):
            losses += [np.log(np.exp(row).sum()) - row[node] for row, node in zip(side, right, strict=True)]
            ahead += [row[node] - np.delete(row, node).max() for row, node in zip(side, right, strict=True)]
    assert found["loss"] == pytest.approx(np.mean(losses), rel=1e-4)
    # Nodes that are alike fit alike, and which of them comes first is a matter of rounding.
    least, most = (np.mean(np.array(ahead) > tie) for tie in (1e-5, -1e-5))
    assert 0 < least - 1e-6 <= found["hits"] <= most + 1e-6 < 1


def test_graphs_that_change_places_are_scored_alike(task):
    params, batch = task.parameters(), task.batches("test")[0]
    first, second, planted = batch.examples
    swapped = type(batch.examples)(second, first, np.argsort(planted, axis=1).astype(np.int32))
    one, other = task.apply(params, batch, None), task.apply(params, batch._replace(examples=swapped), None)
    for name in ("loss", "hits"):
        assert float(one.sums[name].mean) == pytest.approx(float(other.sums[name].mean), rel=1e-5)


def test_gold_is_the_node_of_the_copy_and_the_picture_has_both_graphs(task):
    examples = task.examples("test")
    gold = task.gold(examples)
    assert (gold.sum(axis=-1) == 1).all()
    assert gold[4, 3].argmax() == examples.planted[4, 3]
    attention = task.example_map(task.parameters(), "test", 4)
    assert attention.weights.shape == (2, 2, 7, 7)
    assert (attention.source[2], attention.target[5]) == ("b2", "a5")
    layout = attention.layout
    for edges, matrix in ((layout.source_edges, examples.second[4]), (layout.target_edges, examples.first[4])):
        assert {*map(frozenset, edges)} == {*map(frozenset, networkx.from_numpy_array(matrix).edges)}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"nodes": 1}, "task.nodes must be a whole number of at least 2, not 1."),
        ({"moved": 1.5}, "task.moved must be a number of at least 0 and of at most 1, not 1.5."),
        ({"density": 0.7}, "task.density must be a number above 0 and of at most 0.5, not 0.7."),
        ({"held_out_examples": 0}, "task.held_out_examples must be a whole number above 0, not 0."),
    ],
)
def test_settings_that_cannot_be_are_explained(changes, message):
    with pytest.raises(ConfigError, match=re.escape(message)):
        GraphMatch(**changes)


def test_attention_dropout_is_refused():
    with pytest.raises(ConfigError, match=r"model\.attention_dropout must be 0"):
        replace(SMALL, model=replace(SMALL.model, attention_dropout=0.1))
