"""Gold alignments of tokenised text, for a model that reads raw text."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from pathlib import Path

from sacremoses import MosesDetokenizer

from xattn.alignment.link_files import read_links
from xattn.alignment.links import Links
from xattn.alignment.maps import AttentionMap, Readout
from xattn.alignment.scores import interval, score
from xattn.data.tokenizer import Tokenizer, normalize
from xattn.lines import read_text
from xattn.translation.translator import Translator

LANGUAGES = ("en", "fr")


@dataclass(frozen=True, kw_only=True)
class Gold:
    """A gold set: its words, the raw text that the model reads, and the links."""

    words: list[tuple[list[str], list[str]]]
    raw: list[tuple[str, str]]
    links: list[Links]

    @classmethod
    def read(cls, folder: Path) -> "Gold":
        """The set in a folder, as English and French."""
        sides = [[normalize(line).split() for line in read_text(folder / f"text.{name}")] for name in LANGUAGES]
        raw = [[_raw(words, name) for words in side] for side, name in zip(sides, LANGUAGES, strict=True)]
        return cls(
            words=list(zip(*sides, strict=True)),
            raw=list(zip(*raw, strict=True)),
            links=read_links(folder / "gold.talp").links,
        )

    def maps(self, model: Translator) -> list[AttentionMap]:
        """The model's maps of the raw text, over the words of the gold."""
        found = []
        for words, (source, target), attention in zip(self.words, self.raw, model.attend(self.raw), strict=True):
            changed = {}
            for side, own, text in zip(("source", "target"), words, (source, target), strict=True):
                ids = getattr(attention, f"{side}_word_ids")
                owners = iter(owned(model.tokenizer, model.encode(text), own))
                changed[f"{side}_word_ids"] = [-1 if number < 0 else next(owners) for number in ids]
                changed[f"{side}_words"] = own
            found.append(replace(attention, **changed))
        return found

    def aer(self, maps: Sequence[AttentionMap], readout: Readout, extract) -> dict[str, float | list[float]]:
        """AER and its parts in per cent, of links that `extract` finds in the map of a pair's words."""
        links = [extract(attention.to_words(readout)) for attention in maps]
        found, bounds = score(links, self.links), interval(links, self.links)
        figures = {name: round(100 * getattr(found, name), 1) for name in ("aer", "precision", "recall")}
        return {**figures, "aer_95": [round(100 * bound, 1) for bound in bounds]}


def owned(tokenizer: Tokenizer, ids: Sequence[int], words: Sequence[str]) -> list[int]:
    """The word of each piece that has one: the pieces spell the same characters as the words, spaces aside."""
    _, numbers = tokenizer.words(ids)
    ends = list(accumulate(len(word.encode()) for word in words))
    owners, start, word = [], 0, 0
    for piece, number in zip(tokenizer.pieces(ids), numbers, strict=True):
        if number < 0:
            continue
        while ends[word] <= start:
            word += 1
        owners.append(word)
        start += 1 if piece.startswith("<0x") else len(piece.replace("▁", "").encode())
    assert start == ends[-1], (words, tokenizer.decode(ids))
    return owners


def _raw(words: Sequence[str], language: str) -> str:
    """Tokenised text as people write it; as it is where its characters would change."""
    raw = MosesDetokenizer(lang=language).detokenize(list(words), unescape=False)
    return raw if raw.replace(" ", "") == "".join(words) else " ".join(words)
