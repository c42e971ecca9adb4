"""The model that comes with the package: what a newcomer's first command shows."""

import json
import math

import numpy as np
import pytest

from xattn.alignment.maps import Readout
from xattn.runs.folder import EVERYDAY, TOY, open_run
from xattn.translation.translator import Translator


@pytest.fixture(scope="module")
def model():
    return Translator.open(open_run(TOY))


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
    readout = Readout(**{k: v for k, v in json.loads((TOY / "results.json").read_text())["readout"].items()
                         if k in ("layer", "head", "convention")})  # fmt: skip
    own = model.translate(["the quick brown fox"], return_attention=True)[0][0].attention
    given = model.attend([("the quick brown fox", "le renard brun rapide")])[0]
    for attention in (own, given):
        words = attention.to_words(readout)
        looked = {word: words.source[row.argmax()] for word, row in zip(words.target, words.weights, strict=True)}
        assert looked == {"le": "the", "renard": "fox", "brun": "brown", "rapide": "quick"}


def test_the_encoder_shows_what_its_own_pieces_look_at(model):
    """A sentence on both sides, the same beside a longer one; the first layer's first head by plain NumPy."""
    one, _ = model.attend_source(["we are friends", "the small boys see the old fox"])
    assert one.source == one.target == ["▁we", "▁are", "▁friends", "</s>"]
    np.testing.assert_allclose(one.weights.sum(-1), 1, rtol=1e-5)
    encoder, ids = model.params["encoder"]["layers"][0], [*model.encode("we are friends"), model.tokenizer.eos]
    table = np.asarray(model.params["embedding"]["embedding"], np.float64)
    x = table[ids] * table.shape[1] ** 0.5
    scale, bias = (np.asarray(encoder["norm_self"][each], np.float64) for each in ("scale", "bias"))
    x = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-6) * scale + bias
    width = table.shape[1] // model.config.model.heads
    q, k = (
        x @ np.asarray(encoder["self_attention"][each]["kernel"], np.float64)[:, :width] for each in ("query", "key")
    )
    turn = np.arange(len(ids))[:, None] * 10_000.0 ** (-np.arange(0, width, 2) / width)
    q, k = (
        (pairs[:, : width // 2] + 1j * pairs[:, width // 2 :]) * np.exp(1j * turn) for pairs in (q, k)
    )  # rotary positions, as complex numbers
    scores = np.exp((q @ k.conj().T).real / width**0.5)
    np.testing.assert_allclose(one.weights[0, 0], scores / scores.sum(-1, keepdims=True), atol=1e-4)


def test_beam_maps_follow_the_back_pointers(model):
    """What a hypothesis recorded while it was searched for is what teacher forcing on it records."""
    source = "the small boys who see the old fox do not eat it"
    for found in model.translate([source], beam=4, n_best=3, return_attention=True)[0]:
        given = model.attend([(source, found.text)])[0]
        assert given.target == found.attention.target
        assert abs(given.weights - found.attention.weights).max() < 1e-4


def test_candidates_are_what_the_next_piece_might_have_been(model):
    """Greedy search takes the first of them, and their probabilities make up its score; both ways of looking agree."""
    source = "the small boys who see the old fox do not eat it"
    ((best,),) = model.translate([source], beam=1, return_attention=True)
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


def test_models_are_small():
    assert sum(path.stat().st_size for path in TOY.iterdir()) <= 2_000_000
    assert sum(path.stat().st_size for path in EVERYDAY.iterdir()) <= 5_000_000


@pytest.fixture(scope="module")
def everyday():
    return Translator.open()


def test_everyday_sentences_are_the_default_and_need_no_mark_at_their_end(everyday):
    assert everyday.config.task.guidance.links
    sentences = {
        "My sister lives in London.": "Ma sœur vit à Londres.",
        "My sister lives in London": "Ma sœur vit à Londres",
        "my sister lives in london": "Ma sœur vit à Londres",
        "Where did you buy this book?": "Où as-tu acheté ce livre ?",
        "We are friends": "Nous sommes amis",
    }
    assert [best.text for best, *_ in everyday.translate(list(sentences))] == list(sentences.values())


def test_the_guided_head_shows_the_words_of_an_everyday_sentence(everyday):
    pair = ("My sister lives in London.", "Ma sœur vit à Londres.")
    (attention,) = everyday.attend([pair])
    words = attention.to_words(attention.where)
    assert words.readout == Readout(layer=2, head=0, convention="read")
    assert words.weights.argmax(axis=1).tolist() == [0, 1, 2, 3, 4]
    assert words.weights.max(axis=1).min() > 0.5
