"""A sentence under construction: its choices and the words so far.

The rules of the grammar are functions of a `Draft`. A plain draft makes random choices. `derivations` recognises a
sentence by backtracking, without a second copy of the grammar: it runs the same rules with every combination of
choices, and abandons a run at the first word that differs from the sentence.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from xattn.data.toy.words import Said

T = TypeVar("T")
VOWELS = frozenset("aeiou")
HORIZON = 7  # "all the very small quick brown foxes": no noun comes later in its phrase


class DeadEnd(Exception):
    """Raised when the choices so far lead to no valid sentence, or not to the target sentence."""


class Draft:
    """A sentence whose choices are made by `random`, which returns numbers from 0 up to 1.

    `adjective_nouns` records which adjectives are said of which nouns. The (adjective, noun) pairs in `barred` are
    avoided.
    """

    def __init__(self, random: Callable[[], float], barred: frozenset[tuple[str, str]] = frozenset()):
        self.random = random
        self.barred = barred
        self.words: list[str] = []
        self.adjective_nouns: list[tuple[str, str]] = []

    def pick(self, options: Sequence[T]) -> T:
        """Chooses one of the options; an option listed twice is twice as likely. Raises `DeadEnd` if there are none."""
        if not options:
            raise DeadEnd
        return options[int(self.random() * len(options))]

    def reachable(self, options: Sequence[T], words: Callable[[T], frozenset[str]]) -> Sequence[T]:
        """Drops the options whose `words` do not come soon in the target; a plain draft has none and drops nothing."""
        return options

    def chance(self, probability: float) -> bool:
        """Returns True with the given probability."""
        return self.random() < probability

    def say(self, text: str) -> Said:
        """Appends English words, or none, and returns their positions; "a" before a vowel becomes "an"."""
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
        """Chooses one of the options and appends its form; returns the option and the positions of its words."""
        option = self.pick(options)
        return option, self.say(form(option))


class _Trial(Draft):
    """A draft of `target` that follows a path of [choice, number of choices], and extends it beyond its end."""

    def __init__(self, target: Sequence[str], path: list[list[int]]):
        super().__init__(float)
        self.target, self.path, self.depth = target, path, 0

    def pick(self, options: Sequence[T]) -> T:
        choices = list(dict.fromkeys(options))
        if not choices:
            raise DeadEnd
        return choices[self._decide(len(choices))]

    def reachable(self, options: Sequence[T], words: Callable[[T], frozenset[str]]) -> Sequence[T]:
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
        expected = self.target[start : start + len(words)]
        return expected == words or (words == ["a"] and expected == ["an"])

    def _decide(self, count: int) -> int:
        if self.depth == len(self.path):
            self.path.append([0, count])
        self.depth += 1
        return self.path[self.depth - 1][0]


def derivations(rule: Callable[[Draft], T], english: str) -> Iterator[T]:
    """Yields the result of `rule` for every sequence of choices that produces exactly `english`."""
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
