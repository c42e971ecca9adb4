"""Sentence pairs, and the policy for lines that cannot be read as one."""

from typing import Literal, NamedTuple

from xattn.errors import UserError

Policy = Literal["error", "skip"]
WordLinks = tuple[tuple[int, int], ...]
"""Pairs of (source word, target word), counted from 0; words are separated by spaces."""


class DataError(UserError):
    """An error in a corpus. The message names the file and the line, and says how to correct it."""


class Pair(NamedTuple):
    """A sentence and its translation, with gold word links if the corpus has them.

    `possible` includes `sure`.
    """

    source: str
    target: str
    sure: WordLinks | None = None
    possible: WordLinks | None = None


class BadLines:
    """Counts the lines that are not a sentence pair, or refuses the first one.

    With the policy "error", the first bad line raises `DataError`. With "skip", bad lines are left out and counted.

    >>> bad = BadLines("skip")
    >>> for line in (2, 3): bad.reject(f"train.fr, line {line}", "there is no text", "delete it")
    >>> bad.report()
    ['2 pairs left out: there is no text (the first: train.fr, line 2).']
    """

    def __init__(self, policy: Policy = "error"):
        self.policy = policy
        self.counts: dict[str, int] = {}
        """Number of pairs left out, by kind of fault."""
        self.first: dict[str, str] = {}
        """Place of the first pair left out, by kind of fault."""

    def reject(self, place: str, kind: str, advice: str) -> None:
        """Counts a bad line, or raises `DataError` under the policy "error"; `advice` says how to correct it."""
        if self.policy == "error":
            raise DataError(f"{place}: {kind}; {advice}, or leave such lines out with --task.bad_lines skip.")
        self.skip(place, kind)

    def skip(self, place: str, kind: str) -> None:
        """Counts a pair that is left out but is not an error, under either policy."""
        self.counts[kind] = self.counts.setdefault(kind, 0) + 1
        self.first.setdefault(kind, place)

    @property
    def total(self) -> int:
        """Number of pairs left out so far."""
        return sum(self.counts.values())

    def decode(self, data: bytes, place: str, advice: str) -> str | None:
        """Decodes UTF-8 and strips white space; rejects bytes that are not UTF-8 or hold no text.

        Returns None for a rejected line. Raises `DataError` under the policy "error".
        """
        try:
            text = data.decode("utf-8").strip()
        except UnicodeDecodeError:
            self.reject(place, "this is not UTF-8", "convert it to UTF-8")
            return None
        if not text:
            self.reject(place, "there is no text", advice)
            return None
        return text

    def report(self) -> list[str]:
        """One sentence for each kind of fault: how many pairs were left out, and the place of the first."""
        return [
            f"{count:,} {'pair' if count == 1 else 'pairs'} left out: {kind} (the first: {self.first[kind]})."
            for kind, count in self.counts.items()
        ]
