"""Older forms of `config.json`: what has become of their fields.

Version 1 (the form without a `version`) had one list of sections for all tasks: `data`, `vocabulary`, `guidance` and
`decoding` were those of translation, also where another task did not read them, and `row` held the settings of every
other task. Since version 2, `task` holds what only that task reads. Version 3 has more fields, see `_SINCE_2`.
"""

from typing import Any

from xattn.errors import ConfigError

VERSION = 3
"""The version of the form in which configs are written."""

# Version 1, where a field of translation stood, by its name today.
_TRANSLATION = {
    **{name: ("data", name) for name in ("test", "corpus", "source", "target", "columns", "train", "validation")},
    **{name: ("data", name) for name in ("bad_lines", "lowercase", "tokenized", "folder", "max_length")},
    **{name: ("training", name) for name in ("buckets", "label_smoothing", "r_drop", "bleu_sentences")},
    **{name: ("decoding", name) for name in ("beam", "length_penalty", "extra_length")},
    "decoding_batch": ("decoding", "batch"),
}
# Version 1, the fields of the other tasks that have another name today.
_RENAMED = {"train": "train_examples", "held_out": "held_out_examples"}
_RENAMED_OF = {"graph_ged": {"held_out": "validation_graphs"}}
# Fields that came during version 1, and their values in files from before.
_SINCE_1 = {("model", "latents"): 16, ("training", "keep_every"): None}
# Fields of version 3 that version 2 lacks, by task and section, and their values in files without them.
_SINCE_2 = {
    ("translation", "vocabulary"): {"character_coverage": 1.0, "normalization": "identity"},
    ("translation", "guidance"): {"words": "spaces"},
}


def migrated(values: Any) -> dict[str, Any]:
    """The values of a `config.json` in the form of this version; fields are checked by whoever builds the config.

    Raises `ConfigError` for a file of a newer version, and for one that has no form of ours.
    """
    if not isinstance(values, dict):
        raise ConfigError(f"It must be a table of fields, not {values!r:.40}.")
    version = values["version"] if "version" in values else 1
    require_version(version, VERSION)
    if version >= 2:
        return _from_version_2(values)
    missing = [name for name in ("task", "data", "training", "decoding", "model", "optimizer") if name not in values]
    if missing:
        raise ConfigError(f"It has no version and lacks {', '.join(missing)}: it is no config of xattn.")
    try:
        return _from_version_2(_from_version_1(values))
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ConfigError(f"It has no version, and is no whole config of version 1 ({error!r}).") from None


def require_version(version: object, newest: int) -> None:
    """Raises `ConfigError` for the version of a file that this xattn does not read."""
    if not isinstance(version, int) or version < 1:
        raise ConfigError(f"Its version must be a whole number from 1 to {newest}, not {version!r:.40}.")
    if version > newest:
        raise ConfigError(
            f"It is of version {version}, but this xattn reads versions up to {newest}: install a newer xattn."
        )


def renamed(field: str) -> str:
    """The name today of a field of version 1, such as `decoding.beam`; the same name where it is unknown."""
    section, _, last = field.partition(".")
    for name, old in _TRANSLATION.items():
        if old == (section, last):
            return f"task.{name}"
    if section == "row":
        return f"task.{_RENAMED[last] if last in _RENAMED else last}"
    return f"task.{field}" if section in ("vocabulary", "guidance") else field


def _from_version_1(values: dict[str, Any]) -> dict[str, Any]:
    old = {name: dict(each) if isinstance(each, dict) else each for name, each in values.items()}
    for (section, name), value in _SINCE_1.items():
        old[section].setdefault(name, value)
    task = _translation(old) if old["task"] == "translation" else _other(old)
    training = old["training"]
    for name in ("buckets", "label_smoothing", "r_drop", "bleu_sentences"):
        training.pop(name, None)
    training["stop_by"] = "loss" if training["stop_by"] == "loss" else "headline"
    names = ("seed", "model", "optimizer", "devices")
    return {"version": 2, "task": task, "training": training, **{name: old[name] for name in names}}


def _from_version_2(values: dict[str, Any]) -> dict[str, Any]:
    task = values["task"] if "task" in values else None
    if isinstance(task, dict):
        for (kind, section), added in _SINCE_2.items():
            if "kind" in task and task["kind"] == kind and section in task and isinstance(task[section], dict):
                task = {**task, section: {**added, **task[section]}}
        values = {**values, "task": task}
    return {**values, "version": VERSION}


def _translation(old: dict[str, Any]) -> dict[str, Any]:
    task = {name: old[section][field] for name, (section, field) in _TRANSLATION.items()}
    bleu = old["training"]["stop_by"] == "bleu"
    guidance = {"links": "", "base": "auto", "into": "head", "run": "", "weight": 0.05, "layer": -2, "head": 0}
    return {
        "kind": "translation",
        **task,
        "vocabulary": old["vocabulary"],
        "guidance": old["guidance"] if "guidance" in old else {**guidance, "rows": "read"},
        "headline": "bleu" if bleu else "exact_match",
    }


def _other(old: dict[str, Any]) -> dict[str, Any]:
    renamed = {**_RENAMED, **(_RENAMED_OF[old["task"]] if old["task"] in _RENAMED_OF else {})}
    row = old["row"] if "row" in old and old["row"] is not None else {}
    task = {renamed[name] if name in renamed else name: value for name, value in row.items()}
    if old["task"] in ("docqa", "graph_ged"):
        task["corpus"] = old["data"]["corpus"]
    return {"kind": old["task"], "test": old["data"]["test"], **task}
