"""Settings that are checked when they are made."""

import dataclasses
import types
import typing
from typing import Any, Literal

from xattn.errors import UserError


class ConfigError(UserError):
    """A config that cannot be used; the message names the field or the file, and what would be right."""


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise ConfigError(message)


class Checked:
    """Checks the type of every field when a config is made, so that a wrong value never reaches the training."""

    section = ""
    """What stands before the names of the fields: `model.`."""

    def __post_init__(self) -> None:
        import typeguard

        hints = typing.get_type_hints(type(self))
        for each in dataclasses.fields(self):  # pyright: ignore[reportArgumentType]
            value = getattr(self, each.name)
            try:
                # `True` is an `int` to Python, but never what somebody meant by `layers = True`.
                if isinstance(value, bool) and hints[each.name] is not bool:
                    raise typeguard.TypeCheckError("is a bool")
                typeguard.check_type(value, hints[each.name])
            except typeguard.TypeCheckError:
                name = f"{self.section}{each.name}"
                raise ConfigError(f"{name} must be {describe(hints[each.name])}, not {value!r}.") from None
        self.check()

    def check(self) -> None:
        """Raises `ConfigError` where fields contradict each other or are out of range."""


def describe(hint: Any) -> str:
    """What a field takes, in words."""
    if typing.get_origin(hint) is Literal:
        return "one of " + ", ".join(repr(choice) for choice in typing.get_args(hint))
    if typing.get_origin(hint) is tuple:
        return "(" + ", ".join("..." if each is ... else describe(each) for each in typing.get_args(hint)) + ")"
    if isinstance(hint, types.UnionType):
        return " or ".join(describe(each) for each in typing.get_args(hint))
    words = {
        int: "a whole number",
        float: "a number",
        str: "a text",
        bool: "True or False",
        types.NoneType: "None",
    }
    return words[hint] if hint in words else f"a {hint.__name__}"
