"""Text to sub-word ids and back, by SentencePiece; the special pieces PAD, BOS, EOS and UNK are defined here."""

import bisect
import io
import itertools
import random
import re
import textwrap
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from functools import cache, lru_cache, partial
from pathlib import Path
from typing import Literal

import sentencepiece

from xattn.errors import UserError

_SPACE = "\N{LOWER ONE EIGHTH BLOCK}"  # SentencePiece's symbol for a space, with which the first piece of a word begins
_SPACE_IN_BYTES = ["<0xE2>", "<0x96>", "<0x81>"]  # the same symbol in byte pieces
_RESERVED = "\N{LOWER FIVE EIGHTHS BLOCK}"  # SentencePiece passes over lines that contain it

Kind = Literal["unigram", "bpe", "word"]

# Bytes of a line, of which SentencePiece learns from lines up to this length.
LONGEST_LINE = 4192
# The size of a vocabulary for a text is at most MOST, and one piece for so many characters besides its characters.
MOST, CHARACTERS_A_PIECE = 8000, 500
# The 256 bytes, the special pieces, and one piece of the text.
SMALLEST = 256 + 4 + 1


def normalize(text: str) -> str:
    """Puts a text into Unicode's composed form (NFC), with one space between words and none around them.

    Compatibility forms (NFKC) are not applied: they would turn "½" into "1⁄2" and "…" into "...".

    >>> normalize("  l'\\u00a0e\\u0301te\\u0301 \\t½ ")
    "l' été ½"
    """
    return " ".join(unicodedata.normalize("NFC", text).replace(_SPACE, " ").split())


def tokens(text: str) -> list[str]:
    """The words of a normalised text, where every punctuation mark and every symbol is a word of its own.

    >>> tokens("J'ai 1,5 kg.")
    ['J', "'", 'ai', '1', ',', '5', 'kg', '.']
    """
    return [token for word in text.split() for token in _cut(word)]


def _cut(word: str) -> list[str]:
    """The tokens of a word: single marks (Unicode's categories P and S), and what is between them."""
    groups = itertools.groupby(enumerate(word), lambda at: at[0] if unicodedata.category(at[1])[0] in "PS" else -1)
    return ["".join(character for _, character in group) for _, group in groups]


def normalized(text: str, rule: str) -> str:
    """Applies a normalisation rule of SentencePiece, such as "nmt_nfkc" or "nfkc_cf", to each word of a text.

    Words and the white space between them stay where they are, because word links count words: a word of which a rule
    makes several remains one, and a word that a rule deletes is kept. The rule "identity" changes nothing.

    >>> normalized("½ ﬁn\u200b l´ÉTÉ ＡＢＣ", "nmt_nfkc_cf")
    '1⁄2 fin l\u0301été abc'
    """
    return text if rule == "identity" else re.sub(r"\S+", lambda word: _normalized_word(word[0], rule), text)


@lru_cache(2**17)  # words recur, and a call into SentencePiece costs ten times as much as finding one here
def _normalized_word(word: str, rule: str) -> str:
    return "".join(_normalizer(rule).normalize(word).split()) or word


@cache
def _normalizer(rule: str) -> sentencepiece.SentencePieceNormalizer:
    return sentencepiece.SentencePieceNormalizer(
        rule_name=rule, add_dummy_prefix=False, escape_whitespaces=False, remove_extra_whitespaces=False
    )


