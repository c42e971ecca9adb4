"""What a run was made of besides its config: a changed corpus is found before it spoils a run.

`origin.json` has a `version` and `sources`: facts about every file or data set, by name, such as its size and digest.
"""

from collections.abc import Mapping

from xattn.config.migration import require_version
from xattn.errors import ConfigError
from xattn.runs.folder import Run, RunError, read_json, write_json

VERSION = 1
"""The version of the form of origin.json."""

REMEDY = ": delete it, if you know that its corpus is unchanged"


def settle(run: Run, sources: Mapping[str, str]) -> str | None:
    """Compares what a run was made of with what it would be made of now, and keeps the latter.

    If they differ, a run in which no step was made loses what was made, such as its tokenizer; a run with steps raises
    `RunError`, which says what changed. Returns a note for the user about a run of which there is no record.
    """
    known = _read(run) if run.origin.exists() else None
    if known == sources:
        return None
    if not run.started:
        run.forget()
    elif known is not None:
        raise RunError(
            f"{run.folder} was trained on other data ({'; '.join(_difference(known, sources))}): "
            "put them back to resume, or name another folder with --run."
        )
    try:
        write_json(run.origin, {"version": VERSION, "sources": dict(sources)})
    except OSError as error:
        raise RunError(f"Cannot write {run.origin}: {error.strerror}.") from None
    if not run.started or not sources:
        return None
    return (
        f"{run.folder} has no digest of its data, because an older xattn made it: it goes on with the data as they are "
        "now, and later changes are noticed."
    )


def _read(run: Run) -> dict[str, str]:
    found = read_json(run.origin, remedy=REMEDY)
    try:
        require_version(found["version"], VERSION)
        return {str(name): str(fact) for name, fact in found["sources"].items()}
    except ConfigError as error:
        raise RunError(f"{run.origin} cannot be read. {error}") from None
    except (TypeError, KeyError, AttributeError):
        raise RunError(f"{run.origin} must be a table with a version and sources{REMEDY}.") from None


def _difference(old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    both = {name: [facts[name] if name in facts else "absent" for facts in (old, new)] for name in {**old, **new}}
    return [f"{name}: {before} -> {after}" for name, (before, after) in both.items() if before != after]
