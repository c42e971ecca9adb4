"""The text that the alignment models read: lower-cased words, with French contractions written out.

Both gold sets are cut into words differently: one has "du" and "l'", the other "de le" and "le". Models read the longer
form of both, whose parts remember the word that they belong to, so that links of parts become links of the gold's words.
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


def write_corpus(pairs: Iterable[tuple[str, str]], folder: Path, split: str, *, joined: bool) -> None:
    """Writes pairs as `split.en` and `split.fr`; `joined` adds them a second time, several as one long sentence.

    Sentences of Tatoeba have six words, those of the gold sets thirty: a model of short ones is lost in them.
    """
    cut = [tuple(" ".join(parts(words(text, to), to)[0]) for text, to in zip(pair, ("en", "fr"), strict=True))
           for pair in pairs]  # fmt: skip
    if joined:
        cut += list(_join(cut))
    folder.mkdir(parents=True, exist_ok=True)
    for side, language in enumerate(("en", "fr")):
        (folder / f"{split}.{language}").write_text("".join(f"{pair[side]}\n" for pair in cut))


def _join(pairs: list[tuple[str, ...]], longest: int = 60) -> Iterator[tuple[str, ...]]:
    """Every pair once more, in another order, behind others: 1 to `longest` English words or a little more."""
    rng = random.Random(0)
    rest = iter(rng.sample(pairs, len(pairs)))
    while first := list(islice(rest, 1)):
        wanted, group = rng.randint(1, longest), first
        while sum(len(pair[0].split()) for pair in group) < wanted and (more := list(islice(rest, 1))):
            group += more
        yield tuple(map(" ".join, zip(*group, strict=True)))
