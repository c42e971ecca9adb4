"""The model that comes with the package: what a newcomer's first command shows."""

import json
import math

import pytest

from xattn import cli
from xattn.alignment.maps import Readout
from xattn.run import open_run
from xattn.tasks.translator import Translator


@pytest.fixture(scope="module")
def model():
    return Translator.open(open_run(cli.PRETRAINED))


FOUNDING = {
    "The quick brown fox": "le renard brun rapide",
    "The cat sits": "le chat est assis",
    "I like eating ice cream": "j' aime manger de la glace",
    "We are friends": "nous sommes amis",
}


def test_it_translates_the_founding_sentences(model):
    found = model.translate(list(FOUNDING))
    assert [best[0].text for best in found] == list(FOUNDING.values())


def test_every_word_of_the_quick_brown_fox_looks_at_its_own(model):
    readout = Readout(**{k: v for k, v in json.loads((cli.PRETRAINED / "results.json").read_text())["readout"].items()
                         if k in ("layer", "head", "convention")})  # fmt: skip
    own = model.translate(["the quick brown fox"], look=True)[0][0].attention
    given = model.attend([("the quick brown fox", "le renard brun rapide")])[0]
    for attention in (own, given):
        words = attention.to_words(readout)
        looked = {word: words.source[row.argmax()] for word, row in zip(words.target, words.weights, strict=True)}
        assert looked == {"le": "the", "renard": "fox", "brun": "brown", "rapide": "quick"}


def test_beam_maps_follow_the_back_pointers(model):
    """What a hypothesis recorded while it was searched for is what teacher forcing on it records."""
    source = "the small boys who see the old fox do not eat it"
    for found in model.translate([source], beam=4, n_best=3, look=True)[0]:
        given = model.attend([(source, found.text)])[0]
        assert given.target == found.attention.target
        assert abs(given.weights - found.attention.weights).max() < 1e-4


def test_candidates_are_what_the_next_piece_might_have_been(model):
    """Greedy search takes the first of them, and their probabilities make up its score; both ways of looking agree."""
    source = "the small boys who see the old fox do not eat it"
    ((best,),) = model.translate([source], beam=1, look=True)
    assert [step[0][0] for step in best.candidates] == best.attention.target
    assert sum(math.log(step[0][1]) for step in best.candidates) == pytest.approx(best.score, abs=1e-4)
    (given,) = model.candidates([(source, best.text)])
    for own, fed in zip(best.candidates, given, strict=True):
        assert own[0][0] == fed[0][0]
        assert (
            [p for _, p in own]
            == sorted((p for _, p in own), reverse=True)
            == pytest.approx([p for _, p in fed], abs=1e-4)
        )


def test_it_is_small():
    assert sum(path.stat().st_size for path in cli.PRETRAINED.iterdir()) <= 2_000_000
