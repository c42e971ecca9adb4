"""`xattn align`: word alignments of text, read from cross-attention."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from tyro.conf import Positional, arg

from xattn import lines, process
from xattn.alignment.kinds import Kind
from xattn.commands.common import Base, Head, Rows, check_writable, tell
from xattn.errors import UserError, quantity, require

if TYPE_CHECKING:
    from rich.table import Table

    from xattn.alignment.links import Links
    from xattn.alignment.maps import AttentionMap, Readout
    from xattn.runs.folder import Run
    from xattn.translation.aligning import Aligned, Direction, Reading

# Pairs whose maps are in memory together, unless all are asked for.
CHUNK = 256


@dataclass(frozen=True, kw_only=True)
class Options:
    """The options of `xattn align`.

    Attributes:
        run: The run folder; everyday or toy names one that comes with the package.
        source: A file of sentences, one a line.
        target: A file of their translations. Without it the model translates, and the words that it writes are aligned.
            Links count these words, so choose --format json, which contains them.
        gold: A file of gold links: scores are written to standard error.
        gold_base: Whether the gold counts from 0 or from 1; detected by default.
        grid: Instead of links, print a table of every layer, head and row convention: with --gold the AER of each, with
            --reverse its agreement with the best of the other direction.
        reverse: The run folder of a model that translates the target into the source. Both directions are read.
        symmetrize: With --reverse: how two sets of links become one. "product" and "harmonic" (mean) join the two
            matrices instead, before links are read.
        test: When growing: add a link if both its words are unlinked (and), or if at least one is (or).
        layer: The layer, counted from 0. By default, layer, head and rows are those chosen on validation, or else the
            guided ones.
        head: The head, counted from 0, or the mean of all.
        rows: Whether the row of a word is the step that produced it or the step that has read it. "read" where nothing
            was chosen on validation.
        reverse_layer: The layer of the other direction.
        reverse_head: The head of the other direction.
        reverse_rows: The row convention of the other direction.
        method: How links are read: the largest weight of a row, all weights above a level, the weights that are largest
            of both row and column (mutual), also after each is multiplied by its share of its column (dual), or the k
            largest of a row.
        level: With --method threshold: the lowest weight that makes a link.
        k: With --method top-k: links of a word.
        null: Mask EOS before links are read (mask), or give no link to a word that attends to EOS most (drop).
        kind: Attention weights; norms of the weighted values, of all heads together or of each head (head-norms); the
            layer-mean of weights; rollout through all layers; gradients times weights; or value-zeroing.
        beam: Without --target: hypotheses kept while translating; 1 is greedy. As tuned or configured by default.
        format: How links are written: i-j a pair, counted from 0; WPT, counted from 1; or JSON with the words.
        maps: A file to keep the attention maps in: .npz or .json. `xattn view --maps` shows them.
    """

    run: Positional[str]
    source: Path
    target: Path | None = None
    gold: Path | None = None
    gold_base: Base = "auto"
    grid: bool = False
    reverse: str | None = None
    symmetrize: Literal[
        "intersection", "union", "grow-diag", "grow-diag-final", "grow-diag-final-and", "product", "harmonic"
    ] = "grow-diag"
    test: Literal["and", "or"] = "and"
    layer: int | None = None
    head: Head | None = None
    rows: Rows | None = None
    reverse_layer: int | None = None
    reverse_head: Head | None = None
    reverse_rows: Rows | None = None
    method: Literal["argmax", "threshold", "mutual", "dual", "top-k"] = "argmax"
    level: float = 0.2
    k: int = 2
    null: Literal["mask", "drop"] = "mask"
    kind: Kind = "weights"
    beam: int | None = None
    format: Literal["pharaoh", "wpt", "json"] = "pharaoh"
    maps: Path | None = None

    def check(self) -> None:
        """Raises `ConfigError` for options that do not go together, and for numbers out of bounds."""
        given, alone = self.target is not None, self.reverse is None
        require(given or self.gold is None, "--gold is of given translations: name their file with --target.")
        require(
            not given or self.beam is None,
            "--beam is for translating, but --target gives the translations: leave one of them out.",
        )
        require(self.beam is None or self.beam >= 1, f"--beam must be at least 1, not {self.beam}.")
        require(
            not self.grid or (self.gold is None) != alone,
            "--grid needs either --gold, for AER, or --reverse, for the agreement of both directions.",
        )
        require(
            not alone or (self.reverse_layer, self.reverse_head, self.reverse_rows) == (None, None, None),
            "--reverse-layer, --reverse-head and --reverse-rows belong to --reverse: name a run there.",
        )
        require(
            self.kind == "weights" or self.method != "threshold",
            "--method threshold is a level of weights; norms have no scale of their own. Choose another.",
        )
        require(self.k >= 1, f"--k must be at least 1, not {self.k}.")
        require(0 < self.level <= 1, f"--level must be above 0 and at most 1, not {self.level}.")


def align(options: Annotated[Options, arg(name="")]) -> int:
    """Writes the word alignment of sentence pairs, read from the cross-attention of a model, to standard output."""
    options.check()
    from xattn.alignment.links import method
    from xattn.alignment.map_files import check_suffix
    from xattn.runs.folder import open_named

    if options.maps is not None:
        check_suffix(options.maps)
        check_writable(options.maps)
    ahead, back = open_named(options.run), None if options.reverse is None else open_named(options.reverse)
    process.prepare()
    from xattn.translation.aligning import Reading, direction

    directions = [direction(ahead, options.layer, options.head, options.rows, options.kind)]
    if back is not None:
        at = options.reverse_layer, options.reverse_head, options.reverse_rows
        directions.append(direction(back, *at, options.kind))
        _check_reverse(ahead, back)
    reading = Reading(
        method=method(options.method, level=options.level, k=options.k),
        null=options.null,
        combine=options.symmetrize,
        test=options.test,
    )
    (_write_grid if options.grid else _write_links)(options, directions, reading)
    return 0


def _check_reverse(ahead: "Run", back: "Run") -> None:
    """Says that the second run translates in the direction of the first."""
    from xattn.translation.corpus import settings_of

    one, other = settings_of(ahead.config), settings_of(back.config)
    if (one.source, one.target, one.columns) == (other.source, other.target, other.columns):
        tell(
            f"--reverse {back.folder} translates {other.source} into {other.target}, as {ahead.folder} does: "
            f"name a run that translates {one.target} into {one.source}."
        )


def _write_links(options: Options, directions: "Sequence[Direction]", reading: "Reading") -> None:
    """Writes the links of every pair to standard output, and to standard error where they are read, and scores."""
    from xattn.alignment import scores
    from xattn.alignment.link_files import lines
    from xattn.translation.aligning import join

    for name, each in zip(("source-target", "target-source"), directions, strict=False):
        tell(f"{name}: {each.description}.")
    if len(directions) > 1:
        grown = f", test {reading.test!r}" if reading.combine.startswith("grow") else ""
        tell(f"both directions are joined by {reading.combine}{grown}.")
    pairs = _given(options)
    golds = _golds(options, pairs)
    kept: list[AttentionMap] = []
    hypotheses: list[Links] = []
    for number, aligned in enumerate(_aligned(options, directions, pairs), start=1):
        links = join(aligned, directions, reading)
        if golds is not None:
            hypotheses.append(links)
        if options.maps is not None:
            kept.extend(aligned.maps)
        sys.stdout.writelines(lines([links], options.format, [aligned.words], first=number))
    sys.stdout.flush()
    if golds is not None:
        score, (low, high) = scores.score(hypotheses, golds), scores.interval(hypotheses, golds)
        tell(
            f"AER {100 * score.aer:.1f} ({100 * low:.1f}-{100 * high:.1f}), precision {100 * score.precision:.1f}, "
            f"recall {100 * score.recall:.1f}, F1 {100 * score.f1:.1f} per cent, on {quantity(len(golds), 'sentence')}."
        )
    _keep(options.maps, kept)


def _write_grid(options: Options, directions: "Sequence[Direction]", reading: "Reading") -> None:
    """Prints every layer, head and row convention, best first: by AER against gold, or by agreement without."""
    from rich.console import Console

    pairs = _given(options)
    golds = _golds(options, pairs)
    aligned = list(_aligned(options, directions, pairs))
    whole = [place for place, each in enumerate(aligned) if each.maps]
    if not whole:
        raise UserError(f"{options.source} has no sentence pair that could be aligned.")
    found = [[aligned[place].maps[side] for place in whole] for side in range(len(directions))]
    title = f"{quantity(len(whole), 'pair')}, attention {directions[0].kind}; in per cent"
    if golds is None:
        view = _agreement(title, found[0], found[1], reading)
    else:
        view = _scores(title, found[0], [golds[place] for place in whole], reading)
    Console(highlight=False).print(view)
    _keep(options.maps, [attention for each in aligned for attention in each.maps])


def _scores(title: str, maps: "Sequence[AttentionMap]", golds: "Sequence[Links]", reading: "Reading") -> "Table":
    from xattn.alignment.scores import best_readout

    headings = ("layer", "head", "rows", "AER", "precision", "recall", "F1")
    view = _table(title, headings, right=headings[3:])
    for readout, score in best_readout(maps, golds, method=reading.method, null=reading.null):
        figures = (score.aer, score.precision, score.recall, score.f1)
        view.add_row(*_cells(readout), *(f"{100 * x:.1f}" for x in figures))
    return view


def _agreement(
    title: str, ahead: "Sequence[AttentionMap]", back: "Sequence[AttentionMap]", reading: "Reading"
) -> "Table":
    from xattn.alignment.scores import best_agreement

    view = _table(title, ("layer", "head", "rows", "agrees", "with layer", "head", "rows"), right=("agrees",))
    for mine, other, agreement in best_agreement(ahead, back, method=reading.method, null=reading.null):
        view.add_row(*_cells(mine), f"{100 * agreement:.1f}", *_cells(other))
    return view


def _table(title: str, headings: Sequence[str], right: Sequence[str]) -> "Table":
    from rich.table import Table

    view = Table(title=title)
    for heading in headings:
        view.add_column(heading, justify="right" if heading in right else "left")
    return view


def _cells(readout: "Readout") -> tuple[str, str, str]:
    return str(readout.layer), str(readout.head), readout.convention


def _given(options: Options) -> list[tuple[bytes, bytes]]:
    """The lines of the files, which are read once; without --target, translations are empty."""
    if options.target is None:
        return [(line, b"") for line in lines.read(options.source)]
    return lines.read_pairs(options.source, options.target)


def _aligned(
    options: Options, directions: "Sequence[Direction]", given: Sequence[tuple[bytes, bytes]]
) -> "Iterator[Aligned]":
    """Every pair, in order, with a progress bar; a pair that cannot be aligned has no maps."""
    from rich.console import Console
    from rich.progress import Progress

    from xattn.alignment.words import OtherSpaces
    from xattn.commands import text_lines
    from xattn.commands.unknown_words import UnknownWords
    from xattn.translation.aligning import align_pairs

    model = directions[0].model
    if options.target is not None:
        pairs = text_lines.readable_pairs(model, given)
    else:
        pairs = ((text, "") for text in text_lines.readable(model, (source for source, _ in given)))
    errors, unknown = Console(stderr=True), UnknownWords(model)
    sides = [OtherSpaces(str(path)) for path in (options.source, options.target) if path is not None]
    with Progress(console=errors, transient=True, disable=not errors.is_terminal) as progress:
        shown = progress.add_task("aligning", total=len(given))
        for first, chunk in text_lines.chunks(unknown.of_pairs(pairs), CHUNK):
            found = align_pairs(directions, chunk, given=options.target is not None, beam=options.beam)
            for number, pair in enumerate(chunk, start=first):
                for spaces, text in zip(sides, pair, strict=False):
                    spaces.see(number, text)
            for number, aligned in enumerate(found, start=first):
                if aligned.unread:
                    tell(f"line {number} is blank or too long for the other direction; it is left blank.")
                yield aligned
            progress.advance(shown, len(chunk))
    unknown.tell()
    for note in (note for spaces in sides for note in spaces.notes):
        tell(note)


def _golds(options: Options, pairs: Sequence[tuple[bytes, bytes]]) -> "list[Links] | None":
    from xattn.alignment.link_files import read_links

    if options.gold is None:
        return None
    # Bytes are parted at ASCII white space, as the words of links are.
    lengths = [(len(source.split()), len(target.split())) for source, target in pairs]
    found = read_links(options.gold, lengths=lengths, base=options.gold_base)
    for note in found.notes:
        tell(note)
    return found.links


def _keep(path: Path | None, maps: "Sequence[AttentionMap]") -> None:
    from xattn.alignment.map_files import save_maps

    if path is None:
        return
    try:
        save_maps(path, maps)
    except OSError as error:
        raise UserError(f"Cannot write {path}: {error.strerror}.") from None
    tell(f"wrote {quantity(len(maps), 'map')} to {path}.")
