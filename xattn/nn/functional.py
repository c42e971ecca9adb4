"""NNX modules as plain functions of their parameters."""

from collections.abc import Callable
from typing import Any

import jax
from flax import nnx


def functional(build: Callable[[], nnx.Module]) -> tuple[nnx.GraphDef, Callable[[], Any]]:
    """The graph of a module, and a function that initialises its parameters, as nested dictionaries.

    `nnx.merge(graph, params)` gives the module. The initialisation is one compiled program: without `jit`, each layer
    would compile its initialisers. `jax.eval_shape(init)` gives the shapes of the parameters without computing them.
    """
    split = jax.jit(lambda: nnx.split(build(), nnx.Param))
    graph, _ = jax.eval_shape(split)  # traced once, for the graph and for the parameters
    return graph, lambda: nnx.to_pure_dict(split()[1])
