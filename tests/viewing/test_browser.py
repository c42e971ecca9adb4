"""The page in a real browser: exact values, and reactions to mouse, keyboard and URL, without a network."""

import re
import xml.etree.ElementTree as ET
from dataclasses import replace

import numpy as np
import pytest

from xattn.alignment.link_files import parse_links
from xattn.alignment.links import Links
from xattn.alignment.maps import Readout
from xattn.alignment.scores import score
from xattn.viewing.page import Page, Sentence

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install '.[test]'")

READOUT = Readout(layer=1, head=2, convention="produced")
CANDIDATES = [[("▁le", 0.75), ("▁la", 0.125), ("</s>", 0.0001)]] * 5


@pytest.fixture
def one(attention):
    """One sentence with gold links, some of which the attention finds."""
    gold = Links.of([(0, 0), (2, 1)], possible=[(1, 2), (2, 2)])
    attention = replace(attention, gold=gold)
    return Page(sentences=[Sentence(maps={"one": attention}, candidates=CANDIDATES)], readout=READOUT)


@pytest.fixture
def corpus(attention):
    """Three sentences of different lengths at three steps of training."""

    def sentence(seed: int, words: int) -> Sentence:
        source = [f"w{i}" for i in range(words)]
        weights = np.random.default_rng(seed).dirichlet(np.full(words, 0.3), (3, 2, 3, 5)).astype(np.float32)
        gold = Links.of([(0, 0)], possible=[(1, 1)])
        shared = {"source": source, "source_words": source, "source_word_ids": list(range(words)), "gold": gold}
        return Sentence(
            maps={f"step {n}": replace(attention, weights=weights[n - 1], **shared) for n in (1, 2, 3)},
            candidates=CANDIDATES,
        )

    return Page(sentences=[sentence(3, 7), sentence(4, 2), sentence(5, 11)], readout=READOUT)


def first_map(made: Page, index: int = 0):
    return list(made.sentences[index].maps.values())[-1]


def shown(tab):
    return tab.locator("#readout").inner_text()


def state(tab):
    return tab.evaluate("xattn.state")


def test_every_cell_of_every_head_is_what_alignment_says(visit, one):
    tab, attention = visit(one), first_map(one)
    code = """() => [0, 1].map((l) => [0, 1, 2, "mean"].map((h) => xattn.rows().map((_, r) =>
        [...xattn.columns(), "special"].map((_, c) => xattn.cell(l, h, r, c)))))"""
    for convention in ("produced", "read"):
        tab.evaluate(f"xattn.set({{ rows: {convention!r} }})")
        weights, special = attention.fold(convention)
        expected = np.concatenate([weights, special[..., None]], axis=-1)
        expected = np.concatenate([expected, expected.mean(axis=1, keepdims=True)], axis=1)
        assert abs(np.array(tab.evaluate(code)) - expected).max() < 3e-5
    assert tab.evaluate("xattn.rows()") == ["le", "renard", "vif"]
    assert tab.evaluate("xattn.columns()") == ["the", "quick", "fox"]


def test_pieces_are_rows_of_the_decoder_read_at_once_or_a_step_later(visit, one):
    tab, attention = visit(one, "#u=pieces"), first_map(one)
    code = "() => xattn.rows().map((_, r) => xattn.columns().map((_, c) => xattn.cell(1, 0, r, c)))"
    assert tab.evaluate("xattn.rows()") == attention.target
    np.testing.assert_allclose(tab.evaluate(code), attention.weights[1, 0], atol=1e-5)
    for _ in range(2):  # setting the same convention again must not shift twice
        tab.evaluate("xattn.set({ rows: 'read' })")
        found = np.array(tab.evaluate(code))
        np.testing.assert_allclose(found[:-1], attention.weights[1, 0, 1:], atol=1e-5)
        assert not found[-1].any()


def test_links_and_scores_are_those_of_the_package(visit, one):
    tab, attention = visit(one), first_map(one)
    for convention in ("produced", "read"):
        for layer, head in [(0, 1), (1, "mean")]:
            tab.evaluate("(changes) => xattn.set(changes)", {"layer": layer, "head": head, "rows": convention})
            words = attention.to_words(Readout(layer=layer, head=head, convention=convention))
            assert parse_links(tab.evaluate("xattn.links()")) == words.links()
            found = tab.evaluate("xattn.scores()")
            assert found["aer"] == pytest.approx(score([words.links()], [attention.gold]).aer)
            rows = np.concatenate([words.weights, words.special[:, None]], axis=1).astype(float)
            rows /= rows.sum(axis=1, keepdims=True)
            assert found["entropy"] == pytest.approx(-(rows * np.log2(rows)).sum(axis=1).mean(), abs=1e-3)


