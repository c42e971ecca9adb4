"""Graph matching: a random graph and a copy with its nodes permuted and some edges moved; which node is which?

Without moved edges the structure around a node identifies it, and there is nothing to learn. With them, a node has to
be matched through its neighbours. The permutation is the gold attention.
"""

import zlib
from collections.abc import Mapping, Sequence
from typing import ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Bool, Float, Int
from scipy.optimize import linear_sum_assignment

from xattn.alignment.layouts import Graph
from xattn.config import GraphMatch, Model
from xattn.nn.dropout import DropoutKey
from xattn.nn.graph_matcher import GraphBatch, Side, return_probabilities
from xattn.tasks.array_evaluation import TRAIN
from xattn.tasks.array_task import ArrayBatch, ArrayTask, Outcome
from xattn.tasks.graphs import edges_of, matcher
from xattn.training.losses import cross_entropy, sum_of

# Examples drawn at a time, so that their random numbers do not all lie in memory.
DRAWN = 4096


class Examples(NamedTuple):
    """Edges of a graph and of its copy, and the node of the copy that each node is."""

    first: Bool[np.ndarray, "E T T"]
    second: Bool[np.ndarray, "E S S"]
    planted: Int[np.ndarray, "E T"]


def draw(settings: GraphMatch, split: str, count: int) -> Examples:
    """The first `count` examples of a split; each depends on nothing but the settings, the split and its number."""
    generator = np.random.default_rng([settings.seed, zlib.crc32(split.encode())])
    # Numbers are taken example by example: to draw more leaves the first ones as they are.
    parts = [_draw(settings, generator, min(DRAWN, count - start)) for start in range(0, count, DRAWN)]
    return Examples(*map(np.concatenate, zip(*parts, strict=True)))


def _draw(settings: GraphMatch, generator: np.random.Generator, count: int) -> Examples:
    nodes = settings.nodes
    pairs = nodes * (nodes - 1) // 2
    edge, move, order = np.split(generator.random((count, 2 * pairs + nodes)), [pairs, 2 * pairs], axis=1)
    there = edge < settings.density
    moved = np.rint(settings.moved * there.sum(axis=1, keepdims=True))
    moved = np.minimum(moved, (~there).sum(axis=1, keepdims=True))

    def lowest(where: np.ndarray) -> np.ndarray:
        """Of the pairs that count, as many as are moved: those with the lowest numbers."""
        return where & (np.where(where, move, 2.0).argsort(axis=1).argsort(axis=1) < moved)

    copied = there & ~lowest(there) | lowest(~there)
    planted = order.argsort(axis=1)
    first, second = _matrices(there, nodes), np.zeros((count, nodes, nodes), bool)
    row = np.arange(count)[:, None, None]
    second[row, planted[:, :, None], planted[:, None, :]] = _matrices(copied, nodes)
    return Examples(first, second, planted.astype(np.int32))


def _matrices(pairs: Bool[np.ndarray, "E P"], nodes: int) -> Bool[np.ndarray, "E n n"]:
    upper = np.zeros((len(pairs), nodes, nodes), bool)
    upper[:, *np.triu_indices(nodes, 1)] = pairs
    return upper | upper.swapaxes(1, 2)


class Matcher(nnx.Module):
    """Two graphs that attend to each other between rounds of messages, and one matrix of node scores."""

    def __init__(self, model: Model, rngs: nnx.Rngs):
        self.encoder = matcher(model, 0, rngs)
        # The same map for both graphs: the fit of two nodes does not depend on which graph comes first.
        self.fit = nnx.Linear(model.width, model.width, use_bias=False, dtype=jnp.dtype(model.compute), rngs=rngs)

    def __call__(
        self,
        a: GraphBatch,
        b: GraphBatch,
        dropout_key: DropoutKey | None = None,
        hide: Bool[Array, "B T S"] | None = None,
    ) -> tuple[Float[Array, "B T S"], Side, Side]:
        """The score of every node of A with every node of B, and both sides."""
        side_a, side_b = self.encoder(a, b, dropout_key, hide)
        fit_BTS = jnp.einsum("BTD,BSD->BTS", self.fit(side_a.states), self.fit(side_b.states))
        return fit_BTS / self.fit.out_features**0.5, side_a, side_b


