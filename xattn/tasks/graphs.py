"""Shared by the tasks on pairs of graphs: the encoder, and edges as pairs."""

import numpy as np
from flax import nnx
from jaxtyping import Bool

from xattn.config import Model
from xattn.nn.dimensions import Dimensions
from xattn.nn.graph_matcher import GraphMatcher


def matcher(model: Model, kinds: int, rngs: nnx.Rngs) -> GraphMatcher:
    """The encoder of two graphs that the config describes; `kinds` is the number of node kinds, 0 if all are alike."""
    return GraphMatcher(Dimensions.of(model), memory=model.memory, latents=model.latents, kinds=kinds, rngs=rngs)


def edges_of(matrix: Bool[np.ndarray, "S S"]) -> list[tuple[int, int]]:
    """The pairs of nodes that have an edge, each once."""
    return [(a, b) for a, b in np.argwhere(np.triu(matrix)).tolist()]