class Tokenizer:
    """A SentencePiece model with 256 byte pieces, so that no text is unknown: `decode(encode(x)) == normalize(x)`.

    Pieces do not cross spaces, and every digit is a separate piece. Raises `ValueError` for a model that lacks a
    special piece, and `RuntimeError` for bytes that are not a SentencePiece model.
    """

    def __init__(self, model: bytes):
        self.model = model
        """The serialised SentencePiece model."""
        self._processor = sentencepiece.SentencePieceProcessor()
        self._processor.LoadFromSerializedProto(model)
        self.size: int = self._processor.vocab_size()
        """Number of pieces, the special ones included (V)."""
        self.pad: int = self._processor.pad_id()
        self.bos: int = self._processor.bos_id()
        self.eos: int = self._processor.eos_id()
        self.unk: int = self._processor.unk_id()
        self._unknown = frozenset([self.unk, *self._processor.piece_to_id([f"<0x{byte:02X}>" for byte in range(256)])])
        if min(self.pad, self.bos, self.eos, self.unk) < 0:
            raise ValueError("The SentencePiece model lacks one of the pieces PAD, BOS, EOS and UNK.")

    @classmethod
    def train(
        cls,
        lines: Iterable[str],
        *,
        vocabulary: int | None = None,
        kind: Kind = "unigram",
        character_coverage: float = 1.0,
        sample: int = 1_000_000,
    ) -> "Tokenizer":
        """Learns a vocabulary of at most `vocabulary` pieces (Kudo, 2018; Sennrich et al., 2016).

        Without a size it is what the text supports: its characters and one more piece for every 500 characters of text,
        at most 8,000 (of words, the 8,000 most frequent), but never fewer than there must be. The kind "word" has one
        piece for each of the most frequent words, and spells all others in bytes. `character_coverage` is the share of
        the text whose characters are pieces; the rarest other characters are spelt in bytes.

        A small corpus may give fewer pieces, see `size`. If there are more than `sample` lines, that many are drawn at
        random. Lines of any length take part. The same lines give the same bytes. Raises `UserError` for a corpus
        without words, and for a vocabulary that is too small for the characters of the corpus, the 256 bytes and the
        special pieces.
        """
        usable = (normalize(line.replace(_RESERVED, " ")) for line in lines)
        drawn = [part for line in sample_lines(filter(None, usable), sample) for part in _parts(line)]
        if not drawn:
            raise UserError("The corpus has no words, so no tokenizer can be learnt from it.")
        learn = partial(_learn, drawn, kind, character_coverage)
        size = vocabulary if vocabulary is not None else _supported(drawn, kind)
        try:
            return cls(learn(size))
        except RuntimeError as error:
            least = _least(learn)
            if size >= least:
                raise UserError(f"SentencePiece cannot learn a vocabulary from this corpus: {error}") from None
        if vocabulary is None:
            return cls(learn(least))
        raise UserError(
            f"task.vocabulary.size must be at least {least:,} for this corpus, not {vocabulary:,}: 256 bytes, 4 "
            "special pieces and its characters need that many. None is a size that fits; a lower "
            "task.vocabulary.character_coverage spells rare characters in bytes."
        )

    def save(self, path: str | Path) -> None:
        """Writes an ordinary SentencePiece model file, in one step."""
        beside = Path(f"{path}.partial")
        beside.write_bytes(self.model)
        beside.replace(path)

    @classmethod
    def load(cls, path: str | Path) -> "Tokenizer":
        """Reads a SentencePiece model file.

        Raises `UserError` if there is no such file, or if it is not a usable model.
        """
        path = Path(path)
        if not path.is_file():
            raise UserError(f"There is no tokenizer {path}.")
        try:
            return cls(path.read_bytes())
        except (RuntimeError, ValueError):
            raise UserError(
                f"{path} is not a tokenizer, or is damaged: it must be a SentencePiece model with PAD, BOS, EOS, UNK."
            ) from None

    def encode(self, text: str) -> list[int]:
        """The ids of a text, without special pieces."""
        return self._processor.encode(normalize(text))

    def encode_all(self, texts: Sequence[str]) -> list[list[int]]:
        """The ids of every text, computed on all cores."""
        return self._processor.encode([normalize(text) for text in texts], num_threads=-1)

    def decode(self, ids: Sequence[int]) -> str:
        """The text of ids; special pieces are left out."""
        return " ".join(self.words(ids)[0])

    def pieces(self, ids: Sequence[int]) -> list[str]:
        """The pieces of ids as SentencePiece writes them, special pieces included."""
        return self._processor.id_to_piece(list(ids))

    def unknown(self, ids: Sequence[int]) -> list[str]:
        """The words of ids that the vocabulary lacks: those with a piece that is a byte or UNK."""
        if self._unknown.isdisjoint(ids):
            return []
        words, numbers = self.words(ids)
        spelt = {number for piece, number in zip(ids, numbers, strict=True) if piece in self._unknown and number >= 0}
        return [words[number] for number in sorted(spelt)]

    def words(self, ids: Sequence[int]) -> tuple[list[str], list[int]]:
        """The words of ids, and for each id the index of its word (-1 for none).

        `" ".join(words)` is the result of `decode`. Special pieces belong to no word, and neither does a space without
        a following word. White space spelled in bytes, which a model can generate but no text contains, is left out.
        """
        special = {self.pad, self.bos, self.eos, self.unk}
        groups: list[list[int]] = []  # indices into `ids`, one list for each space that begins a word
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

    def tokens(self, ids: Sequence[int]) -> tuple[list[str], list[int]]:
        """The tokens of ids (see the function `tokens`), and for each id the index of its token (-1 for none).

        A piece that has characters of several tokens belongs to the first of them.
        """
        words, numbers = self.words(ids)
        found, owners, first = [], [-1] * len(ids), 0
        places: list[list[int]] = [[] for _ in words]
        for place, word in enumerate(numbers):
            if word >= 0:
                places[word].append(place)
        pieces = self.pieces(ids)
        for word, own in zip(words, places, strict=True):
            cut = _cut(word)
            ends = list(itertools.accumulate(len(token.encode()) for token in cut))
            start = 0
            for place in own:
                owners[place] = first + min(bisect.bisect_right(ends, start), len(cut) - 1)
                piece = pieces[place]
                start += 1 if self._processor.is_byte(ids[place]) else len(piece.replace(_SPACE, "").encode())
            found += cut
            first += len(cut)
        return found, owners


