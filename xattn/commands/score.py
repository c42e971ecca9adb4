"""`xattn score`: alignment error rate of link files."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from tyro.conf import Positional

from xattn.commands.common import Base, Order, tell
from xattn.commands.link_input import lengths_of, read_turned
from xattn.errors import ConfigError, quantity

if TYPE_CHECKING:
    from xattn.alignment.links import Links
    from xattn.alignment.scores import Score


class Scored(NamedTuple):
    """The scores of a link file, of the whole and of each sentence, with the 95 % interval of its AER."""

    path: Path
    order: str
    whole: "Score"
    interval: tuple[float, float]
    sentences: "list[Score]"


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
        source: The sentences that the links are of; with --target, links outside a sentence are errors.
        target: Their translations.
        base: Whether the links of the files count from 0 or from 1; detected by default.
        gold_base: The same of the gold.
        order: Whether a link is written source-target or target-source; by default, a file is turned if it then agrees
            more with the gold, and the table says so.
        format: A table in per cent; JSON, with the scores of every sentence; or these alone, separated by tabs.
    """
    from xattn.alignment import scores
    from xattn.alignment.link_files import read_links

    if not links:
        raise ConfigError("There is nothing to score: name link files.")
    lengths = lengths_of(source, target)
    known = read_links(gold, lengths=lengths, base=gold_base)
    for note in known.notes:
        tell(note)
    golds, rows = known.links, []
    for path in links:
        hypotheses, turned = read_turned(path, known, lengths, base, order)
        found, interval = scores.score(hypotheses, golds), scores.interval(hypotheses, golds)
        order_read = "target-source" if turned else "source-target"
        rows.append(Scored(path, order_read, found, interval, scores.score_each(hypotheses, golds)))
    if format == "table":
        _print_table(rows, golds)
    elif format == "json":
        _print_json(rows, gold)
    else:
        _print_sentences(rows)
    return 0


def _print_table(rows: Sequence[Scored], golds: "Sequence[Links]") -> None:
    from rich.console import Console
    from rich.table import Table

    sure, possible = (sum(len(getattr(links, kind)) for links in golds) for kind in ("sure", "possible"))
    links = f"{sure:,} sure of {quantity(possible, 'possible link')}"
    view = Table(title=f"in per cent; {quantity(len(golds), 'sentence')}, {links}")
    view.add_column("links of", overflow="fold")
    view.add_column("read as", no_wrap=True)
    for heading in ("AER", "95 %", "precision", "recall", "F1", "links"):
        view.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        figures = (row.whole.aer, *row.interval, row.whole.precision, row.whole.recall, row.whole.f1)
        aer, low, high, *others = (f"{100 * x:.1f}" for x in figures)
        view.add_row(str(row.path), row.order, aer, f"{low}-{high}", *others, f"{row.whole.links:,}")
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = Console(width=10_000).measure(view).maximum  # a file keeps whole names
    console.print(view)


def _print_json(rows: Sequence[Scored], gold: Path) -> None:
    files = [
        {
            "file": str(row.path),
            "order": row.order,
            **asdict(row.whole),
            "aer_95": row.interval,
            "sentences": [asdict(x) for x in row.sentences],
        }
        for row in rows
    ]
    print(json.dumps({"gold": str(gold), "files": files}, indent=2, ensure_ascii=False))


def _print_sentences(rows: Sequence[Scored]) -> None:
    print("file", "sentence", "aer", "precision", "recall", "f1", "links", "sure", sep="\t")
    for row in rows:
        for number, x in enumerate(row.sentences, start=1):
            fractions = (f"{value:.4f}" for value in (x.aer, x.precision, x.recall, x.f1))
            print(row.path, number, *fractions, x.links, x.sure, sep="\t")
