"""Beam and length penalty, chosen on the validation split: the test split is never looked at."""

from typing import Any

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from xattn.runs.folder import Run
from xattn.translation.corpus import load
from xattn.translation.evaluation import score_text
from xattn.translation.translator import Translator

BEAMS = (1, 4, 8)
LENGTH_PENALTIES = (0.0, 0.6, 1.0, 1.4)


def tune(run: Run, console: Console) -> dict[str, Any]:
    """Scores every beam with every length penalty by BLEU; the best, and of equals the cheapest, goes into the results.

    `Translator.open` takes it from there. A beam of 1 has one hypothesis, whatever the length penalty.
    """
    model = Translator.open(run)
    pairs = load(model.settings, model.settings.validation)
    settings = [(beam, alpha) for beam in BEAMS for alpha in (LENGTH_PENALTIES if beam > 1 else (0.0,))]
    rows = []
    with Progress(console=console, transient=True) as progress:
        shown = progress.add_task("translating the validation split", total=len(settings) * len(pairs))
        for beam, alpha in settings:
            found = model.translate(
                [pair.source for pair in pairs],
                beam=beam,
                length_penalty=alpha,
                done=lambda: progress.advance(shown),
            )
            row = score_text([best[0].text for best in found], pairs, tokenized=model.settings.tokenized)
            keep = {name: row[name] for name in ("bleu", "exact_match", "chrf", "bleu_signature")}
            rows.append({"beam": beam, "length_penalty": alpha} | keep)
    best = max(rows, key=lambda row: row["bleu"])
    view = Table(title=f"validation, {len(pairs):,} sentences; {best['bleu_signature']}")
    for heading in ("beam", "length penalty", "BLEU", "chrF", "exact match", ""):
        view.add_column(heading, justify="right")
    for row in rows:
        numbers = (str(row["beam"]), f"{row['length_penalty']:.1f}", f"{row['bleu']:.2f}", f"{row['chrf']:.2f}")
        view.add_row(*numbers, f"{row['exact_match']:.4f}", "chosen" if row is best else "")
    console.print(view)
    results = run.read_results()
    results["tuned"] = best | {"chosen_by": "BLEU on validation", "table": rows}
    run.write_results(results)
    return best
