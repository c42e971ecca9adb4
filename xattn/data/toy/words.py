"""Words of a translation with their links to English words, shared by both languages."""

from collections.abc import Sequence
from typing import NamedTuple

from xattn.data.pairs import WordLinks

Said = tuple[int, ...]  # positions of English words


class Word(NamedTuple):
    """A word of the translation, and the English positions to which it has sure and possible links.

    In French, `text` may contain the marks that `french.join` resolves.
    """

    text: str
    sure: Said = ()
    possible: Said = ()


def linked(said: Said, text: str) -> list[Word]:
    """Links the words of a text to English positions, one to one if the numbers agree, else all to all."""
    words = text.split()
    if len(words) == len(said):
        return [Word(word, (i,)) for word, i in zip(words, said, strict=True)]
    return [Word(word, said) for word in words]


def placed(phrase: Sequence[Word], said: Said) -> list[Word]:
    """Moves the links of a phrase from positions within its English phrase to those in the sentence, `said`.

    >>> placed([Word("près", (0,)), Word("de/d'", (), (0,))], (4,))
    [Word(text='près', sure=(4,), possible=()), Word(text="de/d'", sure=(), possible=(4,))]
    """
    return [Word(text, tuple(said[i] for i in sure), tuple(said[i] for i in loose)) for text, sure, loose in phrase]


def spell(words: Sequence[Word]) -> tuple[str, WordLinks, WordLinks]:
    """Returns the text of words, and its sure and possible links as sorted (English, other) pairs.

    The possible links include the sure ones. The words must be in their final spelling.

    >>> spell([Word("हम", (0,)), Word("दोस्त", (2,)), Word("हैं", (1,), (2,))])
    ('हम दोस्त हैं', ((0, 0), (1, 2), (2, 1)), ((0, 0), (1, 2), (2, 1), (2, 2)))
    """
    text = " ".join([text for text, _, _ in words])
    sure = [(i, t) for t, (_, sources, _) in enumerate(words) for i in sources]
    loose = [(i, t) for t, (_, _, sources) in enumerate(words) for i in sources]
    return text, tuple(sorted(sure)), tuple(sorted({*sure, *loose}))
