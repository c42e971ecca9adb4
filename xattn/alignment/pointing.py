"""Pointing: how often attention points to gold positions, and its mass on them, compared with chance."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float

Head = int | Literal["mean"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Pointing:
    """Sums over all rows with gold, for every layer and head; the last column is for the mean of all heads.

    `hits` counts rows that point to gold, `mass` sums their weight on gold, and `chance` is the expected number of
    hits of a random visible position. Sums of batches are added (`+`) and divided by `rows` once, in `at`.
    """

    hits: Float[np.ndarray, "L heads"]
    mass: Float[np.ndarray, "L heads"]
    chance: float
    rows: int

    def __add__(self, other: "Pointing") -> "Pointing":
        return Pointing(
            hits=self.hits + other.hits,
            mass=self.mass + other.mass,
            chance=self.chance + other.chance,
            rows=self.rows + other.rows,
        )

    def at(self, layer: int, head: Head) -> dict[str, float]:
        """Pointing accuracy and mean mass on gold of one layer and head, as fractions rounded to four digits."""
        column = -1 if head == "mean" else head
        return {
            "accuracy": round(float(self.hits[layer, column]) / self.rows, 4),
            "mass": round(float(self.mass[layer, column]) / self.rows, 4),
        }

    @property
    def best(self) -> tuple[int, Head]:
        """The layer and head with the most hits; among equals, the one with more mass on gold."""
        layers, heads = self.hits.shape
        places = [(layer, head) for layer in range(layers) for head in range(heads)]
        layer, head = max(places, key=lambda place: (self.hits[place], self.mass[place]))
        return layer, "mean" if head == heads - 1 else head


def point(
    weights: Float[np.ndarray, "L B N T S"], gold: Bool[np.ndarray, "B T S"], seen: Bool[np.ndarray, "B S"]
) -> Pointing:
    """Scores the attention of a batch against gold positions, over the rows [B,T] that have any.

    A row is a hit if its highest weight is on gold (the pointing game, Zhang et al., 2016); if several weights are
    highest, it counts as the fraction of them on gold. Chance is the fraction of visible positions (`seen` [B,S])
    that are gold.

    >>> weights = np.array([0.7, 0.2, 0.1]).reshape(1, 1, 1, 1, 3)
    >>> found = point(weights, np.array([[[True, False, False]]]), np.ones((1, 3), bool))
    >>> found.at(0, 0), round(found.chance, 3)
    ({'accuracy': 1.0, 'mass': 0.7}, 0.333)
    """
    counted_BT = gold.sum(axis=-1) > 0
    weights = np.concatenate([weights, weights.mean(axis=2, keepdims=True)], axis=2)
    visible = np.where(seen[:, None, None], weights, -1.0)
    highest = np.equal(visible, visible.max(axis=-1, keepdims=True))
    gold_BNTS, total = gold[:, None], weights.sum(axis=-1)
    hits = (highest & gold_BNTS).sum(axis=-1) / highest.sum(axis=-1)
    mass = np.where(gold_BNTS, weights, 0).sum(axis=-1) / np.where(total > 0, total, 1)
    chance_BT = gold.sum(axis=-1) / np.maximum(seen.sum(axis=-1), 1)[:, None]
    return Pointing(
        hits=(hits * counted_BT[:, None]).sum(axis=(1, 3)),
        mass=(mass * counted_BT[:, None]).sum(axis=(1, 3)),
        chance=float(chance_BT[counted_BT].sum()),
        rows=int(counted_BT.sum()),
    )


def sample_other_positions(
    gold: Bool[np.ndarray, "B T S"], seen: Bool[np.ndarray, "B S"], generator: np.random.Generator
) -> Bool[np.ndarray, "B T S"]:
    """For every row as many random positions as it has gold ones, drawn from the visible positions that are not gold.

    If there are fewer of these, all are taken. This is the control of the knock-out test.
    """
    free = seen[:, None] & ~gold
    order = np.where(free, generator.random(gold.shape), 2.0).argsort(axis=-1).argsort(axis=-1)
    return free & (order < gold.sum(axis=-1, keepdims=True))
