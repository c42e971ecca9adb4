"""The pictures of the page: colour scales, direction, long and wide maps, paper; and pages whose script is blocked."""

import re
import xml.etree.ElementTree as ET
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.image import imread

from xattn.alignment.layouts import Grid, Time, WordLayout
from xattn.alignment.maps import AttentionMap, Readout
from xattn.viewing.page import Page, Sentence
from xattn.viewing.scales import shading

READOUT = Readout(layer=1, head=1, convention="produced")
ARABIC = ["القط", "الأسود", "يجلس", "على", "السجادة", "القديمة", "في", "البيت"]


def attend(rows: int, columns: int, *, heads: int = 2, source=None, layout=None, peak: float = 1.0) -> AttentionMap:
    """Attention near the diagonal, whose rows sum to `peak`."""
    source = source or [f"s{n}" for n in range(columns)]
    target = [f"t{n}" for n in range(rows)]
    far = np.arange(rows)[:, None] / rows - np.arange(columns) / columns
    weights = np.exp(-columns * far**2 + np.random.default_rng(3).normal(size=(2, heads, rows, columns)) / 2)
    return AttentionMap(
        weights=(peak * weights / weights.sum(axis=-1, keepdims=True)).astype(np.float32),
        source=source,
        target=target,
        source_word_ids=range(columns),
        target_word_ids=range(rows),
        source_words=source,
        target_words=target,
        layout=layout or WordLayout(),
    )


def colours(tab, selector: str) -> np.ndarray:
    """The pixels of a canvas [h, w, 3]."""
    pixels = tab.locator(selector).first.evaluate(
        """(canvas) => { const { width, height } = canvas;
        return [height, width, [...canvas.getContext("2d").getImageData(0, 0, width, height).data]]; }"""
    )
    return np.array(pixels[2]).reshape(*pixels[:2], 4)[..., :3]


def wait_until(tab, expression: str) -> None:
    """Waits until an expression is true; the page's policy forbids playwright's own way, which evaluates strings."""
    for _ in range(100):
        if tab.evaluate(expression):
            return
        tab.wait_for_timeout(50)
    pytest.fail(f"never: {expression}")


def saved(tab, name: str) -> bytes:
    with tab.expect_download() as download:
        tab.locator(f"#{name}").click()
    return download.value.path().read_bytes()


def texts(svg: bytes) -> list[str]:
    return [node.text or "" for node in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]


def test_scales_are_those_of_figures_and_of_the_terminal(visit):
    attention, other = attend(5, 7), attend(5, 7, peak=0.2)
    words, faint = attention.to_words(READOUT), other.to_words(READOUT)
    tab = visit(Page.of(attention, READOUT, "sqrt"))
    for chosen in ("sqrt", "absolute", "row", "map", None):
        tab.locator("#scale").select_option(chosen or "auto")
        tab.evaluate("xattn.settled()")
        found, expected = tab.evaluate("xattn.scale()"), shading(words, chosen)
        assert found["text"] == expected.text
        np.testing.assert_allclose(found["shades"], expected.shades(words.weights), atol=1e-3)
        assert expected.text in " ".join(texts(saved(tab, "svg")))
    tab.locator(".panel").first.focus()
    tab.keyboard.press("s")
    tab.evaluate("xattn.settled()")
    assert tab.locator("#scale").input_value() == "absolute"
    assert tab.evaluate("location.hash") == "#k=absolute"

    tab = visit(Page.of(other, READOUT))
    assert tab.evaluate("xattn.scale().text") == shading(faint).text
    assert "because no cell reaches 0.25" in shading(faint).text
    assert tab.locator("#most").inner_text() == f"{faint.weights.max():.3g}"

    both = Page(sentences=[Sentence(maps={"a": attention, "b": other})], readout=READOUT)
    tab = visit(both, "#a=0&b=1&k=row")
    found, expected = tab.evaluate("xattn.scale()"), shading(faint.minus(words))
    assert found["text"] == expected.text
    np.testing.assert_allclose(found["shades"], expected.shades(faint.weights - words.weights), atol=1e-3)


