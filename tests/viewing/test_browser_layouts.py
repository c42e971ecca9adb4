"""Pages of other layouts than words: the picture beside the heatmap, and their common focus."""

import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from xattn.alignment.layouts import Cells, Graph, Grid, Slots, Time
from xattn.alignment.links import Links
from xattn.alignment.maps import AttentionMap, Readout
from xattn.viewing.page import Page, Sentence

READOUT = Readout(layer=1, head=0, convention="produced")
RANDOM = np.random.default_rng(4)
LAYOUTS = [
    Graph(source_edges=[(0, 1), (1, 2), (2, 3), (3, 4), (4, 5)], target_edges=[(0, 1), (2, 1)]),
    Grid(rows=2, columns=3, picture=RANDOM.integers(0, 256, (5, 7, 3), np.uint8)),
    Cells(rows=1, columns=3, picture=RANDOM.integers(0, 256, (5, 7, 3), np.uint8)),
    Time(seconds=0.5 * np.arange(6), signal=RANDOM.random((11, 7))),
    Slots(),
]
KINDS = pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.name)


def attend(layout) -> AttentionMap:
    weights = np.random.default_rng(2).dirichlet(np.full(6, 0.4), (2, 2, 3)).astype(np.float32)
    return AttentionMap(
        weights=weights,
        source=[f"s{n}" for n in range(6)],
        target=[f"t{n}" for n in range(3)],
        source_word_ids=range(6),
        target_word_ids=range(3),
        source_words=[f"s{n}" for n in range(6)],
        target_words=[f"t{n}" for n in range(3)],
        gold=Links.of([(1, 0), (2, 1), (3, 1)]),
        layout=layout,
    )


def page(layout) -> Page:
    return Page(sentences=[Sentence(maps={"one": attend(layout)})], readout=READOUT)


def points(tab) -> dict[tuple[int | None, int | None], tuple[float, float]]:
    """The centre of every row, column and cell of the first picture, in pixels of the window."""
    found = tab.evaluate(
        """() => { const { width, height } = document.querySelector(".panel canvas").getBoundingClientRect(), all = [];
        for (let y = 1; y < height; y += 3) for (let x = 1; x < width; x += 3) {
            const { row, column } = xattn.under(x, y);
            if (row !== null || column !== null) all.push([row, column, x, y]);
        } return all; }"""
    )
    box = tab.locator(".panel").first.bounding_box()
    places: dict = {}
    for row, column, x, y in found:
        places.setdefault((row, column), []).append((box["x"] + x, box["y"] + y))
    return {place: tuple(np.mean(each, axis=0).tolist()) for place, each in places.items()}


def shown(tab) -> str:
    return tab.locator("#readout").inner_text()


@KINDS
def test_the_picture_and_the_heatmap_are_one(visit, layout):
    tab, attention = visit(page(layout)), attend(layout)
    weights = attention.weights[1, 0]
    cells = "() => xattn.rows().map((_, r) => xattn.columns().map((_, c) => xattn.cell(1, 0, r, c)))"
    np.testing.assert_allclose(tab.evaluate(cells), weights, atol=2e-5)
    labels = tab.locator(".panel").evaluate_all("(all) => all.map((each) => each.getAttribute('aria-label'))")
    assert [label.split(",")[0] for label in labels] == [layout.name, "heatmap"]
    assert tab.locator(".choice[data-key=view] button").all_inner_texts() == ["both", "heatmap", layout.name]

    # Every position can be pointed at, and queries that are nodes or cells too.
    places = points(tab)
    rows = {(row, None) for row in range(3)} if isinstance(layout, Graph | Cells) else set()
    assert set(places) == {(None, column) for column in range(6)} | rows
    for column in (0, 4):
        tab.mouse.move(*places[None, column])
        top = weights[:, column].argmax()
        assert shown(tab).startswith(f"s{column} gets attention from t{top} {100 * weights[top, column]:.1f} %")
        assert tab.locator(".band.column").count() == 1  # in the heatmap

    # What is pinned in the heatmap is drawn in the picture, and from there a position is read for it.
    before = tab.locator(".panel canvas").first.evaluate("(canvas) => canvas.toDataURL()")
    tab.mouse.move(5, 5)
    tab.evaluate("xattn.set({ pin: { row: 1, column: null } })")
    tab.evaluate("xattn.settled()")
    assert tab.locator(".panel canvas").first.evaluate("(canvas) => canvas.toDataURL()") != before
    if not isinstance(layout, Graph | Cells):
        places = points(tab)
        assert set(places) == {(1, column) for column in range(6)}
        tab.mouse.click(*places[1, 3])
        assert tab.evaluate("xattn.state.pin") == {"row": 1, "column": 3}
        assert shown(tab).startswith(f"t1 ← s3 {100 * weights[1, 3]:.1f} %")
        assert "gold: sure" in shown(tab)
        assert tab.evaluate("location.hash") == "#p=1%2C3"
    else:
        tab.mouse.click(*places[2, None])
        assert tab.evaluate("xattn.state.pin") == {"row": 2, "column": None}
        assert shown(tab).startswith(f"t2 attends to s{weights[2].argmax()} ")

    # The keyboard walks in the picture as in the heatmap.
    tab.keyboard.press("Escape")
    tab.locator(".panel").first.focus()
    for key in ("ArrowDown", "ArrowRight", "ArrowRight", "Enter"):
        tab.keyboard.press(key)
        tab.evaluate("xattn.settled()")
    assert tab.evaluate("xattn.state.pin") == {"row": 0, "column": 2}
    with tab.expect_download() as download:
        tab.locator("#svg").click()
    drawn = ET.fromstring(download.value.path().read_bytes())
    texts = " ".join(node.text or "" for node in drawn.iter("{http://www.w3.org/2000/svg}text"))
    assert len(re.findall("layer 1, head 0", texts)) == 2
    assert "convention" not in texts  # the queries are no text
    assert not tab.get_by_text("produced", exact=True).is_visible()
    images = [node.get("href") for node in drawn.iter("{http://www.w3.org/2000/svg}image")]
    assert [each.startswith("data:image/png") for each in images] == [True] * isinstance(layout, Grid | Cells | Time)


@pytest.mark.parametrize(("theme", "width"), [("light", 1400), ("dark", 360)])
@KINDS
def test_all_screens_are_accessible(visit, layout, theme, width):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed")
    tab = visit(page(layout), "#p=1,", color_scheme=theme, viewport={"width": width, "height": 800})
    tab.locator("summary").click()
    tab.locator("#table td").first.wait_for()
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    assert tab.locator(".panel").first.evaluate("(panel) => panel.scrollWidth <= panel.clientWidth + 1")
    found = axe.Axe().run(tab).response
    assert [each["id"] for each in found["violations"] if each["impact"] in ("serious", "critical")] == []


def test_blank_cells_traces_and_two_maps_are_drawn(visit):
    traces = Time(seconds=0.5 * np.arange(6), signal=RANDOM.random((11, 2)))
    for layout in (Grid(rows=3, columns=2), Cells(rows=3, columns=1), traces, Slots(), LAYOUTS[0]):
        maps = {"a": attend(layout), "b": attend(layout)}
        tab = visit(Page(sentences=[Sentence(maps=maps)], readout=READOUT), f"#p=0,&a=0&b=1&v={layout.name}")
        assert tab.locator(".panel").count() == 3  # A, B, and B - A
