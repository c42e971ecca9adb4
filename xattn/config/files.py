"""Configs: read from a file, overridden, kept and compared.

A config file is Python. Its docstring is the record of the experiment; it defines `config = Experiment(...)` and
states only what differs from the defaults. The command line overrides any field: `--model.layers 4`.
"""

import dataclasses
import json
import runpy
import traceback
import typing
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pydantic

from xattn.config.checked import Checked, describe, did_you_mean, hints, unknown_field
from xattn.config.experiment import Experiment
from xattn.config.migration import VERSION, migrated, renamed
from xattn.config.packaged import find
from xattn.config.tasks import SETTINGS, TaskSettings
from xattn.errors import ConfigError


def load(path: str | Path, overrides: Sequence[str] = ()) -> Experiment:
    """Reads a config, given by file or packaged name, and applies overrides such as `["--model.layers", "4"]`.

    Raises `ConfigError` for a file that is not there or is no config (with its line), and as `override` does.
    """
    path = find(path)
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
    """Applies command-line overrides to a config.

    Raises `ConfigError` for a field that the config does not have, and for a value that a field does not take.
    """
    values, types = to_dict(config), _types(config)
    words = [part for each in arguments for part in (each.split("=", 1) if each.startswith("--") else [each])]
    while words:
        name = words.pop(0)
        field = name.removeprefix("--").replace("-", "_")
        if not name.startswith("--"):
            raise ConfigError(f"Cannot read {name!r}; overrides look like --model.layers 4.")
        if field not in types:
            raise ConfigError(_no_such_option(config, name, field, list(types)))
        wanted, given = describe(types[field]), []
        while words and not words[0].startswith("--") and (not given or _is_tuple(types[field])):
            given.append(words.pop(0))
        if not given:
            raise ConfigError(f"{name} needs a value: {wanted}, such as {flatten(config)[field]!r}.")
        try:
            value = _parse(given, types[field])
        except pydantic.ValidationError:
            raise ConfigError(f"{name} must be {wanted}, not {' '.join(given)!r}.") from None
        *sections, last = field.split(".")
        inner = values
        for section in sections:
            inner = inner[section]
        inner[last] = value
    return from_dict(values)


def show_help(config: Experiment) -> None:
    """Prints every field of a config, with its default and what it is for."""
    import tyro

    tyro.cli(
        tyro.conf.AvoidSubcommands[tyro.conf.FlagConversionOff[Experiment]],
        default=config,
        args=["--help"],
        prog="xattn train CONFIG",
        use_underscores=True,
    )


def to_dict(config: Experiment) -> dict[str, Any]:
    """The config as plain nested dictionaries with the version of their form, ready for JSON."""
    return {"version": VERSION, **dataclasses.asdict(config)}  # pyright: ignore[reportArgumentType]


def from_dict(values: Any) -> Experiment:
    """The config of `to_dict`, of this version or of an older one.

    Raises `ConfigError` for a newer version, unknown and missing fields, and values that fields do not take.
    """
    values = migrated(values)
    del values["version"]
    return _build(Experiment, values)


def flatten(config: Experiment) -> dict[str, Any]:
    """Every field by its full name: `{"task.kind": "translation", "task.corpus": "toy_en_fr", ...}`."""
    return _flat(dataclasses.asdict(config))  # pyright: ignore[reportArgumentType]


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


def _flat(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in values.items():
        flat |= _flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {f"{prefix}{name}": value}
    return flat


def _types(config: Checked, prefix: str = "") -> dict[str, Any]:
    """The type of every field that can be overridden, by its full name."""
    types: dict[str, Any] = {}
    for name, hint in hints(type(config)).items():
        value = getattr(config, name)
        if isinstance(value, Checked):
            types |= _types(value, f"{prefix}{name}.")
        elif not (isinstance(config, TaskSettings) and name == "kind"):
            types[f"{prefix}{name}"] = hint
    return types


def _build(kind: type[Checked], values: Any) -> Any:
    """Settings from plain dictionaries, in which every field must be named."""
    if not isinstance(values, dict):
        raise ConfigError(f"{kind.section.removesuffix('.') or 'A config'} must be a table of fields, not {values!r}.")
    if kind is TaskSettings:
        if not isinstance(values.setdefault("kind", None), str) or values["kind"] not in SETTINGS:
            raise ConfigError(f"task.kind must be one of {', '.join(map(repr, SETTINGS))}, not {values['kind']!r}.")
        kind = SETTINGS[values["kind"]]
    known = hints(kind)
    for unknown in values.keys() - known.keys():
        raise ConfigError(unknown_field(kind, unknown))
    for missing in (name for name in known if name not in values):
        raise ConfigError(f"The field {kind.section}{missing} is missing: it is {describe(known[missing])}.")
    made = {}
    for name, value in values.items():
        inner = known[name]
        if isinstance(inner, type) and issubclass(inner, Checked):
            value = _build(inner, value)
        made[name] = tuple(value) if isinstance(value, list) else value  # JSON knows no tuples
    return kind(**made)


def _parse(words: list[str], hint: Any) -> Any:
    """The value that words on the command line stand for."""
    if type(None) in typing.get_args(hint) and words == ["None"]:
        return None
    return pydantic.TypeAdapter(hint, config=pydantic.ConfigDict(allow_inf_nan=False)).validate_python(
        words if _is_tuple(hint) else words[0]
    )


def _is_tuple(hint: Any) -> bool:
    return any(typing.get_origin(each) is tuple for each in (hint, *typing.get_args(hint)))


def _no_such_option(config: Experiment, name: str, field: str, known: list[str]) -> str:
    if renamed(field) in known and renamed(field) != field:
        return f"There is no field {name}: it is --{renamed(field)} now."
    first = field.removeprefix("task.").split(".")[0]
    if field in ("task", "task.kind"):
        return f"{name} cannot be overridden: the task is what a config is about; take the config of another."
    if any(first in hints(each) for each in SETTINGS.values()) and first not in hints(type(config.task)):
        return unknown_field(type(config.task), first)
    return f"There is no field {name}.{did_you_mean(field, known, prefix='--')}"


def _explain(error: Exception) -> str:
    if isinstance(error, ConfigError):
        return str(error)
    if isinstance(error, SyntaxError):
        return f"this is not Python: {error.msg}."
    if isinstance(error, ImportError) and "xattn.config" in str(error):
        return f"{error}. Settings that were sections of their own are fields of task now: task=Translation(...)."
    return f"{type(error).__name__}: {error}"
