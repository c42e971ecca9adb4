"""Base class of errors caused by user input; commands print them as one line."""

from collections.abc import Sequence


class UserError(ValueError):
    """A mistake of the user; the message says what was wrong, where, and what would be right."""


class ConfigError(UserError):
    """A config or an option that cannot be used; the message names it, and what would be right."""


def require(condition: bool, message: str) -> None:
    """Raises `ConfigError` with the message unless the condition holds."""
    if not condition:
        raise ConfigError(message)


def quantity(number: int, noun: str) -> str:
    """A number and its noun, for a message; the noun has a regular plural.

    >>> quantity(1, "pair"), quantity(0, "pair"), quantity(1200, "pair")
    ('1 pair', '0 pairs', '1,200 pairs')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def nearest(word: str, choices: Sequence[str]) -> str:
    """The end of an error message about an unknown name: the choice nearest to it, or all where none is near.

    >>> nearest("cross_atention", ["Mask", "cross_attention"])
    ' Did you mean cross_attention?'
    >>> nearest("x", ["Mask", "cross_attention"])
    ' There are: Mask, cross_attention.'
    """
    import difflib

    near = difflib.get_close_matches(word, choices, n=1, cutoff=0.6)
    return f" Did you mean {near[0]}?" if near else f" There are: {', '.join(choices)}." if choices else ""
