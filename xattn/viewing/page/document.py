"""A page as a value: its sentences, the readout it opens with, and the HTML file."""

import html
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from xattn.alignment.layouts import Time
from xattn.alignment.maps import AttentionMap, Readout
from xattn.viewing.look import Scale
from xattn.viewing.page.assembly import code
from xattn.viewing.page.packing import Sentence, pack

_HINT = (
    "This notebook does not run the script of the attention page, so it is not shown: trust the notebook, or run the "
    "cell again."
)


@dataclass(frozen=True, kw_only=True)
class Page:
    """A page of sentences, all with the same map names, layers, heads, kind and layout.

    `readout` is what the page shows first, and `scale` the colour scale of its pictures: by default `absolute`, or
    `map` where that would be nearly white. `html` is the file. A notebook shows the page as the result of a cell.

    Raises a ValueError for sentences that differ in one of these, for maps of one sentence with different pieces, for
    candidates that do not match the decoder steps, and for a readout of a layer or head that the maps do not have.
    """

    sentences: Sequence[Sentence]
    readout: Readout
    scale: Scale | None = None

    @classmethod
    def of(cls, attention: AttentionMap, readout: Readout | None = None, scale: Scale | None = None) -> "Page":
        """The page of one map. Without a readout it opens with that of the map."""
        sentences = [Sentence(maps={"attention": attention})]
        return cls(sentences=sentences, readout=readout or attention.where, scale=scale)

    def __post_init__(self) -> None:
        if not self.sentences:
            raise ValueError("A page needs at least one sentence.")
        first = next(iter(self.sentences[0].maps.values()), None)
        if first is None:
            raise ValueError("Sentence 0 has no attention map.")
        names = list(self.sentences[0].maps)
        first.check(self.readout)
        for number, sentence in enumerate(self.sentences):
            if list(sentence.maps) != names:
                raise ValueError(f"Sentence {number} has the maps {list(sentence.maps)}, but sentence 0 has {names}.")
            for name, attention in sentence.maps.items():
                _check_alike(f"Map {name!r} of sentence {number}", attention, first)
                if _sides(attention) != _sides(sentence.maps[names[0]]):
                    raise ValueError(
                        f"Maps {names[0]!r} and {name!r} of sentence {number} are of different pieces; only maps of "
                        "the same pieces can be compared."
                    )
            steps = len(sentence.maps[names[0]].target)
            if sentence.candidates is not None and len(sentence.candidates) != steps:
                raise ValueError(
                    f"Sentence {number} has candidates for {len(sentence.candidates)} steps, but its map has "
                    f"{steps} steps."
                )

    @property
    def html(self) -> str:
        """The whole file."""
        layout = next(iter(self.sentences[0].maps.values())).layout.name
        # Rows of a word layout are decoder steps; so are the rows of other layouts that have candidates.
        steps = layout == "words" or any(sentence.candidates is not None for sentence in self.sentences)
        layouts = [attention.layout for sentence in self.sentences for attention in sentence.maps.values()]
        sound = any(isinstance(each, Time) and each.sound is not None for each in layouts)
        data = json.dumps(pack(self.sentences, self.readout, self.scale), ensure_ascii=True)
        # "<" is the only character that can end a script or begin a tag.
        return code(layout, steps, sound).replace("/*DATA*/", data.replace("<", "\\u003c"))

    def _repr_html_(self) -> str:
        # A frame separates the ids and styles of several pages in one notebook.
        inside = html.escape(self.html, quote=True)
        # A notebook that is not trusted removes frames; the page removes the hint.
        style = "width:100%;height:820px;max-height:1500px;border:0"
        frame = f'<iframe srcdoc="{inside}" title="attention" style="{style}"></iframe>'
        return f'<div><p class="xattn-hint">{_HINT}</p>{frame}</div>'


def _check_alike(which: str, attention: AttentionMap, first: AttentionMap) -> None:
    """Raises a ValueError for a map whose layers, heads, kind or layout differ from those of the first map."""
    if attention.weights.shape[:2] != first.weights.shape[:2] or attention.kind != first.kind:
        raise ValueError(
            f"{which} has {attention.weights.shape[:2]} layers and heads of {attention.kind}, but the first map of the "
            f"page has {first.weights.shape[:2]} of {first.kind}."
        )
    if attention.layout.name != first.layout.name:
        raise ValueError(
            f"{which} is of {attention.layout.name}, but the first map of the page is of {first.layout.name}; a page "
            "shows maps of one layout."
        )


def _sides(attention: AttentionMap) -> list[list[Any]]:
    both = (attention.source, attention.target, attention.source_words, attention.target_words)
    return [list(side) for side in (*both, attention.source_word_ids, attention.target_word_ids)]