def test_thumbnails_run_as_the_heatmap_runs(visit):
    attention = attend(4, len(ARABIC), source=ARABIC)
    weights = np.zeros_like(attention.weights)
    weights[..., 0] = 1  # the first word, at the right
    tab = visit(Page.of(replace(attention, weights=weights), READOUT))
    for mirror, dark in [(True, len(ARABIC) - 1), (False, 0)]:
        tab.locator("#mirror").set_checked(mirror)
        tab.evaluate("xattn.settled()")
        for canvas in ("#heads canvas", "#heads button:last-child canvas"):
            assert colours(tab, canvas).sum(axis=-1).argmin(axis=1).tolist() == [dark] * 4
        assert (tab.evaluate("xattn.place(0, 0)[0] > xattn.place(0, 1)[0]")) == mirror
        assert ("← source" in texts(saved(tab, "svg"))) == mirror


def test_cells_of_up_to_sixteen_words_have_numbers_and_axes_have_names(visit):
    attention = attend(16, 16, heads=8)
    tab = visit(Page.of(attention, replace(READOUT, head=7)), "#v=heatmap", viewport={"width": 1200, "height": 900})
    drawn = texts(saved(tab, "svg"))
    weights = attention.weights[1, 7]
    numbers = sorted(int(text) for text in drawn if re.fullmatch(r"\d+", text))
    assert numbers == pytest.approx(sorted(np.rint(100 * weights[weights >= 0.005]).astype(int)), abs=1)
    assert {"source →", "target ↓"} <= set(drawn)
    # The ninth of nine columns is scrolled into view.
    box, chosen = (tab.locator(each).bounding_box() for each in ("#heads", "#heads [aria-pressed=true]"))
    assert box["x"] <= chosen["x"]
    assert chosen["x"] + chosen["width"] <= box["x"] + box["width"]


@pytest.mark.parametrize(
    ("rows", "columns", "layout"),
    [
        (300, 200, None),
        (20, 1500, Time(seconds=0.02 * np.arange(1500), signal=np.eye(300, 4, dtype=np.float32))),
        (5, 196, Grid(rows=14, columns=14)),
    ],
    ids=["words", "frames", "patches"],
)
def test_long_and_wide_maps_show_something(visit, rows, columns, layout):
    tab = visit(Page.of(attend(rows, columns, layout=layout), READOUT), viewport={"width": 1200, "height": 900})
    heatmap = ".panel[aria-label^=heatmap] canvas"
    assert (colours(tab, heatmap)[100:].max(axis=-1) < 190).mean() > 0.002  # dark pixels
    assert (colours(tab, "#heads canvas").min(axis=-1) < 170).mean() > 0.002
    (x, y), (_, below) = tab.evaluate("xattn.place(0, 0)"), tab.evaluate("xattn.place(1, 0)")
    assert below - y >= 14
    labels = [text for text in texts(saved(tab, "svg")) if re.fullmatch(r"s\d+", text)]
    assert len(labels) < 0.7 * 2 * columns  # not every column of the heatmap has a label
    assert tab.locator("#overview").is_visible() == (layout is None or layout.name == "time")
    # The keyboard walks to the last column and scrolls there, and labels stay beside the cells.
    panel = tab.locator(".panel[aria-label^=heatmap]")
    panel.focus()
    tab.keyboard.press("ArrowDown")
    tab.keyboard.press("End")
    box = panel.bounding_box()
    wait_until(tab, f"xattn.place(0, {columns - 1})[0] < {box['x'] + box['width']}")
    assert tab.evaluate(f"xattn.place(0, {columns - 1})[0]") > x
    assert f"s{columns - 1}" in tab.locator("#readout").inner_text()
    small, scroll = tab.locator("#overview"), "[...document.querySelectorAll('.panel')].at(-1).scrollLeft"
    if columns > 1000:
        assert tab.evaluate(scroll) > 2000
        small.click(position={"x": 2, "y": 10})
        wait_until(tab, f"{scroll} === 0")


