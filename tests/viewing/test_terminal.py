"""The heatmap in the terminal."""

import io
import re
from dataclasses import replace

import numpy as np
import pytest
from rich.cells import cell_len
from rich.console import Console

from xattn.viewing.terminal import Heatmap, heatmap


def printed(words, **settings) -> str:
    file = io.StringIO()
    console = Console(file=file, **{"width": 80, "force_terminal": True, "_environ": {}} | settings)
    console.print(Heatmap(words))
    return file.getvalue()


def test_without_colour_it_is_a_table_of_percent(fox):
    lines = [line.rstrip() for line in heatmap(fox, color=False).plain.splitlines()]
    assert lines == [
        "attention weights, layer 2, head 3, row convention: produced",
        "a row is the decoder step that produces the word",
        "",
        "        the  quick  brown  fox   special",
        "    le   83     2      1     4      10",
        "renard    .     6      .    86       8",
        "  brun    .     .    100     .       .",
        "rapide",
        "",
        "numbers: weight in percent",
        "special: on pieces of no word, such as EOS",
        "an empty row: no decoder step represents the word",
    ]


def test_a_long_sentence_has_upright_words_over_tenths(word_map):
    source = [f"word{'abcdefgh'[: i % 5]}" for i in range(27)]
    lines = heatmap(word_map(source, ["un", "deux"]), color=False, scale="absolute").plain.splitlines()
    rows = [i for i, line in enumerate(lines) if line.startswith(("  un", "deux"))]
    header = [line.ljust(80) for line in lines[3 : rows[0]]]
    upright = ["".join(line[5 + 2 * i] for line in header).strip() for i in range(27)]
    assert upright == source
    digits = [lines[rows[1]][5 + 2 * i] for i in range(27)]
    weights = word_map(source, ["un", "deux"]).weights[1]
    assert digits == [str(int(10 * w + 0.5)).replace("0", ".") for w in weights]


WORDS = ["the", "王国", "नमस्ते", "مرحبا", "👩\u200d👩\u200d👧", "e\u0301te\u0301"]
WORDS += ["anticonstitutionnellement", "a\x1b[31mb\tc"]


@pytest.mark.parametrize("width", [20, 47, 80, 131])
@pytest.mark.parametrize("count", [1, 7, 61])
@pytest.mark.parametrize("color", [False, True])
def test_every_line_fits_the_terminal_whatever_the_script(word_map, width, count, color):
    source, target = [WORDS[i % len(WORDS)] for i in range(count)], WORDS[::-1]
    _, _, *picture, _, _ = heatmap(word_map(source, target), width=width, color=color).plain.splitlines()
    assert max(map(cell_len, picture)) <= width  # the sentences around the picture may wrap
    assert any(line.split()[:1] == ["the"] for line in picture)


def test_panels_show_every_column_once(word_map):
    source = [f"{i:02}" for i in range(67)]
    lines = heatmap(word_map(source, ["mot"]), width=40, color=False).plain.splitlines()
    cells = "".join(line[4:] for line in lines if line.startswith("mot "))
    assert len(cells.replace(" ", "")) == 67 + 1  # and the special mass
    rows = [i for i, line in enumerate(lines) if line.startswith("mot ")]
    tens, units = ("".join(lines[row - above][4:].replace(" ", "") for row in rows) for above in (2, 1))
    assert tens[:67] == "".join(f"{i:02}"[0] for i in range(67))
    assert units[:67] == "".join(f"{i:02}"[1] for i in range(67))


def test_plain_text_is_ascii_if_the_words_are(word_map):
    long = ["antidisestablishmentarianism"] * 31
    assert heatmap(word_map(long, long[:2]), color=False).plain.isascii()


