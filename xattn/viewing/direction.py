"""Reading direction: the columns of a picture run from right to left where the source words do."""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import replace

from xattn.alignment.links import Links
from xattn.alignment.maps import WordMap

MIRRORED = "columns run from right to left, as the source is read"

_RIGHT_TO_LEFT = ("R", "AL")  # the classes of Hebrew and of Arabic letters (Unicode Standard Annex 9)


def is_right_to_left(words: Iterable[str]) -> bool:
    """Whether most letters of the words are of scripts that are written from right to left.

    >>> is_right_to_left(["قط", "cat", "كلب"]), is_right_to_left(["the", "حب"]), is_right_to_left([])
    (True, False, False)
    """
    letters = [unicodedata.bidirectional(c) for word in words for c in word if c.isalpha()]
    return 2 * sum(each in _RIGHT_TO_LEFT for each in letters) > len(letters)


def as_read(words: WordMap) -> WordMap:
    """The map with its columns in the order in which they stand in a picture, reversed if the source is right to left.

    The heatmap, the heads of a figure, the terminal and the page share this rule; special mass stays at the right.
    """
    if not is_right_to_left(words.source):
        return words
    last = len(words.source) - 1
    turned = lambda links: [(last - s, t) for s, t in links]  # noqa: E731
    gold = words.gold and Links.of(turned(words.gold.sure), possible=turned(words.gold.possible))
    unknown = {last - s for s in words.unknown_source}
    return replace(words, weights=words.weights[:, ::-1], source=words.source[::-1], gold=gold, unknown_source=unknown)


def isolate(labels: Sequence[str]) -> bool:
    """Whether labels need `isolated`: one of them has a letter that is written from right to left."""
    return any(unicodedata.bidirectional(c) in (*_RIGHT_TO_LEFT, "AN") for label in labels for c in label)


def isolated(label: str) -> str:
    """The label between marks (U+2068, U+2069) that keep a terminal from moving what stands beside it."""
    return f"\u2068{label}\u2069"
