"""Peaks of attention over time: how far they are from what they should point at, and whether they are in order."""

import numpy as np
from jaxtyping import Float, Int
from scipy.stats import kendalltau

from xattn.alignment.maps import Readout


def peaks(weights: Float[np.ndarray, "L B N T S"], readout: Readout) -> Int[np.ndarray, "B T"]:
    """The position of the largest weight of every query, at one layer and head."""
    layer = weights[readout.layer]
    return (layer.mean(axis=1) if readout.head == "mean" else layer[:, readout.head]).argmax(axis=-1)


def order(places: Int[np.ndarray, " T"] | Float[np.ndarray, " T"]) -> float:
    """Kendall's tau of the places of queries in their own order: 1 if they only grow, -1 if they only fall.

    Places that are all one say nothing of an order, and count as 0.

    >>> order(np.array([3, 5, 8])), round(order(np.array([3, 8, 5])), 3), order(np.array([4, 4]))
    (1.0, 0.333, 0.0)
    """
    if len(np.unique(places)) < 2:
        return 0.0
    return float(np.asarray(kendalltau(np.arange(len(places)), places))[0])
