"""`xattn score`: alignment error rate of link files."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from tyro.conf import Positional

from xattn.commands.common import Base, Order, tell
from xattn.commands.link_input import lengths_of, read_turned
from xattn.errors import ConfigError

if TYPE_CHECKING:
    pass


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
    from xattn.alignment.link_files import read_links

    if not links:
        raise ConfigError("There is nothing to score: name link files.")
    lengths = lengths_of(source, target)
    known = read_links(gold, lengths=lengths, base=gold_base)
    for note in known.notes:
        tell(note)
    golds, rows = known.links, []
    for path in links:
        hypotheses, turned = read_turned(path, golds, lengths, base, order)
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
