"""Batches of sentences of similar length, in few shapes."""

from collections.abc import Iterator, Mapping, Sequence

import jax
import jax.numpy as jnp
import numpy as np

from xattn.decoding import Hypotheses

# Sentences are padded to the next of these lengths, so that few shapes are compiled.
LENGTHS = (16, 32, 64, 128, 256, 512, 1024)

# Pieces of sentences, by the number of the sentence.
Sentences = Mapping[int, Sequence[int]]


def by_length(
    sources: Sentences, rows: int, targets: Sentences | None = None
) -> Iterator[tuple[int, list[np.ndarray]]]:
    """Groups sentences by padded length: yields the length and the sentence numbers of each of its batches, [B].

    A batch has `rows` sentences at most. -1 fills up the last batch of a length. Within a length, sentences are in the
    order of their own lengths, or of those of their `targets`.
    """
    groups: dict[int, list[int]] = {}
    for number in sorted(sources, key=lambda n: len((targets or sources)[n])):
        groups.setdefault(padded(len(sources[number])), []).append(number)
    for length, group in sorted(groups.items()):
        # Few sentences should not wait for a full batch of padding.
        size = min(rows, 1 << (len(group) - 1).bit_length())
        filled = np.full(-(-len(group) // size) * size, -1)
        filled[: len(group)] = group
        yield length, list(filled.reshape(-1, size))


def padded_rows(sentences: Sentences, numbers: np.ndarray, length: int, pad: int) -> np.ndarray:
    """The pieces of the numbered sentences, padded: [B,length]. The number -1 gives a row of padding."""
    ids = np.full((len(numbers), length), pad, np.int32)
    for row in np.flatnonzero(numbers >= 0):
        sentence = sentences[int(numbers[row])]
        ids[row, : len(sentence)] = sentence
    return ids


def padded(length: int) -> int:
    """The next length that shapes are compiled for."""
    return next((each for each in LENGTHS if each >= length), length)


def length_limits(mask: jax.Array, extra: int) -> jax.Array:
    """The most pieces that each output may have, [B]: twice its source's pieces, EOS included, plus `extra`.

    A limit depends on its own sentence alone, so that a sentence has the same translation in any batch.
    """
    own = mask.sum(axis=1, dtype=jnp.int32)
    return jnp.where(own > 0, 2 * own + extra, 0)


def unbatch(numbers: np.ndarray, hypotheses: Hypotheses) -> Iterator[tuple[int, Hypotheses]]:
    """The number of each sentence of a batch, with its hypotheses without the axis B; rows numbered -1 are dropped."""
    for row in np.flatnonzero(numbers >= 0):
        yield int(numbers[row]), jax.tree.map(lambda leaf, row=row: leaf[row], hypotheses)
