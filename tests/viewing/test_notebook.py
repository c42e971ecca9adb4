"""What notebooks show: an image, text and a page as high as its content; never an array."""

import base64

import matplotlib as mpl
import numpy as np
import pytest

import xattn
from xattn.alignment.maps import AttentionMap, Readout
from xattn.translation.translator import Translation
from xattn.viewing.figures import heatmap
from xattn.viewing.layouts import picture

WEIGHTS = np.array([[[0.7, 0.2, 0.1], [0.1, 0.8, 0.1]], [[0.2, 0.2, 0.6], [0.5, 0.3, 0.2]]], np.float32)
MADE = AttentionMap.of(WEIGHTS, ["▁the", "▁fox", "</s>"], ["▁le", "▁renard"])
WHERE = Readout(layer=0, head=0, convention="produced")


def png_of(bundle):
    data = base64.b64decode(bundle["image/png"], validate=True)
    assert data.startswith(b"\x89PNG")
    return data


def test_a_map_is_shown_as_page_image_and_text():
    bundle = MADE._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "image/png", "text/html"}
    assert png_of(bundle)
    assert "renard" in bundle["text/plain"]
    assert "\x1b" not in bundle["text/plain"]
    assert "<iframe srcdoc=" in bundle["text/html"]
    assert len(repr(MADE)) < 120
    assert repr(MADE) == "AttentionMap(weights; 1 layers, 2 heads, 2 target and 3 source pieces)"


def test_a_word_map_and_a_figure_are_images():
    words = MADE.to_words(WHERE)
    assert set(words._repr_mimebundle_()) == {"text/plain", "image/png"}
    for drawn in (heatmap(words), picture(MADE, WHERE)):
        assert isinstance(drawn, mpl.figure.Figure)
        assert png_of(drawn._repr_mimebundle_())
    assert repr(words).startswith("WordMap(attention weights, layer 0, head 0")
    assert len(repr(words)) < 120


def test_a_translation_shows_its_attention_if_it_has_one():
    plain = Translation(text="le renard", score=-0.5, normalised=-0.25, pieces=3, finished=True)
    assert plain._repr_mimebundle_() == {"text/plain": "Translation('le renard', score=-0.5000, pieces=3)"}
    steps = [[("▁le", 0.9), ("▁la", 0.1)], [("▁renard", 1.0)]]
    shown = Translation(
        text="le renard", score=-0.5, normalised=-0.25, pieces=3, finished=True, attention=MADE, candidates=steps
    )
    bundle = shown._repr_mimebundle_()
    assert bundle["text/plain"].startswith("Translation('le renard'")
    assert png_of(bundle)
    assert "▁la" in bundle["text/html"] or "\\u2581la" in bundle["text/html"]


def test_pictures_read_a_map_where_it_says():
    other = AttentionMap.of(WEIGHTS, ["a", "b", "</s>"], ["c", "d"])
    object.__setattr__(other, "readout", Readout(layer=0, head=1, convention="read"))
    assert "head 1, row convention: read" in other._repr_mimebundle_()["text/plain"]
    assert xattn.Page.of(other).readout == other.readout
    assert xattn.Page.of(MADE).readout == Readout(layer=0, head="mean", convention="produced")


def test_the_translators_maps_are_read_where_the_run_says():
    model = xattn.Translator.open("toy")
    (attention,) = model.attend([("the fox", "le renard")])
    from xattn.runs.folder import TOY, open_run
    from xattn.runs.readout import readout

    assert attention.readout == readout(open_run(TOY), None, None, None)
    assert model.attend_source(["the fox"])[0].readout is None


def test_a_notebook_runs(tmp_path):
    """The outputs of cells in a real kernel."""
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    code = """
import numpy as np, xattn
made = xattn.AttentionMap.of(np.eye(2), ["the", "fox"], ["le", "renard"])
made
"""
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code), nbformat.v4.new_code_cell("[made]")])
    nbclient.NotebookClient(book, timeout=120).execute()
    (shown,), (listed,) = (cell.outputs for cell in book.cells)
    assert set(shown["data"]) == {"text/plain", "text/html", "image/png"}
    assert "renard" in shown["data"]["text/plain"]
    assert len(listed["data"]["text/plain"]) < 200
