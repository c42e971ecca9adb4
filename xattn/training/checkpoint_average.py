"""The mean of the last few sets of parameters: checkpoint averaging, without reading checkpoints back.

A ring holds them in NumPy, `[size, ...]` a leaf, the n-th of all at n modulo `size`: saved and read back, it goes on
exactly as it would have.
"""

from typing import Any

import jax
import numpy as np


def make_ring(size: int, like: Any) -> Any:
    """Room for `size` sets of parameters."""
    return jax.tree.map(lambda x: np.zeros((size, *x.shape), x.dtype), like)


def put(ring: Any, number: int, params: Any) -> Any:
    """The ring with the parameters numbered `number`, from 0, in the place of the oldest."""

    def placed(old: np.ndarray, x: Any) -> np.ndarray:
        new = np.array(old)
        new[number % len(old)] = x
        return new

    return jax.tree.map(placed, ring, params)


def mean(ring: Any, number: int) -> Any:
    """The mean of what a ring holds after `number` sets were put into it (Vaswani et al., 2017, section 6.1).

    >>> ring = make_ring(2, np.zeros(1))
    >>> for number, value in enumerate([1.0, 3.0, 7.0]):
    ...     ring = put(ring, number, np.array([value]))
    ...     print(mean(ring, number + 1))
    [1.]
    [2.]
    [5.]
    """
    return jax.tree.map(lambda x: x[:number].mean(axis=0, dtype=np.float64).astype(x.dtype), ring)
