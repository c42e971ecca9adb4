"""The scores of a run, and how numbers are rounded."""

import json
from collections.abc import Mapping
from math import floor, log10
from typing import Any

from xattn.runs.folder import Run


def short(scores: Mapping[str, float]) -> dict[str, float]:
    """Scores to four decimals, and where that would leave fewer, to four digits."""
    return {
        name: round(value, max(4, 3 - floor(log10(abs(value))))) if value else 0.0 for name, value in scores.items()
    }


def collect(run: Run) -> dict[str, Any]:
    """What an experiment keeps of a run: its results, and what made them."""
    last = json.loads(run.metrics.read_text().splitlines()[-1])
    environment = json.loads((run.folder / "environment.json").read_text())[0]  # later ones went on, or found it done
    return run.read_results() | {
        "seed": run.config.seed,
        "environment": environment,
        "steps": last["step"],
        "training_seconds": last["seconds"],
    }


def shown(metric: str, value: float) -> str:
    """A score as tables have it: BLEU to 2 decimals, a loss to 3 digits, all others to 4 decimals.

    >>> shown("bleu", 61.349), shown("loss", 0.0015089), shown("recall", 0.98765)
    ('61.35', '0.00151', '0.9877')
    """
    return f"{value:.3g}" if metric == "loss" else f"{value:.{2 if metric == 'bleu' else 4}f}"
