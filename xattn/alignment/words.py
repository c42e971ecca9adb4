"""Words as links count them: ASCII white space parts them and nothing else, as in fast_align and Moses.

A no-break space (U+00A0, before ":" in French), a space of Chinese text (U+3000) or SentencePiece's symbol for a space
(U+2581) stands inside a word. A tokenizer may part words there all the same.
"""

import re
import unicodedata
from collections.abc import Iterable

from xattn.errors import quantity

ASCII_SPACE = " \t\n\v\f\r"

_WORD = re.compile(f"[^{ASCII_SPACE}]+")
_OTHER = re.compile(f"[^\\S{ASCII_SPACE}]|\N{LOWER ONE EIGHTH BLOCK}")


def words(text: str) -> list[str]:
    """The words of a text.

    >>> words("dit\\u00a0: oui\\t!")
    ['dit\\xa0:', 'oui', '!']
    """
    return _WORD.findall(text)


def stripped(text: str) -> str:
    """The text without ASCII white space around it; empty for a text of nothing but white space of any kind."""
    return text.strip(ASCII_SPACE) if text.strip() else ""


class OtherSpaces:
    """Counts the lines of a text that have other spaces than those of ASCII, for one note about all.

    >>> spaces = OtherSpaces("test.fr")
    >>> [spaces.see(number, line) for number, line in enumerate(["oui !", "dit\\u00a0: oui", "«\\u00a0oui"], start=1)]
    [False, True, True]
    >>> spaces.notes
    ['2 lines of test.fr have spaces that are not ASCII (the first: line 2, U+00A0 NO-BREAK SPACE). Words of links are parted at ASCII spaces only.']
    """  # noqa: E501

    def __init__(self, text: str):
        self._text, self._count, self._first = text, 0, ""

    def see(self, number: int, line: str) -> bool:
        """Looks at the line of a number, counted from 1; returns whether it has such spaces."""
        found = _OTHER.search(line)
        if found:
            self._count += 1
            name = unicodedata.name(found[0], "a control character")
            self._first = self._first or f"line {number}, U+{ord(found[0]):04X} {name}"
        return found is not None

    @classmethod
    def of(cls, text: str, lines: Iterable[str]) -> "OtherSpaces":
        """Looks at all lines of a text."""
        spaces = cls(text)
        for number, line in enumerate(lines, start=1):
            spaces.see(number, line)
        return spaces

    @property
    def notes(self) -> list[str]:
        """One note, or none."""
        if not self._count:
            return []
        lines = quantity(self._count, "line")
        return [
            f"{lines} of {self._text} {'has' if self._count == 1 else 'have'} spaces that are not ASCII (the first: "
            f"{self._first}). Words of links are parted at ASCII spaces only."
        ]