def test_lines_of_long_texts_are_the_strongest_and_say_so(visit):
    attention = attend(300, 200)
    tab = visit(Page.of(attention, READOUT), "#v=lines&k=map")
    strong = int((attention.weights[1, 1] / attention.weights[1, 1].max() >= 0.03).sum())
    assert strong > 2000

    def lines() -> int:
        return len(list(ET.fromstring(saved(tab, "svg")).iter("{http://www.w3.org/2000/svg}path")))

    assert 1500 <= lines() <= 1800  # and every row's link
    assert f"of {strong} lines" in " ".join(texts(saved(tab, "svg")))
    tab.evaluate("xattn.set({ pin: { row: 100, column: null } })")
    own = attention.weights[1, 1, 100] / attention.weights[1, 1].max() >= 0.03
    faded = tab.evaluate("xattn.settled()") or saved(tab, "svg").decode()
    hues = [float(alpha) for alpha in re.findall(r"rgba\([\d,]+,([\d.]+)\)", faded)]
    assert sum(alpha >= 0.1 for alpha in hues) >= own.sum()


def test_paper_is_light_and_complete(visit, tmp_path):
    tab = visit(Page.of(attend(9, 7), READOUT), color_scheme="dark")
    assert 'fill="#fff"' in saved(tab, "svg").decode()[:900]
    (tmp_path / "page.png").write_bytes(saved(tab, "png"))
    image = imread(tmp_path / "page.png")
    assert image[0, 0, :3].tolist() == [1, 1, 1]
    assert max(image.shape) <= 4000
    assert tab.evaluate("document.documentElement.dataset.theme") == "dark"

    tab.emulate_media(media="print")
    tab.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert tab.evaluate("document.documentElement.dataset.theme") == "light"
    for hidden in ("#controls", "#png", "#panels", "#theme"):
        assert not tab.locator(hidden).is_visible()
    printed = tab.locator("#prints svg")
    assert printed.count() == 2
    assert all(printed.nth(i).is_visible() for i in range(2))
    drawn = printed.first.locator("text").all_text_contents()
    assert {"s0", "t8", "special", "source →", "colour scale absolute: 0 to 1"} <= set(drawn)
    tab.evaluate("dispatchEvent(new Event('afterprint'))")
    tab.emulate_media(media="null")
    tab.evaluate("xattn.settled()")
    assert tab.locator("#prints svg").count() == 0
    assert tab.evaluate("document.documentElement.dataset.theme") == "dark"
    pdf = tab.pdf(format="A4")
    assert len(re.findall(rb"/Type\s*/Page\b(?!s)", pdf)) == 1


def test_a_page_whose_script_does_not_run_says_so(browser, tmp_path):
    html = Page.of(attend(3, 4), READOUT).html
    data, script = html.index('id="data"'), html.rindex("<script>")
    path = tmp_path / "page.html"
    for content, runs, readable in [
        (html, True, False),
        (html, False, True),  # blocked
        (html[: data + 50], True, True),
        (html[: script + 900], True, True),
        (html[: len(html) - 400], True, True),
        (html.replace("script-src 'unsafe-inline'", "script-src 'none'"), True, True),
    ]:
        path.write_text(content)
        context = browser.new_context(java_script_enabled=runs)
        tab = context.new_page()
        tab.goto(path.as_uri())
        assert tab.get_by_text("has not run to its end").is_visible() == readable
        assert tab.locator("#controls").is_visible() != readable
        context.close()


def test_a_notebook_that_blocks_scripts_shows_a_hint(browser):
    shown = Page.of(attend(3, 4), READOUT)._repr_html_()
    tab = browser.new_page()
    hint = tab.get_by_text("trust the notebook")
    tab.set_content(re.sub(r"<iframe.*</iframe>", "", shown, flags=re.DOTALL))
    assert hint.is_visible()
    tab.set_content(shown)
    tab.frames[1].wait_for_function("window.xattn")
    assert hint.count() == 0
    # The frame is as high as its page: nothing scrolls inside, and no room is left.
    inside = "document.documentElement.scrollHeight - innerHeight"
    tab.frames[1].wait_for_function(f"{inside} <= 0 && innerHeight - document.body.offsetHeight < 60")
    tab.close()
