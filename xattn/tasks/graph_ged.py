"""Graph similarity: a model of two graphs that attend to each other estimates their graph edit distance.

Real graphs, LINUX and AIDS700nef, with exact edit distances; a model gives exp(-2 GED / (n1 + n2)), as SimGNN does (Bai
et al., 2019), and is scored on the grid of all test graphs with all training graphs.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Bool, Float, Int
from scipy import stats

from xattn.alignment.layouts import Graph
from xattn.config import Experiment, GraphGed, Model
from xattn.data.benchmarks import ged
from xattn.data.paths import fingerprint
from xattn.errors import ConfigError
from xattn.nn.dropout import DropoutKey
from xattn.nn.graph_matcher import GraphBatch, Side
from xattn.tasks.array_task import ArrayBatch, ArrayTask, Outcome
from xattn.tasks.graphs import edges_of, matcher
from xattn.training.losses import sum_of


class Pairs(NamedTuple):
    """Numbers of two graphs, the lower first, and how similar they are: exp(-2 GED / (n1 + n2))."""

    first: Int[np.ndarray, " E"]
    second: Int[np.ndarray, " E"]
    similarity: Float[np.ndarray, " E"]


class Similarity(nnx.Module):
    """Two graphs that attend to each other between rounds of messages, and a similarity from 0 to 1.

    A graph is the gated sum of its nodes (Li et al., 2016). The similarity is computed from the sum and the absolute
    difference of the two graphs, so it does not depend on their order.
    """

    def __init__(self, model: Model, kinds: int, rngs: nnx.Rngs):
        width, dtype = model.width, jnp.dtype(model.compute)
        self.encoder = matcher(model, kinds, rngs)
        self.gate = nnx.Linear(width, width, dtype=dtype, rngs=rngs)
        self.node = nnx.Linear(width, width, dtype=dtype, rngs=rngs)
        self.hidden = nnx.Linear(2 * width, model.mlp, dtype=dtype, rngs=rngs)
        self.out = nnx.Linear(model.mlp, 1, dtype=dtype, rngs=rngs)

    def __call__(
        self,
        a: GraphBatch,
        b: GraphBatch,
        dropout_key: DropoutKey | None = None,
        hide: Bool[Array, "B T S"] | None = None,
    ) -> tuple[Float[Array, " B"], Side, Side]:
        """The similarity of each pair, and both sides."""
        sides = self.encoder(a, b, dropout_key, hide)
        sum_a, sum_b = (self._sum(side.states, graphs.mask) for side, graphs in zip(sides, (a, b), strict=True))
        joined = jnp.concatenate([sum_a + sum_b, jnp.abs(sum_a - sum_b)], axis=-1)
        return jax.nn.sigmoid(self.out(nnx.relu(self.hidden(joined)))[:, 0].astype(jnp.float32)), *sides

    def _sum(self, states: Float[Array, "B S D"], mask: Bool[Array, "B S"]) -> Float[Array, "B D"]:
        nodes = jax.nn.sigmoid(self.gate(states)) * self.node(states)
        return jnp.where(mask[..., None], nodes, 0).sum(axis=1)


class GraphGedTask(ArrayTask[GraphGed]):
    """Graph similarity."""

    headline: ClassVar[str] = "loss"

    @classmethod
    def sources(cls, config: Experiment) -> Mapping[str, str]:
        """The graphs and their distances."""
        assert isinstance(config.task, GraphGed)
        return {path.name: fingerprint(path) for path in ged.files(config.task.corpus, config.task.dataset)}

    @cached_property
    def data(self) -> ged.GedDataset:
        """All graphs with their distances."""
        return ged.load(self.settings.corpus, self.settings.dataset)

    @property
    def positions(self) -> int:
        return 2 * self.data.edges.shape[-1]

    def read(self, split: str) -> Pairs:
        """Pairs of training graphs, of those held out from these, or every test graph with every training graph."""
        train, test = (np.flatnonzero(self.data.test == kind) for kind in (False, True))
        if self.settings.validation_graphs > len(train) - 2:
            raise ConfigError(
                f"task.validation_graphs must leave 2 of {len(train)} training graphs to train on, not "
                f"{self.settings.validation_graphs}."
            )
        order = np.random.default_rng(self.settings.seed).permutation(train)
        held, kept = (
            np.sort(order[: self.settings.validation_graphs]),
            np.sort(order[self.settings.validation_graphs :]),
        )
        if split == "test":
            first, second = (side.ravel() for side in np.meshgrid(test, train, indexing="ij"))
        elif split in ("train", "validation"):
            graphs = kept if split == "train" else held
            first, second = (graphs[side] for side in np.triu_indices(len(graphs), 1))
        else:
            raise ConfigError(f"The task 'graph_ged' has the splits train, validation and test, not {split!r}.")
        # The files hold the node map from the lower to the higher graph; rows of the grid keep their places.
        first, second = np.minimum(first, second), np.maximum(first, second)
        return Pairs(
            first.astype(np.int32),
            second.astype(np.int32),
            self._similar(self.data.distances[first, second], first, second),
        )

    def build(self, rngs: nnx.Rngs) -> Similarity:
        return Similarity(self.config.model, len(self.data.names or ()), rngs)

    def forward(
        self, model: Similarity, batch: ArrayBatch, dropout_key: DropoutKey | None, hide: jax.Array | None = None
    ) -> Outcome:
        found, a, _ = self._compare(model, batch, dropout_key, hide)
        errors = jnp.square(found - batch.examples.similarity)
        return Outcome({"loss": sum_of(errors, batch.valid)}, a.weights, a.visible)

    def gold(self, examples: Pairs) -> Bool[np.ndarray, "B T S"]:
        """The image of each node in the stored optimal map, one of possibly several; none for a deleted node."""
        maps = self.data.map_of(np.asarray(examples.first), np.asarray(examples.second))
        return maps[..., None] == np.arange(maps.shape[-1])

    def labels(self, examples: Pairs) -> tuple[Sequence[str], Sequence[str]]:
        return self._names(int(examples.second), "b"), self._names(int(examples.first), "a")

    def layout(self, examples: Pairs) -> Graph:
        edges = self.data.edges
        return Graph(source_edges=edges_of(edges[examples.second]), target_edges=edges_of(edges[examples.first]))

    def baselines(self, split: str) -> Mapping[str, Mapping[str, float]]:
        """A lower bound of the distance from labels and degrees alone, and the mean similarity in training."""
        first, second, similarity = self.examples(split)
        bound = self._similar(lower_bound(self.data, first, second), first, second)
        mean = self.examples("train").similarity.mean()
        return {
            "bound": {"loss": float(np.square(bound - similarity).mean()), **self._of_grid(bound, split)},
            "constant": {"loss": float(np.square(mean - similarity).mean())},
        }

    def split_metrics(self, params: Any, split: str) -> Mapping[str, float]:
        """Rank metrics of the training graphs for each test graph, and the loss on new test graphs."""
        if split != "test":
            return {}
        found = [np.asarray(self.guess(params, batch))[batch.valid] for batch in self.batches(split)]
        return self._of_grid(np.concatenate(found), split)

    @cached_property
    def guess(self) -> Callable[[Any, ArrayBatch], jax.Array]:
        """The similarities of a batch."""
        return jax.jit(lambda params, batch: self._compare(nnx.merge(self.graph, params), batch, None, None)[0])

    def _compare(
        self, model: Similarity, batch: ArrayBatch, dropout_key: DropoutKey | None, hide: jax.Array | None
    ) -> tuple[jax.Array, Side, Side]:
        edges, kinds, sizes = (jnp.asarray(each) for each in (self.data.edges, self.data.kinds, self.data.sizes))
        a, b = (
            GraphBatch(
                edges=edges[number],
                mask=(jnp.arange(edges.shape[-1])[None] < sizes[number][:, None]) & batch.valid[:, None],
                kinds=None if self.data.names is None else kinds[number],
            )
            for number in (batch.examples.first, batch.examples.second)
        )
        return model(a, b, dropout_key, hide)

    def _similar(self, distance: np.ndarray, first: np.ndarray, second: np.ndarray) -> Float[np.ndarray, " E"]:
        return np.exp(-2 * distance / (self.data.sizes[first] + self.data.sizes[second])).astype(np.float32)

    def _names(self, graph: int, side: str) -> list[str]:
        names = self.data.names
        kinds = self.data.kinds[graph, : self.data.sizes[graph]].tolist()
        return [f"{side if names is None else names[kind]}{node}" for node, kind in enumerate(kinds)]

    def _of_grid(self, guess: np.ndarray, split: str) -> dict[str, float]:
        """Ranks of the grid's rows, and the error of those whose test graph is no training graph, if there are any.

        Pairs that are no grid have neither.
        """
        if split != "test":
            return {}
        grid = (int(self.data.test.sum()), -1)
        guess, truth = guess.reshape(grid), self.examples(split).similarity.reshape(grid)
        new = (truth < 1).all(axis=1)
        return ranks(guess, truth) | ({"loss_new": float(np.square(guess - truth)[new].mean())} if new.any() else {})


def lower_bound(
    data: ged.GedDataset, first: Int[np.ndarray, " E"], second: Int[np.ndarray, " E"]
) -> Float[np.ndarray, " E"]:
    """Edits that labels and degrees alone make sure of: nodes without a like in the other graph, and edges for degrees.

    An edit of an edge changes two degrees by one, so it takes half as many as sorted degrees are apart.
    """
    degrees = -np.sort(-data.edges.sum(axis=-1), axis=-1)
    real = np.arange(data.kinds.shape[1]) < data.sizes[:, None]
    labels = (data.kinds[..., None] == np.arange(data.kinds.max() + 1)).sum(axis=1, where=real[..., None])
    alike = np.minimum(labels[first], labels[second]).sum(axis=-1)
    nodes = np.maximum(data.sizes[first], data.sizes[second]) - alike
    return nodes + np.ceil(np.abs(degrees[first] - degrees[second]).sum(axis=-1) / 2)


def ranks(guess: Float[np.ndarray, "Q G"], truth: Float[np.ndarray, "Q G"]) -> dict[str, float]:
    """Precision at 10 and 20, Spearman's rho and Kendall's tau-b of each query's ranking, averaged over the queries.

    Of equal guesses the first graph is ranked first; at k, a graph is right if its true similarity is at least the k-th
    highest, so all that tie with this count as right. A query whose guesses are all equal ranks nothing: 0.

    >>> ranks(np.array([[0.9, 0.5, 0.4]]), np.array([[0.8, 0.2, 0.3]]))["rho"]
    0.5
    """
    best = np.argsort(-guess, axis=1, kind="stable")
    found: dict[str, float] = {}
    for k in (10, 20):
        needed = -np.sort(-truth, axis=1)[:, :k][:, -1:]  # the last one, where there are fewer
        found[f"p{k}"] = float((np.take_along_axis(truth, best[:, :k], axis=1) >= needed).mean())
    correlations: dict[str, Callable[..., Any]] = {"rho": stats.spearmanr, "tau": stats.kendalltau}
    for name, correlate in correlations.items():
        each = [
            float(correlate(one, other).statistic) if np.ptp(one) and np.ptp(other) else 0.0
            for one, other in zip(guess, truth, strict=True)
        ]
        found[name] = float(np.mean(each))
    return found
