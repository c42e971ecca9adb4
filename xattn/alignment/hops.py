"""Two-hop attention: whether an earlier layer points to the first of two facts and a later layer to the second."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from xattn.alignment.pointing import Head


@dataclass(frozen=True, kw_only=True, eq=False)
class Hops:
    """How often one place points to the first fact and another to the second: counts of questions, for all pairs.

    A place is a layer and head; the mean of a layer's heads counts as one more head, after the others. There are P
    places in the order of layers.
    """

    both: Float[np.ndarray, "P P"]
    """Questions where the place of the row points to the first fact, and that of the column to the second."""
    chance: float
    """The expected count if both places pointed to random visible positions."""
    questions: int
    layers: int

    def __add__(self, other: "Hops") -> "Hops":
        return Hops(
            both=self.both + other.both,
            chance=self.chance + other.chance,
            questions=self.questions + other.questions,
            layers=self.layers,
        )

    def place(self, number: int) -> tuple[int, Head]:
        """The layer and head of the place with this number."""
        heads = len(self.both) // self.layers - 1
        layer, head = divmod(number, heads + 1)
        return layer, "mean" if head == heads else head

    def share(self, places: tuple[int, int]) -> float:
        """The fraction of questions in which the two places point to the first and to the second fact."""
        return float(self.both[places]) / self.questions

    def best(self, *, contrary: bool = False) -> tuple[int, int]:
        """The two places, the second in a later layer, that most often point to the first and to the second fact.

        With `contrary`, the place for the first fact is the one in the later layer.
        """
        layer = np.arange(len(self.both)) // (len(self.both) // self.layers)
        earlier = layer[:, None] < layer[None]
        allowed = np.where(earlier.T if contrary else earlier, self.both, -1.0)
        first, second = np.unravel_index(allowed.argmax(), allowed.shape)
        return int(first), int(second)


def follow(weights: Float[np.ndarray, "L B N S"], facts: Int[np.ndarray, "B 2"], seen: Bool[np.ndarray, "B S"]) -> Hops:
    """Counts, for all pairs of places, how often they point to the two facts of a question.

    `facts` [B,2] are the positions of the first and the second fact, -1 for a missing one; questions with a missing
    fact are left out. `seen` [B,S] is True at visible positions. A place points to the position of its highest weight.

    >>> weights = np.array([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1]]).reshape(2, 1, 1, 3)  # two layers of one head
    >>> found = follow(weights, np.array([[0, 1]]), np.ones((1, 3), bool))
    >>> found.best(), found.share(found.best()), round(found.chance, 3)
    ((0, 2), 1.0, 0.111)
    """
    whole_B = (facts >= 0).all(axis=-1)
    weights, facts, seen = weights[:, whole_B], facts[whole_B], seen[whole_B]
    weights = np.concatenate([weights, weights.mean(axis=2, keepdims=True)], axis=2)
    highest_LBN = np.where(seen[:, None], weights, -1.0).argmax(axis=-1)
    first_PB, second_PB = (
        np.equal(highest_LBN, fact[:, None]).swapaxes(1, 2).reshape(-1, len(facts)).astype(np.float32)
        for fact in facts.T
    )
    return Hops(
        both=first_PB @ second_PB.T,
        chance=float((1 / np.maximum(seen.sum(axis=-1), 1) ** 2).sum()),
        questions=len(facts),
        layers=len(weights),
    )
