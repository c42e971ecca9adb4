"""Sentences of like length in batches of few shapes."""

from collections.abc import Iterator, Sequence

import jax
import jax.numpy as jnp
import numpy as np

from xattn.data.tokenizer import Tokenizer
from xattn.decoding import Hypotheses

# Sentences are padded to the next of few lengths, so that few shapes are compiled.
LENGTHS = (16, 32, 64, 128, 256, 512, 1024)


def by_length(sources: Sequence[list[int]], rows: int) -> Iterator[tuple[int, list[np.ndarray]]]:
    """Sentences of like length together: a padded length [S], and the numbers of the sentences of its batches.

    -1 fills a batch that is not full. Empty sentences are left out.
    """
    groups: dict[int, list[int]] = {}
    for index in sorted((i for i, source in enumerate(sources) if source), key=lambda i: len(sources[i])):
        groups.setdefault(padded(len(sources[index]) + 1), []).append(index)
    for length, group in groups.items():
        # Few sentences should not wait for a full batch of padding.
        size = min(rows, 1 << (len(group) - 1).bit_length())
        whole = np.full(-(-len(group) // size) * size, -1)
        whole[: len(group)] = group
        yield length, list(whole.reshape(-1, size))


def padded_rows(sources: Sequence[list[int]], numbers: np.ndarray, length: int, tokenizer: Tokenizer) -> np.ndarray:
    """The sentences of a batch with EOS, [B,length]; nothing but padding for the number -1."""
    ids = np.full((len(numbers), length), tokenizer.pad, np.int32)
    for row, index in enumerate(numbers):
        if index >= 0:
            ids[row, : len(sources[index]) + 1] = [*sources[index], tokenizer.eos]
    return ids


def padded(length: int) -> int:
    """The next length that shapes are compiled for."""
    return next((each for each in LENGTHS if each >= length), length)


def _limits(mask: jax.Array, extra: int) -> jax.Array:
    """Longest lengths: each depends on its own sentence alone, so that a batch gives what its lines give."""
    own = mask.sum(axis=1, dtype=jnp.int32)
    return jnp.where(own > 0, 2 * own + extra, 0)


def _rows(numbers: np.ndarray, found: Hypotheses) -> Iterator[tuple[int, Hypotheses]]:
    for row in np.flatnonzero(numbers >= 0):
        yield int(numbers[row]), jax.tree.map(lambda leaf, row=row: leaf[row], found)
