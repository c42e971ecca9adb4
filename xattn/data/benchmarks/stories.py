"""Generated stories in the style of bAbI: people walk, and take, drop and give objects; then a question is asked.

Answers and supporting facts are computed from a simulated world, and a story states all that its question needs.
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

# The question of each kind; {o}, {n} and {p} are an object, a name and a place.
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
# The split of a story is decided by a hash of its text, so that no story is in two splits.
_SHARES = {"train": range(2, 10), "validation": range(0, 1), "test": range(1, 2)}


def draw(seed: int, split: str, number: int, kind: str, sentences: tuple[int, int]) -> Question:
    """Draws a story and a question of a kind; the same arguments give the same story.

    `sentences` is the minimum and maximum number of sentences. No story with its question is in two splits. Raises
    `UserError` for an unknown split.
    """
    if split not in _SHARES:
        raise UserError(f"Stories have the splits {', '.join(_SHARES)}, not {split!r}.")
    rng = random.Random(f"{seed} {split} {number} {kind}")
    while True:
        world = _World(rng)
        for _ in range(rng.randint(*sentences)):
            world.step()
        if possible := list(world.questions(kind)):
            question = rng.choice(possible)
            text = "\n".join(" ".join(each) for each in (*question.story, question.words))
            if zlib.crc32(text.encode()) % 10 in _SHARES[split]:
                return question


@dataclass
class _World:
    """A simulated world and the story about it so far; an event is numbered by the index of its sentence."""

    rng: random.Random
    story: list[tuple[str, ...]] = field(default_factory=list)
    moves: dict[str, list[tuple[int, str]]] = field(default_factory=lambda: defaultdict(list))
    """For each person: (event, place) of every arrival."""
    events: dict[str, list[tuple[int, str, str | None]]] = field(default_factory=lambda: defaultdict(list))
    """For each object: (event, person, giver); the person took, received or dropped it, and giver may be None."""
    held: dict[str, str] = field(default_factory=dict)
    """The holder of every object that is held."""
    lies: dict[str, str] = field(default_factory=dict)
    """The place of every object that was dropped."""

    def step(self) -> None:
        """Simulates one event and tells it: a walk in half of all cases, else one of the other possible kinds."""
        rng = self.rng
        at = {name: moves[-1][1] for name, moves in self.moves.items()}
        takes = [
            (name, what)
            for name, place in at.items()
            for what in OBJECTS
            # An object that was not mentioned before may be anywhere.
            if what not in self.held and (what not in self.lies or self.lies[what] == place)
        ]
        drops = [(name, what) for what, name in self.held.items()]
        gives = [(name, what, to) for name, what in drops for to in at if to != name and at[to] == at[name]]
        possible = [events for events in (takes, drops, gives) if events]
        if not possible or rng.random() < 0.5:
            name = rng.choice(NAMES)
            place = rng.choice([p for p in PLACES if name not in at or at[name] != p])
            self._tell(name, rng.choice(_WALKS), place)
            self.moves[name].append((len(self.story) - 1, place))
            return
        chosen = rng.choice(possible)
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
        """Yields all questions of a kind that the story answers."""
        assert kind in QUESTIONS, "callers choose from QUESTIONS"
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
            # A dropped object stays where its last holder was at that time.
            came = [(when, place) for when, place in self.moves[name] if what in self.held or when < event]
            when, place = came[-1]
            if kind == "object":
                yield self._ask(kind, place, [event, when], o=what)
                continue
            # The event by which the last holder got the object: if it was dropped, the event before.
            got = events[-1] if what in self.held else events[-2]
            if len(came) > 1 and got[0] < when:
                yield self._ask(kind, came[-2][1], [event, when, came[-2][0]], o=what, p=place)

    def _tell(self, name: str, verb: str, what: str, *to: str) -> None:
        self.story.append(tuple(f"{name} {verb} the {what}{''.join(f' to {each}' for each in to)}".split()))

    def _ask(self, kind: str, answer: str, facts: list[int], **names: str) -> Question:
        return Question(self.story, tuple(QUESTIONS[kind].format(**names).split()), answer, tuple(facts))
