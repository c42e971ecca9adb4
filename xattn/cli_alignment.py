"""The commands about word alignments: align, score, symmetrize. As in `cli`, heavy imports happen inside them."""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from tyro.conf import Positional

from xattn import process
from xattn.config import ConfigError

if TYPE_CHECKING:
    from xattn.alignment.formats import Lengths
    from xattn.alignment.links import Links

Base = Literal["auto", "0", "1"]
Order = Literal["auto", "source-target", "target-source"]
Rows = Literal["produced", "read"]
Head = int | Literal["mean"]


def align(
    run: Positional[Path],
    /,
    source: Path,
    target: Path | None = None,
    gold: Path | None = None,
    gold_base: Base = "auto",
    grid: bool = False,
    reverse: Path | None = None,
    symmetrize: Literal[
        "intersection", "union", "grow-diag", "grow-diag-final", "grow-diag-final-and", "product", "harmonic"
    ] = "grow-diag",
    test: Literal["and", "or"] = "and",
    layer: int | None = None,
    head: Head | None = None,
    rows: Rows | None = None,
    reverse_layer: int | None = None,
    reverse_head: Head | None = None,
    reverse_rows: Rows | None = None,
    method: Literal["argmax", "threshold", "mutual", "top-k"] = "argmax",
    level: float = 0.2,
    k: int = 2,
    null: Literal["mask", "drop"] = "mask",
    kind: Literal["weights", "norms", "head-norms"] = "weights",
    beam: int | None = None,
    format: Literal["pharaoh", "wpt", "json"] = "pharaoh",
    maps: Path | None = None,
) -> int:
    """Writes the word alignment of sentence pairs, as a model's cross-attention shows it, to standard output.

    Args:
        run: The run folder.
        source: A file of sentences, one a line.
        target: A file of their translations. Without it, the model translates, and its own words are aligned; links
            are counted by them, so that --format json, which holds the words, is the one to choose.
        gold: A file of gold links: scores are written to standard error.
        gold_base: Whether the gold counts from 0 or from 1; looked at, unless given.
        grid: Instead of links, print a table of every layer, head and row convention: the AER of each, with --gold, or
            with --reverse, how much it agrees with the best of the other direction.
        reverse: The run folder of a model that translates the target into the source: both are looked at.
        symmetrize: With --reverse, how two sets of links become one; by product or harmonic mean, two matrices do.
        test: When growing: a link is added where neither (and), or only one (or), of its words is linked yet.
        layer: The layer, counted from 0. Layer, head and rows are those chosen on validation, unless given; or those
            that were guided, where nothing was chosen.
        head: The head, counted from 0, or the mean of all.
        rows: Whether a word's row is the step that produced it, or the step that had read it. "read", where nothing
            was chosen on validation.
        reverse_layer: The layer of the other direction, and so on.
        reverse_head: The head of the other direction.
        reverse_rows: The rows of the other direction.
        method: How links are read: the largest weight of a row, all above a level, the largest of both row and column,
            or the k largest of a row.
        level: With --method threshold: the lowest weight that makes a link.
        k: With --method top-k: links of a word.
        null: EOS is masked before links are read (mask), or a word that looks at it most has no link (drop).
        kind: Attention weights; or norms of what they bring, of all heads together or of each.
        beam: Without --target: hypotheses kept while translating; 1 is greedy. As tuned or configured, unless given.
        format: How links are written: i-j a pair, counted from 0; WPT, counted from 1; or JSON with the words.
        maps: A file to keep the attention maps in: .npz or .json.
    """
    if gold is not None and target is None:
        raise ConfigError("--gold is of given translations: name their file with --target.")
    if beam is not None and target is not None:
        raise ConfigError("--beam is for translating, but --target gives the translations: leave one of them out.")
    if beam is not None and beam < 1:
        raise ConfigError(f"--beam must be at least 1, not {beam}.")
    if grid and (gold is None) == (reverse is None):
        raise ConfigError("--grid needs either --gold, for AER, or --reverse, for the agreement of both directions.")
    if reverse is None and any(x is not None for x in (reverse_layer, reverse_head, reverse_rows)):
        raise ConfigError("--reverse-layer, --reverse-head and --reverse-rows belong to --reverse: name a run there.")
    if kind != "weights" and method == "threshold":
        raise ConfigError("--method threshold is a level of weights; norms have no scale of their own. Choose another.")
    if k < 1:
        raise ConfigError(f"--k must be at least 1, not {k}.")
    if not 0 < level <= 1:
        raise ConfigError(f"--level must be above 0 and at most 1, not {level}.")
    from xattn.alignment.links import method as named
    from xattn.alignment.storage import check_suffix
    from xattn.run import open_run

    if maps is not None:
        check_suffix(maps)
    ahead, back = open_run(run), None if reverse is None else open_run(reverse)
    process.prepare()
    from xattn.tasks import aligning

    directions = [aligning.direction(ahead, layer, head, rows, kind)]
    if back is not None:
        directions.append(aligning.direction(back, reverse_layer, reverse_head, reverse_rows, kind))
    reading = aligning.Reading(method=named(method, level=level, k=k), null=null, combine=symmetrize, test=test)
    texts = aligning.Texts(source=source, target=target, gold=gold, gold_base=gold_base, beam=beam)
    if grid:
        aligning.grid(directions, texts, reading, maps)
    else:
        aligning.align(directions, texts, reading, format, maps)
    return 0


