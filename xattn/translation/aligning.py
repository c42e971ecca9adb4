"""Word alignments of sentence pairs, read from the cross-attention of one model, or of one for each direction."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import jax
import numpy as np

from xattn.alignment.links import Links, Method, Null, argmax, extract
from xattn.alignment.maps import AttentionMap, Convention, Kind, Readout, describe
from xattn.alignment.symmetrization import Combination, GrowTest, Symmetrization, combine, symmetrize
from xattn.alignment.words import words
from xattn.nn.memory_transforms import WHY_NOT_SOURCE
from xattn.runs.folder import Run, RunError
from xattn.runs.readout import chosen as chosen_readout
from xattn.runs.readout import readout as readout_of
from xattn.translation.translator import Translator
from xattn.version import version


@dataclass(frozen=True, kw_only=True)
class Direction:
    """A model, the kind of map that is taken of it, and the readout."""

    model: Translator
    readout: Readout
    kind: Kind
    provenance: dict[str, str]

    @property
    def description(self) -> str:
        """What is read, where, and by what that was chosen, in one line."""
        why = f" ({self.provenance['readout']})" if "readout" in self.provenance else ""
        return f"{describe(self.kind, self.readout)}{why}"

    def given(self, pairs: Sequence[tuple[str, str]]) -> list[AttentionMap]:
        """Takes the maps of given translations."""
        return self._sign(self.model.attend(pairs, kind=self.kind), "teacher forcing")

    def written(self, sources: Sequence[str], beam: int | None) -> list[AttentionMap]:
        """Takes the maps of the translations that the model writes."""
        found = self.model.translate(sources, beam=beam, return_attention=self.kind == "weights")
        width = self.model.settings.beam if beam is None else beam
        if self.kind == "weights":
            maps = [best.attention for best, *_ in found if best.attention is not None]
        else:
            maps = self.model.attend_written(
                [(source, best) for source, (best, *_) in zip(sources, found, strict=True)], kind=self.kind
            )
        return self._sign(maps, "greedy decoding" if width == 1 else f"beam search of {width}")

    def _sign(self, maps: Sequence[AttentionMap], taken: str) -> list[AttentionMap]:
        return [replace(attention, provenance={**self.provenance, "taken": taken}) for attention in maps]


@dataclass(frozen=True, kw_only=True)
class Reading:
    """How links are read from a matrix, and how two directions become one."""

    method: Method = argmax
    null: Null = "mask"
    combine: Symmetrization | Combination = "grow-diag"
    test: GrowTest = "and"


@dataclass(frozen=True, kw_only=True)
class Aligned:
    """A sentence pair with its words and its maps, one for each direction; no maps where it could not be aligned."""

    words: tuple[list[str], list[str]]
    maps: tuple[AttentionMap, ...] = ()
    unread: bool = False
    """Whether only the second direction cannot read the pair: it is blank or too long for that model."""


def direction(
    run: Run, layer: int | None, head: int | Literal["mean"] | None, rows: Convention | None, kind: Kind
) -> Direction:
    """Opens a run for alignment; the default row convention, where none was asked for or chosen, is "read".

    Raises `RunError` for a model that does not attend to source positions, and as `xattn.runs.readout.readout` does.
    """
    readout, chosen = readout_of(run, layer, head, rows, kind), chosen_readout(run)
    if rows is None and chosen is None:
        readout = replace(readout, convention="read")
    model = Translator.open(run)
    if not model.attends_source:
        raise RunError(f"{run.folder} was trained on {WHY_NOT_SOURCE[run.config.model.memory]}.")
    digest = hashlib.sha256()
    for leaf in jax.tree.leaves(model.params):
        digest.update(np.asarray(leaf).tobytes())
    provenance = {
        "run": run.folder.resolve().name,
        "parameters": f"sha256 {digest.hexdigest()[:16]}",
        "xattn": version(),
    }
    if chosen is not None and readout == chosen[0]:
        provenance["readout"] = f"chosen by {chosen[1]}"
    return Direction(model=model, readout=readout, kind=kind, provenance=provenance)


def align_pairs(
    directions: Sequence[Direction], pairs: Sequence[tuple[str, str]], *, given: bool, beam: int | None = None
) -> list[Aligned]:
    """Takes the maps of sentence pairs: of given translations, or else of those that the first model writes.

    A pair without a source, or without a given translation, has no maps. `beam` is for the models' own translations.
    """
    ahead, *others = directions
    whole = [place for place, pair in enumerate(pairs) if pair[0] and (pair[1] or not given)]
    sources = [pairs[place][0] for place in whole]
    if given:
        maps = ahead.given([pairs[place] for place in whole]) if whole else []
    else:
        maps = ahead.written(sources, beam) if whole else []
    found = {place: (attention,) for place, attention in zip(whole, maps, strict=True)}
    for other in others:
        turned = {
            n: (" ".join(each.target_words), " ".join(each.source_words)) for n, each in zip(found, maps, strict=True)
        }
        longest = other.model.settings.max_length
        turned = {n: pair for n, pair in turned.items() if 0 < len(other.model.encode(pair[0])) <= longest}
        back = other.given(list(turned.values())) if turned else []
        found = {place: (*found[place], attention) for place, attention in zip(turned, back, strict=True)}
    aligned = [Aligned(words=(words(s), words(t)), unread=place in whole) for place, (s, t) in enumerate(pairs)]
    for place, both in found.items():
        aligned[place] = Aligned(words=(list(both[0].source_words), list(both[0].target_words)), maps=both)
    return aligned


def join(aligned: Aligned, directions: Sequence[Direction], reading: Reading) -> Links:
    """The links of a pair, of one direction or of both."""
    if not aligned.maps:
        return Links.of([])
    words = [each.to_words(one.readout) for each, one in zip(aligned.maps, directions, strict=True)]
    if len(words) == 1:
        return words[0].links(reading.method, reading.null)
    ahead, back = words
    if reading.combine in ("product", "harmonic"):
        links_TS = reading.method(combine(ahead.weights, back.weights, reading.combine))
        may_TS, may_ST = (extract(each.weights, each.special, _everything, reading.null) for each in words)
        return Links.from_matrix(links_TS & may_TS & may_ST.T)
    links, turned = (each.links(reading.method, reading.null) for each in words)
    return symmetrize(links, turned.turned, reading.combine, test=reading.test)


def _everything(weights: np.ndarray) -> np.ndarray:
    return np.ones(weights.shape, bool)
