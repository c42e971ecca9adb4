"""Graph similarity: a made data set in the files' format, with distances from networkx; and the real one's bounds."""

import io
import itertools
import json
import os
import shutil
import tarfile
from dataclasses import replace

import networkx
import numpy as np
import pytest
from rich.console import Console

from xattn.config import Experiment, GraphGed, Model, Optimizer, Training
from xattn.data.benchmarks import ged
from xattn.data.pairs import DataError
from xattn.errors import ConfigError
from xattn.runs import folder as runs
from xattn.runs.results import short
from xattn.tasks.array_evaluation import knock_out
from xattn.tasks.graph_ged import GraphGedTask, lower_bound, ranks
from xattn.training.losses import means

LABELS = ("C", "N", "O")
TRAIN, TEST = 5, 3


def graphs(name):
    """Small graphs by the names of their files, in their order; atoms have labels."""
    rng, found = np.random.default_rng(len(name)), {}
    for number in range(TRAIN + TEST):
        graph = networkx.gnp_random_graph(int(rng.integers(2, 5)), 0.6, seed=number)
        labels = {node: str(rng.choice(LABELS)) if name == "AIDS" else None for node in graph}
        networkx.set_node_attributes(graph, labels, "label")
        if number == TRAIN + TEST - 1:  # a training graph that is a test graph
            graph = found[f"{name}/test/7.json"].copy()
        found[f"{name}/{'test' if number < TEST else 'train'}/{10 * number + 7}.json"] = graph
    return dict(sorted(found.items()))


def same(one, other):
    return one["label"] == other["label"]


def write(folder):
    """The files of both data sets: graphs, and exact distances with an optimal map of every pair, by networkx."""
    with tarfile.open(folder / "graphs.tar.gz", "w:gz") as archive:

        def add(member, content):
            data = json.dumps(content).encode()
            info = tarfile.TarInfo(member)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))

        add("AIDS/labels.json", {label: number for number, label in enumerate(LABELS)})
        for name in ("Linux", "AIDS"):
            found = graphs(name)
            # In any order: the distances follow the names.
            for member, graph in reversed(found.items()):
                labels = [graph.nodes[node]["label"] for node in graph]
                edges = [list(edge) for edge in graph.edges]
                content = {"n": len(graph), "m": len(edges), "labels": labels if name == "AIDS" else None}
                add(member, content | {"graph": edges})
            sizes = [len(graph) for graph in found.values()]
            distances, maps = np.zeros((len(found), len(found)), np.int8), []
            for (i, a), (j, b) in itertools.combinations(enumerate(found.values()), 2):
                paths, cost = networkx.optimal_edit_paths(a, b, node_match=same)
                distances[i, j] = distances[j, i] = cost
                to = {one: -1 if other is None else other for one, other in paths[0][0] if one is not None}
                maps.append([to[node] for node in range(len(a))] + [-2] * (max(sizes) - len(a)))
            np.savez(
                folder / f"{name.lower()}_exact_ged.npz",
                ged=distances,
                map_upper=np.array(maps, np.int8),
                ids=[int(member.split("/")[2].removesuffix(".json")) for member in found],
                test=["/test/" in member for member in found],
                n=sizes,
            )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ged")
    write(folder)
    return folder


def make(folder, corpus, dataset, held_out=2):
    config = Experiment(
        task=GraphGed(corpus=str(corpus), dataset=dataset, validation_graphs=held_out),
        model=Model(width=12, heads=2, layers=1, mlp=17, dropout=0.0),
        optimizer=Optimizer(warmup=0),
        training=Training(steps=5, batch_tokens=24, stop_by="loss"),
    )
    return GraphGedTask(runs.create(folder, config), Console(file=io.StringIO()))


@pytest.fixture(scope="module")
def task(folder, tmp_path_factory):
    return make(tmp_path_factory.mktemp("run") / "run", folder, "aids")