def score(
    links: Positional[tuple[Path, ...]],
    /,
    gold: Path,
    source: Path | None = None,
    target: Path | None = None,
    base: Base = "auto",
    gold_base: Base = "auto",
    order: Order = "auto",
    format: Literal["table", "json", "sentences"] = "table",
) -> int:
    """Scores link files against gold: AER with its 95 % bootstrap interval, precision, recall and F1.

    Args:
        links: The files: Pharaoh or talp (i-j), WPT (.wa) or JSON.
        gold: The gold links, in any of these formats; ipj, or P, marks a link that is only possible.
        source: The sentences that the links are of; with --target, makes links outside a sentence an error.
        target: Their translations.
        base: Whether the links of the files count from 0 or from 1; looked at, unless given.
        gold_base: The same of the gold.
        order: Whether a link is written source-target or target-source; unless given, a file is turned if it agrees
            more with the gold then, and the table says so.
        format: A table in per cent; JSON, with the scores of every sentence; or these alone, parted by tabs.
    """
    from xattn.alignment import scores
    from xattn.alignment.formats import read_links

    if not links:
        raise ConfigError("There is nothing to score: name link files.")
    lengths = _lengths(source, target)
    known = read_links(gold, lengths=lengths, base=gold_base)
    _tell(known.notes)
    golds, rows = known.links, []
    for path in links:
        hypotheses, turned = _read(path, golds, lengths, base, order)
        found = scores.score(hypotheses, golds)
        rows.append((path, turned, found, scores.interval(hypotheses, golds), scores.score_each(hypotheses, golds)))
    if format == "table":
        from rich.console import Console
        from rich.table import Table

        sure, possible = (sum(len(getattr(links, kind)) for links in golds) for kind in ("sure", "possible"))
        view = Table(title=f"in per cent; {len(golds):,} sentences, {sure:,} sure of {possible:,} possible links")
        view.add_column("links of", overflow="fold")
        view.add_column("read as", no_wrap=True)
        for heading in ("AER", "95 %", "precision", "recall", "F1", "links"):
            view.add_column(heading, justify="right", no_wrap=True)
        for path, turned, found, interval, _ in rows:
            figures = (found.aer, *interval, found.precision, found.recall, found.f1)
            aer, low, high, *others = (f"{100 * x:.1f}" for x in figures)
            order_read = "target-source" if turned else "source-target"
            view.add_row(str(path), order_read, aer, f"{low}-{high}", *others, f"{found.links:,}")
        console = Console(highlight=False)
        if not console.is_terminal:
            console.width = Console(width=10_000).measure(view).maximum  # whoever reads a file wants whole names
        console.print(view)
    elif format == "json":
        files = [
            {
                "file": str(path),
                "order": "target-source" if turned else "source-target",
                **asdict(found),
                "aer_95": interval,
                "sentences": [asdict(x) for x in each],
            }
            for path, turned, found, interval, each in rows
        ]
        print(json.dumps({"gold": str(gold), "files": files}, indent=2, ensure_ascii=False))
    else:
        print("file", "sentence", "aer", "precision", "recall", "f1", "links", "sure", sep="\t")
        for path, _, _, _, each in rows:
            for number, x in enumerate(each, start=1):
                fractions = (f"{value:.4f}" for value in (x.aer, x.precision, x.recall, x.f1))
                print(path, number, *fractions, x.links, x.sure, sep="\t")
    return 0


