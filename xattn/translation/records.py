"""Records of translations: attention and top candidates, as arrays and with the pieces named."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from xattn.alignment.links import Links
from xattn.alignment.maps import SPECIAL, AttentionMap, Kind, Readout
from xattn.alignment.words import words
from xattn.data.tokenizer import Tokenizer, normalize

# Candidates that are recorded at each step (C).
CANDIDATES = 5

# The most probable pieces of each step, best first, with their probabilities.
Candidates = list[list[tuple[str, float]]]


class StepRecord(NamedTuple):
    """Per-step record: attention weights and top candidates."""

    weights: Any
    """Attention weights: [B,W,L,N,S]."""
    ids: Any
    """The most probable pieces, best first: [B,W,C]."""
    probabilities: Any
    """Their probabilities: [B,W,C]."""


def top_candidates(logits: jax.Array) -> tuple[jax.Array, jax.Array]:
    """The most probable pieces by logits [*B,V], best first, and their probabilities: both [*B,C]."""
    probabilities, ids = jax.lax.top_k(jax.nn.softmax(logits.astype(jnp.float32)), min(CANDIDATES, logits.shape[-1]))
    return ids, probabilities


def parts(text: str) -> list[int]:
    """For each word that a tokenizer reads, the number of the word of `text` that it is a part of.

    The two differ at spaces that are not ASCII, which part the tokenizer's words.

    >>> parts("dit\\u00a0: oui")
    [0, 0, 1]
    """
    return [number for number, word in enumerate(words(text)) for _ in normalize(word).split()]


def as_written(
    attention: AttentionMap, source: str | None, target: str | None, gold: Links | None = None
) -> AttentionMap:
    """The map by the words of its texts, which are parted by ASCII white space, with gold links of these words.

    A side without a text keeps its words.
    """
    changes: dict[str, Any] = {"gold": gold}
    for side, text, ids in (
        ("source", source, attention.source_word_ids),
        ("target", target, attention.target_word_ids),
    ):
        if text is not None:
            whole = parts(text)
            changes[f"{side}_words"] = [unicodedata.normalize("NFC", word) for word in words(text)]
            changes[f"{side}_word_ids"] = [SPECIAL if word == SPECIAL else whole[word] for word in ids]
    return replace(attention, **changes)


@dataclass(frozen=True)
class PieceLabels:
    """Names pieces, words and latents in the records of a model."""

    tokenizer: Tokenizer
    latents: int | None
    """The number of latents, where the memory consists of latents and not of source pieces."""
    readout: Readout | None = None
    """Where pictures of the maps read them."""

    def attention_map(
        self,
        weights_LNTS: np.ndarray,
        source: Sequence[int],
        target: Sequence[int],
        kind: Kind = "weights",
        read: Sequence[int] = (),
    ) -> AttentionMap:
        """The map of one sentence: `source` are its pieces without EOS, `target` the pieces produced, one a step.

        With `read`, the columns are these pieces instead: those that the decoder has read.
        """
        if read:
            pieces, (source_words, source_ids) = self.tokenizer.pieces(read), self.tokenizer.words(read)
        elif self.latents is not None:
            pieces = source_words = [f"latent {number}" for number in range(1, self.latents + 1)]
            source_ids = list(range(len(pieces)))
        else:
            source = [*source, self.tokenizer.eos]
            pieces, (source_words, source_ids) = self.tokenizer.pieces(source), self.tokenizer.words(source)
        target = list(target)
        target_words, target_ids = self.tokenizer.words(target)
        return AttentionMap(
            weights=np.asarray(weights_LNTS[..., : len(pieces)], np.float32),
            source=pieces,
            target=self.tokenizer.pieces(target),
            source_word_ids=source_ids,
            target_word_ids=target_ids,
            source_words=source_words,
            target_words=target_words,
            kind=kind,
            readout=self.readout if kind in ("weights", "head-norms") else None,
        )

    def candidates(self, ids_TC: np.ndarray, probabilities_TC: np.ndarray) -> Candidates:
        """The candidates of each step, with their pieces as text."""
        pieces = map(self.tokenizer.pieces, ids_TC.tolist())
        return [list(zip(*step, strict=True)) for step in zip(pieces, probabilities_TC.tolist(), strict=True)]
