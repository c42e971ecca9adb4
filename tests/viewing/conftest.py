"""Maps for the tests of pictures, and a browser for the page."""

import shutil
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from xattn.alignment.maps import AttentionMap, Readout, WordMap


@pytest.fixture
def word_map() -> Callable[[Sequence[str], Sequence[str]], WordMap]:
    """Makes random attention from target words to source words, whose rows sum to 1."""

    def make(source: Sequence[str], target: Sequence[str]) -> WordMap:
        rows_TS = np.random.default_rng(0).dirichlet(np.ones(len(source) + 1), len(target)).astype(np.float32)
        return WordMap(
            weights=rows_TS[:, :-1],
            special=rows_TS[:, -1],
            source=source,
            target=target,
            readout=Readout(layer=1, head="mean", convention="read"),
        )

    return make


@pytest.fixture
def fox() -> WordMap:
    """The founding sentence; no decoder step represents its last word."""
    weights = [
        [0.83, 0.02, 0.01, 0.04],
        [0.003, 0.057, 0.0, 0.86],
        [0.0, 0.0, 1.0, 0.0],
        [0.0, 0.0, 0.0, 0.0],
    ]
    return WordMap(
        weights=np.array(weights, np.float32),
        special=np.array([0.1, 0.08, 0.0, 0.0], np.float32),
        source=["the", "quick", "brown", "fox"],
        target=["le", "renard", "brun", "rapide"],
        readout=Readout(layer=2, head=3, convention="produced"),
        silent=[3],
    )


@pytest.fixture
def attention() -> AttentionMap:
    """Two layers of three heads: five decoder steps over seven pieces; two words are of two and three pieces."""
    weights = np.random.default_rng(1).dirichlet(np.ones(7), (2, 3, 5)).astype(np.float32)
    return AttentionMap(
        weights=weights,
        source=["▁the", "▁qu", "ick", "▁f", "o", "x", "</s>"],
        target=["▁le", "▁re", "nard", "▁vif", "</s>"],
        source_word_ids=[0, 1, 1, 2, 2, 2, -1],
        target_word_ids=[0, 1, 1, 2, -1],
        source_words=["the", "quick", "fox"],
        target_words=["le", "renard", "vif"],
    )


@pytest.fixture(scope="module")
def browser():
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install '.[test]'")
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("there is no chromium: apt-get install chromium")
    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        yield opened
        opened.close()


@pytest.fixture
def visit(browser, tmp_path):
    """Opens a page as a file, and checks that the page requests nothing and logs nothing."""
    contexts, heard = [], []

    def go(made, hash: str = "", **settings):
        path = tmp_path / "page.html"
        path.write_bytes(made.html.encode())
        context = browser.new_context(**{"viewport": {"width": 1400, "height": 900}} | settings)
        contexts.append(context)
        tab = context.new_page()
        tab.on("console", lambda message: heard.append(message.text))
        tab.on("pageerror", lambda error: heard.append(str(error)))
        tab.on("dialog", lambda dialog: heard.append(dialog.message))
        tab.on("request", lambda request: heard.append(request.url))
        context.set_offline(True)
        tab.goto(path.as_uri() + hash)
        tab.evaluate("xattn.settled()")
        return tab

    yield go
    for context in contexts:
        context.close()
    own = (tmp_path / "page.html").as_uri()
    assert [each for each in heard if each.split("#")[0] != own and not each.startswith("blob:")] == []
