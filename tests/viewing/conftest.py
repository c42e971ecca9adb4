"""The maps that the pictures are drawn from."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from xattn.alignment.maps import AttentionMap, Readout, WordMap


@pytest.fixture
def word_map() -> Callable[[Sequence[str], Sequence[str]], WordMap]:
    """Makes random attention from target words to source words, whose rows sum to 1."""

    def make(source: Sequence[str], target: Sequence[str]) -> WordMap:
        rows_TS = np.random.default_rng(0).dirichlet(np.ones(len(source) + 1), len(target)).astype(np.float32)
        return WordMap(
            weights=rows_TS[:, :-1],
            special=rows_TS[:, -1],
            source=source,
            target=target,
            readout=Readout(layer=1, head="mean", convention="read"),
        )

    return make


@pytest.fixture
def fox() -> WordMap:
    """The founding sentence; no decoder step speaks for its last word."""
    weights = [
        [0.83, 0.02, 0.01, 0.04],
        [0.003, 0.057, 0.0, 0.86],
        [0.0, 0.0, 1.0, 0.0],
        [0.0, 0.0, 0.0, 0.0],
    ]
    return WordMap(
        weights=np.array(weights, np.float32),
        special=np.array([0.1, 0.08, 0.0, 0.0], np.float32),
        source=["the", "quick", "brown", "fox"],
        target=["le", "renard", "brun", "rapide"],
        readout=Readout(layer=2, head=3, convention="produced"),
    )


@pytest.fixture
def attention() -> AttentionMap:
    """Two layers of three heads: five decoder steps over seven pieces; two words are of two and three pieces."""
    weights = np.random.default_rng(1).dirichlet(np.ones(7), (2, 3, 5)).astype(np.float32)
    return AttentionMap(
        weights=weights,
        source=["▁the", "▁qu", "ick", "▁f", "o", "x", "</s>"],
        target=["▁le", "▁re", "nard", "▁vif", "</s>"],
        source_word_ids=[0, 1, 1, 2, 2, 2, -1],
        target_word_ids=[0, 1, 1, 2, -1],
        source_words=["the", "quick", "fox"],
        target_words=["le", "renard", "vif"],
    )
