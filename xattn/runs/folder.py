"""The run folder: all files of a trained experiment, and all that its use needs. It can be copied anywhere."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xattn.config import Experiment
from xattn.config import files as configs
from xattn.config.migration import require_version
from xattn.errors import ConfigError, UserError
from xattn.runs.environment import environment

_PACKAGE = Path(__file__).parents[1] / "pretrained"
TOY = _PACKAGE / "toy_en_fr"
EVERYDAY = _PACKAGE / "everyday_en_fr"
PRETRAINED = {"everyday": EVERYDAY, "toy": TOY}
"""The runs that come with the package, English-French translators: of everyday sentences, and of a small grammar."""
DEFAULT = "everyday"
"""The pretrained run that is used where none is named."""

RESULTS_VERSION = 2
"""The version of the form of results.json, of a run and of an experiment. Version 1 had no `version`."""


class RunError(UserError):
    """A run folder that cannot be used; the message names the folder and the remedy."""


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
    def origin(self) -> Path:
        """What the run was made of besides its config, see `xattn.runs.origin`."""
        return self.folder / "origin.json"

    @property
    def checkpoints(self) -> Path:
        """The folder of Orbax checkpoints."""
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
        """The folder of TensorBoard events."""
        return self.folder / "tensorboard"

    @property
    def figures(self) -> Path:
        """The folder of pictures."""
        return self.folder / "figures"

    @property
    def results(self) -> Path:
        """The scores by split."""
        return self.folder / "results.json"

    @property
    def started(self) -> bool:
        """Whether a step was made: there are checkpoints, weights or metrics. All else can be made again."""
        saved = self.checkpoints.iterdir() if self.checkpoints.is_dir() else ()
        return (
            self.weights.exists()
            or any(path.name.isdecimal() for path in saved)
            or (self.metrics.exists() and self.metrics.stat().st_size > 0)
        )

    def forget(self) -> None:
        """Deletes what is made of the data before the first step."""
        self.tokenizer.unlink(missing_ok=True)
        self.origin.unlink(missing_ok=True)

    @property
    def environments(self) -> Path:
        """The environments that trained the run."""
        return self.folder / "environment.json"

    def read_results(self) -> dict[str, Any]:
        """The scores so far; empty before the first evaluation.

        Raises `RunError` for a file that is no JSON, or of a newer version.
        """
        if not self.results.exists():
            return {}
        results = read_json(self.results, remedy=": delete it and evaluate the run again")
        if not isinstance(results, dict):
            raise RunError(f"{self.results} must be a table of scores: delete it and evaluate the run again.")
        # Version 1 has the fields of version 2, but for the version.
        check_version(self.results, results["version"] if "version" in results else 1)
        return {name: value for name, value in results.items() if name != "version"}

    def write_results(self, results: dict[str, Any]) -> None:
        """Replaces the scores."""
        write_json(self.results, {"version": RESULTS_VERSION, **results})


def check_version(path: Path, version: object) -> None:
    """Raises `RunError` for a results.json of a version that this xattn does not know."""
    try:
        require_version(version, RESULTS_VERSION)
    except ConfigError as error:
        raise RunError(f"{path} cannot be read. {error}") from None


def create(folder: str | Path, config: Experiment) -> Run:
    """Makes a run folder, or opens the one that the same config made before.

    A folder in which no step was made is made anew for any config. Raises `RunError` where the folder cannot be
    written, holds something else, or was trained with another config.
    """
    run = Run(Path(folder), config)
    made_anew = not (run.folder / "config.json").exists()
    if made_anew:
        if run.folder.is_dir() and any(run.folder.iterdir()):
            raise RunError(f"{folder} is not empty and holds no run; name another folder with --run.")
    elif changed := configs.difference(open_run(folder).config, config):
        if run.started:
            raise RunError(
                f"{folder} was made with another config ({'; '.join(changed)}): "
                "change it back to resume, or name another folder with --run."
            )
        made_anew = True
    try:
        run.folder.mkdir(parents=True, exist_ok=True)
        if made_anew:
            run.forget()
            run.environments.unlink(missing_ok=True)
            write_json(run.folder / "config.json", configs.to_dict(config))
        _note_environment(run.environments)
    except OSError as error:
        raise RunError(f"Cannot write the run folder {folder}: {error.strerror}; name another with --run.") from None
    return run


def _note_environment(path: Path) -> None:
    known = read_json(path) if path.exists() else []
    if not isinstance(known, list):
        raise RunError(f"{path} must be a list of environments: delete it.")
    if environment() not in known:
        write_json(path, [*known, environment()])


def open_named(name: str | Path) -> Run:
    """Opens a pretrained run by its name in `PRETRAINED`, or else the run of a folder; raises as `open_run` does.

    A folder of such a name is `./everyday`.
    """
    return open_run(PRETRAINED[name] if isinstance(name, str) and name in PRETRAINED else name)


def open_run(folder: str | Path) -> Run:
    """Opens the folder of a run; raises `RunError` for a folder that is no run, or whose config cannot be read."""
    folder = Path(folder)
    if not folder.is_dir():
        raise RunError(f"There is no run folder {folder}.")
    path = folder / "config.json"
    if not path.exists():
        raise RunError(f"{folder} is not a run: it has no config.json (xattn train makes one).")
    try:
        return Run(folder, configs.from_dict(read_json(path)))
    except ConfigError as error:
        raise RunError(f"{path} cannot be read. {error}") from None


def read_json(path: Path, remedy: str = "") -> Any:
    """The value of a JSON file; raises `RunError` for a file that cannot be read, or is no JSON."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RunError(f"Cannot read {path}: {error.strerror}.") from None
    except (ValueError, RecursionError) as error:
        raise RunError(f"{path} is not JSON ({error}){remedy}.") from None


def write_json(path: Path, value: Any) -> None:
    """Writes JSON to a temporary file first, so that an interrupted write leaves the old file."""
    beside = path.with_name(path.name + ".partial")
    beside.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n")
    beside.replace(path)
