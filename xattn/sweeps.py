"""One config as several systems and seeds: trained, scored, and kept in one file."""

import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xattn.alignment.maps import Readout
from xattn.commands.evaluate import score_splits, tune_decoding
from xattn.commands.train import train
from xattn.config import Model
from xattn.errors import UserError
from xattn.runs.folder import Run, open_run
from xattn.runs.readout import readout
from xattn.runs.results import collect, write_systems
from xattn.tasks import example_map
from xattn.tasks.array_task import ArrayTask
from xattn.viewing.formats import png

MEMORIES = typing.get_args(typing.get_type_hints(Model)["memory"])


@dataclass(frozen=True, kw_only=True)
class System:
    """A config with one memory, one variant of the model or the data, and the overrides that make them."""

    memory: str = "full"
    """The value of `model.memory`, which need not be among the overrides; or another word for what replaces the memory,
    such as "rank"."""
    variant: str = ""
    """The rest of the name: "", or for example "qa1", "aids", "moved 0.1", "no copy"."""
    overrides: tuple[str, ...] = ()
    seeds: int = 1
    """How often the system is trained. Its scores are those of seed 0; the headline and the pointing of all seeds are
    kept."""

    @property
    def name(self) -> str:
        """The memory and the variant: "full", "none moved 0.1"."""
        return f"{self.memory} {self.variant}".strip()

    @property
    def arguments(self) -> list[str]:
        """The overrides, that of the memory included."""
        memory = ["--model.memory", self.memory] if self.memory in MEMORIES and self.memory != "full" else []
        return [*memory, *self.overrides]

    def folder(self, config: Path) -> Path:
        """The run folder, in runs/: that of `xattn train CONFIG` for the config itself, or else with the name."""
        words = self.name.split() if self.arguments else []
        return Path("runs") / "_".join([config.stem, *words])


def measure(
    config: Path,
    systems: Sequence[System],
    keep: Path,
    *,
    tune: bool = False,
    more: Callable[[Run], Mapping[str, Any]] = lambda run: {},
) -> dict[str, Run]:
    """Trains and scores every system of a config; returns the runs of seed 0, by the names of their systems.

    A complete run is not trained again. All results are written to `keep` (see `xattn.runs.results`), those of seed 0
    with what `more` finds in their runs. With `tune`, beam and length penalty are chosen on the validation split first.
    """
    runs, results = {}, []
    for system in systems:
        folder, arguments = system.folder(config), system.arguments
        run = runs[system.name] = _run(config, folder, arguments, tune)
        named = {"name": system.name, "memory": system.memory, "variant": system.variant}
        row: dict[str, Any] = {**named, "config": config.stem, "overrides": arguments, **collect(run), **more(run)}
        row["memory"] = system.memory
        if system.seeds > 1:
            others = [
                _run(config, folder.with_name(f"{folder.name}_seed_{seed}"), [*arguments, "--seed", str(seed)], tune)
                for seed in range(1, system.seeds)
            ]
            every = [row, *(each.read_results() for each in others)]
            row["seeds"] = {
                split: [each["splits"][split][each["headline"]] for each in every] for split in row["splits"]
            }
            row["seeds_pointing"] = {
                split: [each["splits"][split]["pointing"]["accuracy"] for each in every]
                for split, scores in row["splits"].items()
                if "pointing" in scores
            }
        results.append(row)
    if keep is not None:
        write_systems(keep, results)
    return runs


def save_example(
    run: Run, split: str, number: int, path: Path, *, task: type[ArrayTask] | None = None, where: Readout | None = None
) -> None:
    """Draws the attention of an example, counted from 0, into a PNG file.

    It is read at `where`, by default where evaluation chose. `task` is a class to read the example with, by default
    that of the run.
    """
    attention = example_map(run, split, number, task)
    path.write_bytes(png(attention, where or readout(run, None, None, None)))


def _run(config: Path, folder: Path, arguments: Sequence[str], tune: bool) -> Run:
    try:
        train(config, folder, arguments)
        run = open_run(folder)
        if tune and "tuned" not in run.read_results():
            tune_decoding(run)
        score_splits(run)
    except UserError as error:
        raise SystemExit(f"xattn: {error}") from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    return run