@pytest.mark.parametrize("name", ["Linux", "AIDS"])
def test_graphs_and_what_lies_between_them_are_those_of_the_files(folder, name):
    data, known = ged.load(str(folder), name.lower()), list(graphs(name).values())
    assert data.names == (LABELS if name == "AIDS" else None)
    assert (data.sizes.tolist(), int(data.test.sum())) == ([len(graph) for graph in known], TEST)
    for row, graph in enumerate(known):
        size = len(graph)
        matrix = networkx.to_numpy_array(graph, nodelist=range(size))
        np.testing.assert_array_equal(data.edges[row, :size, :size], matrix)
        assert data.edges[row].sum() == 2 * graph.number_of_edges()
        if data.names:
            labels = [graph.nodes[node]["label"] for node in range(size)]
            assert [data.names[kind] for kind in data.kinds[row, :size]] == labels
    for i, j in itertools.combinations(range(len(known)), 2):
        assert data.distances[i, j] == networkx.graph_edit_distance(known[i], known[j], node_match=same)


def cost(a, b, to):
    """Edits of a node map: nodes relabelled, removed and added, and edges removed and added."""
    kept = {node: other for node, other in enumerate(to) if other >= 0}
    nodes = sum(not same(a.nodes[node], b.nodes[other]) for node, other in kept.items())
    nodes += len(a) + len(b) - 2 * len(kept)
    moved = {frozenset(kept[node] for node in edge) for edge in a.edges if set(edge) <= set(kept)}
    lost = sum(not set(edge) <= set(kept) for edge in a.edges)
    return nodes + lost + len(moved ^ {*map(frozenset, b.edges)})


def test_the_map_of_a_pair_costs_its_distance(folder):
    data, known = ged.load(str(folder), "aids"), list(graphs("AIDS").values())
    pairs = np.array(list(itertools.combinations(range(len(known)), 2)))[::-1]
    for (i, j), to in zip(pairs, data.map_of(*pairs.T), strict=True):
        assert cost(known[i], known[j], to[: len(known[i])]) == data.distances[i, j]


def test_the_bound_is_never_above_the_distance_and_right_by_hand(folder):
    for name in ("linux", "aids"):
        data = ged.load(str(folder), name)
        pairs = np.array(list(itertools.combinations(range(len(data.sizes)), 2))).T
        assert (lower_bound(data, *pairs) <= data.distances[tuple(pairs)]).all()
    # A triangle C-C-N, and a path O-C-C-C: a label that has no like, a node more, and one edge moved by degrees.
    edges = np.zeros((2, 4, 4), bool)
    for graph, a, b in [(0, 0, 1), (0, 1, 2), (0, 0, 2), (1, 0, 1), (1, 1, 2), (1, 2, 3)]:
        edges[graph, [a, b], [b, a]] = True
    made = data._replace(edges=edges, kinds=np.array([[0, 0, 1, 0], [2, 0, 0, 0]]), sizes=np.array([3, 4]))
    # Degrees are 2 2 2 0 and 2 2 1 1: two apart, which is one edge; of four nodes two are alike.
    assert lower_bound(made, np.array([0]), np.array([1])).tolist() == [3]


def test_no_test_graph_is_trained_or_validated_on(task):
    train, validation, test = (task.examples(split) for split in ("train", "validation", "test"))
    data = task.data
    sides = [{*pairs.first.tolist(), *pairs.second.tolist()} for pairs in (train, validation)]
    assert not sides[0] & sides[1]
    assert sides[0] | sides[1] == set(np.flatnonzero(~data.test))
    assert (len(train.first), len(validation.first), len(test.first)) == (3, 1, TEST * TRAIN)
    grid = np.stack([test.first, test.second]).reshape(2, TEST, TRAIN)
    assert set(grid.ravel()) == set(range(TEST + TRAIN))
    assert all(set(row) <= {*np.flatnonzero(~data.test), query} for query, row in enumerate(grid.max(axis=0)))
    first, second = test.first[4], test.second[4]
    expected = np.exp(-2 * data.distances[first, second] / (data.sizes[first] + data.sizes[second]))
    assert test.similarity[4] == pytest.approx(expected)
    with pytest.raises(ConfigError, match="has the splits train, validation and test, not 'dev'"):
        task.examples("dev")


