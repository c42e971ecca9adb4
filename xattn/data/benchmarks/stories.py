"""Generated stories in the style of bAbI's: people who walk, take, drop and give, and a question whose facts are known.

Everything that a question needs is told: answers and supporting facts come from the world that the story was told of.
"""

import random
import zlib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from xattn.data.benchmarks.babi import Question
from xattn.errors import UserError

NAMES = ("anna", "boris", "clara", "dmitri", "elena", "farid")
OBJECTS = ("lamp", "map", "drum", "basket")
PLACES = ("harbour", "mill", "library", "tower", "stable", "orchard")
_WALKS = ("walked to", "hurried to", "went over to")
_TAKES = ("took", "picked up", "found")
_DROPS = ("dropped", "put down")
_GIVES = ("gave", "handed", "passed")

# What each kind of question asks, by name; {o}, {n} and {p} are an object, a name and a place.
QUESTIONS = {
    "person": "where is {n}",
    "object": "where is the {o}",
    "before": "where was the {o} before the {p}",
    "giver": "who gave the {o} to {n}",
}
_SENTENCES = [
    *(f"{{n}} {verb} the {{p}}" for verb in _WALKS),
    *(f"{{n}} {verb} the {{o}}" for verb in (*_TAKES, *_DROPS)),
    *(f"{{n}} {verb} the {{o}} to {{n}}" for verb in _GIVES),
]
ANSWERS = (*NAMES, *PLACES)
_FORMS = {word for each in (*_SENTENCES, *QUESTIONS.values()) for word in each.split()}
WORDS = tuple(sorted({*ANSWERS, *OBJECTS, *_FORMS} - {"{n}", "{o}", "{p}"}))
SENTENCE_WORDS, QUESTION_WORDS = (
    max(len(each.split()) for each in forms) for forms in (_SENTENCES, QUESTIONS.values())
)
# Shares of all stories, by a hash of their text: no story is in two splits.
_SHARES = {"train": range(2, 10), "validation": range(0, 1), "test": range(1, 2)}


def draw(seed: int, split: str, number: int, kind: str, sentences: tuple[int, int]) -> Question:
    """One story with a question of a kind, which depends on nothing but the arguments.

    It has between the two numbers of sentences. The same story and question are never in two splits.
    """
    if split not in _SHARES:
        raise UserError(f"Stories have the splits {', '.join(_SHARES)}, not {split!r}.")
    rng = random.Random(f"{seed} {split} {number} {kind}")
    while True:
        told = _Told(rng)
        for _ in range(rng.randint(*sentences)):
            told.go_on()
        if possible := list(told.questions(kind)):
            question = rng.choice(possible)
            text = "\n".join(" ".join(each) for each in (*question.story, question.words))
            if zlib.crc32(text.encode()) % 10 in _SHARES[split]:
                return question


@dataclass
class _Told:
    """A world, and the sentences about it so far; numbers are places of sentences in the story."""

    rng: random.Random
    story: list[tuple[str, ...]] = field(default_factory=list)
    moves: dict[str, list[tuple[int, str]]] = field(default_factory=lambda: defaultdict(list))
    """Of each person: when they came where."""
    events: dict[str, list[tuple[int, str, str | None]]] = field(default_factory=lambda: defaultdict(list))
    """Of each object: when it changed hands, who has it since or put it down, and who gave it."""
    held: dict[str, str] = field(default_factory=dict)
    """Who has an object."""
    lies: dict[str, str] = field(default_factory=dict)
    """Where an object was put down."""

    def go_on(self) -> None:
        """Something happens, and is told: half of it walks, and what else can happen with equal chances."""
        rng = self.rng
        at = {name: moves[-1][1] for name, moves in self.moves.items()}
        takes = [
            (name, what)
            for name, place in at.items()
            for what in OBJECTS
            # An object that was never told of may be anywhere.
            if what not in self.held and (what not in self.lies or self.lies[what] == place)
        ]
        drops = [(name, what) for what, name in self.held.items()]
        gives = [(name, what, to) for name, what in drops for to in at if to != name and at[to] == at[name]]
        happens = [each for each in (takes, drops, gives) if each]
        if not happens or rng.random() < 0.5:
            name = rng.choice(NAMES)
            place = rng.choice([p for p in PLACES if name not in at or at[name] != p])
            self._tell(name, rng.choice(_WALKS), place)
            self.moves[name].append((len(self.story) - 1, place))
            return
        chosen = rng.choice(happens)
        name, what, *others = rng.choice(chosen)
        verbs = _TAKES if chosen is takes else _DROPS if chosen is drops else _GIVES
        self._tell(name, rng.choice(verbs), what, *others)
        giver = name if others else None
        name = others[0] if others else name
        self.events[what].append((len(self.story) - 1, name, giver))
        if chosen is drops:
            del self.held[what]
            self.lies[what] = at[name]
        else:
            self.held[what] = name
            self.lies.pop(what, None)

    def questions(self, kind: str) -> Iterator[Question]:
        """All questions of a kind that the story answers."""
        assert kind in QUESTIONS, "a row checks it"
        if kind == "person":
            for name, moves in self.moves.items():
                yield self._ask(kind, moves[-1][1], [moves[-1][0]], n=name)
        elif kind == "giver":
            last = {(what, name): (giver, when) for what in OBJECTS for when, name, giver in self.events[what] if giver}
            for (what, name), (giver, when) in last.items():
                yield self._ask(kind, giver, [when], o=what, n=name)
        for what, events in self.events.items() if kind in ("object", "before") else ():
            if not events:
                continue
            event, name, _ = events[-1]
            # What was put down stays where its last holder was then.
            came = [(when, place) for when, place in self.moves[name] if what in self.held or when < event]
            when, place = came[-1]
            if kind == "object":
                yield self._ask(kind, place, [event, when], o=what)
                continue
            # With whom it came there: whoever put it down had got it by an earlier event.
            got = events[-1] if what in self.held else events[-2]
            if len(came) > 1 and got[0] < when:
                yield self._ask(kind, came[-2][1], [event, when, came[-2][0]], o=what, p=place)

    def _tell(self, name: str, verb: str, what: str, *to: str) -> None:
        self.story.append(tuple(f"{name} {verb} the {what}{''.join(f' to {each}' for each in to)}".split()))

    def _ask(self, kind: str, answer: str, facts: list[int], **names: str) -> Question:
        return Question(self.story, tuple(QUESTIONS[kind].format(**names).split()), answer, tuple(facts))
