"""The page's code and data, and invalid pages; test_browser.py opens pages in a browser."""

import base64
import json
import re
import zlib
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from rjsmin import jsmin

from xattn.alignment.layouts import LAYOUTS, Graph, Slots
from xattn.alignment.links import Links
from xattn.alignment.maps import Readout
from xattn.viewing.page import Page, Sentence
from xattn.viewing.page.assembly import code, script


def stored(made: Page) -> dict:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', made.html, re.DOTALL)
    assert found is not None
    return json.loads(found[1])


# What is heard has a time axis, and no decoder steps.
PAGES = [*((layout, steps, False) for layout in LAYOUTS for steps in (False, True)), ("time", False, True)]


@pytest.mark.parametrize(("layout", "steps", "sound"), PAGES)
def test_our_own_code_stays_small_and_names_no_address(layout, steps, sound):
    template = code(layout, steps, sound)
    assert len(template.encode()) < 64_000
    assert set(re.findall(r"\w+://[^\"'`\s]+", template)) == {"http://www.w3.org/2000/svg"}
    assert not re.search(r"\b(src|href)=\"(?!data:,)", template)
    # Only what such a page needs: one picture beside the heatmap, and decoder steps where there are any.
    assert template.count("const SECOND") == 1
    assert ('id="candidates"' in template) == steps
    assert ("<audio" in template) == sound


@pytest.mark.parametrize("layout", LAYOUTS)
def test_minifying_changes_no_text(layout):
    """rjsmin reads a template literal inside another one as code, and removes its spaces."""
    whole = script(layout, sound=layout == "time")
    assert not re.search(r"`[^`]*\$\{[^{}`]*`", whole)
    assert not re.search(r"^\s", jsmin(whole), re.MULTILINE)


def test_weights_survive_in_sixteen_bits(attention):
    data = stored(Page(sentences=[Sentence(maps={"one": attention})], readout=READOUT))
    (packed,) = data["sentences"][0]["maps"]
    low, high = np.frombuffer(zlib.decompress(base64.b64decode(packed["data"])), np.uint8).reshape(2, -1).astype(int)
    values = ((low + 256 * high) * packed["scale"] / 65535).reshape(attention.weights.shape)
    assert abs(values - attention.weights).max() <= attention.weights.max() / 65535 / 2 + 1e-9
    assert "the rounding error is at most" in data["precision"]


def test_hostile_words_end_no_script(attention):
    words = ["</script><script>alert(1)</script>", "<!--", "]]>", "\u2028", "\x1b"]
    hostile = replace(
        attention, source_words=words, source_word_ids=[0, 1, 2, 3, 4, 0, -1][: len(attention.source_word_ids)]
    )
    made = Page(sentences=[Sentence(maps={"</script>": hostile})], readout=READOUT)
    tags = []
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, attrs: tags.append(tag)
    parser.feed(made.html)
    assert tags.count("script") == 2
    assert stored(made)["sentences"][0]["sourceWords"] == [*words[:3], "<LS>", "<ESC>"]


READOUT = Readout(layer=1, head="mean", convention="read")


def test_pages_that_cannot_be_are_refused(attention):
    other = replace(attention, source=["x", *attention.source[1:]])
    slots = replace(attention, source_words=attention.source, source_word_ids=range(7), layout=Slots())
    smaller = replace(attention, weights=attention.weights[:1])
    for sentences, message in [
        ([], "at least one sentence"),
        (
            [Sentence(maps={"a": attention}), Sentence(maps={"a": slots})],
            "sentence 1 is of slots, but the first .* words",
        ),
        ([Sentence(maps={})], "Sentence 0 has no attention map"),
        ([Sentence(maps={"a": attention}), Sentence(maps={"b": attention})], r"Sentence 1 has the maps \['b'\]"),
        ([Sentence(maps={"a": attention, "b": other})], "'a' and 'b' of sentence 0 are of different pieces"),
        ([Sentence(maps={"a": attention}, candidates=[[("x", 1.0)]])], "candidates for 1 steps, but its map has 5"),
        (
            [Sentence(maps={"a": attention, "b": smaller})],
            "'b' of sentence 0",
        ),
    ]:
        with pytest.raises(ValueError, match=message):
            Page(sentences=sentences, readout=READOUT)
    with pytest.raises(ValueError, match="There is no layer 2"):
        Page(sentences=[Sentence(maps={"a": attention})], readout=replace(READOUT, layer=2))


@pytest.mark.parametrize("factor", [3, 0.1])
def test_norms_have_a_scale_of_their_own(attention, factor):
    norms = replace(attention, weights=attention.weights * np.float32(factor), kind="head-norms")
    assert stored(Page(sentences=[Sentence(maps={"a": attention})], readout=READOUT))["most"] == 1
    assert stored(Page(sentences=[Sentence(maps={"a": norms})], readout=READOUT))["most"] == pytest.approx(
        norms.weights.max(), rel=0.05
    )


def test_gold_is_stored_link_by_link(attention):
    gold = Links.of([(0, 1)], possible=[(2, 0)])
    data = stored(Page(sentences=[Sentence(maps={"a": replace(attention, gold=gold)})], readout=READOUT))
    assert data["sentences"][0]["gold"] == {"0-1": "sure", "2-0": "possible"}


def test_only_words_and_what_was_written_have_steps(attention):
    slots = replace(attention, source_words=attention.source, source_word_ids=range(7), layout=Slots())
    for sentence, steps in [
        (Sentence(maps={"a": attention}), True),
        (Sentence(maps={"a": slots}), False),
        (Sentence(maps={"a": slots}, candidates=[[("x", 1.0)]] * 5), True),
    ]:
        assert ('id="candidates"' in Page(sentences=[sentence], readout=READOUT).html) == steps
    assert stored(Page.of(attention))["sentences"][0]["layout"] is None


def test_a_page_without_text_has_one_row_convention(attention):
    slots = replace(attention, source_words=attention.source, source_word_ids=range(7), layout=Slots())
    asked = replace(slots, target_words=attention.target, target_word_ids=range(5))
    read = replace(READOUT, convention="read")
    produced = replace(READOUT, convention="produced")
    for one, readout, conventions in [
        (attention, produced, ["produced", "read"]),
        (slots, produced, ["produced", "read"]),  # its target has subwords and EOS
        (asked, produced, ["produced"]),
        (asked, read, ["produced", "read"]),
    ]:
        assert stored(Page.of(one, readout))["conventions"] == conventions


def test_nodes_stand_in_the_page_where_they_stand_in_a_figure(attention):
    words = {"source_words": attention.source, "target_words": attention.target}
    graph = Graph(source_edges=[(n, n + 1) for n in range(6)], target_edges=[(0, 4)])
    nodes = replace(attention, **words, source_word_ids=range(7), target_word_ids=range(5), layout=graph)
    gold = Links.of([(6, 0), (3, 4)])
    layout = stored(Page.of(replace(nodes, gold=gold)))["sentences"][0]["layout"]
    assert (layout["sourceEdges"], layout["targetEdges"]) == ([[n, n + 1] for n in range(6)], [[0, 4]])
    assert (layout["target"][0], layout["target"][4]) == (layout["source"][6], layout["source"][3])
    assert np.shape(layout["target"]) == (5, 2)
