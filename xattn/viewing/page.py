"""One self-contained HTML file that shows attention: no request, no build step, plain JavaScript and canvas.

The page folds, reads and scores by itself, since its reader changes layer, head, unit and row convention; the
tests compare what it finds with `xattn.alignment`. Weights are stored in 16 bits, deflated.
"""

import base64
import html
import io
import json
import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
from jaxtyping import Float32, UInt8

from xattn.alignment.layouts import LAYOUTS, Graph, Grid, Slots, Time, WordLayout
from xattn.alignment.links import Links
from xattn.alignment.maps import MEANINGS, AttentionMap, Readout
from xattn.viewing.graph_layout import both_places
from xattn.viewing.labels import printable

Candidates = Sequence[Sequence[tuple[str, float]]]

_LEVELS = 65_535
_PARTS = ("template.html", "steps.html", "page.css")
# What stands beside the heatmap, by what positions are; each defines the same few things.
_BESIDE = {"words": ("lines.js",), **{name: ("positions.js", f"{name}.js") for name in LAYOUTS if name != "words"}}


@dataclass(frozen=True, kw_only=True)
class Sentence:
    """What the page shows of one sentence pair: a map, or several of the same pieces, by name.

    Several are checkpoints or systems, to be compared. `candidates` are what each decoder step might have written,
    the most probable first, with probabilities: of the system whose map is the last.
    """

    maps: Mapping[str, AttentionMap]
    candidates: Candidates | None = None


@dataclass(frozen=True, kw_only=True)
class Page:
    """A page of sentences; `html` is the file, and a notebook that is given the page shows it."""

    sentences: Sequence[Sentence]
    readout: Readout
    """What is shown at first."""

    @classmethod
    def of(cls, attention: AttentionMap, readout: Readout | None = None) -> "Page":
        """The page of one map; at first it shows the mean of the last layer's heads, unless a readout says what."""
        last = Readout(layer=len(attention.weights) - 1, head="mean", convention="produced")
        return cls(sentences=[Sentence(maps={"attention": attention})], readout=readout or last)

    def __post_init__(self) -> None:
        if not self.sentences:
            raise ValueError("A page needs at least one sentence.")
        first = next(iter(self.sentences[0].maps.values()), None)
        if first is None:
            raise ValueError("Sentence 0 has no attention map.")
        names = list(self.sentences[0].maps)
        layers, heads = first.weights.shape[:2]
        first.to_words(self.readout)  # raises where the readout names no layer or head
        for number, sentence in enumerate(self.sentences):
            if list(sentence.maps) != names:
                raise ValueError(f"Sentence {number} has the maps {list(sentence.maps)}, but sentence 0 has {names}.")
            one = sentence.maps[names[0]]
            for name, attention in sentence.maps.items():
                if attention.weights.shape[:2] != (layers, heads) or attention.kind != first.kind:
                    raise ValueError(
                        f"Map {name!r} of sentence {number} has {attention.weights.shape[:2]} layers and heads of "
                        f"{attention.kind}, but the first map of the page has {(layers, heads)} of {first.kind}."
                    )
                if attention.layout.name != first.layout.name:
                    raise ValueError(
                        f"Map {name!r} of sentence {number} is of {attention.layout.name}, but the first map of the "
                        f"page is of {first.layout.name}; a page shows maps of one layout."
                    )
                if _sides(attention) != _sides(one):
                    raise ValueError(
                        f"Maps {names[0]!r} and {name!r} of sentence {number} are of different pieces; only maps of "
                        "the same pieces can be compared."
                    )
            if sentence.candidates is not None and len(sentence.candidates) != len(one.target):
                raise ValueError(
                    f"Sentence {number} has candidates for {len(sentence.candidates)} steps, but its map has "
                    f"{len(one.target)} steps."
                )

    @property
    def html(self) -> str:
        """The whole file."""
        layout = next(iter(self.sentences[0].maps.values())).layout.name
        # The rows of words are decoder steps, and so are those of which it is known what might have been written.
        steps = layout == "words" or any(sentence.candidates is not None for sentence in self.sentences)
        page = code(layout, steps)
        # The only character that can end a script or begin a tag.
        return page.replace("/*DATA*/", json.dumps(self._data(), ensure_ascii=True).replace("<", "\\u003c"))

    def _repr_html_(self) -> str:
        # A frame keeps the ids and styles of several pages in one notebook apart.
        inside = html.escape(self.html, quote=True)
        return f'<iframe srcdoc="{inside}" title="attention" style="width:100%;height:820px;border:0"></iframe>'

    def _data(self) -> dict[str, Any]:
        every = [attention for sentence in self.sentences for attention in sentence.maps.values()]
        highest = max((float(attention.weights.max(initial=0)) for attention in every), default=0.0)
        return {
            "names": list(map(printable, self.sentences[0].maps)),
            "kind": every[0].kind,
            # Attention weights share one scale, so that pictures can be compared; norms need their own.
            "most": 1 if every[0].kind == "weights" else float(f"{highest:.2g}") or 1,
            "meanings": MEANINGS,
            "readout": {
                "layer": self.readout.layer,
                "head": self.readout.head,
                "convention": self.readout.convention,
            },
            "precision": (
                "Weights are stored in steps of 1/65,535 of the largest of their map: values are right to "
                f"{max(highest, 1e-9) / _LEVELS / 2:.1g}."
            ),
            "sentences": list(map(_sentence, self.sentences)),
        }


