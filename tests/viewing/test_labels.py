"""Labels: names of invisible characters, and reading direction."""

import pytest

from xattn.viewing.direction import is_right_to_left
from xattn.viewing.labels import printable


@pytest.mark.parametrize(
    ("word", "label"),
    [
        ("\x00", "<NUL>"),
        ("a\tb\n", "a<HT>b<LF>"),
        ("\x1b[31m", "<ESC>[31m"),
        ("\x7f\x85", "<DEL><NEL>"),
        ("\ufeffthe", "<BOM>the"),
        ("mot\u00a0:", "mot<NBSP>:"),
        ("\u202f!", "<NNBSP>!"),
        ("zero\u200bwidth", "zero<ZWSP>width"),
        ("\u202eevil\u2066", "<RLO>evil<LRI>"),
        ("soft\u00adhyphen", "soft<SHY>hyphen"),
        ("\u2028", "<LS>"),
        ("\ud800", "<U+D800>"),
        ("\ue000", "<U+E000>"),
        ("\u3164", "<U+3164>"),
        ("", ""),
        ("two words", "two words"),
        ("  ", "<SP><SP>"),
        ("\u200d", "<ZWJ>"),
        ("क\u094d\u200cष", "क\u094d\u200cष"),
        ("👩\u200d👧", "👩\u200d👧"),
        ("▁the", "▁the"),
    ],
)
def test_invisible_characters_are_shown_by_name(word, label):
    assert printable(word) == label


def test_most_letters_decide_the_direction():
    assert is_right_to_left(["שלום", "עולם", "OK"])
    assert is_right_to_left(["مرحبا", "123", "!"])
    assert not is_right_to_left(["hello", "שלום"])
    assert not is_right_to_left(["123", "👩"])
