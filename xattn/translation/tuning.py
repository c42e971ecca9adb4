"""Beam and length penalty, chosen on the validation split; the test split is never read."""

from typing import Any

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from xattn.errors import quantity
from xattn.runs.folder import Run
from xattn.translation.corpus import load
from xattn.translation.evaluation import score_text
from xattn.translation.translator import Translator

BEAMS = (1, 4, 8)
LENGTH_PENALTIES = (0.0, 0.6, 1.0, 1.4)


def tune(run: Run, console: Console) -> dict[str, Any]:
    """Scores every beam with every length penalty by BLEU; keeps the best in the run's results, and returns it.

    Of equal settings the cheapest is chosen. `Translator.open` uses it. A beam of 1 has one hypothesis, whatever the
    length penalty. `console` shows progress.
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
    tuned = best | {"chosen_by": "BLEU on validation", "sentences": len(pairs), "table": rows}
    run.write_results(run.read_results() | {"tuned": tuned})
    return tuned


def table(tuned: dict[str, Any]) -> Table:
    """The scores of all settings that `tune` tried."""
    view = Table(title=f"validation, {quantity(tuned['sentences'], 'sentence')}; {tuned['bleu_signature']}")
    for heading in ("beam", "length penalty", "BLEU", "chrF", "exact match", ""):
        view.add_column(heading, justify="right")
    for row in tuned["table"]:
        numbers = (str(row["beam"]), f"{row['length_penalty']:.1f}", f"{row['bleu']:.2f}", f"{row['chrf']:.2f}")
        chosen = all(row[name] == tuned[name] for name in ("beam", "length_penalty"))
        view.add_row(*numbers, f"{row['exact_match']:.4f}", "chosen" if chosen else "")
    return view
