"""A sentence in the making: who decides, and what has been said so far.

The rules of the grammar are functions of a `Draft`. A plain draft decides at random. `derivations` runs the
same rules again and again, each time with other decisions, and gives up a run at the first word that differs
from the sentence asked for: a recogniser by backtracking, without a second copy of the grammar.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from xattn.data.toy.words import Said

T = TypeVar("T")
VOWELS = frozenset("aeiou")
HORIZON = 7  # "all the very small quick brown foxes": no noun comes later in its phrase


class DeadEnd(Exception):
    """The decisions so far lead to no sentence that is wanted."""


class Draft:
    """A sentence being said, its choices made by `random`, which gives numbers from 0 up to 1.

    `adjective_nouns` collects which adjectives are said of which nouns; the pairs in `barred` are avoided.
    """

    def __init__(self, random: Callable[[], float], barred: frozenset[tuple[str, str]] = frozenset()):
        self.random = random
        self.barred = barred
        self.words: list[str] = []
        self.adjective_nouns: list[tuple[str, str]] = []

    def pick(self, options: Sequence[T]) -> T:
        """Chooses one of the options; one that is listed twice is twice as likely."""
        if not options:
            raise DeadEnd
        return options[int(self.random() * len(options))]

    def foreseen(self, options: Sequence[T], words: Callable[[T], frozenset[str]]) -> Sequence[T]:
        """Leaves the options of which a word may come soon: all of them, for who does not know the future."""
        return options

    def chance(self, probability: float) -> bool:
        """Decides whether to do something."""
        return self.random() < probability

    def say(self, text: str) -> Said:
        """Says English words, or none, and returns their positions; "a" before a vowel becomes "an"."""
        words = self.words
        start = len(words)
        if start and words[-1] == "a" and text[:1] in VOWELS:
            words[-1] = "an"
        if " " not in text and text:
            words.append(text)
            return (start,)
        words += text.split()
        return tuple(range(start, len(words)))

    def word(self, options: Sequence[T], form: Callable[[T], str]) -> tuple[T, Said]:
        """Chooses one of the options and says its form."""
        option = self.pick(options)
        return option, self.say(form(option))


class _Trial(Draft):
    """A draft of `target` that follows a path of [choice, choices], and adds to it where it ends."""

    def __init__(self, target: Sequence[str], path: list[list[int]]):
        super().__init__(float)
        self.target, self.path, self.depth = target, path, 0

    def pick(self, options: Sequence[T]) -> T:
        choices = list(dict.fromkeys(options))
        if not choices:
            raise DeadEnd
        return choices[self._decide(len(choices))]

    def foreseen(self, options: Sequence[T], words: Callable[[T], frozenset[str]]) -> Sequence[T]:
        start = len(self.words)
        soon = self.target[start : start + HORIZON]
        return [option for option in options if not words(option).isdisjoint(soon)]

    def chance(self, probability: float) -> bool:
        return self._decide(2) == 1

    def say(self, text: str) -> Said:
        if not self._fits(text):
            raise DeadEnd
        return super().say(text)

    def word(self, options: Sequence[T], form: Callable[[T], str]) -> tuple[T, Said]:
        return super().word([option for option in options if self._fits(form(option))], form)

    def _fits(self, text: str) -> bool:
        start, words = len(self.words), text.split()
        there = self.target[start : start + len(words)]
        return there == words or (words == ["a"] and there == ["an"])

    def _decide(self, count: int) -> int:
        if self.depth == len(self.path):
            self.path.append([0, count])
        self.depth += 1
        return self.path[self.depth - 1][0]


def derivations(rule: Callable[[Draft], T], english: str) -> Iterator[T]:
    """Yields the result of `rule` for every way to decide that says exactly `english`."""
    target = english.split()
    path: list[list[int]] = []
    while True:
        trial = _Trial(target, path)
        try:
            result = rule(trial)
        except DeadEnd:
            pass
        else:
            if trial.words == target:
                yield result
        while path and path[-1][0] + 1 == path[-1][1]:
            path.pop()
        if not path:
            return
        path[-1][0] += 1
