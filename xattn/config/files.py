"""How configs are read, overridden, kept and compared.

A config file is Python. Its docstring is the record of the experiment; it defines `config = Experiment(...)` and
states only what differs from the defaults. The command line overrides any field: `--model.layers 4`.
"""

import contextlib
import dataclasses
import difflib
import io
import json
import re
import runpy
import traceback
import typing
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from xattn.config.checked import Checked, ConfigError, describe
from xattn.config.experiment import Experiment
from xattn.config.tasks import SETTINGS, Row


def load(path: str | Path, overrides: Sequence[str] = ()) -> Experiment:
    """Reads a config file and applies command-line overrides such as `["--model.layers", "4"]`."""
    path = Path(path)
    if path.suffix != ".py" or not path.is_file():
        near = [str(each) for each in sorted(path.parent.glob("*.py"))]
        raise ConfigError(f"There is no config file {path}.{_did_you_mean(str(path), near)}")
    try:
        names = runpy.run_path(str(path))
    except Exception as error:
        # Whatever the file did wrong, its reader needs the line of the file, not our frames.
        lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == str(path)]
        line = error.lineno if isinstance(error, SyntaxError) else (lines or [None])[-1]
        raise ConfigError(f"{path}, line {line}: {_explain(error)}") from None
    if not isinstance(names.setdefault("config", None), Experiment):
        raise ConfigError(f"{path} must define `config = Experiment(...)`.")
    return override(names["config"], overrides)


def override(config: Experiment, arguments: Sequence[str]) -> Experiment:
    """Applies command-line overrides to a config; an unknown field or a wrong value is a `ConfigError`."""
    import tyro

    if "--help" in arguments:
        tyro.cli(
            tyro.conf.AvoidSubcommands[tyro.conf.FlagConversionOff[Experiment]],
            default=config,
            args=["--help"],
            prog="xattn train CONFIG",
        )
    values = to_dict(config)
    hints = _hints(config)
    words = [part for each in arguments for part in (each.split("=", 1) if each.startswith("--") else [each])]
    while words:
        name = words.pop(0)
        field_name = name.removeprefix("--").replace("-", "_")
        if not name.startswith("--"):
            raise ConfigError(f"Cannot read {name!r}; overrides look like --model.layers 4.")
        if field_name not in hints:
            raise ConfigError(f"There is no field {name}.{_did_you_mean(field_name, list(hints), prefix='--')}")
        wanted = describe(hints[field_name])
        if not words or words[0].startswith("--"):
            raise ConfigError(f"{name} needs a value: {wanted}, such as {flatten(config)[field_name]!r}.")
        value = [words.pop(0)]
        while _is_tuple(hints[field_name]) and words and not words[0].startswith("--"):
            value.append(words.pop(0))
        section, _, key = field_name.rpartition(".")
        try:
            with contextlib.redirect_stderr(io.StringIO()):
                (values[section] if section else values)[key] = tyro.cli(hints[field_name], args=value)
        except SystemExit:
            raise ConfigError(f"{name} must be {wanted}, not {' '.join(value)!r}.") from None
    return from_dict(values)


def to_dict(config: Experiment) -> dict[str, Any]:
    """The config as plain nested dictionaries, ready for JSON."""
    return dataclasses.asdict(config)


def from_dict(values: dict[str, Any], kind: type = Experiment, name: str = "") -> Any:
    """Rebuilds a config from `to_dict`, refusing unknown and missing fields."""
    hints = typing.get_type_hints(kind)
    if {"task", "row"} <= hints.keys() & values.keys():
        hints["row"] = _row(values["task"], values["row"])
    for unknown in values.keys() - hints.keys():
        raise ConfigError(f"There is no field {name}{unknown}.{_did_you_mean(unknown, list(hints))}")
    for missing in hints.keys() - values.keys():
        field = next(each for each in dataclasses.fields(kind) if each.name == missing)
        whole = dataclasses.is_dataclass(hints[missing])
        default = dataclasses.asdict(field.default_factory()) if whole else field.default  # pyright: ignore
        # A folder of an older version lacks what came later; who reads this can add it.
        raise ConfigError(f"The field {name}{missing} is missing. Its default is {json.dumps(default)}.")
    nested = {key for key, hint in hints.items() if dataclasses.is_dataclass(hint)}
    return kind(
        **{
            # JSON knows no tuples.
            key: from_dict(v, hints[key], f"{name}{key}.") if key in nested else tuple(v) if isinstance(v, list) else v
            for key, v in values.items()
        }
    )


