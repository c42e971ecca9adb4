"""`xattn train`: trains the experiment of a config."""

import shlex
from collections.abc import Sequence
from pathlib import Path

from xattn import process
from xattn.commands import common
from xattn.errors import ConfigError

USAGE = """usage: xattn train CONFIG [--run FOLDER] [OVERRIDES]

Trains the experiment of a config into a run folder: runs/NAME, after the file, unless --run names another.
The same command resumes an interrupted run. OVERRIDES change any field of the config: --model.layers 4 --seed 1
`xattn train CONFIG --help` lists the fields of that config.
"""


def main(arguments: Sequence[str]) -> int:
    """Reads the command line of `xattn train` and runs it."""
    words = [part for word in arguments for part in (word.split("=", 1) if word.startswith("--run=") else [word])]
    folder = None
    while "--run" in words:
        at = words.index("--run")
        given = words[at + 1 : at + 2]
        if not given or not given[0] or given[0].startswith("--"):
            raise ConfigError("--run needs the name of a folder.")
        if folder is not None:
            raise ConfigError(f"--run is given twice, as {folder} and as {given[0]}: leave one of them out.")
        folder = given[0]
        del words[at : at + 2]
    help_wanted = "--help" in words or "-h" in words
    named = bool(words) and not words[0].startswith("-")
    if help_wanted:
        print(USAGE)
        return _show_help(Path(words[0]) if named else None)
    if not named:
        raise ConfigError("Name a config first: xattn train toy_en_fr (xattn configs lists them).")
    path, *overrides = words
    train(Path(path), Path(folder or f"runs/{Path(path).stem}"), overrides)
    return 0


def train(path: Path, folder: Path, overrides: Sequence[str] = ()) -> None:
    """Trains the experiment of a config file into a run folder, or continues from where that folder stands."""
    from xattn.config import files
    from xattn.runs.folder import create

    run = create(folder, files.load(path, overrides))
    process.prepare()
    from xattn.tasks import make
    from xattn.training import loop

    console = common.console()
    console.print(f"Training {path} into {run.folder}")
    task = make(run, console)
    try:
        progress = loop.train(task, run, console)
    except KeyboardInterrupt:
        console.print(f"To go on: {shlex.join(['xattn', 'train', str(path), '--run', str(folder), *overrides])}")
        raise
    console.print(
        f"Trained for {progress.seconds:,.0f} s; best validation {task.selection_metric} {progress.best:.4g}. "
        f"Next: xattn evaluate {run.folder}"
    )


def _show_help(path: Path | None) -> int:
    from xattn.config import Experiment, files

    files.show_help(Experiment() if path is None else files.load(path))
    return 0
