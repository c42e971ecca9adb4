"""Settings classes: pydantic dataclasses, strict and frozen; their errors name the field and what would be right."""

import dataclasses
import difflib
import functools
import types
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Annotated, Any, Literal, TypeVar, dataclass_transform

import pydantic
from annotated_types import Ge, Gt, Le, Lt
from pydantic.dataclasses import dataclass

from xattn.errors import ConfigError

Count = Annotated[int, Gt(0)]
Share = Annotated[float, Ge(0), Le(1)]
Rate = Annotated[float, Ge(0), Lt(1)]

Class = TypeVar("Class", bound=type)

STRICT = pydantic.ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)

# So many choices are listed in an error.
FEW = 20


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(dataclasses.field,))
def settings(section: str) -> Callable[[Class], Class]:
    """Makes a class a frozen dataclass with keyword arguments that are checked when it is made.

    `section` is the place of its fields in a config: `model` for `model.layers`. The method `check`, if the class has
    one, checks conditions on several fields.

    Making an instance raises `ConfigError` for an unknown field, for a value of another type or out of bounds, and for
    what `check` finds. Values are not converted, except for a whole number where a number is asked for.
    """

    def make(cls: Any) -> Any:
        cls.__post_init__ = lambda self: self.check()
        made: Any = dataclass(frozen=True, kw_only=True, config=STRICT)(cls)
        made.section = f"{section}." if section else ""
        validate = made.__init__

        @functools.wraps(validate)
        def init(self: Any, *arguments: Any, **values: Any) -> None:
            try:
                validate(self, *arguments, **values)
            except pydantic.ValidationError as error:
                raise ConfigError(_explain(made, error)) from None

        made.__init__ = init
        return made

    return make


class Checked:
    """Base class of all settings."""

    section = ""
    replaced: Mapping[str, str] = {}
    """Fields of older versions, by the place of their settings today."""
    described = ""
    """How errors describe a value of this class; `made with CLASS(...)` unless given."""

    def check(self) -> None:
        """Raises `ConfigError` where fields contradict each other."""


def describe(hint: Any) -> str:
    """The values that a field takes, in words.

    >>> describe(int | None), describe(Literal["a", "b"]), describe(tuple[int, int]), describe(Count)
    ('a whole number or None', "one of 'a', 'b'", '(a whole number, a whole number)', 'a whole number above 0')
    """
    if typing.get_origin(hint) is Annotated:
        plain, *bounds = typing.get_args(hint)
        words = [f"{_WORDS[type(bound)]} {dataclasses.astuple(bound)[0]}" for bound in bounds]
        return " ".join([describe(plain), *([" and ".join(words)] if words else [])])
    if typing.get_origin(hint) is Literal:
        return "one of " + ", ".join(repr(choice) for choice in typing.get_args(hint))
    if typing.get_origin(hint) is tuple:
        return "(" + ", ".join("..." if each is ... else describe(each) for each in typing.get_args(hint)) + ")"
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return " or ".join(describe(each) for each in typing.get_args(hint))
    words = {int: "a whole number", float: "a number", str: "a text", bool: "True or False", types.NoneType: "None"}
    return words[hint] if hint in words else hint.described or f"made with {hint.__name__}(...)"


def hints(kind: type) -> dict[str, Any]:
    """The type of every field of a settings class, with its bounds."""
    every = typing.get_type_hints(kind, include_extras=True)
    return {field.name: every[field.name] for field in dataclasses.fields(kind)}


def did_you_mean(word: str, choices: Iterable[str], prefix: str = "") -> str:
    """The end of an error about an unknown name: the nearest choice; of few choices all, where none is near."""
    # A field is as often misremembered by its section (`--layers`) as by its spelling (`--model.layer`).
    section, _, name = word.rpartition(".")
    last = {choice: choice.rpartition(".")[-1] for choice in choices}
    beside = [choice for choice in last if choice.rpartition(".")[0] == section]
    for candidates in (beside, last):
        near = difflib.get_close_matches(name, [last[choice] for choice in candidates], n=1)
        for nearest in (choice for choice in candidates if near and last[choice] == near[0]):
            return f" Did you mean {prefix}{nearest}?"
    if len(last) > FEW:
        nearest = difflib.get_close_matches(word, last, n=3, cutoff=0.0)
        return f" The nearest are {', '.join(prefix + each for each in nearest)}; --help lists all."
    return f" There are: {', '.join(prefix + each for each in last)}." if last else ""


def unknown_field(kind: Any, name: str) -> str:
    """The error about a field that a settings class does not have: the nearest field, and the tasks that have it."""
    if name in kind.replaced:
        return f"There is no field {name}: its settings are in {kind.replaced[name]} now, as in task=Translation(...)."
    owners = [other.kind for other in _tasks(Checked) if other is not kind and name in hints(other)]
    fields = {field: f"{kind.section}{field}" for field in hints(kind) if field != "kind"}
    if "kind" not in hints(kind) or kind.section != "task.":
        return f"There is no field {kind.section}{name}.{did_you_mean(name, fields.values())}"
    owned = f", which belongs to {', '.join(owners)}" if owners else ""
    nearest = did_you_mean(name, fields.values())
    return f"The task {kind.kind} has no field {kind.section}{name}{owned}.{nearest}"


def _tasks(kind: type[Checked]) -> Iterator[Any]:
    """The settings classes of all tasks."""
    for each in kind.__subclasses__():
        if each.section == "task." and isinstance(getattr(each, "kind", None), str):
            yield each
        yield from _tasks(each)


_WORDS = {Gt: "above", Ge: "of at least", Lt: "below", Le: "of at most"}


def _explain(kind: type[Checked], error: pydantic.ValidationError) -> str:
    """The first error of a validation in one sentence."""
    first = error.errors(include_url=False)[0]
    name, given = str(first["loc"][0]) if first["loc"] else "", first["input"]
    if "positional" in first["type"]:
        return f"{kind.__name__} takes its fields by name, such as {next(iter(hints(kind)))}=..., not {given!r} alone."
    if "ctx" in first and isinstance(first["ctx"].setdefault("error", None), ConfigError):
        return str(first["ctx"]["error"])
    known = hints(kind)
    if name not in known:
        return unknown_field(kind, name)
    field = f"{kind.section}{name}"
    if first["type"] == "missing" and len(first["loc"]) == 1:
        return f"{field} is missing: it must be {describe(known[name])}."
    if first["type"] in ("missing", "too_long"):  # a tuple of another length
        return f"{field} must be {describe(known[name])}, not {given!r}."
    if len(first["loc"]) > 1:  # a part of a tuple: the whole value says more
        return f"{field} must be {describe(known[name])}, but one of its values is {given!r}."
    return f"{field} must be {describe(known[name])}, not {given!r}."