def test_scores_are_those_of_the_guesses_by_plain_numpy(task):
    params, truth = task.parameters(), task.examples("test").similarity
    found = means([task.apply(params, batch, None).sums for batch in task.batches("test")])["loss"]
    guess = np.concatenate([np.asarray(task.guess(params, b))[np.asarray(b.valid)] for b in task.batches("test")])
    assert found == pytest.approx(np.square(guess.astype(float) - truth).mean(), rel=1e-4)
    grid = (TEST, TRAIN)
    new = (truth.reshape(grid) < 1).all(axis=1)
    assert 0 < new.sum() < TEST, "some test graphs are copies of training graphs"
    errors = np.square(guess - truth).reshape(grid)
    judged = ranks(guess.reshape(grid), truth.reshape(grid)) | {"loss_new": pytest.approx(errors[new].mean())}
    assert task.split_metrics(params, "test") == judged
    assert task.split_metrics(params, "validation") == {}


def test_a_knock_out_drops_by_what_the_error_grows(task):
    """The headline is an error: worse is more of it, and four digits of it are kept."""
    knocked = knock_out(task, task.parameters(), "test")
    for name in ("gold", "others"):
        assert knocked["drop"][name] == pytest.approx(knocked[f"without_{name}"] - knocked["whole"], abs=2e-5)
    assert short({"loss": 0.00150893, "hits": 0.98765, "none": 0.0}) == {"loss": 0.001509, "hits": 0.9877, "none": 0.0}


def test_graphs_that_change_places_are_as_similar(task):
    params, batch = task.parameters(), task.batches("test")[0]
    first, second, similarity = batch.examples
    swapped = batch._replace(examples=type(batch.examples)(second, first, similarity))
    one, other = task.guess(params, batch), task.guess(params, swapped)
    np.testing.assert_allclose(one, other, atol=1e-6)


def test_ranks_by_hand():
    """Ties: of equal guesses the first is ranked first; graphs that tie with the k-th best are right."""
    truth = np.array([[0.9, 0.9, *[0.5] * 10, 0.1, 0.1]])
    perfect = ranks(truth, truth)
    assert perfect == pytest.approx({"p10": 1, "p20": 1, "rho": 1, "tau": 1})
    # The two worst first, then 8 of the ten that tie with the tenth.
    assert ranks(1 - truth, truth)["p10"] == 0.8
    assert ranks(np.array([[0.3, 0.2, 0.1]]), np.array([[0.9, 0.1, 0.5]]))["tau"] == pytest.approx(1 / 3)
    nothing = ranks(np.full((1, 14), 0.4), truth)
    assert (nothing["p10"], nothing["rho"], nothing["tau"]) == (1, 0, 0)


def test_baselines_have_the_headline_and_the_picture_has_both_graphs(task):
    scores = task.baselines("test")
    mean, truth = task.examples("train").similarity.mean(), task.examples("test").similarity
    assert scores["constant"]["loss"] == pytest.approx(np.square(mean - truth).mean(), rel=1e-5)
    assert set(scores["bound"]) == {"loss", "loss_new", "p10", "p20", "rho", "tau"}
    attention, number = task.example_map(task.parameters(), "test", 7), 7
    first, second = task.examples("test").first[number], task.examples("test").second[number]
    known = list(graphs("AIDS").values())
    assert list(attention.target) == [f"{known[first].nodes[node]['label']}{node}" for node in range(len(known[first]))]
    assert len(attention.source) == len(known[second])
    assert {*map(frozenset, attention.layout.source_edges)} == {*map(frozenset, known[second].edges)}
    to = task.data.map_of(np.array([first]), np.array([second]))[0]
    assert attention.gold.sure == {(int(s), t) for t, s in enumerate(to) if s >= 0}


