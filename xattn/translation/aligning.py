"""`xattn align`: word alignments of text, as the cross-attention of one model or of two shows them."""

import hashlib
import importlib.metadata
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, NamedTuple

import jax
import numpy as np
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from xattn.alignment import link_files as formats
from xattn.alignment import scores
from xattn.alignment.links import Links, Method, Null, argmax, extract
from xattn.alignment.map_files import save_maps
from xattn.alignment.maps import AttentionMap, Convention, Kind, Readout, describe
from xattn.alignment.symmetrization import Combination, GrowTest, Symmetrization, combine, symmetrize
from xattn.commands import text_lines as writing
from xattn.errors import UserError
from xattn.nn.memory_transforms import WHY_NOT_SOURCE
from xattn.runs.folder import Run, RunError
from xattn.runs.readout import chosen as chosen_readout
from xattn.runs.readout import readout as readout_of
from xattn.translation.translator import Translator

# Pairs whose maps are in memory together, unless all are asked for.
CHUNK = 256


@dataclass(frozen=True, kw_only=True)
class Direction:
    """A model, what is read of it, and where."""

    model: Translator
    readout: Readout
    kind: Kind
    provenance: dict[str, str]

    def given(self, pairs: Sequence[tuple[str, str]]) -> list[AttentionMap]:
        """The maps of given translations."""
        return self._sign(self.model.attend(pairs, kind=self.kind), "teacher forcing")

    def written(self, sources: Sequence[str], beam: int | None) -> list[AttentionMap]:
        """The maps of the model's own translations."""
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
class Texts:
    """The files to align; without `target` the model translates, with a beam."""

    source: Path
    target: Path | None = None
    gold: Path | None = None
    gold_base: formats.Base = "auto"
    beam: int | None = None


class Aligned(NamedTuple):
    """The words of a pair and its maps, a direction each; none for a pair that the models cannot read."""

    words: tuple[list[str], list[str]]
    maps: tuple[AttentionMap, ...]


def direction(
    run: Run, layer: int | None, head: int | Literal["mean"] | None, rows: Convention | None, kind: Kind
) -> Direction:
    """Opens a run for alignment; rows are those that have read a word, unless others were asked for or chosen."""
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
        "xattn": importlib.metadata.version("xattn"),
    }
    if chosen is not None and readout == chosen[0]:
        provenance["readout"] = f"chosen by {chosen[1]}"
    return Direction(model=model, readout=readout, kind=kind, provenance=provenance)


def align(
    directions: Sequence[Direction], texts: Texts, reading: Reading, format: formats.Format, maps: Path | None
) -> None:
    """Writes the links of every pair to standard output, and to standard error where they were read, and scores."""
    for name, each in zip(("source-target", "target-source"), directions, strict=False):
        why = f" ({each.provenance['readout']})" if "readout" in each.provenance else ""
        _tell(f"{name}: {describe(each.kind, each.readout)}{why}.")
    if len(directions) > 1:
        grown = f", test {reading.test!r}" if reading.combine.startswith("grow") else ""
        _tell(f"both directions are joined by {reading.combine}{grown}.")
    golds = _golds(texts)
    kept: list[AttentionMap] = []
    hypotheses: list[Links] = []

    def found() -> Iterator[tuple[Links, tuple[list[str], list[str]]]]:
        for aligned in _aligned(directions, texts):
            links = join(aligned, directions, reading)
            if golds is not None:
                hypotheses.append(links)
            if maps is not None:
                kept.extend(aligned.maps)
            yield links, aligned.words

    for number, (links, words) in enumerate(found(), start=1):
        sys.stdout.writelines(formats.lines([links], format, [words], first=number))
    sys.stdout.flush()
    if golds is not None:
        score, (low, high) = scores.score(hypotheses, golds), scores.interval(hypotheses, golds)
        _tell(
            f"AER {100 * score.aer:.1f} ({100 * low:.1f}-{100 * high:.1f}), precision {100 * score.precision:.1f}, "
            f"recall {100 * score.recall:.1f}, F1 {100 * score.f1:.1f} per cent, on {len(golds):,} sentences."
        )
    _keep(maps, kept)


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


