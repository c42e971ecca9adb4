"""What the values of a map are: attention weights, or what a prediction owes to a position by another measure."""

from typing import Literal

Kind = Literal["weights", "norms", "head-norms", "layer-mean", "rollout", "gradients", "value-zeroing"]

KINDS: dict[Kind, str] = {
    "weights": "attention weights: for each head, a row sums to 1",
    "norms": "norms of what a piece adds to the decoder's state, summed over heads first (Kobayashi et al., 2020)",
    "head-norms": "norms of what a piece adds to the decoder's state through one head (Kobayashi et al., 2020)",
    "layer-mean": "attention weights, the mean of all layers",
    "rollout": "attention rollout from a decoder layer to the source (Abnar & Zuidema, 2020)",
    "gradients": "weights times the gradient of the logit of the piece, where positive (Chefer et al., 2021)",
    "value-zeroing": "how far a layer's output turns without the values of a piece (Mohebbi et al., 2023)",
}
TITLES: dict[Kind, str] = {
    "weights": "attention weights",
    "norms": "attention norms",
    "head-norms": "attention head-norms",
    "layer-mean": "attention weights, mean of layers",
    "rollout": "attention rollout",
    "gradients": "attention times gradient",
    "value-zeroing": "value zeroing",
}
SHARES: tuple[Kind, ...] = ("weights", "layer-mean", "rollout", "value-zeroing")  # kinds whose rows sum to 1
SINGLE: dict[Kind, str] = {"norms": "heads summed", "rollout": "all heads", "value-zeroing": "all heads"}
"""The kinds without separate heads, and what they have instead."""


def unit(kind: Kind) -> str:
    """What a value of a kind is: "weight", where rows sum to 1, "norm" or "value".

    >>> unit("rollout"), unit("head-norms"), unit("gradients")
    ('weight', 'norm', 'value')
    """
    return "weight" if kind in SHARES else "norm" if "norms" in kind else "value"
