"""Questions about stories, and the reader of the bAbI tasks (Weston et al., 2015)."""

import re
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from xattn.errors import UserError

_MEMBER = re.compile(r"(?:^|/)en-10k/qa(\d+)_[^/]*_(train|test)\.txt$")


class Question(NamedTuple):
    """A story, a question about it, its answer and its supporting facts, in lower-case words."""

    story: Sequence[tuple[str, ...]]
    """The sentences before the question, in order."""
    words: tuple[str, ...]
    answer: str
    facts: tuple[int, ...]
    """Indices of the supporting sentences in the story, in the order in which the answer needs them."""


def load(archive: Path, task: int, part: Literal["train", "test"]) -> list[list[Question]]:
    """Reads the stories of one task, as a list of questions for each story.

    The archive is the published one, or a part of it with the folder en-10k. Raises `UserError` if the archive cannot
    be read or lacks the task.
    """
    try:
        with tarfile.open(archive) as tar:
            members = {(int(m[1]), m[2]): member for member in tar if (m := _MEMBER.search(member.name))}
            if (task, part) not in members:
                others = sorted({number for number, other in members if other == part})
                raise UserError(
                    f"{archive} has no {part} questions of task {task} (en-10k/qa{task}_*_{part}.txt); "
                    f"it has those of {', '.join(map(str, others)) or 'none'}."
                )
            file = tar.extractfile(members[task, part])
            assert file is not None, "the member is a regular file"
            lines = file.read().decode().splitlines()
    except OSError as error:
        raise UserError(f"Cannot read {archive}: {error.strerror or error}.") from None
    except tarfile.TarError as error:
        raise UserError(f"Cannot read {archive}: {error}.") from None
    return list(parse(lines, f"{archive}, {members[task, part].name}"))


def parse(lines: Sequence[str], name: str) -> Iterator[list[Question]]:
    """Yields the questions of each story of a file in bAbI's format.

    A line is its number in the story and a sentence, or its number, a question, the answer and the numbers of the
    supporting lines, separated by tabs. The number 1 begins a new story. An answer of several words is one answer.
    Raises `UserError`, which states `name` and the line, for a line that does not fit.

    >>> lines = ["1 Mary got the milk.", "2 Mary ran home.", "3 Where is the milk? \\thome\\t1 2", "1 Mary slept."]
    >>> (questions,) = parse(lines, "a file")
    >>> questions[0].words, questions[0].answer, questions[0].facts
    (('where', 'is', 'the', 'milk'), 'home', (0, 1))
    """
    story: list[tuple[str, ...]] = []
    place: dict[int, int] = {}  # line number in the story -> index of the sentence
    questions: list[Question] = []
    last = 0
    for at, line in enumerate(lines, start=1):
        where = f"{name}, line {at}"
        start, _, rest = line.strip().partition(" ")
        if not start.isdecimal():
            raise UserError(f"{where}: a line must begin with its number in the story, not {start!r}.")
        if (number := int(start)) == 1:
            if questions:
                yield questions
            story, place, questions = [], {}, []
        elif number != last + 1:
            raise UserError(f"{where}: the number after {last} must be {last + 1}, or 1 for a new story, not {number}.")
        last = number
        sentence, *more = rest.split("\t")
        if not more:
            place[number] = len(story)
            story.append(_words(sentence))
            continue
        if len(more) != 2 or not more[0].strip():
            raise UserError(f"{where}: separate a question, its answer and the numbers of its facts by two tabs.")
        facts = more[1].split()
        if wrong := [fact for fact in facts if not fact.isdecimal() or int(fact) not in place]:
            raise UserError(
                f"{where}: the supporting fact {wrong[0]!r} is not a sentence of the story before the question."
            )
        questions.append(
            Question(tuple(story), _words(sentence), more[0].strip().lower(), tuple(place[int(fact)] for fact in facts))
        )
    if questions:
        yield questions


def _words(text: str) -> tuple[str, ...]:
    return tuple(re.findall(r"\w+", text.lower()))
