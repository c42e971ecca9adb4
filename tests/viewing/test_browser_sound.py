"""A page that can be heard: it plays, and a line moves over both pictures; by keyboard, and for screen readers too."""

import base64
import io
import re
from dataclasses import replace

import numpy as np
import pytest
from scipy.io import wavfile

from xattn.alignment.layouts import Time
from xattn.alignment.links import Links
from xattn.alignment.maps import AttentionMap, Readout
from xattn.viewing.page import Page, Sentence

READOUT = Readout(layer=0, head=0, convention="produced")
RATE, PART = 8000, 320
SOUND = (6000 * np.sin(np.arange(50 * PART) / 3)).astype(np.int16)  # two seconds


def attend(sound=SOUND) -> AttentionMap:
    random, names = np.random.default_rng(0), [f"{0.04 * n:.2f} s" for n in range(50)]
    return AttentionMap(
        weights=random.dirichlet(np.full(50, 0.1), (1, 2, 3)).astype(np.float32),
        source=names,
        target=["one", "two", "six"],
        source_word_ids=range(50),
        target_word_ids=range(3),
        source_words=names,
        target_words=["one", "two", "six"],
        gold=Links.of([(n, n // 17) for n in range(50)]),
        layout=Time(seconds=0.04 * np.arange(50), signal=random.random((200, 40)), sound=sound, rate=RATE),
    )


PAGE = Page.of(attend(), READOUT)
LINES = """() => [...document.querySelectorAll(".moment")].map(
    (line) => [line.hidden, parseFloat(line.style.left), parseFloat(line.style.height)])"""


def until(tab, condition):
    """Waits until a condition holds: the page's policy allows Playwright no function that waits in the page."""
    for _ in range(500):
        if tab.evaluate(condition):
            return
        tab.wait_for_timeout(20)
    raise AssertionError(f"It never came that {condition}.")


def at(tab, seconds):
    """The lines after the sound has been set to a moment."""
    tab.evaluate("(now) => { sound.currentTime = now; }", seconds)
    until(tab, f"Math.abs(sound.currentTime - {seconds}) < 0.01 && !sound.seeking")
    tab.wait_for_timeout(50)
    return tab.evaluate(LINES)


def test_the_sound_is_all_that_was_given(visit):
    data = re.search(r'"sound": "data:audio/wav;base64,([^"]+)"', PAGE.html)
    assert data is not None
    rate, sound = wavfile.read(io.BytesIO(base64.b64decode(data[1])))
    assert rate == RATE
    np.testing.assert_array_equal(sound, SOUND)
    tab = visit(PAGE)
    until(tab, "sound.readyState > 0")
    assert tab.evaluate("sound.duration") == pytest.approx(2)


def test_lines_stand_at_the_moment_that_is_heard(visit):
    tab = visit(PAGE)
    until(tab, "sound.readyState > 0")
    wide = tab.locator(".panel canvas").first.bounding_box()["width"]
    cells = [tab.evaluate("([r, c]) => xattn.place(r, c)", [0, c]) for c in (0, 1)]
    left = tab.locator(".panel").nth(1).bounding_box()["x"]
    step = cells[1][0] - cells[0][0]
    for seconds in (0, 0.5, 1.7):
        (hidden, x, _), (also, there, _) = at(tab, seconds)
        assert (hidden, also) == (False, False)
        assert x == pytest.approx(seconds / 2 * (wide - 2), abs=2)
        # In the heatmap a moment is between the left edge of its cell and that of the next.
        assert there == pytest.approx(cells[0][0] - left - step / 2 + seconds / 0.04 * step, abs=3)


def test_it_plays_by_keyboard_from_what_is_pinned(visit):
    tab = visit(PAGE)
    until(tab, "sound.readyState > 0")
    tab.locator(".panel").first.focus()
    before = tab.evaluate(LINES)
    tab.keyboard.press("p")
    until(tab, "sound.currentTime > 0.2")
    during = tab.evaluate(LINES)
    tab.keyboard.press("p")
    assert tab.evaluate("sound.paused")
    assert all(now[1] > old[1] + 10 for now, old in zip(during, before, strict=True))
    for key in ("ArrowRight", *["ArrowRight"] * 25, "Enter"):
        tab.keyboard.press(key)
    tab.evaluate("xattn.settled()")
    column = tab.evaluate("xattn.state.pin.column")
    assert column >= 25
    assert tab.evaluate("sound.currentTime") == pytest.approx(0.04 * column, abs=0.005)
    tab.locator("#layer").focus()
    tab.keyboard.press("p")  # a choice takes keys of its own
    assert tab.evaluate("sound.paused")


@pytest.mark.parametrize(("theme", "width"), [("light", 1400), ("dark", 360)])
def test_the_player_is_accessible_and_fits(visit, theme, width):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed")
    tab = visit(PAGE, "#p=1,20", color_scheme=theme, viewport={"width": width, "height": 800})
    assert tab.locator("audio").get_attribute("aria-label") == "the sound"
    assert tab.locator("#hear").is_visible()
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    # The heatmap is scrolled with what is heard.
    until(tab, "sound.readyState > 0")
    tab.locator(".panel").first.focus()
    tab.keyboard.press("p")
    until(tab, "sound.currentTime > 1.2")
    tab.keyboard.press("p")
    assert [hidden for hidden, *_ in tab.evaluate(LINES)] == [False, False]
    found = axe.Axe().run(tab).response
    assert [each["id"] for each in found["violations"] if each["impact"] in ("serious", "critical")] == []


def test_a_map_without_sound_has_no_player(visit):
    silent = replace(attend(), layout=replace(attend().layout, sound=None, rate=0))
    assert "<audio" not in Page.of(silent, READOUT).html
    # Among sentences of which some can be heard, it is hidden.
    tab = visit(Page(sentences=[Sentence(maps={"a": silent}), Sentence(maps={"a": attend()})], readout=READOUT))
    assert not tab.locator("#hear").is_visible()
    tab.keyboard.press("p")
    assert tab.evaluate("sound.paused")
    assert all(hidden for hidden, *_ in tab.evaluate(LINES))
    tab.evaluate("xattn.set({ sentence: 1 })")
    tab.evaluate("xattn.settled()")
    assert tab.locator("#hear").is_visible()
    assert not any(hidden for hidden, *_ in tab.evaluate(LINES))
