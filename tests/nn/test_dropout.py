"""Dropout as training draws it: sites, steps and the passes of R-Drop drop independently of each other."""

import itertools

import jax.numpy as jnp
import numpy as np
import pytest

from xattn.attention import Dropout, hash_bits
from xattn.attention.dropout import keep_weights
from xattn.nn.dropout import DropoutKey, attention_dropout, dropout_fns
from xattn.nn.writer import EMBEDDING

RATE = 0.3
B, T, D = 13, 31, 127


def noise(step):
    """As a training step makes it, for the seed 0 of an experiment."""
    seed = hash_bits(jnp.uint32(0), jnp.uint32(step))
    return DropoutKey(seed=seed, rows=jnp.arange(B, dtype=jnp.uint32), rate=RATE, attention_rate=RATE)


# Where a model draws: passes, encoder and decoder, embedding and layers, sub-layers; and steps that follow each other.
PLACES = {
    f"step {step}, pass {second}, side {side}, layer {layer}, site {site}": (step, second, side, layer, site)
    for step, second, side, layer, site in [
        *[(step, 0, 0, 0, 1) for step in (0, 1, 2, 2**20)],
        *[(0, 0, side, layer, site) for side in (0, 1) for layer in (0, 1) for site in (0, 2)],
        *[(0, 0, side, EMBEDDING, 0) for side in (0, 1)],
        *[(0, 2, side, 0, 1) for side in (0, 1)],
    ]
}


def kept(step, second, side, layer, site):
    here = noise(step)
    here = here.fold_in(second) if second else here
    here = here.fold_in(side)
    here = here.fold_in(layer)
    return np.asarray(dropout_fns(here, (B, T, D), 3)[site](jnp.ones((B, T, D)))) > 0


@pytest.fixture(scope="module")
def everywhere():
    return {name: kept(*place) for name, place in PLACES.items()}


def test_every_place_has_the_mean_and_variance_of_its_rate(everywhere):
    sigma = np.sqrt(RATE * (1 - RATE) / (B * T * D))
    for name, each in everywhere.items():
        assert abs(each.mean() - (1 - RATE)) < 4.5 * sigma, name
        # Of 0 or 1 the variance follows from the mean; of sums over a feature's places it does not.
        spread = each.sum((0, 1)).var() / (B * T * RATE * (1 - RATE))
        assert abs(spread - 1) < 4.5 * np.sqrt(2 / D), name


def test_no_two_places_are_correlated(everywhere):
    bound = 4.5 / np.sqrt(B * T * D)
    for (a, x), (b, y) in itertools.combinations(everywhere.items(), 2):
        assert abs(np.corrcoef(x.ravel(), y.ravel())[0, 1]) < bound, f"{a} and {b}"


def test_no_two_heads_layers_or_steps_of_attention_are_correlated():
    heads, keys = 5, 37
    axes = [
        jnp.arange(n).reshape([-1 if i == axis else 1 for i in range(4)]) for axis, n in enumerate((B, heads, T, keys))
    ]

    def weights(step, layer):
        found = attention_dropout(noise(step).fold_in(1).fold_in(layer), 4)
        assert isinstance(found, Dropout)
        return np.asarray(keep_weights(found, axes[0].astype(jnp.uint32), *axes[1:]))

    drawn = np.concatenate([weights(*place) for place in [(0, 0), (0, 1), (1, 0)]], axis=1)
    each = np.moveaxis(drawn, 1, 0).reshape(3 * heads, -1)
    correlation = np.corrcoef(each) - np.eye(3 * heads)
    assert np.abs(correlation).max() < 4.5 / np.sqrt(each.shape[1])