def grid(directions: Sequence[Direction], texts: Texts, reading: Reading, maps: Path | None) -> None:
    """Prints every layer, head and row convention, best first: by AER against gold, or by agreement without."""
    golds = _golds(texts)
    aligned = list(_aligned(directions, texts))
    whole = [place for place, each in enumerate(aligned) if each.maps]
    if not whole:
        raise UserError(f"{texts.source} has no sentence pair that could be aligned.")
    found = [[aligned[place].maps[side] for place in whole] for side in range(len(directions))]
    view = Table(title=f"{len(whole):,} pairs, attention {directions[0].kind}; in per cent")
    for heading in ("layer", "head", "rows"):
        view.add_column(heading)
    if golds is not None:
        for heading in ("AER", "precision", "recall", "F1"):
            view.add_column(heading, justify="right")
        table = scores.best_readout(found[0], [golds[n] for n in whole], method=reading.method, null=reading.null)
        for readout, score in table:
            figures = (score.aer, score.precision, score.recall, score.f1)
            view.add_row(*_cells(readout), *(f"{100 * x:.1f}" for x in figures))
    else:
        for heading in ("agrees", "with layer", "head", "rows"):
            view.add_column(heading, justify="right" if heading == "agrees" else "left")
        for mine, other, agreement in scores.best_agreement(*found, method=reading.method, null=reading.null):
            view.add_row(*_cells(mine), f"{100 * agreement:.1f}", *_cells(other))
    Console(highlight=False).print(view)
    _keep(maps, [attention for each in aligned for attention in each.maps])


def _aligned(directions: Sequence[Direction], texts: Texts) -> Iterator[Aligned]:
    """Every pair of the files, in their order, with a progress bar."""
    model = directions[0].model
    try:
        lines = texts.source.read_bytes().removesuffix(b"\n").split(b"\n")
    except OSError as error:
        raise UserError(f"Cannot read {texts.source}: {error.strerror}.") from None
    if texts.target is not None:
        pairs = writing.readable_pairs(model, writing.beside(texts.source, texts.target))
    else:
        pairs = ((text, "") for text in writing.readable(model, lines))
    errors = Console(stderr=True)
    with Progress(console=errors, transient=True, disable=not errors.is_terminal) as progress:
        shown = progress.add_task("aligning", total=len(lines))
        for first, chunk in writing.chunks(pairs, CHUNK):
            yield from _chunk(directions, texts, first, chunk)
            progress.advance(shown, len(chunk))


def _chunk(
    directions: Sequence[Direction], texts: Texts, first: int, pairs: Sequence[tuple[str, str]]
) -> Iterator[Aligned]:
    ahead, *others = directions
    whole = [place for place, pair in enumerate(pairs) if pair[0] and (pair[1] or texts.target is None)]
    sources = [pairs[place][0] for place in whole]
    if texts.target is None:
        maps = ahead.written(sources, texts.beam) if whole else []
    else:
        maps = ahead.given([pairs[place] for place in whole]) if whole else []
    found = {place: (attention,) for place, attention in zip(whole, maps, strict=True)}
    for other in others:
        turned = {
            n: (" ".join(each.target_words), " ".join(each.source_words)) for n, each in zip(found, maps, strict=True)
        }
        longest = other.model.settings.max_length
        for place in [n for n, (text, _) in turned.items() if not 0 < len(other.model.encode(text)) <= longest]:
            _tell(f"line {first + place} is blank or too long for the other direction; it is left blank.")
            del turned[place]
        back = other.given(list(turned.values())) if turned else []
        found = {place: (*found[place], attention) for place, attention in zip(turned, back, strict=True)}
    for place, pair in enumerate(pairs):
        if place in found:
            attention = found[place][0]
            yield Aligned((list(attention.source_words), list(attention.target_words)), found[place])
        else:
            yield Aligned((pair[0].split(), pair[1].split()), ())


def _golds(texts: Texts) -> list[Links] | None:
    if texts.gold is None or texts.target is None:
        return None
    lengths = formats.word_counts(texts.source, texts.target)
    read = formats.read_links(texts.gold, lengths=lengths, base=texts.gold_base)
    for note in read.notes:
        _tell(note)
    return read.links


def _keep(path: Path | None, maps: Sequence[AttentionMap]) -> None:
    if path is None:
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        save_maps(path, maps)
    except OSError as error:
        raise UserError(f"Cannot write {path}: {error.strerror}.") from None
    _tell(f"wrote {len(maps):,} maps to {path}.")


def _cells(readout: Readout) -> tuple[str, str, str]:
    return str(readout.layer), str(readout.head), readout.convention


def _tell(text: str) -> None:
    print(f"xattn: {text}", file=sys.stderr)
