"""The toy in French: correct sentences, gold links, one translation per sentence, disjoint splits."""

import json
import os
import re
import subprocess
import sys
from dataclasses import asdict
from random import Random

import pytest

from xattn.data.toy import choices, lexicon
from xattn.data.toy.grammar import (
    DEFAULT_SIZES,
    LONGEST,
    LONGEST_OF_ALL,
    Sizes,
    digest,
    generate,
    held_out_pairs,
    parse,
    sample,
)

# Checked by hand, by phenomenon.
TRANSLATIONS = {
    # the founding sentences
    "the quick brown fox": "le renard brun rapide",
    "the cat sits": "le chat est assis",
    "i like eating ice cream": "j' aime manger de la glace",
    "we are friends": "nous sommes amis",
    # agreement; adjectives before and after the noun, forms before a vowel
    "the old woman is happy": "la vieille femme est heureuse",
    "an old tree": "un vieil arbre",
    "two beautiful white horses": "deux beaux chevaux blancs",
    "a beautiful bird and a new hotel are near the lovely church": None,  # a hotel cannot be a subject here
    "this beautiful bird": "ce bel oiseau",
    "my new house": "ma nouvelle maison",
    "his huge red car": "son énorme voiture rouge",
    "all the white dresses are very expensive": "toutes les robes blanches sont très chères",
    "emma and her sister are neighbours": "emma et sa sœur sont voisines",
    "the girl and the boy are tired": "la fille et le garçon sont fatigués",
    # elision, and the aspirated h that forbids it
    "the man loves the owl": "l' homme adore le hibou",
    "this man and this hero know emma": "cet homme et ce héros connaissent emma",
    "my story is sad": "mon histoire est triste",
    "many elephants drink": None,  # "drink" needs an object
    "many elephants swim": "beaucoup d' éléphants nagent",
    # du, au, des, aux, and where they do not contract
    "i talk to the doctor": "je parle au médecin",
    "we go to the markets": "nous allons aux marchés",
    "she goes to the hospital": "elle va à l' hôpital",
    "he comes from the garden": "il vient du jardin",
    "the door of the school is green": "la porte de l' école est verte",
    "they are near the old offices": "ils sont près des vieux bureaux",
    "they see the friends of the neighbours": "ils voient les amis des voisins",
    # articles that depend on the sentence
    "you eat bread": "tu manges du pain",
    "you do not eat bread": "tu ne manges pas de pain",
    "you like bread": "tu aimes le pain",
    "i have some small cats": "j' ai de petits chats",
    "i have some black cats": "j' ai des chats noirs",
    "i do not have a car": "je n' ai pas de voiture",
    "i never drink hot coffee": "je ne bois jamais de café chaud",
    # negation
    "they do not sleep": "ils ne dorment pas",
    "she did not eat the apple": "elle n' a pas mangé la pomme",
    "he does not want to swim": "il ne veut pas nager",
    "we can not come": "nous ne pouvons pas venir",
    # clitic pronouns
    "i see him": "je le vois",
    "i help her": "je l' aide",
    "i did not see them": "je ne les ai pas vus",
    "she wants to eat it": "elle veut le manger",
    "he talks to me": "il me parle",
    "we gave a key to her": "nous lui avons donné une clé",
    # passé composé, its auxiliaries and its agreement
    "the queen arrived this morning": "la reine est arrivée ce matin",
    "the mice left": "les souris sont parties",
    "paul helped her": "paul l' a aidée",
    "the apples that i ate are delicious": "les pommes que j' ai mangées sont délicieuses",
    "she sees the woman who obeyed": None,  # "obey" needs an object
    "the woman who obeyed him fell": "la femme qui lui a obéi est tombée",
    "the children finished the books": "les enfants ont fini les livres",
    "we eat and you choose rice": "nous mangeons et tu choisis du riz",
    # adverbs
    "he often sings": "il chante souvent",
    "he already danced well": "il a déjà bien dansé",
    "we watch the train calmly every day": "nous regardons le train calmement chaque jour",
    # relative clauses
    "the dog that sleeps is old": "le chien qui dort est vieux",
    "i know a man that emma likes": "je connais un homme qu' emma aime",
    # coordination
    "paul opens the door and leaves": "paul ouvre la porte et part",
    "i stay because he is sick": "je reste parce qu' il est malade",
    "the soup is hot but the tea is cold": None,  # soup is never hot
    "the soup is delicious but the tea is cold": "la soupe est délicieuse mais le thé est froid",
    # questions
    "does he read the letter": "est-ce qu' il lit la lettre",
    "did the girls come": "est-ce que les filles sont venues",
    "why are you sad": "pourquoi est-ce que tu es triste",
    "is she a singer": "est-ce qu' elle est chanteuse",
    "do you like swimming": "est-ce que tu aimes nager",
    # not in the language
    "the cat sit": None,
    "a apple": None,
    "fox brown quick the": None,
    "i see me": None,
    "": None,
}


