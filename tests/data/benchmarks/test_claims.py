"""Claims about scenes: the true one is true, the others are false, and the swaps have the same words."""

from collections import Counter

import pytest

from xattn.data.benchmarks import claims
from xattn.data.benchmarks.claims import Claim
from xattn.data.benchmarks.scenes import Thing
from xattn.errors import ConfigError


def draw(split, number):
    return claims.draw(0, split, number, side=24)


def test_a_claim_holds_of_objects_by_their_cells():
    things = (Thing(0, "big", "red", "square"), Thing(4, "small", "blue", "circle"), Thing(7, "big", "red", "circle"))
    red, blue, decoy = ("red", "square"), ("blue", "circle"), ("red", "circle")
    for claim, true in [
        (Claim(red, "left", blue), True),
        (Claim(red, "above", blue), True),
        (Claim(red, "right", blue), False),
        (Claim(decoy, "below", blue), True),
        (Claim(decoy, "left", blue), False),  # in the same column
        (Claim(("blue", "square"), "left", decoy), False),  # there is none
    ]:
        assert claim.holds(things) == true, claim
    assert Claim(red, "left", blue).swapped == (
        Claim(("blue", "square"), "left", ("red", "circle")),
        Claim(blue, "left", red),
    )


def test_only_the_first_claim_is_true_and_swaps_are_the_same_words():
    decoys = 0
    for number in range(150):
        match = draw("train", number)
        things, (true, colors, relation, other) = match.scene.things, match.claims
        assert true.holds(things)
        assert not any(each.holds(things) for each in (colors, relation, other))
        assert Counter(true.words) == Counter(colors.words) == Counter(relation.words)
        assert len({true, colors, relation}) == 3
        assert len({(thing.color, thing.shape) for thing in things}) == len(things)
        for named, place, decoy in zip((true.first, true.second), match.about, match.decoys, strict=True):
            assert (things[place].color, things[place].shape) == named
            assert decoy == (sum(thing.color == named[0] for thing in things) > 1)
        decoys += any(match.decoys)
    assert 0.35 < decoys / 150 < 0.65


def test_splits_are_disjoint_and_may_have_decoys_alone():
    assert all(any(draw("test_decoy", number).decoys) for number in range(30))
    found = {split: {str(draw(split, n).scene.things) for n in range(100)} for split in ("train", "validation", "test")}
    assert not found["train"] & found["test"]
    assert not found["validation"] & found["test"]
    assert draw("test", 3).claims == draw("test", 3).claims != draw("test", 4).claims
    for name in ("tests", "test_3", "test_"):
        with pytest.raises(ConfigError, match=f"no split '{name}': there are train, validation, test, and of each"):
            draw(name, 0)
