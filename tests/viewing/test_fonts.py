"""Fonts are chosen by the characters that they have."""

import shutil
from pathlib import Path

import matplotlib as mpl
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from matplotlib import font_manager

from xattn.viewing import fonts
from xattn.viewing.figures import heatmap, render

RARE = "\U00016e45"  # a letter of Medefaidrin, which no other font of the test has


@pytest.fixture
def fresh(monkeypatch, tmp_path):
    """Installs fonts for a test; matplotlib's list of fonts knows its own fonts only, as a list that is old does."""
    own, manager = Path(mpl.get_data_path()) / "fonts/ttf", font_manager.fontManager
    monkeypatch.setattr(manager, "ttflist", [each for each in manager.ttflist if Path(each.fname).parent == own])
    monkeypatch.setattr(font_manager, "findSystemFonts", lambda: list(map(str, tmp_path.glob("*"))))
    caches = [fonts._entries, fonts._others, manager._findfont_cached]
    for cached in caches:
        cached.cache_clear()
    yield tmp_path
    for cached in caches:
        cached.cache_clear()


def font(path: Path, family: str, characters: str) -> None:
    """Writes a font that has square glyphs for the characters."""
    names = [".notdef", *(f"u{ord(c):x}" for c in characters)]
    pen = TTGlyphPen(None)
    for corner, move in zip([(0, 0), (0, 700), (700, 700), (700, 0)], [pen.moveTo, *[pen.lineTo] * 3], strict=True):
        move(corner)
    pen.closePath()
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder(names)
    builder.setupCharacterMap({ord(c): name for c, name in zip(characters, names[1:], strict=True)})
    builder.setupGlyf(dict.fromkeys(names, pen.glyph()))
    builder.setupHorizontalMetrics(dict.fromkeys(names, (800, 0)))
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": family, "styleName": "Regular", "psName": f"{family}-Regular"})
    builder.setupOS2(usWeightClass=400)
    builder.setupPost()
    builder.save(path)


def test_an_installed_font_of_any_name_is_used_for_its_characters(fresh, word_map, recwarn):
    font(fresh / "lobster.ttf", "Lobster", "xyz")
    font(fresh / "quirk.ttf", "Quirk", RARE)
    (fresh / "broken.ttf").write_bytes(b"no font")
    assert fonts.families(["the"]) == ["DejaVu Sans"]
    assert fonts.families(["the", RARE]) == ["DejaVu Sans", "Quirk"]
    figure = heatmap(word_map([RARE, "the"], ["a"]))
    assert figure.axes[0].get_xticklabels()[0].get_fontfamily() == ["DejaVu Sans", "Quirk"]
    assert render(figure, "png")
    assert not recwarn.list
    assert b"Quirk" in render(figure, "pdf")  # embedded


def test_kana_and_hangul_choose_the_language_of_han(fresh):
    for language in ("JP", "KR", "SC"):
        font(fresh / f"{language}.ttf", f"Noto Sans CJK {language}", "王ひ한")
    assert fonts.families(["王"]) == ["DejaVu Sans", "Noto Sans CJK SC"]
    assert fonts.families(["王", "ひ"]) == ["DejaVu Sans", "Noto Sans CJK JP"]
    assert fonts.families(["王한"]) == ["DejaVu Sans", "Noto Sans CJK KR"]


def test_a_character_that_no_font_has_is_no_reason_for_a_font_of_boxes(fresh):
    last = Path(mpl.get_data_path()) / "fonts/ttf/LastResortHE-Regular.ttf"
    if last.exists():
        shutil.copy(last, fresh)
    assert fonts.families([RARE]) == ["DejaVu Sans"]