def _sentence(sentence: Sentence) -> dict[str, Any]:
    first = next(iter(sentence.maps.values()))
    layers, heads = first.weights.shape[:2]
    gold = next((attention.gold for attention in sentence.maps.values() if attention.gold is not None), None)
    return {
        "layers": layers,
        "heads": heads,
        "source": list(map(printable, first.source)),
        "target": list(map(printable, first.target)),
        "sourceIds": list(map(int, first.source_word_ids)),
        "targetIds": list(map(int, first.target_word_ids)),
        "sourceWords": list(map(printable, first.source_words)),
        "targetWords": list(map(printable, first.target_words)),
        "gold": gold and {f"{s}-{t}": "sure" if (s, t) in gold.sure else "possible" for s, t in sorted(gold.possible)},
        "candidates": sentence.candidates
        and [[(printable(piece), round(p, 5)) for piece, p in step] for step in sentence.candidates],
        "layout": _layout(first, gold),
        "maps": [_packed(attention.weights) for attention in sentence.maps.values()],
    }


def _packed(weights: Float32[np.ndarray, "L N T S"]) -> dict[str, Any]:
    """Weights in 16 bits: all low bytes, then all high ones, which are mostly zero and pack well."""
    scale = float(weights.max(initial=0)) or 1.0
    levels = np.rint(weights.astype(np.float64) / scale * _LEVELS).astype("<u2")
    planes = levels.reshape(-1, 1).view(np.uint8).T
    return {"scale": scale, "data": base64.b64encode(zlib.compress(planes.tobytes(), 9)).decode()}


def _sides(attention: AttentionMap) -> list[list[Any]]:
    both = (attention.source, attention.target, attention.source_words, attention.target_words)
    return [list(side) for side in (*both, attention.source_word_ids, attention.target_word_ids)]


def _layout(attention: AttentionMap, gold: Links | None) -> dict[str, Any] | None:
    """What the page draws of a layout beside the heatmap."""
    match attention.layout:
        case Grid() as grid:
            picture = None if grid.picture is None else _image(grid.picture)
            return {"rows": grid.rows, "columns": grid.columns, "picture": picture}
        case Time() as time:
            heard: dict[str, Any] = {"edges": np.round(time.edges, 4).tolist(), "image": None, "traces": None}
            if time.signal is not None:
                low = time.signal.min()
                levels = (time.signal - low) / max(float(np.ptp(time.signal)), 1e-9)
                if time.is_spectrogram:
                    heard["image"] = _image(np.rint(255 - 215 * levels[:, ::-1].T).astype(np.uint8))
                else:
                    heard["traces"] = np.round(levels.T, 3).tolist()
            return heard
        case Graph() as graph:
            words = (len(attention.source_words), len(attention.target_words))
            known = np.zeros(words[::-1], bool) if gold is None else gold.matrices(*words)[1]
            source, target = (np.round(each, 4).tolist() for each in both_places(graph, known))
            edges = {"sourceEdges": list(graph.source_edges), "targetEdges": list(graph.target_edges)}
            return {"source": source, "target": target, **edges}
        case Slots():
            return {}
        case WordLayout():
            return None


def _image(pixels: UInt8[np.ndarray, "h w *rgb"]) -> str:
    """A picture inside the page."""
    from matplotlib.image import imsave

    buffer = io.BytesIO()
    rgb = pixels if pixels.ndim == 3 else np.repeat(pixels[..., None], 3, axis=2)
    imsave(buffer, rgb, format="png")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


@cache
def code(layout: str = "words", steps: bool = True) -> str:
    """The page without its data: all that is ours, but only what a page of such maps needs."""
    folder = resources.files("xattn.viewing") / "page"
    scripts = ["model.js", "draw.js", *_BESIDE[layout], "state.js", "page.js", *["steps.js"] * steps, "panels.js"]
    text = {name: (folder / name).read_text(encoding="utf-8") for name in (*_PARTS, *scripts)}
    # Strict mode is said once, and everything is in one scope of its own but for `window.xattn`.
    script = "".join(text[name].replace('"use strict";\n', "", 1) for name in scripts)
    # Indentation and comments are for who reads the parts, and so are most ends of lines. No string has " // " in it.
    script = re.sub(r"(?m)^ *(// .*\n|/\*\*(?s:.*?)\*/\n)?", "", script)
    script = re.sub(r"(?m) // [^\"'`\n]*$", "", script)
    script = re.sub(r"(?<=[{;,(])\n", "", script)
    css = re.sub(r"\s+", " ", text["page.css"])
    for sign in "{};:,":
        css = css.replace(f"{sign} ", sign)  # not before it: "a :hover" is not "a:hover"
    css = css.replace(" {", "{").replace(";}", "}")
    page = re.sub(r"(?m)^ *", "", text["template.html"].replace("<!--STEPS-->\n", text["steps.html"] if steps else ""))
    return page.replace("/*CSS*/", css).replace("/*SCRIPT*/", f'"use strict";\n{{\n{script}}}')
