"""The closed lists of the toy language pair: determiners, pronouns, names, prepositions, adverbs, ...

As in `french.join`, "le/l'" is a word and its form before a vowel. The rules that use these are in `rules`.
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple

from xattn.data.toy.french import Word

Mode = Literal["subject", "plain", "negated", "generic", "oblique", "known", "the"]
Tense = Literal["present", "past"]


@dataclass(frozen=True, eq=False)
class Determiner:
    """English singular and plural, then French masculine, feminine and plural; empty where there is none."""

    one: str
    many: str
    masculine: str
    feminine: str
    plural: str


THE = Determiner("the", "the", "le/l'", "la/l'", "les")
THIS = Determiner("this", "these", "ce/cet", "cette", "ces")
OWN = (
    Determiner("my", "my", "mon", "ma/mon", "mes"),
    Determiner("your", "your", "ton", "ta/ton", "tes"),
    Determiner("his", "his", "son", "sa/son", "ses"),
    Determiner("her", "her", "son", "sa/son", "ses"),
    Determiner("our", "our", "notre", "notre", "nos"),
    Determiner("their", "their", "leur", "leur", "leurs"),
)
EVERY = Determiner("every", "", "chaque", "chaque", "")
ALL = Determiner("", "all the", "", "", "les")
MANY = Determiner("", "many", "", "", "beaucoup")
TWO = Determiner("", "two", "", "", "deux")
THREE = Determiner("", "three", "", "", "trois")
# The indefinite ones: what French says depends on the sentence around them.
A = Determiner("a", "", "un", "une", "")
SOME = Determiner("", "some", "", "", "des")
BARE = Determiner("", "", "", "", "des")


class Pronoun(NamedTuple):
    """English subject and object; French subject, direct and indirect object, and after a preposition."""

    subject: str
    object: str
    french: str
    direct: str
    indirect: str
    tonic: str
    person: int
    gender: str
    many: bool


PRONOUNS = (
    Pronoun("i", "me", "je/j'", "me/m'", "me/m'", "moi", 0, "m", False),
    Pronoun("you", "you", "tu", "te/t'", "te/t'", "toi", 1, "m", False),
    Pronoun("he", "him", "il", "le/l'", "lui", "lui", 2, "m", False),
    Pronoun("she", "her", "elle", "la/l'", "lui", "elle", 2, "f", False),
    Pronoun("we", "us", "nous", "nous", "nous", "nous", 3, "m", True),
    Pronoun("they", "them", "ils", "les", "leur", "eux", 4, "m", True),
)
IT = Pronoun("", "it", "", "le/l'", "", "", 2, "m", False)
THEM = PRONOUNS[5]

# English, French, gender
NAMES = (("paul", "m"), ("lucas", "m"), ("marie", "f"), ("emma", "f"))

# Said of people after "is": English singular and plural, French masculine and feminine.
NOUNS_OF_PEOPLE = {
    "profession": (
        ("student", "students", "étudiant", "étudiante"),
        ("singer", "singers", "chanteur", "chanteuse"),
        ("baker", "bakers", "boulanger", "boulangère"),
        ("farmer", "farmers", "fermier", "fermière"),
        ("doctor", "doctors", "médecin", "médecin"),
    ),
    "relation": (("", "friends", "ami", "amie"), ("", "neighbours", "voisin", "voisine")),  # to each other
}

BE = ("am", "are", "is", "are", "are")


class Modal(NamedTuple):
    """A verb before another: "can swim", "wants to swim", "likes swimming"."""

    base: str
    third: str
    french: str
    then: Literal["base", "to", "gerund"]


MODALS = (
    Modal("can", "can", "pouvoir", "base"),
    Modal("must", "must", "devoir", "base"),
    Modal("want", "wants", "vouloir", "to"),
    Modal("like", "likes", "aimer", "gerund"),
    Modal("love", "loves", "adorer", "gerund"),
    Modal("hate", "hates", "détester", "gerund"),
)


class Preposition(NamedTuple):
    """English and French, the kinds after it, the kinds it may be said of, and which determiners may follow.

    French words are linked to the English ones by position, as (word, sure, possible).
    """

    english: str
    french: tuple[Word, ...]
    kinds: str
    subjects: str
    mode: Mode = "oblique"


DE = "de/d'"
PLACES = (
    Preposition("in", (Word("dans", (0,)),), "bg", "pav"),
    Preposition("in", (Word("dans", (0,)),), "kg", "ocrf"),
    Preposition("at", (Word("à", (0,)),), "bw", "p", "the"),
    Preposition("near", (Word("près", (0,)), Word(DE, (), (0,))), "bgwe", "pav"),
    Preposition("behind", (Word("derrière", (0,)),), "be", "pav"),
    Preposition("in front of", (Word("devant", (1,), (0, 2)),), "b", "pav"),
    Preposition("next to", (Word("à", (), (0,)), Word("côté", (0,)), Word(DE, (), (1,))), "be", "pav"),
    Preposition("next to", (Word("à", (), (0,)), Word("côté", (0,)), Word(DE, (), (1,))), "u", "paockrf"),
    Preposition("under", (Word("sous", (0,)),), "e", "pav"),
    Preposition("under", (Word("sous", (0,)),), "u", "aockrf"),
    Preposition("on", (Word("sur", (0,)),), "u", "paocrkf"),
)
TO = (Preposition("to", (Word("à", (0,)),), "bw", "pa", "known"),)
AT = (Preposition("at", (Word("à", (0,)),), "bw", "pav", "the"),)
FROM = (Preposition("from", (Word(DE, (0,)),), "bgw", "pa", "known"),)
WITH = (
    Preposition("with", (Word("avec", (0,)),), "p", "pa"),
    Preposition("without", (Word("sans", (0,)),), "p", "pa", "known"),
)
FOR = (Preposition("for", (Word("pour", (0,)),), "p", "p"),)

# Pairs of words that are said one by one.
MANNER = (
    ("slowly", "lentement"),
    ("quickly", "rapidement"),
    ("calmly", "calmement"),
    ("carefully", "prudemment"),
)
WELL = (("well", "bien"), ("badly", "mal"))
# Before the verb in English, after the finite verb in French: in the present, in the past, with "not".
FREQUENCY = {
    "present": (("often", "souvent"), ("always", "toujours"), ("sometimes", "parfois")),
    "past": (("often", "souvent"), ("already", "déjà"), ("sometimes", "parfois")),
    "not": (("often", "souvent"), ("always", "toujours")),
}
TIMES = {
    "present": (("today", "aujourd'hui"), ("now", "maintenant"), ("every day", "chaque jour")),
    "past": (("today", "aujourd'hui"), ("yesterday", "hier"), ("this morning", "ce matin")),
}
JOINTS = (("and", "et"), ("but", "mais"), ("because", "parce que/qu'"))
ASKING = (("why", "pourquoi"), ("when", "quand"))
