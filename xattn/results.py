"""The table of all experiments, from what they keep beside their READMEs; a config without results is "not run".

An experiment's results.json has, for each name of a system, what `xattn evaluate` kept of its run (see
`xattn.tasks.task.Task`), and the environment, steps and seconds of its training. The first system is the one that
the config describes; the others are its ablations.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tyro.conf import Positional

from xattn.config import ConfigError
from xattn.errors import UserError
from xattn.run import Run, open_run, write_json

NOT_RUN = "not run"
HEADINGS = ("experiment", "system", "split", "score", "value", "best baseline", "points right (chance)", "minutes")


def results(root: Positional[Path] = Path(), /) -> int:
    """Prints the scores of all experiments beside their baselines, in Markdown; a config without any is "not run".

    Args:
        root: The folder that holds configs and experiments; the current one, unless given.
    """
    print(table(root))
    return 0


def measure(
    config: Path, systems: Mapping[str, Sequence[str]], keep: Path, seeds: Mapping[str, int] | None = None
) -> dict[str, Run]:
    """Trains and evaluates a config with the overrides of each named system, and keeps all results in one file.

    A run whose folder, in runs/, says that it is done is not trained again. `seeds` says how often systems are
    trained, once unless named; the runs and scores of a system are those of the first seed, 0, and its "seeds" has the
    headline score of every one, by split.
    """
    runs, results = {}, {}
    for name, overrides in systems.items():
        folder = Path("runs") / "_".join([config.stem, *name.split()])
        runs[name] = _train(config, folder, overrides)
        results[name] = {"config": config.stem, "overrides": list(overrides), **collect(runs[name])}
        if seeds is not None and name in seeds:
            more = [
                _train(config, folder.with_name(f"{folder.name}_seed_{seed}"), [*overrides, "--seed", str(seed)])
                for seed in range(1, seeds[name])
            ]
            every = [results[name], *(run.read_results() for run in more)]
            results[name]["seeds"] = {
                split: [each["splits"][split][each["headline"]] for each in every] for split in results[name]["splits"]
            }
    write_json(keep, results)
    return runs


def _train(config: Path, folder: Path, overrides: Sequence[str]) -> Run:
    from xattn.cli import main

    for command in (["train", str(config), "--run", str(folder), *overrides], ["evaluate", str(folder)]):
        if status := main(command):
            raise SystemExit(status)
    return open_run(folder)


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


def table(root: Path) -> str:
    """One line a system and split of every experiment in `root`, and one for each config that has none: Markdown.

    `root` holds configs/ and experiments/.
    """
    if not (root / "configs").is_dir() or not (root / "experiments").is_dir():
        raise ConfigError(f"{root.absolute()} has no configs and experiments: run this in a checkout of the source.")
    rows: list[tuple[str, ...]] = [HEADINGS]
    known = set()
    for path in sorted(root.glob("experiments/*/results.json")):
        for name, system in _systems(path).items():
            known |= {path.parent.name, system["config"] if "config" in system else path.parent.name}
            for split, row in system["splits"].items():
                rows.append((path.parent.name, name, split, *_scores(system, row)))
    for config in sorted(root.glob("configs/*.py")):
        # An ablation with a config of its own stands in the experiment of what it is an ablation of.
        if not any(config.stem == each or config.stem.startswith(f"{each}_") for each in known):
            rows.append((config.stem, NOT_RUN, *[""] * (len(HEADINGS) - 2)))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [[cell.ljust(width) for cell, width in zip(row, widths, strict=True)] for row in rows]
    lines.insert(1, ["-" * width for width in widths])
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _systems(path: Path) -> dict[str, Any]:
    """The systems of an experiment that were scored on splits; measurements of speed have none."""
    try:
        found = json.loads(path.read_text())
    except json.JSONDecodeError as error:
        raise UserError(f"{path} is not JSON: {error}.") from None
    return {name: each for name, each in found.items() if isinstance(each, dict) and "splits" in each}


def _scores(system: dict[str, Any], row: dict[str, Any]) -> tuple[str, ...]:
    # Results that were kept before there was a headline are those of translators.
    metric = system["headline"] if "headline" in system else "bleu" if "tuned" in system else "exact_match"
    baselines = row["baselines"] if "baselines" in row else {}
    worse = -1 if metric == "loss" else 1
    known = [(scores[metric], name) for name, scores in baselines.items() if metric in scores]
    best = max(known, key=lambda each: worse * each[0], default=None)
    looked = "-"
    if "pointing" in row:
        looked = f"{row['pointing']['accuracy']:.4f} ({row['pointing']['chance']:.4f})"
    elif "alignment" in row:
        looked = f"AER {row['alignment']['aer']:.4f}"
    minutes = f"{system['training_seconds'] / 60:.1f}" if "training_seconds" in system else "-"
    against = f"{shown(metric, best[0])} ({best[1]})" if best else "-"
    return (metric, shown(metric, row[metric]), against, looked, minutes)


def shown(metric: str, value: float) -> str:
    """A score as tables have it: BLEU to 2 decimals, a loss to 3 digits, all others to 4 decimals.

    >>> shown("bleu", 61.349), shown("loss", 0.0015089), shown("recall", 0.98765)
    ('61.35', '0.00151', '0.9877')
    """
    return f"{value:.3g}" if metric == "loss" else f"{value:.{2 if metric == 'bleu' else 4}f}"
