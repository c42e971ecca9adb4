"""Maps without their special source pieces, such as EOS, on which heads rest that have nothing to do."""

from dataclasses import replace

import numpy as np

from xattn.alignment.maps import SPECIAL, AttentionMap


def without_specials(attention: AttentionMap) -> AttentionMap:
    """The map without the source pieces that belong to no word; what is left of a row gets the sum of the whole row.

    A row that attends to special pieces alone becomes 0. The note of the map says what was done.

    >>> from xattn.alignment.maps import Readout
    >>> made = AttentionMap.of(np.array([[0.3, 0.1, 0.6], [0.0, 0.0, 1.0]]), ["the", "fox", "</s>"], ["le", "renard"])
    >>> without_specials(made).to_words(Readout(layer=0, head=0, convention="produced")).weights.tolist()
    [[0.75, 0.25], [0.0, 0.0]]
    """
    kept = [column for column, word in enumerate(attention.source_word_ids) if word != SPECIAL]
    weights = attention.weights[..., kept]
    total, left = (each.sum(axis=-1, keepdims=True) for each in (attention.weights, weights))
    return replace(
        attention,
        weights=(weights * np.where(left > 0, total / np.where(left > 0, left, 1), 0)).astype(np.float32),
        source=[attention.source[column] for column in kept],
        source_word_ids=[attention.source_word_ids[column] for column in kept],
        note=", ".join(filter(None, (attention.note, "without special pieces"))),
    )
