"""One config as several systems and seeds: trained, scored, and kept in one file."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from xattn.runs.folder import Run, open_run, write_json
from xattn.runs.results import collect


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
