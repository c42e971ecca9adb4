"""Words as labels of a picture."""


def printable(word: str) -> str:
    """The word with control characters shown as "?": they move cursors and make SVG invalid.

    The two zero-width joiners stay, since scripts and emoji are spelled with them.

    >>> printable("a\\x1b[31mb")
    'a?[31mb'
    """
    return "".join(c if c.isprintable() or c in "\u200c\u200d" else "?" for c in word)
