"""A module as a function of its parameters."""

import jax
import numpy as np
from flax import nnx

from xattn.nn.functional import functional


def test_the_parameters_are_those_of_the_module():
    def build():
        return nnx.Linear(3, 5, rngs=nnx.Rngs(7))

    graph, init = functional(build)
    params, x = init(), np.arange(6.0, dtype=np.float32).reshape(2, 3)
    assert jax.tree.map(lambda leaf: (leaf.shape, leaf.dtype), params) == jax.tree.map(
        lambda leaf: (leaf.shape, leaf.dtype), jax.eval_shape(init)
    )
    np.testing.assert_allclose(nnx.merge(graph, params)(x), build()(x), rtol=1e-6)
