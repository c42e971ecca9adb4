"""Words of a translation and the English words they come from: what the rules and both languages share."""

from collections.abc import Sequence
from typing import NamedTuple

from xattn.data.pairs import WordLinks

Said = tuple[int, ...]  # positions of English words


class Word(NamedTuple):
    """A word of the translation, and the English positions it comes from; its language says how it is spelled."""

    text: str
    sure: Said = ()
    possible: Said = ()


def linked(said: Said, text: str) -> list[Word]:
    """Links words to English ones, one by one if there are as many, else all to all."""
    words = text.split()
    if len(words) == len(said):
        return [Word(word, (i,)) for word, i in zip(words, said, strict=True)]
    return [Word(word, said) for word in words]


def spell(words: Sequence[Word]) -> tuple[str, WordLinks, WordLinks]:
    """Gives the text of words that are spelled already, and its links as sorted (English, other) pairs.

    The first tuple holds the sure links, the second the possible ones, which include the sure.

    >>> spell([Word("हम", (0,)), Word("दोस्त", (2,)), Word("हैं", (1,), (2,))])
    ('हम दोस्त हैं', ((0, 0), (1, 2), (2, 1)), ((0, 0), (1, 2), (2, 1), (2, 2)))
    """
    text = " ".join([text for text, _, _ in words])
    sure = [(i, t) for t, (_, sources, _) in enumerate(words) for i in sources]
    loose = [(i, t) for t, (_, _, sources) in enumerate(words) for i in sources]
    return text, tuple(sorted(sure)), tuple(sorted({*sure, *loose}))
