"""The run folder: all that a trained experiment leaves, and all that using it needs. It can be copied anywhere."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xattn.config import Experiment
from xattn.config import files as configs
from xattn.errors import ConfigError, UserError
from xattn.runs.environment import environment

PRETRAINED = Path(__file__).parents[1] / "pretrained" / "toy_en_fr"
"""The run that comes with the package: the toy translator."""


class RunError(UserError):
    """A run folder that cannot be used; the message names it, and what would be right."""


@dataclass(frozen=True)
class Run:
    """A run folder and its places; `config` is what the folder was made with."""

    folder: Path
    config: Experiment

    @property
    def tokenizer(self) -> Path:
        """The SentencePiece model."""
        return self.folder / "tokenizer.model"

    @property
    def checkpoints(self) -> Path:
        """Orbax checkpoints."""
        return self.folder / "checkpoints"

    @property
    def weights(self) -> Path:
        """The parameters alone: what `xattn export` leaves in place of checkpoints."""
        return self.folder / "weights.npz"

    @property
    def metrics(self) -> Path:
        """One JSON object a line: what was measured at which step."""
        return self.folder / "metrics.jsonl"

    @property
    def tensorboard(self) -> Path:
        """TensorBoard events."""
        return self.folder / "tensorboard"

    @property
    def figures(self) -> Path:
        """Pictures."""
        return self.folder / "figures"

    @property
    def results(self) -> Path:
        """Scores by split."""
        return self.folder / "results.json"

    def read_results(self) -> dict[str, Any]:
        """The scores so far; empty before the first evaluation."""
        return json.loads(self.results.read_text()) if self.results.exists() else {}

    def write_results(self, results: dict[str, Any]) -> None:
        """Replaces the scores."""
        write_json(self.results, results)


def create(folder: str | Path, config: Experiment) -> Run:
    """Makes a run folder, or opens the one that the same config made before.

    Raises `RunError` where the folder cannot be written, holds something else, or was made with another config.
    """
    folder = Path(folder)
    if (folder / "config.json").exists():
        run = open_run(folder)
        changed = configs.difference(run.config, config)
        if changed:
            raise RunError(
                f"{folder} was made with another config ({'; '.join(changed)}): "
                "change it back to resume, or name another folder with --run."
            )
    else:
        if folder.is_dir() and any(folder.iterdir()):
            raise RunError(f"{folder} is not empty and holds no run; name another folder with --run.")
        try:
            folder.mkdir(parents=True, exist_ok=True)
            write_json(folder / "config.json", configs.to_dict(config))
        except OSError as error:
            raise RunError(
                f"Cannot write the run folder {folder}: {error.strerror}; name another with --run."
            ) from None
        run = Run(folder, config)
    environments = folder / "environment.json"
    known = json.loads(environments.read_text()) if environments.exists() else []
    if environment() not in known:
        write_json(environments, [*known, environment()])
    return run


def open_run(folder: str | Path) -> Run:
    """Opens the folder of a run."""
    folder = Path(folder)
    if not folder.is_dir():
        raise RunError(f"There is no run folder {folder}.")
    path = folder / "config.json"
    if not path.exists():
        raise RunError(f"{folder} is not a run: it has no config.json (xattn train makes one).")
    try:
        return Run(folder, configs.from_dict(json.loads(path.read_text())))
    except (json.JSONDecodeError, ConfigError) as error:
        raise RunError(f"{path} cannot be read: {error}") from None


def write_json(path: Path, value: Any) -> None:
    """Writes JSON through a file beside it, so that an interrupted write leaves the old one."""
    beside = path.with_name(path.name + ".partial")
    beside.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n")
    beside.replace(path)
