"""Words that the model's vocabulary lacks: every view marks them, and says what the mark means."""

import io
import json
import re
import xml.etree.ElementTree as ET
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

from xattn.alignment.layouts import WordLayout
from xattn.alignment.maps import MEANING_OF_UNKNOWN, AttentionMap, Readout
from xattn.viewing.formats import FORMATS
from xattn.viewing.page import Page

READOUT = Readout(layer=1, head="mean", convention="produced")


@pytest.fixture
def jumps() -> AttentionMap:
    """A source word in bytes, among them those of the space before it, and a target word without a piece."""
    source = ["▁the", "<0xE2>", "<0x96>", "<0x81>", "<0x6A>", "</s>"]
    return AttentionMap(
        weights=np.random.default_rng(1).dirichlet(np.ones(6), (2, 3, 4)).astype(np.float32),
        source=source,
        target=["▁le", "▁saut", "<unk>", "</s>"],
        source_word_ids=[0, 1, 1, 1, 1, -1],
        target_word_ids=[0, 1, 2, -1],
        source_words=["the", "j"],
        target_words=["le", "saut", "<unk>"],
    )


def printed(attention, color):
    file = io.StringIO()
    console = Console(file=file, width=80, color_system="256" if color else None, force_terminal=color, _environ={})
    console.print(FORMATS["terminal"](attention, READOUT))
    return re.sub("\x1b[^m]*m", "", file.getvalue())


@pytest.mark.parametrize("color", [False, True])
def test_the_terminal(jumps, attention, color):
    text = printed(jumps, color)
    assert re.search(r"\bthe +j\* ", text)
    assert MEANING_OF_UNKNOWN in text.splitlines()
    assert re.search(r"^<unk>\*", text, re.MULTILINE)
    assert "*" not in printed(attention, color)


def test_from_right_to_left(jumps):
    text = printed(replace(jumps, source_words=["ا", "ب"]), False)
    assert re.search(r"ب\*\S* +\S?ا\S? ", text)


@pytest.mark.parametrize("lines", [None, [0]])
def test_figures(jumps, attention, lines):
    layout = WordLayout(lines=lines)
    drawn = FORMATS["svg"](replace(jumps, layout=layout), READOUT).decode()
    assert ">j*<" in drawn
    assert ">&lt;unk&gt;*<" in drawn
    assert MEANING_OF_UNKNOWN in drawn
    assert "*<" not in FORMATS["svg"](replace(attention, layout=layout), READOUT).decode()


def data(attention):
    page = FORMATS["html"](attention, READOUT).decode()
    return json.loads(page.split('id="data">')[1].split("</script>")[0])["sentences"][0]


def test_the_page(jumps, attention):
    stored = data(jumps)
    assert (stored["sourceWords"], stored["targetWords"]) == (["the", "j*"], ["le", "saut", "<unk>*"])
    assert stored["unknown"] == MEANING_OF_UNKNOWN
    assert data(attention)["unknown"] is None


def test_the_page_in_a_browser(jumps, visit):
    tab = visit(Page.of(jumps, READOUT))

    def texts():
        with tab.expect_download() as download:
            tab.locator("#svg").click()
        drawn = ET.fromstring(download.value.path().read_bytes())
        return " ".join(node.text or "" for node in drawn.iter("{http://www.w3.org/2000/svg}text"))

    assert "j*" in texts()
    assert MEANING_OF_UNKNOWN in texts()
    tab.evaluate("xattn.set({ unit: 'pieces' })")
    assert "<0x6A>" in texts()
    assert MEANING_OF_UNKNOWN not in texts()


@pytest.mark.parametrize("convention", ["produced", "read"])
def test_parts_of_a_word_count_alike_in_the_page_too(visit, convention):
    """A space inside a word: "dort :", whose mark is spelt in four bytes."""
    weights = np.random.default_rng(2).dirichlet(np.ones(3), (1, 1, 7)).astype(np.float32)
    attention = AttentionMap(
        weights=weights,
        source=["▁a", "▁b", "</s>"],
        target=["▁do", "rt", "<0xE2>", "<0x96>", "<0x81>", "<0x3A>", "</s>"],
        source_word_ids=[0, 1, -1],
        target_word_ids=[0, 0, 0, 0, 0, 0, -1],
        source_words=["a", "b"],
        target_words=["dort\u00a0:"],
    )
    readout = Readout(layer=0, head=0, convention=convention)
    rows = weights[0, 0, 1:] if convention == "read" else weights[0, 0]
    expected = (rows[:2].mean(axis=0) + rows[2:6].mean(axis=0)) / 2
    words = attention.to_words(readout)
    np.testing.assert_allclose([*words.weights[0], words.special[0]], expected, rtol=1e-5)
    tab = visit(Page.of(attention, readout))
    assert [tab.evaluate(f"xattn.cell(0, 0, 0, {n})") for n in range(3)] == pytest.approx(expected.tolist(), abs=1e-4)
