"""The text that the alignment models read: lower-cased words, with French contractions written out.

The gold sets are cut into words differently: one has "du" and "l'", the other "de le" and "le". Models read the longer
form of both, whose parts remember which word they are of, so that links of parts become links of the gold's words.
"""

import random
import re
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from xattn.alignment.links import Links

PARTS = {
    "fr": {
        "du": "de le", "des": "de les", "au": "à le", "aux": "à les", "aujourd'hui": "aujourd' hui",
        "l'": "le", "d'": "de", "s'": "se", "n'": "ne", "m'": "me", "t'": "te", "c'": "ce", "j'": "je", "qu'": "que",
        "jusqu'": "jusque", "lorsqu'": "lorsque", "puisqu'": "puisque", "quoiqu'": "quoique", "quelqu'": "quelque",
    },
    "en": {},
}  # fmt: skip

_SUFFIX = r"-(?:t|je|tu|il|elle|on|nous|vous|ils|elles|ce|ci|là|moi|toi|le|la|les|lui|leur|y|en)(?![^\W\d_])"
_NUMBER, _WORD = r"\d+(?:[.,:]\d+)*", r"[^\W\d_]+"
_WORDS = {
    "en": re.compile(rf"o'clock|{_NUMBER}|{_WORD}(?:-{_WORD})*|'{_WORD}|\.\.\.|\S"),
    "fr": re.compile(rf"aujourd'hui|{_NUMBER}|{_SUFFIX}|{_WORD}'|{_WORD}(?:(?!{_SUFFIX})-{_WORD})*|\.\.\.|\S"),
}
_SAME = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "«": '"', "»": '"', "—": "-", "–": "-", "…": "..."})


def words(text: str, language: str) -> list[str]:
    """Raw text as lower-cased words, cut as the first of the gold sets cuts them.

    >>> words("Va-t-il à l’école aujourd'hui ?", "fr"), words("I don't know.", "en")
    (['va', '-t', '-il', 'à', "l'", 'école', "aujourd'hui", '?'], ['i', 'don', "'t", 'know', '.'])
    """
    return _WORDS[language].findall(text.translate(_SAME).lower())


def parts(words: Iterable[str], language: str) -> tuple[list[str], list[int]]:
    """Words with their contractions written out, and for every part the number of its word.

    >>> parts(["L’", "ami", "du", "roi"], "fr")
    (['le', 'ami', 'de', 'le', 'roi'], [0, 1, 2, 2, 3])
    """
    written = [(number, word.translate(_SAME).lower()) for number, word in enumerate(words)]
    found = [(part, number) for number, word in written for part in PARTS[language].get(word, word).split()]
    return [part for part, _ in found], [number for _, number in found]


def of_words(links: Links, sources: list[int], targets: list[int]) -> Links:
    """The links of words, from those of their parts."""
    return Links.of((sources[s], targets[t]) for s, t in links.possible)


def cut(pairs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Raw English-French pairs as models read them."""
    return [(" ".join(parts(words(en, "en"), "en")[0]), " ".join(parts(words(fr, "fr"), "fr")[0])) for en, fr in pairs]


def write(pairs: Iterable[tuple[str, str]], folder: Path, split: str) -> None:
    """Writes pairs as `split.en` and `split.fr`."""
    folder.mkdir(parents=True, exist_ok=True)
    for language, side in zip(("en", "fr"), zip(*pairs, strict=True), strict=True):
        (folder / f"{split}.{language}").write_text("".join(f"{line}\n" for line in side))


def joined(pairs: list[tuple[str, str]], longest: int = 60) -> Iterator[tuple[str, str]]:
    """Every pair once, in another order, several as one sentence: of 1 to `longest` English words, or a little more.

    Sentences of Tatoeba have six words, those of the gold sets thirty: a model of short ones would be lost in them.
    """
    rng = random.Random(0)
    rest = iter(rng.sample(pairs, len(pairs)))
    while first := list(islice(rest, 1)):
        wanted, group = rng.randint(1, longest), first
        while sum(len(pair[0].split()) for pair in group) < wanted and (more := list(islice(rest, 1))):
            group += more
        yield " ".join(en for en, _ in group), " ".join(fr for _, fr in group)