class GraphMatchTask(ArrayTask[GraphMatch]):
    """Graph matching."""

    headline: ClassVar[str] = "hits"

    @property
    def positions(self) -> int:
        return 2 * self.settings.nodes

    def read(self, split: str) -> Examples:
        return draw(
            self.settings, split, self.settings.train_examples if split == TRAIN else self.settings.held_out_examples
        )

    def build(self, rngs: nnx.Rngs) -> Matcher:
        return Matcher(self.config.model, rngs)

    def forward(
        self, model: Matcher, batch: ArrayBatch, dropout_key: DropoutKey | None, hide: jax.Array | None = None
    ) -> Outcome:
        first, second, planted = batch.examples
        real = jnp.broadcast_to(batch.valid[:, None], planted.shape)
        fit, a, _ = model(GraphBatch(edges=first, mask=real), GraphBatch(edges=second, mask=real), dropout_key, hide)
        back = jnp.argsort(planted, axis=1)
        losses, hits = zip(
            *(
                (cross_entropy(scores, right), scores.argmax(axis=-1) == right)
                for scores, right in ((fit, planted), (jnp.swapaxes(fit, 1, 2), back))
            ),
            strict=True,
        )
        sums = {
            "loss": sum_of(jnp.stack(losses), jnp.stack([real, real])),
            "hits": sum_of(jnp.stack(hits), jnp.stack([real, real])),
        }
        return Outcome(sums, a.weights, a.visible)

    def gold(self, examples: Examples) -> Bool[np.ndarray, "B T S"]:
        """The node of the copy that each node is."""
        return np.asarray(examples.planted)[..., None] == np.arange(self.settings.nodes)

    def labels(self, examples: Examples) -> tuple[Sequence[str], Sequence[str]]:
        nodes = range(self.settings.nodes)
        return [f"b{node}" for node in nodes], [f"a{node}" for node in nodes]

    def layout(self, examples: Examples) -> Graph:
        return Graph(source_edges=edges_of(examples.second), target_edges=edges_of(examples.first))

    def baselines(self, split: str) -> Mapping[str, Mapping[str, float]]:
        """Chance; the node with the nearest structural profile; and the best one-to-one matching of profiles."""
        first, second, planted = self.examples(split)
        a, b = profiles(first), profiles(second)
        nearest, once = 0.0, 0.0
        for x, y, right in zip(a, b, planted, strict=True):
            apart_TS = np.abs(x[:, None] - y[None]).sum(axis=-1)
            nearest += (apart_TS.argmin(axis=1) == right).mean() + (apart_TS.argmin(axis=0) == right.argsort()).mean()
            once += 2 * (linear_sum_assignment(apart_TS)[1] == right).mean()
        return {
            "chance": {"hits": 1 / self.settings.nodes},
            "hand profile": {"hits": nearest / 2 / len(planted)},
            "hand profile, Hungarian": {"hits": once / 2 / len(planted)},
        }


def profiles(edges: Bool[np.ndarray, "E S S"]) -> Float[np.ndarray, "E S F"]:
    """Hand-made structural features of nodes: degree, triangles, sorted degrees of the neighbours, random walks."""
    ones = edges.astype(np.float32)
    degree = ones.sum(axis=-1)
    triangles = np.einsum("ESR,ERQ,EQS->ES", ones, ones, ones, optimize=True) / 2
    around = -np.sort(-ones * degree[:, None], axis=-1)
    walks = np.asarray(return_probabilities(jnp.asarray(ones), 8))
    return np.concatenate([degree[..., None], triangles[..., None], around, 5 * walks], axis=-1)