def _learn(lines: Sequence[str], kind: Kind, character_coverage: float, size: int) -> bytes:
    """A SentencePiece model. Raises `RuntimeError` as SentencePiece does."""
    if size < SMALLEST:
        raise RuntimeError(f"A vocabulary of {size} has no room for a piece of the text.")
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines),
        model_writer=model,
        model_type=kind,
        vocab_size=size,
        hard_vocab_limit=False,
        normalization_rule_name="identity",
        byte_fallback=True,
        character_coverage=character_coverage,
        split_digits=True,
        pad_id=0,
        bos_id=1,
        eos_id=2,
        unk_id=3,
        # More threads would be faster, but the order of their sums would vary.
        num_threads=1,
        minloglevel=2,
    )
    return model.getvalue()


def _supported(lines: Sequence[str], kind: Kind) -> int:
    """The number of pieces that a text supports."""
    if kind == "word":
        return MOST
    characters = len(frozenset().union(*lines))
    return min(MOST, SMALLEST + characters + sum(map(len, lines)) // CHARACTERS_A_PIECE)


def _least(learn: Callable[[int], bytes]) -> int:
    """The smallest size of vocabulary with which SentencePiece learns from a text."""
    try:
        learn(SMALLEST)
    except RuntimeError as error:
        needed = re.search(r"required_chars\. \d+ vs (\d+)", str(error))
        return int(needed[1]) if needed else SMALLEST
    return SMALLEST


def _parts(line: str) -> list[str]:
    """A line in parts that SentencePiece takes: it would pass over a longer line in silence.

    They are cut at spaces, which no piece crosses; only in a longer word a cut is anywhere.
    """
    if len(line.encode()) <= LONGEST_LINE:
        return [line]
    return textwrap.wrap(line, LONGEST_LINE // 4, break_on_hyphens=False)  # a character has 4 bytes at most


def sample_lines(lines: Iterable[str], count: int) -> list[str]:
    """Samples at most `count` lines uniformly (Vitter, 1985, algorithm R), with a fixed seed.

    SentencePiece can sample as well, but its generator is seeded once per process, by its first user.
    """
    generator = random.Random(0)
    drawn: list[str] = []
    for seen, line in enumerate(lines):
        if seen < count:
            drawn.append(line)
        elif (place := int(generator.random() * (seen + 1))) < count:
            drawn[place] = line
    return drawn
