"""Generated reports about machines, in the style of a log, with their summaries.

The first sentence of a report names its subject, and two later sentences state a fact about it. All other sentences
are about other machines; some of them mention the subject. The summary is the subject with its two facts, in order:

    incident report for web-3 . db-7 waited for web-3 . web-3 dropped 41 packets . web-3 failed check tk-5a0c .
    web-3 dropped 41 packets and failed check tk-5a0c .

Names of machines and tickets are either known, from the fixed inventory `KNOWN`, or strange: one of 65,536 numbers for
each kind. Strange names have even numbers in training and odd ones in all other splits, so that these share none.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from random import Random

OPENERS = (("incident", "report", "for"), ("operators", "ask", "about"), ("this", "concerns"))
FACTS = (
    "lost contact with MACHINE",
    "took over from MACHINE",
    "was blocked by MACHINE",
    "waited for MACHINE",
    "restarted after patch TICKET",
    "failed check TICKET",
    "renewed certificate TICKET",
    "reopened ticket TICKET",
    "dropped NUMBER packets",
    "rejected NUMBER logins",
    "reached NUMBER percent load",
    "ran out of RESOURCE",
)
RESOURCES = ("memory", "disk", "sockets", "threads", "handles", "workers")
MACHINES = ("web", "db", "cache", "queue", "auth", "mail", "proxy", "batch")
AND, STOP = "and", "."
LONGEST_FACT = 4
"""Maximum number of words in a fact."""
MOST_MACHINES = 5
"""Maximum number of machines in a report."""

KNOWN = {
    "MACHINE": tuple(f"{kind}-{number}" for kind in MACHINES for number in range(12)),
    "TICKET": tuple(f"tk-{number}" for number in range(32)),
}
NUMBERS = tuple(str(number) for number in range(10, 100))
WORDS = (
    *(word for opener in OPENERS for word in opener),
    *(word for fact in FACTS for word in fact.split() if not word.isupper()),
    *RESOURCES,
    *NUMBERS,
    *KNOWN["MACHINE"],
    *KNOWN["TICKET"],
    AND,
    STOP,
)
"""All words except strange names."""

Statement = tuple[Hashable, tuple[Hashable, ...]]
"""A machine, and the words of a fact about it."""


@dataclass(frozen=True, kw_only=True)
class Report:
    """A report with its summary; `places` holds, for each word of the summary, its positions in the text.

    A position counts only where the word is said of the subject. The words "and" and "." have none.
    """

    sentences: tuple[tuple[str, ...], ...]
    summary: tuple[str, ...]
    places: tuple[frozenset[int], ...]

    @property
    def text(self) -> list[str]:
        """The words of all sentences."""
        return [word for sentence in self.sentences for word in sentence]


def draw(seed: int, split: str, number: int, *, shortest: int, longest: int, strange: float, training: bool) -> Report:
    """Draws a report of `shortest` to `longest` sentences; the same arguments give the same report.

    `strange` is the probability of a strange name, from 0 to 1. `training` decides which numbers those have.
    """
    random = Random(f"report {seed} {split} {number}")

    def name(kind: str) -> str:
        if random.random() >= strange:
            return random.choice(KNOWN[kind])
        stem = random.choice(MACHINES) if kind == "MACHINE" else "tk"
        return f"{stem}-{2 * random.randrange(2**15) + (not training):04x}"

    def fact(template: str, others: Sequence[str]) -> tuple[str, ...]:
        fill = {
            "MACHINE": lambda: random.choice(others),
            "TICKET": lambda: name("TICKET"),
            "NUMBER": lambda: random.choice(NUMBERS),
            "RESOURCE": lambda: random.choice(RESOURCES),
        }
        return tuple(fill[word]() if word in fill else word for word in template.split())

    machines = random.randint(3, MOST_MACHINES)
    cast: list[str] = []
    while len(cast) < machines:
        cast = list(dict.fromkeys([*cast, name("MACHINE")]))
    subject, *others = cast
    facts = [fact(template, others) for template in random.sample(FACTS, 2)]
    count = random.randint(shortest, longest)
    told = sorted(random.sample(range(1, count), 2))
    sentences, places = [(*random.choice(OPENERS), subject, STOP)], []
    for place in range(1, count):
        if place in told:
            sentences.append((subject, *facts[told.index(place)], STOP))
        else:
            who = random.choice(others)
            rest = [machine for machine in cast if machine != who]
            sentences.append((who, *fact(random.choice(FACTS), rest), STOP))
    starts = [0]
    for sentence in sentences:
        starts.append(starts[-1] + len(sentence))
    first, second = (starts[place] for place in told)
    places = [frozenset({len(sentences[0]) - 2, first, second})]
    places += [frozenset({first + 1 + word}) for word in range(len(facts[0]))]
    places += [frozenset()]
    places += [frozenset({second + 1 + word}) for word in range(len(facts[1]))]
    places += [frozenset()]
    return Report(sentences=tuple(sentences), summary=(subject, *facts[0], AND, *facts[1], STOP), places=tuple(places))


def statements(words: Sequence[Hashable]) -> set[Statement]:
    """The statements of a text: a sentence is a name and its facts, separated by "and".

    The opening sentence of a report states nothing.

    >>> sorted(statements("incident report for db-1 . db-1 ran out of disk and dropped 12 packets .".split()))
    [('db-1', ('dropped', '12', 'packets')), ('db-1', ('ran', 'out', 'of', 'disk'))]
    """
    found: set[Statement] = set()
    openers = {opener[0] for opener in OPENERS}
    for who, *rest in _split(words, STOP):
        if who not in openers:
            found |= {(who, tuple(fact)) for fact in _split(rest, AND)}
    return found


def _split(words: Sequence[Hashable], at: str) -> list[list[Hashable]]:
    parts: list[list[Hashable]] = [[]]
    for word in words:
        if word == at:
            parts.append([])
        else:
            parts[-1].append(word)
    return [part for part in parts if part]
