"""`xattn train`: trains the experiment of a config."""

import inspect
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from xattn import process
from xattn.commands import common
from xattn.config import ConfigError, Experiment

if TYPE_CHECKING:
    pass


def main(arguments: list[str]) -> int:
    """usage: xattn train CONFIG [--run FOLDER] [OVERRIDES]

    Trains the experiment of a config file into a run folder: runs/NAME, after the file, unless --run names another.
    The same command resumes an interrupted run. OVERRIDES change any field: --model.layers 4 --seed 1"""
    from xattn.config import files as configs

    words = [part for word in arguments for part in (word.split("=", 1) if word.startswith("--run=") else [word])]
    if "--help" in words or "-h" in words:
        print(inspect.getdoc(main), end="\n\n")
        configs.override(Experiment(), ["--help"])
    folder = None
    if "--run" in words:
        at = words.index("--run")
        if at + 1 == len(words):
            raise ConfigError("--run needs the name of a folder.")
        folder = words[at + 1]
        del words[at : at + 2]
    if not words or words[0].startswith("-"):
        raise ConfigError("Name a config file first: xattn train configs/toy_en_fr.py")
    path, *overrides = words
    train(Path(path), Path(folder or f"runs/{Path(path).stem}"), overrides)
    return 0


def train(path: Path, folder: Path, overrides: Sequence[str] = ()) -> None:
    """Trains the experiment of a config file into a run folder, or goes on where that folder stands."""
    from xattn.config import files as configs
    from xattn.runs import folder as runs

    config = configs.load(path, overrides)
    run = runs.create(folder, config)
    process.prepare()
    from xattn.tasks import make
    from xattn.training.loop import train as fit

    console = common.console()
    console.print(f"Training {path} into {run.folder}")
    task = make(run, console)
    try:
        progress = fit(task, run, console)
    except KeyboardInterrupt:
        console.print(f"To go on: {shlex.join(['xattn', 'train', str(path), '--run', str(folder), *overrides])}")
        raise
    console.print(
        f"Trained for {progress.seconds:,.0f} s; best validation {task.selection_metric} {progress.best:.4g}. "
        f"Next: xattn evaluate {run.folder}"
    )
