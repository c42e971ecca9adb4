"""The heatmap in the terminal."""

import io
import re
import unicodedata
from dataclasses import replace

import numpy as np
import pytest
from rich.cells import cell_len
from rich.console import Console
from rich.style import Style

from xattn.viewing.terminal import Heatmap, heatmap


def printed(words, **settings) -> str:
    Style._add.cache_clear()  # rich keeps the codes of a style for the process, of whichever colours came first
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
    lines = re.sub("[\u2068\u2069]", "", heatmap(word_map(source, target), width=width, color=color).plain).splitlines()
    picture = lines[3 : lines.index("", 6)]  # the sentences around the picture may wrap
    assert max(map(cell_len, picture)) <= width
    assert any(line.split()[:1] == ["the"] for line in picture)


def columns_on_screen(text: str) -> list[str]:
    """The characters of a line in the order of a terminal that knows the bidirectional algorithm.

    Isolates are single neutral characters for what surrounds them (Unicode Standard Annex 9, rules X5 and L2), so what
    is outside them stays, and only right-to-left letters inside are reversed.
    """
    shown, inside = [], None
    for c in text:
        if c == "\u2068":
            inside = []
        elif c == "\u2069":
            shown += reversed(inside) if unicodedata.bidirectional(inside[0]) in ("R", "AL") else inside
            inside = None
        else:
            assert inside is not None or unicodedata.bidirectional(c) not in ("R", "AL"), "a letter is not isolated"
            (shown if inside is None else inside).append(c)
    return shown


@pytest.mark.parametrize("width", [100, 30])
def test_right_to_left_words_stay_above_their_numbers(word_map, width):
    """A terminal that reorders text moves what stands beside a right-to-left word, unless each label is isolated."""
    words = word_map(["القط", "الصغير", "أكل", "the", "السمكة"], ["le", "قط"])
    lines = heatmap(words, width=width, color=False).plain.splitlines()
    assert "columns run from right to left, as the source is read" in lines
    if width == 30:
        last = "".join("".join(columns_on_screen(line))[16:17] for line in lines[3:10]).strip()
        assert last == "القط"  # the first word
        return
    header, *rows = lines[3:6]
    shown = "".join(columns_on_screen(header))
    places = [shown.index(word[::-1] if word != "the" else word) for word in words.source]
    assert places == sorted(places, reverse=True)
    for row, weights in zip(rows, words.weights, strict=True):
        numbers = "".join(columns_on_screen(row))
        for word, place, weight in zip(words.source, places, weights, strict=True):
            assert numbers[place : place + len(word)].strip() == f"{100 * weight:.0f}".replace(
                "0", ".", 1 if weight < 0.005 else 0
            )


def test_words_without_right_to_left_letters_are_not_marked(fox):
    assert not set("\u2068\u2069") & set(heatmap(fox).plain)


def test_a_map_that_is_too_wide_says_how_it_is_shown(word_map):
    two = heatmap(word_map(["word"] * 60, ["mot"]), width=80, color=False).plain
    assert "too wide for 80 columns: the map continues in 2 panels\n" in two
    many = word_map([f"w{i}" for i in range(1500)], ["un", "deux"])
    text = heatmap(many, width=80, color=False).plain
    assert "1500 columns do not fit: a column is 43 words, labelled with the first, and their maximum\n" in text
    assert len(text.splitlines()) < 20
    (row,) = [line[5:] for line in text.splitlines() if line.startswith("  un ")]
    digits = [row[2 * i] for i in range(35)]
    highest = many.weights.max()
    largest = [many.weights[0, start : start + 43].max() / highest for start in range(0, 1500, 43)]
    assert digits == [str(min(int(10 * share + 0.5), 9)).replace("0", ".") for share in largest]


def test_a_query_that_may_see_nothing_is_told_from_one_without_a_step(fox):
    """The second word's step has only masked keys; the fourth word has no step."""
    weights, special = fox.weights.copy(), fox.special.copy()
    weights[1], special[1] = 0, 0
    lines = heatmap(replace(fox, weights=weights, special=special), color=False).plain.splitlines()
    assert lines[5].split() == ["renard", ".", ".", ".", ".", "."]
    assert lines[7].split() == ["rapide"]
    assert lines[-1] == "attends to nothing, since all it may see is masked: renard"


def test_a_difference_has_signs_and_two_colours(fox):
    other = replace(fox, weights=fox.weights[:, ::-1].copy())
    lines = heatmap(other.minus(fox, ("runs/b", "runs/a")), color=False).plain.splitlines()
    assert lines[0] == "runs/b - runs/a, attention weights, layer 2, head 3, row convention: produced"
    assert lines[4].split() == ["le", "-79", "-1", "+1", "+79", "."]
    text = printed(other.minus(fox), color_system="truecolor", width=200)
    low, high = re.findall(r"48;2;([\d;]+)m", text)[0], re.findall(r"48;2;([\d;]+)m", text)[3]
    assert int(low.split(";")[0]) > int(low.split(";")[2])  # orange for less, blue for more
    assert int(high.split(";")[0]) < int(high.split(";")[2])
    assert "colour scale difference: -1 to +1, symmetric about 0" in text


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
