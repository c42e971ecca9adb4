"""The scores of runs and of experiments, and how numbers are rounded.

The results.json of an experiment has a `version` and a `kind`:

* `systems`: a list under `systems`. A system is the results of a run (see `xattn.training.task.Task`) with its `name`,
  `memory` and `variant` (see `xattn.sweeps.System`), the `config` and the `overrides` that made it, its `seed`,
  `environment`, `steps` and `training_seconds`. Where it was trained with several seeds, `seeds` has the headline
  scores of all of them, by split, and `seeds_pointing` their pointing accuracy;
* `measurements`: measurements of speed or memory, as the experiment names them;
* `alignments`: alignment error rates of several methods on several gold sets.
"""

import json
from collections.abc import Mapping, Sequence
from math import floor, log10
from pathlib import Path
from typing import Any

from xattn.runs.folder import RESULTS_VERSION, Run, RunError, check_version, read_json, write_json

KINDS = ("systems", "measurements", "alignments")
SYSTEM = {"name", "memory", "variant", "headline", "splits"}


def short(scores: Mapping[str, float]) -> dict[str, float]:
    """Scores to four decimals, or to four digits where four decimals would show fewer."""
    return {
        name: round(value, max(4, 3 - floor(log10(abs(value))))) if value else 0.0 for name, value in scores.items()
    }


def collect(run: Run) -> dict[str, Any]:
    """The results of a run, with its seed, environment, steps and seconds of training."""
    last = json.loads(run.metrics.read_text().splitlines()[-1])
    # Later environments are those of commands that resumed the run, or found it complete.
    environment = json.loads((run.folder / "environment.json").read_text())[0]
    return run.read_results() | {
        "seed": run.config.seed,
        "environment": environment,
        "steps": last["step"],
        "training_seconds": last["seconds"],
    }


def write_systems(path: Path, systems: Sequence[Mapping[str, Any]]) -> None:
    """Writes the results of an experiment that compares systems."""
    write_json(path, {"version": RESULTS_VERSION, "kind": "systems", "systems": list(systems)})


def write_measurements(path: Path, measurements: Mapping[str, Any], kind: str = "measurements") -> None:
    """Writes other results of an experiment, whose form is its own."""
    write_json(path, {"version": RESULTS_VERSION, "kind": kind, **measurements})


def read_measurements(path: Path) -> dict[str, Any]:
    """The results that `write_measurements` wrote; empty without a file."""
    if not path.exists():
        return {}
    found = _read(path)
    return {name: value for name, value in found.items() if name not in ("version", "kind")}


def read_systems(path: Path) -> list[dict[str, Any]]:
    """The systems of an experiment; none where it has other results.

    Raises `RunError` for a file that is no JSON, or of another version.
    """
    found = _read(path)
    if found["kind"] != "systems":
        return []
    systems = found["systems"] if "systems" in found else None
    if not isinstance(systems, list) or not all(isinstance(each, dict) and each.keys() >= SYSTEM for each in systems):
        raise RunError(f"{path} must have a list of systems, each with {', '.join(sorted(SYSTEM))}.")
    return systems


def shown(metric: str, value: float) -> str:
    """A score as tables show it: BLEU to 2 decimals, a loss to 3 digits, all others to 4 decimals.

    >>> shown("bleu", 61.349), shown("loss", 0.0015089), shown("recall", 0.98765)
    ('61.35', '0.00151', '0.9877')
    """
    return f"{value:.3g}" if metric == "loss" else f"{value:.{2 if metric == 'bleu' else 4}f}"


def _read(path: Path) -> dict[str, Any]:
    found = read_json(path)
    if not isinstance(found, dict) or "version" not in found:
        raise RunError(
            f"{path} has no version: it is of the first form, which named systems otherwise. Run the run.py beside it "
            "again: runs that are complete are not trained again."
        )
    check_version(path, found["version"])
    if "kind" not in found or found["kind"] not in KINDS:
        raise RunError(f"{path} must have a kind, one of {', '.join(KINDS)}.")
    return found
