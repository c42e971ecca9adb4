"""Generated stories, checked by an independent simulation that reads only their sentences."""

import re
from itertools import product

import pytest

from xattn.data.benchmarks import stories
from xattn.data.benchmarks.stories import QUESTIONS, draw
from xattn.errors import UserError

LENGTHS = (5, 17)


def simulate(sentences):
    """The places of every object and person in order, and the last giver of an object to a person."""
    went, has, visited, gave = {}, {}, {}, {}

    def at(what, place):
        if place is not None and visited.setdefault(what, [place])[-1] != place:
            visited[what].append(place)

    for sentence in map(" ".join, sentences):
        if found := re.fullmatch(r"(\w+) (?:walked to|hurried to|went over to) the (\w+)", sentence):
            name, place = found.groups()
            went[name] = place
            at(name, place)
            for what in [what for what, who in has.items() if who == name]:
                at(what, place)
            continue
        if found := re.fullmatch(r"(\w+) (?:took|picked up|found) the (\w+)", sentence):
            name, what = found.groups()
            has[what] = name
        elif found := re.fullmatch(r"(\w+) (?:dropped|put down) the (\w+)", sentence):
            name, what = found.groups()
            has.pop(what, None)
        elif found := re.fullmatch(r"(\w+) (?:gave|handed|passed) the (\w+) to (\w+)", sentence):
            giver, what, name = found.groups()
            has[what], gave[what, name] = name, giver
        else:
            raise AssertionError(sentence)
        at(what, went.get(name))
    return visited, gave


def answer(words, sentences):
    visited, gave = simulate(sentences)
    question = " ".join(words)
    if found := re.fullmatch(r"where is (?:the )?(\w+)", question):
        return visited[found[1]][-1]
    if found := re.fullmatch(r"who gave the (\w+) to (\w+)", question):
        return gave[found.groups()]
    found = re.fullmatch(r"where was the (\w+) before the (\w+)", question)
    assert found, question
    what, place = found.groups()
    assert visited[what][-1] == place, "the latest move is asked for"
    return visited[what][-2]


@pytest.fixture(scope="module")
def drawn():
    splits = ("train", "validation", "test")
    return {(s, k): [draw(0, s, n, k, LENGTHS) for n in range(60)] for s, k in product(splits, QUESTIONS)}


def test_answers_agree_with_an_independent_simulation(drawn):
    for each in (each for some in drawn.values() for each in some):
        assert answer(each.words, each.story) == each.answer
        assert LENGTHS[0] <= len(each.story) <= LENGTHS[1]


def test_facts_are_sufficient_and_necessary(drawn):
    """Alone they give the answer of a question about the present; with any of them left out, they do not."""
    for kind in ("person", "object", "giver"):
        for each in (each for split in ("train", "test") for each in drawn[split, kind]):
            kept = sorted(each.facts)
            assert answer(each.words, [each.story[fact] for fact in kept]) == each.answer
            for left_out in kept:
                with pytest.raises(KeyError):
                    answer(each.words, [each.story[fact] for fact in kept if fact != left_out])


def test_facts_stand_in_the_order_of_need(drawn):
    """First the sentence that names the holder of an object, then the holder's place, then the place before."""
    for each in drawn["train", "object"] + drawn["train", "before"]:
        first, *moves = (each.story[fact] for fact in each.facts)
        what = each.words[each.words.index("the") + 1]
        assert what in first
        holder = first[-1] if first[-2] == "to" else first[0]
        places = [*each.words[-1:], each.answer] if len(moves) == 2 else [each.answer]
        assert [(move[0], move[-1]) for move in moves] == [(holder, place) for place in places]
        assert not any(what in sentence for sentence in each.story[each.facts[0] + 1 :])


def test_the_simulation_by_hand():
    """Every rule about objects once: carried, given, dropped, and left behind."""
    told = [
        each.split()
        for each in (
            "anna walked to the mill",
            "anna took the lamp",
            "anna hurried to the tower",
            "boris walked to the tower",
            "anna gave the lamp to boris",
            "boris went over to the stable",
            "boris dropped the lamp",
            "boris walked to the harbour",
            "anna walked to the orchard",
        )
    ]
    asked = {
        "where is the lamp": "stable",
        "where was the lamp before the stable": "tower",
        "who gave the lamp to boris": "anna",
        "where is boris": "harbour",
    }
    assert {question: answer(question.split(), told) for question in asked} == asked


def test_no_story_is_in_two_splits(drawn):
    texts = {
        split: {(each.words, *each.story) for kind in QUESTIONS for each in drawn[split, kind]}
        for split in ("train", "validation", "test")
    }
    # Also for very short stories, which repeat soon.
    for split in texts:
        texts[split] |= {(e.words, *e.story) for n in range(300) if (e := draw(0, split, n, "person", (2, 2)))}
    assert (
        not texts["train"] & texts["validation"] | texts["train"] & texts["test"] | texts["validation"] & texts["test"]
    )
    assert len(texts["train"]) < 60 * 4 + 300  # some stories did repeat


def test_a_story_depends_on_its_arguments_alone():
    one = draw(3, "test", 11, "object", LENGTHS)
    assert draw(3, "test", 11, "object", LENGTHS) == one
    others = [draw(3, "test", 12, "object", LENGTHS), draw(4, "test", 11, "object", LENGTHS)]
    assert all(other.story != one.story for other in others)
    with pytest.raises(UserError, match="Stories have the splits train, validation, test, not 'dev'"):
        draw(0, "dev", 0, "object", LENGTHS)


def test_the_vocabulary_is_exactly_the_words_in_use(drawn):
    questions = [each for some in drawn.values() for each in some]
    said = {word for each in questions for sentence in (*each.story, each.words) for word in sentence}
    assert said == set(stories.WORDS)
    assert {each.answer for each in questions} == set(stories.ANSWERS)
    assert max(len(sentence) for each in questions for sentence in each.story) == stories.SENTENCE_WORDS
    assert max(len(each.words) for each in questions) == stories.QUESTION_WORDS