def test_hover_shows_click_pins_and_escape_lets_go(visit, one):
    tab, words = visit(one), first_map(one).to_words(READOUT)
    assert "Point at" in shown(tab)
    place = tab.evaluate("xattn.place(1, 2)")
    tab.mouse.move(*place)
    value = words.weights[1, 2]
    assert shown(tab).startswith(f"renard (▁re nard) ← fox (▁f o x) {100 * value:.1f} %")
    assert "gold: sure" in shown(tab)
    assert tab.locator(".band.row").first.is_visible()
    tab.mouse.click(*place)
    assert tab.evaluate("location.hash") == "#p=1%2C2"
    tab.mouse.move(5, 5)
    assert "renard" in shown(tab)
    tab.keyboard.press("Escape")
    assert "Point at" in shown(tab)
    tab.locator("#source .token").nth(2).hover()
    top = words.target[words.weights[:, 2].argmax()]
    assert shown(tab).startswith(f"fox (▁f o x) gets attention from {top} ")
    tab.locator("#target .token").nth(0).click()
    assert state(tab)["pin"] == {"row": 0, "column": None}


def test_the_keyboard_walks_pins_and_changes_the_view(visit, one):
    tab = visit(one)
    tab.locator(".panel").first.focus()
    for key in ("ArrowDown", "ArrowDown", "ArrowRight"):
        tab.keyboard.press(key)
    assert shown(tab).startswith("renard (▁re nard) ← quick")
    tab.keyboard.press("Enter")
    assert state(tab)["pin"] == {"row": 1, "column": 1}
    tab.keyboard.press("End")
    assert "← fox" in shown(tab)
    for key in ("l", "Shift+H", "u", "r"):
        tab.keyboard.press(key)
        tab.evaluate("xattn.settled()")
    now = state(tab)
    assert [now[key] for key in ("layer", "head", "unit", "rows")] == [0, 1, "pieces", "read"]
    assert tab.locator(".panel").first.evaluate("(panel) => panel === document.activeElement")
    tab.keyboard.press("Escape")
    assert state(tab)["pin"] == {"row": None, "column": None}


@pytest.mark.parametrize("modifier", ["Shift", "Control"])
def test_picked_tokens_are_summed_over_the_source_and_averaged_over_the_target(visit, one, modifier):
    tab, words = visit(one), first_map(one).to_words(READOUT)

    def click(side: str, place: int, modifiers=(modifier,)) -> None:
        tab.locator(f"#{side} .token").nth(place).click(modifiers=modifiers)
        tab.evaluate("xattn.settled()")

    click("source", 2, ())
    assert state(tab)["pin"] == {"row": None, "column": 2}
    click("source", 0)  # the pinned token becomes the first picked one
    assert (state(tab)["pin"], state(tab)["picked"]) == (
        {"row": None, "column": None},
        {"rows": [], "columns": [0, 2]},
    )
    sums = words.weights[:, [0, 2]].sum(axis=1)
    ranked = ", ".join(f"{words.target[row]} {100 * sums[row]:.1f} %" for row in np.argsort(-sums))
    assert shown(tab) == f"the + fox (▁f o x) get attention from {ranked} (sum over 2 source words)"
    assert tab.locator("#source .token.at").all_inner_texts() == ["the", "fox"]
    shades = tab.locator("#target .token").evaluate_all("(all) => all.map((each) => each.style.background)")
    assert all(shades)
    assert tab.locator(".band.column.pinned").count() == 2
    click("target", 1)
    click("target", 2)
    block = words.weights[1:, [0, 2]].sum(axis=1).mean()
    how = "sum over 2 source words, mean over 2 target words"
    assert shown(tab).startswith("renard (▁re nard) + vif ← the + fox (▁f o x) ")
    assert f" {100 * block:.1f} % " in shown(tab)
    assert shown(tab).endswith(f"({how})")
    again = visit(one, tab.evaluate("location.hash"))
    assert state(again) == state(tab)
    assert shown(again) == shown(tab)
    click("source", 0)
    click("source", 2)
    means = words.weights[1:].mean(axis=0)
    tab.mouse.move(5, 5)  # away from the removed token, which has the focus while the mouse is on it
    assert shown(tab).startswith("renard (▁re nard) + vif attend to ")
    assert f"{words.source[means.argmax()]} {100 * means.max():.1f} %" in shown(tab)
    click("target", 0, ())  # a click without a modifier pins
    assert state(tab)["picked"] == {"rows": [], "columns": []}
    click("target", 2)
    tab.keyboard.press("Escape")
    tab.evaluate("xattn.settled()")
    assert (state(tab)["pin"], state(tab)["picked"]) == (
        {"row": None, "column": None},
        {"rows": [], "columns": []},
    )
    assert "Point at" in visit(one, "#m=0.9%2C1").locator("#readout").inner_text()