def facts():
    """Measurements on many sentences for the tests below, see the fixture `measured`."""
    splits = generate()
    held_out = held_out_pairs()
    train_words = {word for e in splits["train"] for pair in e.adjective_nouns for word in pair}
    lengths = {name: [e.english.count(" ") + 1 for e in examples] for name, examples in splits.items()}
    return {
        "translations": {english: [e.target for e in parse(english)] for english in TRANSLATIONS},
        "sizes": {name: len(examples) for name, examples in splits.items()},
        "digests": {name: digest(examples) for name, examples in splits.items()},
        "distinct": len({e.english for examples in splits.values() for e in examples}),
        "lengths": {name: [min(numbers), max(numbers)] for name, numbers in lengths.items()},
        "long in test": sum(number >= 12 for number in lengths["test"]),
        "with held-out pairs": {
            name: sum(not held_out.isdisjoint(e.adjective_nouns) for e in examples) for name, examples in splits.items()
        },
        "untrained words of held-out pairs": sorted({word for pair in held_out for word in pair} - train_words),
        "ambiguous": [e.english for e in splits["test"][::25] if [e] != parse(e.english)],
        "not parsed": [english for english in some_transitive_sentences(20) if len(parse(english)) != 1],
    }


@pytest.fixture(scope="module")
def measured():
    """`facts`, computed in a separate process: faster without type checks, and with another hash seed."""
    environment = {**os.environ, "PYTHONHASHSEED": "7"}
    run = subprocess.run([sys.executable, __file__], env=environment, capture_output=True, text=True, check=True)
    return json.loads(run.stdout)


@pytest.mark.parametrize("english", TRANSLATIONS)
def test_translation(measured, english):
    expected = TRANSLATIONS[english]
    assert measured["translations"][english] == ([] if expected is None else [expected])


@pytest.mark.parametrize(
    ("english", "sure", "possible"),
    [
        # le renard brun rapide
        ("the quick brown fox", "0-0 1-3 2-2 3-1", ""),
        # le chat est assis
        ("the cat sits", "0-0 1-1 2-2 2-3", ""),
        # j' aime manger de la glace
        ("i like eating ice cream", "0-0 1-1 2-2 3-5 4-5", "3-3 3-4 4-3 4-4"),
        # je ne mange pas de pain
        ("i do not eat bread", "0-0 2-1 2-3 3-2 4-5", "1-1 1-2 1-3 4-4"),
        # est-ce qu' il a vu emma
        ("did he see emma", "0-3 1-2 2-4 3-5", "0-0 0-1 0-4 2-3"),
        # elle parle au roi
        ("she talks to the king", "0-0 1-1 2-2 3-2 4-3", ""),
        # elle lui parle
        ("she talks to him", "0-0 1-2 3-1", "2-1"),
        # nous cherchons beaucoup de clés
        ("we look for many keys", "0-0 1-1 3-2 4-4", "2-1 3-3"),
    ],
)
def test_gold_links(english, sure, possible):
    (example,) = parse(english)

    def links(text):
        return {tuple(map(int, link.split("-"))) for link in text.split()}

    assert set(example.sure) == links(sure)
    assert set(example.possible) == links(sure) | links(possible)


def test_every_word_is_linked_and_spelled_right():
    random = Random(3).random
    vowel = "[aeiouhàâéèêëîïôûœ](?!ibou|éros)"
    wrong = re.compile(
        rf"\b(le|la|je|ne|que|de|me|te|ce|ma|ta|sa|beau|nouveau) {vowel}"  # not elided
        rf"|' (?!{vowel})"  # elided without a vowel
        r"|\b(à|de) (le|les)\b"  # not contracted
        r"|[^a-zàâçéèêëîïôûœ' -]|  "
    )
    after_is = re.compile(r"\bbeau et ")
    for _ in range(300):
        example = sample(random)
        english, french = example.english.split(), example.target.split()
        assert set(example.sure) <= set(example.possible), example
        assert {i for i, _ in example.possible} == set(range(len(english))), example
        assert {j for _, j in example.possible} == set(range(len(french))), example
        assert wrong.search(after_is.sub("", example.target)) is None, example.target
        assert re.fullmatch(r"[a-z]+( [a-z]+)*", example.english)


