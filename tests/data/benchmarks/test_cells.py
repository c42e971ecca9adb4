"""Pictures of cells and their sentences: a sentence says all that is in its picture, phrases name their things."""

import itertools
import re

import numpy as np
import pytest

from xattn.data.benchmarks import cells
from xattn.data.benchmarks.scenes import COLORS
from xattn.errors import UserError

STEPS = {"above": -4, "below": 4, "left of": -1, "right of": 1}


def draw(split, number, seed=0, things=(1, 8), relative=0.5, chains=False):
    return cells.draw(seed, split, number, things=things, relative=relative, chains=chains)


@pytest.fixture(scope="module")
def drawn():
    return {split: [draw(split, number) for number in range(200)] for split in ("train", "validation", "test")}


def parse(sentence):
    """The cells that a sentence describes, and the place of each of its things, read by another way than it is made."""
    held, places = [0] * 16, []
    for phrase in re.split(r" , | and ", sentence):
        color, shape, place = re.fullmatch(r"a (\S+) (\S+) (.+)", phrase).groups()
        if place.endswith(" it"):
            here = places[-1] + STEPS[place.removesuffix(" it")]
        else:
            row, column = place.removeprefix("in the ").split()
            here = 4 * ["top", "upper", "lower", "bottom"].index(row)
            here += ["left", "mid-left", "mid-right", "right"].index(column)
        assert held[here] == 0
        held[here] = cells.CODES.index(f"{color} {shape}")
        places.append(here)
    return tuple(held), places


def test_a_picture_depends_on_seed_split_and_number_alone():
    one = draw("test", 3)
    assert draw("test", 3) == one
    assert one not in (draw("test", 4), draw("train", 3), draw("test", 3, seed=1))
    with pytest.raises(UserError, match="have the splits train, validation, test, not 'dev'"):
        draw("dev", 0)


def test_a_sentence_says_what_is_in_its_picture(drawn):
    chained = [draw("train", number, chains=True) for number in range(200)]
    for scene in drawn["train"] + chained:
        held, places = parse(" ".join(scene.words))
        assert scene.cells == held
        assert [scene.things[place] for place in places] == list(range(1, len(places) + 1))
    # Of two things in a row that stand next to "it", the second needs the first.
    twice = [sum(map(_chain, every)) for every in (drawn["train"], chained)]
    assert twice[0] == 0
    assert twice[1] > 20


def _chain(scene):
    phrases = re.split(r" , | and ", " ".join(scene.words))
    return any(one.endswith(" it") and two.endswith(" it") for one, two in itertools.pairwise(phrases))


def test_a_phrase_belongs_to_its_thing(drawn):
    for scene in drawn["test"]:
        assert len(scene.words) == len(scene.phrases) <= 8 * cells.LONGEST_PHRASE - 1
        for thing in range(1, max(scene.things) + 1):
            words = [word for word, phrase in zip(scene.words, scene.phrases, strict=True) if phrase == thing]
            assert " ".join(words[1:3]) == cells.CODES[scene.cells[scene.things.index(thing)]]
        joined = {word for word, phrase in zip(scene.words, scene.phrases, strict=True) if phrase == 0}
        assert joined <= {",", "and"}


def test_no_picture_is_in_two_splits(drawn):
    seen = {split: {scene.cells for scene in every} for split, every in drawn.items()}
    assert not seen["train"] & seen["test"]
    assert not seen["train"] & seen["validation"]
    assert not seen["validation"] & seen["test"]


def test_there_are_thirty_codes_and_all_words_are_known(drawn):
    assert len(cells.CODES) == 31
    assert {word for scene in drawn["train"] for word in scene.words} == set(cells.WORDS)
    few = [draw("train", number, things=(3, 5), relative=0.0) for number in range(50)]
    assert {max(scene.things) for scene in few} == {3, 4, 5}
    assert all("it" not in scene.words for scene in few)


def test_a_cell_is_drawn_in_its_place_and_colour():
    held = [0] * 16
    held[6] = cells.CODES.index("yellow square")
    picture = cells.picture(held)
    assert (picture.shape, picture.dtype) == ((144, 144, 3), np.uint8)
    assert picture[36 + 18, 72 + 18].tolist() == list(COLORS["yellow"])
    inside = np.zeros((144, 144), bool)
    inside[36:72, 72:108] = True
    assert (picture[~inside] == 255).all()
    assert 0.2 < (picture[inside] < 255).any(axis=-1).mean() < 0.5
