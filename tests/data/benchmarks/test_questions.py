"""Questions about scenes: what they mean, by another reading, and what the answers depend on."""

import re
from collections import Counter

import pytest

from xattn.data.benchmarks import questions
from xattn.data.benchmarks.questions import Noun, Question
from xattn.data.benchmarks.scenes import Thing
from xattn.errors import UserError

NEXT = {"above": (1, 0), "below": (-1, 0), "left of": (0, 1), "right of": (0, -1)}


def draw(split, number, seed=0, relations=(0, 2)):
    return questions.draw(seed, split, number, relations)


@pytest.fixture(scope="module")
def drawn():
    return {split: [draw(split, number) for number in range(400)] for split in ("train", "validation", "test")}


def find(words, things):
    """All ways to bind the objects of a question, read from its words: lists of cells."""
    phrases = re.split(r" (above|below|left of|right of) a ", " ".join(words).removeprefix("is there a "))
    nouns, relations = phrases[::2], phrases[1::2]
    at = {divmod(thing.cell, 3): thing for thing in things}

    def bind(number, place):
        thing = at.get(place)
        wanted = {word for word in nouns[number].split() if word != "shape"}
        if thing is None or not wanted <= {thing.color, thing.shape}:
            return []
        if number == len(relations):
            return [[place]]
        down, across = NEXT[relations[number]]
        return [[place, *rest] for rest in bind(number + 1, (place[0] + down, place[1] + across))]

    return [each for place in at for each in bind(0, place)]


def test_a_draw_depends_on_seed_split_and_number_alone():
    one = draw("test", 3)
    assert draw("test", 3) == one
    assert one not in (draw("test", 4), draw("train", 3), draw("test", 3, seed=1))
    with pytest.raises(UserError, match="have the splits train, validation, test, not 'dev'"):
        draw("dev", 0)


def test_the_answer_and_the_objects_that_are_meant_follow_from_the_words(drawn):
    for question, things, answer in drawn["train"]:
        found = find(question.words, things)
        assert answer == bool(found)
        meant = question.meant(questions.placed(things))
        for number, cells in enumerate(meant):
            assert cells == {3 * row + column for row, column in (each[number] for each in found)}


def test_each_word_names_its_object():
    question = Question((Noun("red", "shape"), Noun("", "circle"), Noun("blue", "square")), ("above", "left of"))
    words, named = question.phrased
    assert " ".join(words) == "is there a red shape above a circle left of a blue square"
    assert named == (0, 0, 0, 1, 1, 0, 0, 2, 0, 0, 0, 3, 3)


def test_the_share_of_yes_is_the_same_for_all_kinds_of_questions(drawn):
    every = drawn["train"] + drawn["validation"] + drawn["test"]
    count, yes = Counter(), Counter()
    for question, _, answer in every:
        count[len(question.relations)] += 1
        yes[len(question.relations)] += answer
    assert {*count} == {0, 1, 2}
    for kind, total in count.items():
        assert yes[kind] / total == pytest.approx(questions.YES, abs=0.09)  # more than three standard errors
    assert {word for question, *_ in every for word in question.words} == set(questions.WORDS)


def test_only_places_tell_a_no_from_a_yes_where_there_is_a_relation(drawn):
    """The objects of the question are in the scene, whatever the answer."""
    for question, things, _ in drawn["test"]:
        if question.relations:
            left = list(things)
            for noun in sorted(question.nouns, key=lambda noun: -len(noun.words)):
                assert any(noun.fits(thing) for thing in left)
        assert len({thing.cell for thing in things}) == len(things)
        assert things == sorted(things, key=lambda thing: thing.cell)


def test_no_question_is_in_two_splits_with_its_scene(drawn):
    seen = {split: {str(each[:2]) for each in every} for split, every in drawn.items()}
    assert not seen["train"] & (seen["test"] | seen["validation"])
    assert not seen["test"] & seen["validation"]


def test_an_object_can_have_none_beyond_the_edge():
    question = Question((Noun("", "circle"), Noun("", "circle")), ("left of",))
    circle = Thing(2, "big", "red", "circle")
    row = questions.placed([circle, circle._replace(cell=3)])  # at the end of one row, and at the start of the next
    assert question.meant(row) == [set(), set()]