def test_one_translation(measured):
    assert measured["ambiguous"] == []


def test_vocabulary():
    lemmas = [noun.one for noun in lexicon.NOUNS] + [adjective.english for adjective in lexicon.ADJECTIVES]
    assert len(set(lemmas)) + len({verb.base for verb in lexicon.VERBS}) >= 200


def transitive_frames():
    """All sentences "the ADJECTIVE NOUN VERBS the ADJECTIVE NOUN", as (subjects, verb, objects)."""

    def phrases(kind):
        nouns = choices.nouns(kind, False, False, ())
        slots = ("pre", "quality", "colour", "origin")
        adjectives = [adjective for slot in slots for adjective in choices.adjectives(kind, slot)]
        return [f"the {adjective.english} {noun.one}" for adjective in adjectives for noun in nouns]

    return [
        (phrases(subject), verb.third, phrases(kind))
        for subject in "pa"
        for verb in choices.verbs(subject, "present", False, "")
        for kind in verb.objects
        if not verb.marks & {"dative", "à", "dans"}
    ]


def some_transitive_sentences(count):
    random = Random(5)
    frames = [random.choice(transitive_frames()) for _ in range(count)]
    return [f"{random.choice(left)} {verb} {random.choice(right)}" for left, verb, right in frames]


def test_more_than_a_million_sentences(measured):
    """Another word in any of the five places gives another sentence, so the products count distinct sentences."""
    assert sum(len(left) * len(right) for left, _, right in transitive_frames()) > 10_000_000
    assert measured["not parsed"] == []


def test_splits_are_disjoint(measured):
    assert measured["sizes"] == asdict(DEFAULT_SIZES)
    assert measured["distinct"] == sum(asdict(DEFAULT_SIZES).values())
    assert measured["lengths"]["train"] == [2, LONGEST]
    assert measured["lengths"]["unseen_pairs"][1] == LONGEST
    assert measured["lengths"]["long"] == [LONGEST + 1, LONGEST_OF_ALL]
    assert measured["long in test"] > 0.2 * DEFAULT_SIZES.test


def test_held_out_pairs(measured):
    held_out = held_out_pairs()
    assert 0.19 < len(held_out) / len(lexicon.pairs()) < 0.21
    assert held_out < set(lexicon.pairs())
    assert not held_out & {("quick", "fox"), ("brown", "fox")}
    none = dict.fromkeys(measured["sizes"], 0)
    assert measured["with held-out pairs"] == {**none, "unseen_pairs": DEFAULT_SIZES.unseen_pairs}
    assert measured["untrained words of held-out pairs"] == []


def test_seeds_and_sizes():
    few = Sizes(train=20, validation=10, test=10, unseen_pairs=5, long=5)
    more = Sizes(train=30, validation=10, test=10, unseen_pairs=5, long=5)
    assert generate(few)["train"] == generate(more)["train"][:20]
    assert generate(few)["train"] != generate(few, seed=1)["train"]
    assert held_out_pairs(1) != held_out_pairs(0)


def test_an_empty_split_is_refused():
    with pytest.raises(ValueError, match="'long' needs at least 1 sentence, not 0"):
        Sizes(long=0)


def test_digests(measured):
    """If they change on purpose, raise `grammar.VERSION`, which names the folder of the cached data."""
    assert measured["digests"] == {
        "train": "d1f11228e5e45a6cb73d1958039fafb16e8a5af09df4a94c0f0e908c1eab7b1a",
        "validation": "08a55cd32d34b70b76c8d495fe69d5c4fae3fda2064975cdc27281af3df686ce",
        "test": "c1cb1125a264f31e29893d17708b0e7282a494677f480c9af560959212004a1e",
        "unseen_pairs": "26eeca62854d5c39188da25fc3e479d992fcd01ad739e13299c8a802bee27f09",
        "long": "9516848af7ca7f8ff74beca5e17ac88965bd8d45bf9e9681c347bc044de45472",
    }


if __name__ == "__main__":
    print(json.dumps(facts()))