def test_the_keyboard_picks_rows_and_columns_and_walks_on(visit, one):
    tab, words = visit(one), first_map(one).to_words(READOUT)
    tab.locator(".panel").first.focus()
    for key in ("ArrowDown", "ArrowDown", "Shift+Enter", "ArrowRight", "Shift+Enter"):
        tab.keyboard.press(key)
        tab.evaluate("xattn.settled()")
    assert state(tab)["picked"] == {"rows": [], "columns": [0, 1]}
    sums = words.weights[:, :2].sum(axis=1)
    assert f" get attention from {words.target[sums.argmax()]} {100 * sums.max():.1f} %" in shown(tab)
    tab.keyboard.press("Shift+Space")
    tab.evaluate("xattn.settled()")
    assert state(tab)["picked"] == {"rows": [1], "columns": [0, 1]}
    assert f" {100 * sums[1]:.1f} % " in shown(tab)
    tab.keyboard.press("Escape")
    assert "Point at" in shown(tab)


def test_the_address_keeps_all_that_was_chosen(visit, corpus):
    tab = visit(corpus)
    chosen = {"sentence": 2, "map": 0, "other": 1, "layer": 0, "head": "mean", "unit": "pieces", "rows": "read"}
    chosen |= {
        "view": "heatmap",
        "marks": 0,
        "zoom": 2,
        "mirror": "rtl",
        "step": 3,
        "theme": "dark",
        "sort": "-aer",
        "scale": "row",
    }
    tab.evaluate("(changes) => xattn.set(changes)", chosen)
    tab.evaluate("xattn.set({ pin: { row: 1, column: 3 } })")
    again = visit(corpus, tab.evaluate("location.hash"))
    nobody = {"rows": [], "columns": []}
    assert state(again) == state(tab) == chosen | {"pin": {"row": 1, "column": 3}, "picked": nobody}
    wrong = visit(corpus, "#i=99&l=-1&h=x&u=letters&p=a,b&nothing=1&p=900,900")
    assert wrong.evaluate("location.hash.length") > 0
    assert state(wrong)["layer"] == 1
    assert state(wrong)["pin"] == {"row": None, "column": None}


def test_files_are_saved(visit, corpus, tmp_path):
    tab = visit(corpus)

    def save(name: str) -> bytes:
        with tab.expect_download() as download:
            tab.locator(f"#{name}").click()
        return download.value.path().read_bytes()

    assert save("png").startswith(b"\x89PNG")
    drawn = [node.text for node in ET.fromstring(save("svg")).iter("{http://www.w3.org/2000/svg}text")]
    assert {*first_map(corpus).source_words, "renard", "special"} <= set(drawn)
    assert "row convention: produced" in " ".join(filter(None, drawn))
    lines = save("pharaoh").decode().splitlines()
    expected = [first_map(corpus, index).to_words(READOUT).links() for index in range(3)]
    assert [parse_links(line) for line in lines] == expected


def test_hostile_and_right_to_left_tokens_are_only_text(visit, attention):
    words = ["</script><img src=x onerror=alert(1)>", "\"'&amp;", "مرحبا بالعالم الجديد الكبير والجميل جدا هنا"]
    made = Page(sentences=[Sentence(maps={"<b>": replace(attention, source_words=words)})], readout=READOUT)
    tab = visit(made, "#v=both&p=0,0")
    assert tab.evaluate("xattn.columns()") == words
    assert tab.locator("#source .token").all_inner_texts() == words
    assert tab.locator("img").count() == 0
    tab.locator("summary").click()
    # The table is made at the toggle event, which comes later than the click.
    sync_api.expect(tab.locator("#table thead th")).to_have_text([*words, "special"])
    assert tab.locator("#source").get_attribute("dir") == "rtl"
    first, last = (tab.evaluate(f"xattn.place(0, {column})[0]") for column in (0, 2))
    assert first > last
    tab.locator("#mirror").uncheck()
    first, last = (tab.evaluate(f"xattn.place(0, {column})[0]") for column in (0, 2))
    assert first < last


def test_two_maps_are_compared_cell_by_cell(visit, corpus):
    tab = visit(corpus, "#a=0&b=2&p=1,3")
    a, _, b = (each.to_words(READOUT).weights[1, 3] for each in corpus.sentences[0].maps.values())
    assert tab.locator(".panel").count() == 3
    labels = [tab.locator(".panel").nth(i).get_attribute("aria-label") for i in range(3)]
    assert [re.search(r": (.*?)\. Arrow", label)[1] for label in labels] == ["A: step 1", "B: step 3", "B − A"]
    assert f"{100 * a:.1f} %" in shown(tab)
    assert f"in A, {100 * b:.1f} % in B: B − A {100 * (float(b) - float(a)):.1f}" in shown(tab)
    tab.locator("#map-slider").fill("1")
    tab.evaluate("xattn.settled()")
    assert state(tab)["map"] == 1
    assert tab.locator("#map").input_value() == "1"
    # The candidates are still those of the last map.
    assert tab.locator("#step-name").inner_text().endswith(", output of step 3")


