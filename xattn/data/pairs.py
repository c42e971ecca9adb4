"""What every source of parallel text gives, and what it says of lines that are no sentence pair."""

from typing import Literal, NamedTuple

from xattn.errors import UserError

Policy = Literal["error", "skip"]
WordLinks = tuple[tuple[int, int], ...]


class DataError(UserError):
    """Something is wrong with a corpus; the message says what, and in which file and line."""


class Pair(NamedTuple):
    """A sentence and its translation, with gold links where they are known.

    Links are (source word, target word) positions; words are what spaces part, counted from 0. `possible`
    includes `sure`.
    """

    source: str
    target: str
    sure: WordLinks | None = None
    possible: WordLinks | None = None


class BadLines:
    """What becomes of lines that are no sentence pair: the first is an error, or all are left out and counted.

    >>> bad = BadLines("skip")
    >>> for line in (2, 3): bad.found(f"train.fr, line {line}", "there is no text", "delete it")
    >>> bad.report()
    ['2 pairs left out: there is no text (the first: train.fr, line 2).']
    """

    def __init__(self, policy: Policy = "error"):
        self.policy = policy
        self.counts: dict[str, int] = {}
        self.first: dict[str, str] = {}

    def found(self, place: str, kind: str, advice: str) -> None:
        """Raises `DataError` for a bad line, or counts it; `advice` says how to mend it."""
        if self.policy == "error":
            raise DataError(f"{place}: {kind}; {advice}, or leave such lines out with --data.bad_lines skip.")
        self.left_out(place, kind)

    def left_out(self, place: str, kind: str) -> None:
        """Counts a pair that is left out without being anybody's mistake."""
        self.counts[kind] = self.counts.setdefault(kind, 0) + 1
        self.first.setdefault(kind, place)

    @property
    def total(self) -> int:
        """How many pairs were left out so far."""
        return sum(self.counts.values())

    def decode(self, data: bytes, place: str, advice: str) -> str | None:
        """The text of bytes, without white space around it; None for what is bad, and was counted."""
        try:
            text = data.decode("utf-8").strip()
        except UnicodeDecodeError:
            self.found(place, "this is not UTF-8", "convert it to UTF-8")
            return None
        if not text:
            self.found(place, "there is no text", advice)
            return None
        return text

    def report(self) -> list[str]:
        """A sentence for each kind of line that was left out: how many, and where the first is."""
        return [
            f"{count:,} {'pair' if count == 1 else 'pairs'} left out: {kind} (the first: {self.first[kind]})."
            for kind, count in self.counts.items()
        ]