def test_brighter_means_more(fox):
    text = printed(fox, color_system="truecolor")
    backgrounds = re.findall(r"48;2;(\d+);(\d+);(\d+)m *(\d+|\.)", text)
    shades = {}
    for *channels, number in backgrounds:
        red, green, blue = map(int, channels)
        shades[0 if number == "." else int(number)] = 0.299 * red + 0.587 * green + 0.114 * blue
    assert [shades[n] for n in sorted(shades)] == sorted(shades.values())
    assert {0, 83, 86, 100} <= set(shades)
    assert shades[0] < 40
    assert shades[100] > 200


def test_a_faint_map_is_visible_and_its_scale_is_named(fox):
    """300 words share a row's weight, so that no cell is above a few percent."""
    faint = replace(fox, weights=fox.weights / 100)
    shaded = lambda words, **choice: re.findall(r"48;2;[\d;]+m", printed(words, **choice))  # noqa: E731
    assert shaded(faint, color_system="truecolor")[10:15] == shaded(fox, color_system="truecolor")[10:15]
    legend = "0.01; colour scale map: 0 to the map's maximum, 0.01, because no cell reaches 0.25"
    assert legend in heatmap(faint, width=200).plain
    assert "1; colour scale absolute: 0 to 1\n" in heatmap(faint, scale="absolute").plain
    assert "row max.; colour scale row: each row from 0 to its own maximum\n" in heatmap(fox, scale="row").plain
    many = replace(faint, source=["word"] * 40, weights=np.full((4, 40), 0.01, np.float32))
    digits = heatmap(many, color=False).plain
    assert (
        "digits: tenths of the colour scale (9: 0.85 and more); colour scale map: 0 to the map's maximum, 0" in digits
    )
    assert "brun 9 9 9 9" in digits.replace("  ", " ")


def test_256_colours_are_enough(word_map):
    # rich keeps the codes of a style for the process, so the colours must be new ones
    assert "48;5;" in printed(word_map(["a", "b", "c"], ["d"]), color_system="256")


@pytest.mark.parametrize(
    "settings",
    [
        {"color_system": None},
        {"color_system": "standard"},
        {"color_system": "truecolor", "no_color": True},
        {"color_system": "truecolor", "_environ": {"NO_COLOR": "1"}},
        {"color_system": "auto", "force_terminal": False},
    ],
)
def test_with_colour_off_there_are_numbers(fox, settings):
    text = printed(fox, **settings)
    assert "    le   83     2 " in text
    assert not re.search(r"\x1b\[[0-9;]*[34]8", text)


def test_an_empty_translation_is_no_error(word_map):
    assert "the" in heatmap(word_map(["the"], [])).plain
    assert "le" in heatmap(replace(word_map([], ["le"]), source=[])).plain


def test_norms_are_drawn_by_their_largest(fox):
    norms = replace(fox, weights=7 * fox.weights, special=7 * fox.special, kind="head-norms")
    plain, drawn = (heatmap(words, color=False).plain.splitlines() for words in (fox, norms))
    assert drawn[0] == "attention head-norms, layer 2, head 3, row convention: produced"
    assert drawn[3:8] == plain[3:8]
    assert drawn[-2:] == ["100 % is the largest norm, 7", plain[-1]]
    assert "numbers: norm in percent" in drawn


def test_devanagari_columns_stand_under_each_other(word_map):
    """Conjuncts and vowel signs take one cell with their consonant, upright labels too."""
    words = ["उस", "छोटे", "लड़के", "ने", "स्ट्रॉबेरियाँ", "नहीं", "खाईं"]
    level = heatmap(word_map(["did", "not"], words), color=False).plain.splitlines()
    rows = [line for line in level if line.strip().split(" ")[0] in words]
    assert [row.split()[0] for row in rows] == words
    assert len({cell_len(row[: row.index(word)]) + cell_len(word) for row, word in zip(rows, words, strict=True)}) == 1
    upright = heatmap(word_map(words, ["a"]), width=30, color=False).plain
    assert all(cluster in upright for cluster in ("छो", "स्", "ट्", "रॉ", "रि", "याँ", "हीं"))