def test_files_that_are_missing_or_do_not_fit_are_explained(folder, tmp_path, monkeypatch):
    monkeypatch.delenv("NOWHERE", raising=False)
    with pytest.raises(DataError, match="names the environment variable NOWHERE, which is not set"):
        ged.load("$NOWHERE/ged", "linux")
    with pytest.raises(DataError, match=r"There is no file .*graphs.tar.gz: task.corpus must be a folder with"):
        ged.load(str(tmp_path), "linux")
    (tmp_path / "graphs.tar.gz").write_bytes((folder / "graphs.tar.gz").read_bytes())
    # The distances of the other data set.
    (tmp_path / "linux_exact_ged.npz").write_bytes((folder / "aids_exact_ged.npz").read_bytes())
    with pytest.raises(DataError, match=r"does not match .*: 'n' differs from that of the graphs"):
        ged.load(str(tmp_path), "linux")
    (tmp_path / "linux_exact_ged.npz").write_bytes(b"PK\x03\x04 no archive")
    with pytest.raises(DataError, match=r"linux_exact_ged.npz cannot be read"):
        ged.load(str(tmp_path), "linux")
    (tmp_path / "graphs.tar.gz").write_bytes(b"no archive")
    with pytest.raises(DataError, match=r"graphs.tar.gz cannot be read"):
        ged.load(str(tmp_path), "linux")


def test_graphs_have_to_be_left_to_train_on(folder, tmp_path):
    with pytest.raises(
        ConfigError, match=r"task\.validation_graphs must leave 2 of 5 training graphs to train on, not 4"
    ):
        make(tmp_path / "run", folder, "linux", held_out=4).examples("train")


@pytest.mark.skipif("XATTN_DATA" not in os.environ, reason="the real graphs are not here: XATTN_DATA is not set")
@pytest.mark.parametrize(("name", "bound", "constant"), [("linux", 5.10e-3, 33.8e-3), ("aids", 21.2e-3, 14.5e-3)])
def test_the_real_grids_and_their_baselines(name, bound, constant, tmp_path):
    """Mean squared errors of the bound and of a constant, as they were found before there was this code."""
    task = make(tmp_path / "run", "$XATTN_DATA/ged", name)
    assert len(task.examples("test").first) == {"linux": 200 * 800, "aids": 140 * 560}[name]
    scores = task.baselines("test")
    assert scores["bound"]["loss"] == pytest.approx(bound, rel=5e-3)
    assert scores["constant"]["loss"] == pytest.approx(constant, rel=5e-3)
    # How many graphs there are but for the order of their nodes, and test graphs that are training graphs.
    alike, test = task.data.distances == 0, task.data.test
    copies = alike[np.ix_(test, ~test)].any(axis=1).sum()
    assert (len(set(map(bytes, alike))), copies) == {"linux": (89, 195), "aids": (667, 9)}[name]
    if name == "linux":
        found = {key: round(scores["bound"][key], 3) for key in ("p10", "rho", "tau")}
        assert found == pytest.approx({"p10": 0.866, "rho": 0.952, "tau": 0.879}, abs=1e-3)


def test_the_files_of_the_graphs_are_part_of_a_run(folder, task, tmp_path):
    before = GraphGedTask.sources(task.config)
    assert set(before) == {"graphs.tar.gz", "aids_exact_ged.npz"}
    other = shutil.copytree(folder, tmp_path / "other")
    (other / "aids_exact_ged.npz").write_bytes(b"other")
    config = replace(task.config, task=replace(task.config.task, corpus=str(other)))
    after = GraphGedTask.sources(config)
    assert [name for name in before if before[name] != after[name]] == ["aids_exact_ged.npz"]
    (other / "aids_exact_ged.npz").unlink()
    with pytest.raises(DataError, match=r"There is no file .*aids_exact_ged\.npz"):
        GraphGedTask.sources(config)
