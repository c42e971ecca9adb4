"""Text to sub-word ids and back: SentencePiece. The only place that knows PAD, BOS, EOS and UNK."""

import io
import random
import re
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

import sentencepiece

from xattn.errors import UserError

_SPACE = "\N{LOWER ONE EIGHTH BLOCK}"  # how SentencePiece writes a space; the first piece of a word begins with it
_SPACE_IN_BYTES = ["<0xE2>", "<0x96>", "<0x81>"]  # and how it spells that of a word it does not know


def normalize(text: str) -> str:
    """A text as words with one space between them, in Unicode's composed form (NFC); nothing else is changed.

    Compatibility forms (NFKC) are left alone: they would turn "½" into "1⁄2" and "…" into "...".

    >>> normalize("  l'\\u00a0e\\u0301te\\u0301 \\t½ ")
    "l' été ½"
    """
    return " ".join(unicodedata.normalize("NFC", text).replace(_SPACE, " ").split())


class Tokenizer:
    """SentencePiece with 256 byte pieces, so that nothing is unknown: `decode(encode(x)) == normalize(x)`.

    Pieces never cross a space, and every digit is a piece of its own.
    """

    def __init__(self, model: bytes):
        self.model = model
        """The serialised SentencePiece model."""
        self._processor = sentencepiece.SentencePieceProcessor()
        self._processor.LoadFromSerializedProto(model)
        self.size: int = self._processor.vocab_size()
        """Pieces in the vocabulary (V)."""
        self.pad: int = self._processor.pad_id()
        self.bos: int = self._processor.bos_id()
        self.eos: int = self._processor.eos_id()
        self.unk: int = self._processor.unk_id()
        if min(self.pad, self.bos, self.eos, self.unk) < 0:
            raise ValueError("The SentencePiece model lacks one of the pieces PAD, BOS, EOS and UNK.")

    @classmethod
    def train(
        cls,
        lines: Iterable[str],
        *,
        vocabulary: int,
        kind: Literal["unigram", "bpe", "word"] = "unigram",
        sample: int = 1_000_000,
    ) -> "Tokenizer":
        """Learns a vocabulary of `vocabulary` pieces at most (Kudo, 2018; Sennrich et al., 2016).

        The kind "word" keeps the most frequent words whole, and spells all others in bytes. A small corpus may
        have fewer pieces: `size` is what there is. The same lines give the same bytes. Of more than `sample` lines,
        as many are drawn at random. `ValueError` for a corpus without words, or if its characters, the bytes and
        the special pieces alone are more than `vocabulary`.
        """
        drawn = _draw(filter(None, map(normalize, lines)), sample)
        if not drawn:
            raise UserError("The corpus has no words: a tokenizer cannot be learnt from it.")
        model = io.BytesIO()
        try:
            sentencepiece.SentencePieceTrainer.train(
                sentence_iterator=iter(drawn),
                model_writer=model,
                model_type=kind,
                vocab_size=vocabulary,
                hard_vocab_limit=False,
                normalization_rule_name="identity",
                byte_fallback=True,
                character_coverage=1.0,
                split_digits=True,
                pad_id=0,
                bos_id=1,
                eos_id=2,
                unk_id=3,
                # More threads would be faster, and sum in another order.
                num_threads=1,
                minloglevel=2,
            )
        except RuntimeError as error:
            needed = re.search(r"required_chars\. \d+ vs (\d+)", str(error))
            if not needed:
                raise
            raise ValueError(
                f"A vocabulary of {vocabulary} pieces is too small for this corpus: its characters, the 256 "
                f"bytes and the special pieces need {needed[1]}."
            ) from None
        return cls(model.getvalue())

    def save(self, path: str | Path) -> None:
        """Writes the tokenizer as an ordinary SentencePiece model."""
        Path(path).write_bytes(self.model)

    @classmethod
    def load(cls, path: str | Path) -> "Tokenizer":
        """Reads what `save` wrote."""
        path = Path(path)
        if not path.is_file():
            raise UserError(f"There is no tokenizer {path}.")
        try:
            return cls(path.read_bytes())
        except (RuntimeError, ValueError):
            raise ValueError(
                f"{path} is not a tokenizer, or is damaged: a SentencePiece model with PAD, BOS, EOS and UNK "
                "was expected."
            ) from None

    def encode(self, text: str) -> list[int]:
        """The pieces of a text, without special ones."""
        return self._processor.encode(normalize(text))

    def encode_all(self, texts: Sequence[str]) -> list[list[int]]:
        """The pieces of every text, on all cores."""
        return self._processor.encode([normalize(text) for text in texts], num_threads=-1)

    def decode(self, ids: Sequence[int]) -> str:
        """The text of pieces; special ones are left out."""
        return " ".join(self.words(ids)[0])

    def pieces(self, ids: Sequence[int]) -> list[str]:
        """Every piece as SentencePiece writes it, special ones included."""
        return self._processor.id_to_piece(list(ids))

    def words(self, ids: Sequence[int]) -> tuple[list[str], list[int]]:
        """The words that pieces make, and the number of the word that each piece belongs to (-1: to none).

        `" ".join(words)` is what `decode` returns. Special pieces belong to no word, and neither does a space
        after which no word comes. White space that a model spells in bytes, as no text does, is left out.
        """
        special = {self.pad, self.bos, self.eos, self.unk}
        groups: list[list[int]] = []  # the places in `ids` of what begins with the same space
        pieces = self.pieces(ids)
        for place, piece in enumerate(pieces):
            if ids[place] not in special:
                begins = piece.startswith(_SPACE) or pieces[place : place + 3] == _SPACE_IN_BYTES
                if begins or not groups:
                    groups.append([])
                groups[-1].append(place)
        words: list[str] = []
        numbers = [-1] * len(ids)
        for group in groups:
            word = "".join(self._processor.decode([ids[place] for place in group]).replace(_SPACE, " ").split())
            if word:
                for place in group:
                    numbers[place] = len(words)
                words.append(word)
        return words, numbers


def _draw(lines: Iterable[str], count: int) -> list[str]:
    """At most `count` lines, all equally likely (Vitter, 1985, algorithm R); always the same ones.

    SentencePiece draws too, but from a generator that is seeded once a process, by whoever uses it first.
    """
    generator = random.Random(0)
    drawn: list[str] = []
    for seen, line in enumerate(lines):
        if seen < count:
            drawn.append(line)
        elif (place := int(generator.random() * (seen + 1))) < count:
            drawn[place] = line
    return drawn
