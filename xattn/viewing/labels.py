"""Words as labels of a picture."""

# The short names of the Unicode standard; other invisible characters are shown by number.
_CONTROLS = "NUL SOH STX ETX EOT ENQ ACK BEL BS HT LF VT FF CR SO SI DLE DC1 DC2 DC3 DC4 NAK SYN ETB CAN EM SUB ESC"
_NAMES = dict(enumerate(f"{_CONTROLS} FS GS RS US SP".split()))
_NAMES |= {0x7F: "DEL", 0x85: "NEL", 0xA0: "NBSP", 0xAD: "SHY", 0x61C: "ALM", 0x3000: "IDSP", 0xFEFF: "BOM"}
_NAMES |= {0x200B: "ZWSP", 0x200C: "ZWNJ", 0x200D: "ZWJ", 0x200E: "LRM", 0x200F: "RLM", 0x2028: "LS", 0x2029: "PS"}
_NAMES |= {0x202A: "LRE", 0x202B: "RLE", 0x202C: "PDF", 0x202D: "LRO", 0x202E: "RLO", 0x202F: "NNBSP", 0x2060: "WJ"}
_NAMES |= {0x2066: "LRI", 0x2067: "RLI", 0x2068: "FSI", 0x2069: "PDI"}
_BLANK = "\u115f\u1160\u2800\u3164\uffa0"  # printable by their categories, but they look like nothing
_JOINERS = "\u200c\u200d"


def printable(word: str) -> str:
    """The word with invisible characters shown by name: they move cursors, make SVG invalid, or look like nothing.

    The two zero-width joiners stay inside a word, since scripts and emoji are spelled with them; so do spaces.

    >>> printable("a\\x1b[m"), printable("mot\\u00a0:"), printable("\\u200b"), printable("\\U000e0001"), printable(" ")
    ('a<ESC>[m', 'mot<NBSP>:', '<ZWSP>', '<U+E0001>', '<SP>')
    """
    kept = f" {_JOINERS}" if word.strip(f" {_JOINERS}") else ""
    hidden = [c not in kept and (not c.isprintable() or c in _BLANK or c == " ") for c in word]
    return "".join(f"<{_name(c)}>" if hide else c for c, hide in zip(word, hidden, strict=True))


def _name(character: str) -> str:
    number = ord(character)
    return _NAMES[number] if number in _NAMES else f"U+{number:04X}"
