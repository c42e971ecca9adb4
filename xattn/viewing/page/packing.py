"""The data of a page: sentences, gold links, layouts and weights as values that JSON can hold."""

import base64
import io
import wave
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float32, Int16, UInt8

from xattn.alignment.kinds import SHARES, SINGLE, TITLES, unit
from xattn.alignment.layouts import Cells, Graph, Grid, Slots, Time, WordLayout
from xattn.alignment.links import Links
from xattn.alignment.maps import (
    CONVENTIONS,
    MEANING_OF_UNKNOWN,
    MEANINGS,
    AttentionMap,
    Readout,
    marked,
    shares,
    unknown_words,
)
from xattn.viewing.direction import is_right_to_left
from xattn.viewing.graph_layout import both_places
from xattn.viewing.labels import printable
from xattn.viewing.look import Scale
from xattn.viewing.scales import FAINT

Candidates = Sequence[Sequence[tuple[str, float]]]

_LEVELS = 65_535  # steps of a weight in 16 bits
_DEFLATE = 6  # zlib's level: 9 saves 4 % of a large page and takes nine times as long


@dataclass(frozen=True, kw_only=True)
class Sentence:
    """One sentence pair of a page: a map, or several maps of the same pieces, by name.

    Several maps are checkpoints or systems to compare. `candidates` are the most probable pieces of each decoder step,
    best first, with probabilities in 0..1. They belong to the system of the last map.
    """

    maps: Mapping[str, AttentionMap]
    candidates: Candidates | None = None


def pack(sentences: Sequence[Sentence], readout: Readout, scale: Scale | None = None) -> dict[str, Any]:
    """All data of a page. Without a `scale` the page chooses as `scales.shading` does."""
    every = [attention for sentence in sentences for attention in sentence.maps.values()]
    highest = max((float(attention.weights.max(initial=0)) for attention in every), default=0.0)
    # Where no target is a text, a row convention says nothing, so the page offers and names none.
    has_text = any(attention.has_text for attention in every) or readout.convention != "produced"
    return {
        "names": list(map(printable, sentences[0].maps)),
        "kind": every[0].kind,
        "title": ", ".join(filter(None, (TITLES[every[0].kind], every[0].note))),
        "single": SINGLE[every[0].kind] if every[0].kind in SINGLE else "",
        "unit": unit(every[0].kind).removeprefix("weight"),
        # Attention weights share one scale, so that pictures can be compared; norms need their own.
        "most": 1 if every[0].kind in SHARES else float(f"{highest:.2g}") or 1,
        "scale": scale or "auto",
        "faint": FAINT,
        "meanings": MEANINGS,
        "conventions": list(CONVENTIONS) if has_text else ["produced"],
        "readout": {"layer": readout.layer, "head": readout.head, "convention": readout.convention},
        "precision": (
            "Weights are stored in steps of 1/65,535 of the largest weight of their map: the rounding error is at most "
            f"{max(highest, 1e-9) / _LEVELS / 2:.1g}."
        ),
        "sentences": list(map(_sentence, sentences)),
    }


def _sentence(sentence: Sentence) -> dict[str, Any]:
    first = next(iter(sentence.maps.values()))
    layers, heads = first.weights.shape[:2]
    part = shares(first.target, first.target_word_ids)
    unknown = (
        unknown_words(first.source, first.source_word_ids),
        unknown_words(first.target, first.target_word_ids),
    )
    gold = next((attention.gold for attention in sentence.maps.values() if attention.gold is not None), None)
    return {
        "layers": layers,
        "heads": heads,
        "source": list(map(printable, first.source)),
        "target": list(map(printable, first.target)),
        "sourceIds": list(map(int, first.source_word_ids)),
        "targetIds": list(map(int, first.target_word_ids)),
        "targetShares": None if (part == 1).all() else part.round(6).tolist(),
        "sourceWords": list(map(printable, marked(first.source_words, unknown[0]))),
        "targetWords": list(map(printable, marked(first.target_words, unknown[1]))),
        "rightToLeft": [is_right_to_left(first.source_words), is_right_to_left(first.target_words)],
        "unknown": MEANING_OF_UNKNOWN if any(unknown) else None,
        "gold": gold and {f"{s}-{t}": "sure" if (s, t) in gold.sure else "possible" for s, t in sorted(gold.possible)},
        "candidates": sentence.candidates
        and [[(printable(piece), round(p, 5)) for piece, p in step] for step in sentence.candidates],
        "layout": _layout(first, gold),
        "maps": [_packed(attention.weights) for attention in sentence.maps.values()],
    }


def _packed(weights: Float32[np.ndarray, "L N T S"]) -> dict[str, Any]:
    """Weights in 16 bits: first all low bytes, then all high bytes, which are mostly zero and compress well."""
    scale = float(weights.max(initial=0)) or 1.0
    levels = np.rint(weights.astype(np.float64) / scale * _LEVELS).astype("<u2")
    planes = levels.reshape(-1, 1).view(np.uint8).T
    return {"scale": scale, "data": base64.b64encode(zlib.compress(planes.tobytes(), _DEFLATE)).decode()}


def _layout(attention: AttentionMap, gold: Links | None) -> dict[str, Any] | None:
    """What the picture beside the heatmap needs to know of the map's layout."""
    match attention.layout:
        case Grid() as grid:
            picture = None if grid.picture is None else _image(grid.picture)
            return {"rows": grid.rows, "columns": grid.columns, "picture": picture}
        case Cells() as made:
            picture = None if made.rgba is None else _image(made.rgba)
            return {"rows": made.rows, "columns": made.columns, "picture": picture}
        case Time() as time:
            return _time(time)
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


def _time(time: Time) -> dict[str, Any]:
    """The edges of all positions in seconds, the signal as an image of bands or as traces, and the sound."""
    packed: dict[str, Any] = {"edges": np.round(time.edges, 4).tolist(), "image": None, "traces": None}
    packed["sound"] = None if time.sound is None else _wav(time.sound, time.rate)
    if time.signal is not None:
        levels = (time.signal - time.signal.min()) / max(float(np.ptp(time.signal)), 1e-9)
        if time.is_spectrogram:
            packed["image"] = _image(np.rint(255 - 215 * levels[:, ::-1].T).astype(np.uint8))
        else:
            packed["traces"] = np.round(levels.T, 3).tolist()
    return packed


def _wav(sound: Int16[np.ndarray, " samples"], rate: int) -> str:
    """A sound as a data URI."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setparams((1, 2, rate, len(sound), "NONE", ""))
        file.writeframes(sound.astype("<i2").tobytes())
    return "data:audio/wav;base64," + base64.b64encode(buffer.getvalue()).decode()


def _image(pixels: UInt8[np.ndarray, "h w *channels"]) -> str:
    """A picture in grey, RGB or RGBA as a data URI."""
    from matplotlib.image import imsave

    buffer = io.BytesIO()
    rgb = pixels if pixels.ndim == 3 else np.repeat(pixels[..., None], 3, axis=2)
    imsave(buffer, rgb, format="png")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
