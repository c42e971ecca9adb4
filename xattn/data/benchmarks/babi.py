"""Stories with questions: what one is, and the bAbI tasks (Weston et al., 2015), read from their archive."""

import re
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from xattn.errors import UserError

_MEMBER = re.compile(r"(?:^|/)en-10k/qa(\d+)_[^/]*_(train|test)\.txt$")


class Question(NamedTuple):
    """A question after a story, in words of lower case, and the sentences that its answer follows from."""

    story: Sequence[tuple[str, ...]]
    """Sentences, the latest last."""
    words: tuple[str, ...]
    answer: str
    facts: tuple[int, ...]
    """Places of the supporting sentences in the story, in the order in which they are needed."""


def load(archive: Path, task: int, part: Literal["train", "test"]) -> list[list[Question]]:
    """All stories of one task, each with its questions; the archive is the published one, or has its en-10k alone."""
    try:
        with tarfile.open(archive) as tar:
            found = {(int(m[1]), m[2]): each for each in tar if (m := _MEMBER.search(each.name))}
            if (task, part) not in found:
                others = sorted({number for number, its in found if its == part})
                raise UserError(
                    f"{archive} has no {part} questions of task {task} (en-10k/qa{task}_*_{part}.txt); "
                    f"it has those of {', '.join(map(str, others)) or 'none'}."
                )
            file = tar.extractfile(found[task, part])
            assert file is not None, "a text file is a plain file"
            lines = file.read().decode().splitlines()
    except OSError as error:
        raise UserError(f"Cannot read {archive}: {error.strerror or error}.") from None
    except tarfile.TarError as error:
        raise UserError(f"Cannot read {archive}: {error}.") from None
    return list(parse(lines, f"{archive}, {found[task, part].name}"))


def parse(lines: Sequence[str], name: str) -> Iterator[list[Question]]:
    """The questions of each story of a file in bAbI's form; errors say `name`, and the number of the line.

    A line is its number in the story and a sentence, or a question, its answer and the numbers of the supporting lines,
    parted by tabs. A story ends where the numbers begin anew. An answer of several words is one answer.

    >>> lines = ["1 Mary got the milk.", "2 Mary ran home.", "3 Where is the milk? \\thome\\t1 2", "1 Mary slept."]
    >>> (questions,) = parse(lines, "a file")
    >>> questions[0].words, questions[0].answer, questions[0].facts
    (('where', 'is', 'the', 'milk'), 'home', (0, 1))
    """
    story: list[tuple[str, ...]] = []
    place: dict[int, int] = {}  # of the line with a number, among the sentences
    questions: list[Question] = []
    last = 0
    for at, line in enumerate(lines, start=1):
        where = f"{name}, line {at}"
        start, _, rest = line.strip().partition(" ")
        if not start.isdecimal():
            raise UserError(f"{where}: a line begins with its number in the story, not {start!r}.")
        if (number := int(start)) == 1:
            if questions:
                yield questions
            story, place, questions = [], {}, []
        elif number != last + 1:
            raise UserError(
                f"{where}: the line after {last} has the number {last + 1}, or 1 in a new story, not {number}."
            )
        last = number
        sentence, *more = rest.split("\t")
        if not more:
            place[number] = len(story)
            story.append(_words(sentence))
            continue
        if len(more) != 2 or not more[0].strip():
            raise UserError(f"{where}: a question, its answer and the numbers of its facts are parted by two tabs.")
        facts = more[1].split()
        if wrong := [fact for fact in facts if not fact.isdecimal() or int(fact) not in place]:
            raise UserError(
                f"{where}: the supporting fact {wrong[0]!r} is no sentence of the story before the question."
            )
        questions.append(
            Question(tuple(story), _words(sentence), more[0].strip().lower(), tuple(place[int(fact)] for fact in facts))
        )
    if questions:
        yield questions


def _words(text: str) -> tuple[str, ...]:
    return tuple(re.findall(r"\w+", text.lower()))