def flatten(config: Experiment) -> dict[str, Any]:
    """Every field by its full name: `{"seed": 0, "data.corpus": "toy_en_fr", ...}`."""
    flat: dict[str, Any] = {}
    for name, value in to_dict(config).items():
        flat |= {f"{name}.{k}": v for k, v in value.items()} if isinstance(value, dict) else {name: value}
    return flat


def difference(old: Experiment, new: Experiment) -> list[str]:
    """The fields in which two configs differ, each as `name: old -> new`.

    >>> from xattn.config import Model
    >>> difference(Experiment(), Experiment(seed=1, model=Model(layers=3)))
    ['seed: 0 -> 1', 'model.layers: 2 -> 3']
    """
    a, b = flatten(old), flatten(new)
    # Tasks have settings of their own, so that one may have fields that the other lacks.
    both = {name: [json.dumps(x[name]) if name in x else "absent" for x in (a, b)] for name in {**a, **b}}
    return [f"{name}: {before} -> {after}" for name, (before, after) in both.items() if before != after]


def _row(task: str, values: dict[str, Any] | None) -> Any:
    """What `row` is of a task; a row without settings is never imported."""
    if values is None:
        return Row | None
    if task not in SETTINGS:
        raise ConfigError(f"task must be one of {', '.join(map(repr, SETTINGS))}, not {task!r}.")
    settings = SETTINGS[task]
    if settings is None:
        raise ConfigError(f"The task {task!r} has no settings of its own: leave row out.")
    return settings


def _hints(config: Experiment) -> dict[str, Any]:
    """The type of every field that has a value of its own, by its full name."""
    hints: dict[str, Any] = {}
    for name, hint in typing.get_type_hints(Experiment).items():
        if name == "row":
            if config.row is None:
                continue
            hint = type(config.row)
        inner = typing.get_type_hints(hint) if dataclasses.is_dataclass(hint) else None
        hints |= {f"{name}.{k}": v for k, v in inner.items()} if inner else {name: hint}
    return hints


def _is_tuple(hint: Any) -> bool:
    return any(typing.get_origin(each) is tuple for each in (hint, *typing.get_args(hint)))


def _did_you_mean(word: str, choices: Sequence[str], prefix: str = "") -> str:
    # A field is as often misremembered by its section (`--layers`) as by its spelling (`--model.layer`).
    near = difflib.get_close_matches(word, choices, n=1, cutoff=0.6) or [
        c for c in choices if c.split(".")[-1] in difflib.get_close_matches(word.split(".")[-1], [c.split(".")[-1]])
    ]
    return f" Did you mean {prefix}{near[0]}?" if near else f" There are: {', '.join(choices)}." if choices else ""


def _explain(error: Exception) -> str:
    if isinstance(error, ConfigError):
        return str(error)
    if isinstance(error, SyntaxError):
        return f"this is not Python: {error.msg}."
    unknown = re.search(r"(\w+)\.__init__\(\) got an unexpected keyword argument '(\w+)'", str(error))
    kinds = {kind.__name__: kind for kind in (Experiment, *Checked.__subclasses__(), *Row.__subclasses__())}
    if isinstance(error, TypeError) and unknown and unknown[1] in kinds:
        choices = list(typing.get_type_hints(kinds[unknown[1]]))
        return f"{unknown[1]} has no field {unknown[2]!r}.{_did_you_mean(unknown[2], choices)}"
    return f"{type(error).__name__}: {error}"