def symmetrize(
    forward: Positional[Path],
    reverse: Positional[Path],
    /,
    method: Literal["intersection", "union", "grow-diag", "grow-diag-final", "grow-diag-final-and"] = "grow-diag",
    test: Literal["and", "or"] = "and",
    source: Path | None = None,
    target: Path | None = None,
    base: Base = "auto",
    order: Order = "auto",
    format: Literal["pharaoh", "wpt", "json"] = "pharaoh",
) -> int:
    """Makes one alignment of those of two directions, and writes it to standard output.

    Args:
        forward: Links of the source-target direction, written source-target.
        reverse: Links of the other direction.
        method: Links of both, of either, or grown from the former among the latter (see --test). "final" adds links
            that lie apart: where the test passes, or with "-and" where neither of their words is linked.
        test: A link is added where neither of its words is linked yet (and: published neural figures), or where one
            of them is not (or: Moses, atools).
        source: The sentences that the links are of; with --target, makes links outside a sentence an error.
        target: Their translations.
        base: Whether links count from 0 or from 1; looked at, unless given.
        order: Whether a link of REVERSE is written source-target or target-source; unless given, it is turned if it
            agrees more with FORWARD then.
        format: How links are written: i-j a pair, counted from 0; WPT, counted from 1; or JSON.
    """
    from xattn.alignment.formats import lines, read_links
    from xattn.alignment.symmetrization import symmetrize as join

    lengths = _lengths(source, target)
    ahead = read_links(forward, lengths=lengths, base=base)
    _tell(ahead.notes)
    back, _ = _read(reverse, ahead.links, lengths, base, order)
    if method.startswith("grow"):
        print(f"xattn: {method} with the test {test!r} (Moses and atools test 'or').", file=sys.stderr)
    joined = (join(a, b, method, test=test) for a, b in zip(ahead.links, back, strict=True))
    sys.stdout.writelines(lines(joined, format))
    return 0


def _read(
    path: Path, others: "Sequence[Links]", lengths: "Lengths | None", base: Base, order: Order
) -> "tuple[list[Links], bool]":
    """The links of a file, as (source, target), and whether they had to be turned to be so."""
    from xattn.alignment.formats import read_links
    from xattn.alignment.symmetrization import reversed_order

    turned = order == "target-source"
    if order == "auto":
        turned = reversed_order(others, read_links(path, sentences=len(others), base=base).links)
        if turned:
            _tell(
                [f"{path} is read as target-source, with which it agrees more; --order source-target says otherwise."]
            )
    swapped = [(t, s) for s, t in lengths] if turned and lengths is not None else lengths
    read = read_links(path, lengths=swapped, sentences=len(others), base=base)
    _tell(read.notes)
    return [links.turned if turned else links for links in read.links], turned


def _lengths(source: Path | None, target: Path | None) -> "Lengths | None":
    if (source is None) != (target is None):
        raise ConfigError("--source and --target name two files: give both, or none.")
    if source is None or target is None:
        return None
    from xattn.alignment.formats import word_counts

    return word_counts(source, target)


def _tell(notes: Sequence[str]) -> None:
    for note in notes:
        print(f"xattn: {note}", file=sys.stderr)


COMMANDS = {"align": align, "score": score, "symmetrize": symmetrize}