def test_steps_show_what_might_have_been_written(visit, one):
    tab = visit(one)
    tab.locator("#step").fill("2")
    tab.evaluate("xattn.settled()")
    assert tab.locator("#written").inner_text() == "▁le ▁re nard"
    rows = tab.locator("#candidates li").all_inner_texts()
    assert [re.sub(r"\s+", " ", row) for row in rows] == ["▁le 75.0 %", "▁la 12.5 %", "</s> < 0.1 %"]
    # Step 2 writes "nard", a piece of word 1.
    assert state(tab)["pin"] == {"row": 1, "column": None}


def test_sentences_are_sorted_and_found(visit, corpus):
    tab = visit(corpus)
    links = [first_map(corpus, i).to_words(READOUT).links() for i in range(3)]
    golds = [first_map(corpus, i).gold for i in range(3)]
    assert tab.locator("#total").inner_text() == f"AER {100 * score(links, golds).aer:.1f} over 3"

    def order() -> list[int]:
        return [len(text.split("\t")[0].split()) for text in tab.locator("#sentences tr").all_inner_texts()]

    assert order() == [7, 2, 11]
    tab.get_by_role("button", name="words", exact=True).first.click()
    tab.evaluate("xattn.settled()")
    assert order() == [2, 7, 11]
    aers = {len(corpus.sentences[i].maps["step 1"].source): score([links[i]], [golds[i]]).aer for i in range(3)}
    tab.evaluate("xattn.set({ sort: '-aer' })")
    tab.wait_for_function("document.querySelector('[aria-sort=descending]')")
    assert [aers[n] for n in order()] == sorted(aers.values(), reverse=True)
    tab.locator("#find").fill("w10")
    assert order() == [11]
    tab.locator("#sentences button").click()
    assert state(tab)["sentence"] == 2


def test_a_page_warns_of_a_head_that_attends_to_eos(visit, attention):
    weights = np.zeros_like(attention.weights)
    weights[..., -1] = 1
    tab = visit(Page(sentences=[Sentence(maps={"eos": replace(attention, weights=weights)})], readout=READOUT))
    assert "100.0 % of this head's weight" in tab.locator("#warning").inner_text()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1400])
def test_all_screens_are_accessible(visit, corpus, theme, width):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed")
    tab = visit(corpus, "#a=0&p=1,", color_scheme=theme, viewport={"width": width, "height": 800})
    tab.locator("summary").click()
    tab.locator("#table td").first.wait_for()
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    dark = tab.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(14, 15, 20)"
    assert dark == (theme == "dark")
    found = axe.Axe().run(tab).response
    assert "color-contrast" in {each["id"] for each in found["passes"]}
    assert [
        (each["id"], each["nodes"][0]["html"])
        for each in found["violations"]
        if each["impact"] in ("serious", "critical")
    ] == []


def test_the_theme_can_be_chosen(visit, one):
    tab = visit(one)
    tab.locator("#theme").click()
    assert tab.evaluate("document.documentElement.dataset.theme") == "dark"
    assert "c=dark" in tab.evaluate("location.hash")


def test_two_pages_in_one_notebook_do_not_mix(browser, one, corpus):
    tab = browser.new_page()
    mine = Page.of(first_map(one))
    tab.set_content(f"<p>{mine._repr_html_()}</p><p>{corpus._repr_html_()}</p>")
    frames = tab.frames[1:]
    for frame in frames:
        frame.wait_for_function("window.xattn")
        frame.evaluate("xattn.settled()")
    assert [len(frame.evaluate("xattn.columns()")) for frame in frames] == [3, 7]
    frames[0].evaluate("xattn.set({ layer: 0 })")
    assert [frame.evaluate("xattn.state.layer") for frame in frames] == [0, 1]
    assert [frame.evaluate("xattn.state.head") for frame in frames] == ["mean", 2]
    tab.close()


def test_norms_are_values_and_not_per_cent(visit, attention):
    norms = replace(attention, weights=13 * attention.weights[:, :1], kind="norms")
    readout = replace(READOUT, head="mean")
    tab = visit(Page(sentences=[Sentence(maps={"one": norms})], readout=readout), "#p=1,2")
    value = norms.to_words(readout).weights[1, 2]
    assert shown(tab).startswith(f"renard (▁re nard) ← fox (▁f o x) {value:.4f}")
    assert tab.locator("#most").inner_text() == f"{norms.weights.max():.2g}"
    assert "heads summed" in tab.locator("#attended-name").inner_text()
