"""The closed lists of the toy language: determiners, pronouns, names, prepositions, adverbs, ...

In French, as in `french.join`, "le/l'" is a word and its form before a vowel. In Hindi, "यह/इस" is a word and its
form before a postposition. The rules that use these are in `rules`.
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple

from xattn.data.toy.words import Word

Mode = Literal["subject", "plain", "negated", "generic", "oblique", "known", "the"]
Tense = Literal["present", "past"]


@dataclass(frozen=True, eq=False)
class Determiner:
    """English singular and plural; French masculine, feminine and plural; Hindi. Empty if there is no such form."""

    one: str
    many: str
    masculine: str
    feminine: str
    plural: str
    hindi: str
    hindi_many: str


THE = Determiner("the", "the", "le/l'", "la/l'", "les", "", "")
THIS = Determiner("this", "these", "ce/cet", "cette", "ces", "यह/इस", "ये/इन")
OWN = (
    Determiner("my", "my", "mon", "ma/mon", "mes", "मेरा", "मेरा"),
    Determiner("your", "your", "ton", "ta/ton", "tes", "तुम्हारा", "तुम्हारा"),
    Determiner("his", "his", "son", "sa/son", "ses", "उसका", "उसका"),
    Determiner("her", "her", "son", "sa/son", "ses", "उसका", "उसका"),
    Determiner("our", "our", "notre", "notre", "nos", "हमारा", "हमारा"),
    Determiner("their", "their", "leur", "leur", "leurs", "उनका", "उनका"),
)
EVERY = Determiner("every", "", "chaque", "chaque", "", "हर", "")
ALL = Determiner("", "all the", "", "", "les", "", "सभी")
MANY = Determiner("", "many", "", "", "beaucoup", "", "कई")
TWO = Determiner("", "two", "", "", "deux", "", "दो")
THREE = Determiner("", "three", "", "", "trois", "", "तीन")
# Indefinite determiners: the French form depends on the sentence.
A = Determiner("a", "", "un", "une", "", "एक", "")
SOME = Determiner("", "some", "", "", "des", "", "कुछ")
BARE = Determiner("", "", "", "", "des", "", "")


class Cases(NamedTuple):
    """A Hindi pronoun: as subject, and as one word with the postposition ने, को, से, का."""

    direct: str
    ergative: str
    dative: str
    ablative: str
    genitive: str


class Pronoun(NamedTuple):
    """English subject and object; French subject, direct and indirect object, and after a preposition; Hindi."""

    subject: str
    object: str
    french: str
    direct: str
    indirect: str
    tonic: str
    hindi: Cases
    person: int
    gender: str
    many: bool


HE = Cases("वह", "उसने", "उसे", "उससे", "उसका")
PRONOUNS = (
    Pronoun("i", "me", "je/j'", "me/m'", "me/m'", "moi", Cases("मैं", "मैंने", "मुझे", "मुझसे", "मेरा"), 0, "m", False),
    Pronoun("you", "you", "tu", "te/t'", "te/t'", "toi", Cases("तुम", "तुमने", "तुम्हें", "तुमसे", "तुम्हारा"), 1, "m", False),
    Pronoun("he", "him", "il", "le/l'", "lui", "lui", HE, 2, "m", False),
    Pronoun("she", "her", "elle", "la/l'", "lui", "elle", HE, 2, "f", False),
    Pronoun("we", "us", "nous", "nous", "nous", "nous", Cases("हम", "हमने", "हमें", "हमसे", "हमारा"), 3, "m", True),
    Pronoun("they", "them", "ils", "les", "leur", "eux", Cases("वे", "उन्होंने", "उन्हें", "उनसे", "उनका"), 4, "m", True),
)
IT = Pronoun("", "it", "", "le/l'", "", "", HE, 2, "m", False)
THEM = PRONOUNS[5]


class Name(NamedTuple):
    """A first name: English and French, Hindi, gender."""

    english: str
    hindi: str
    gender: str


NAMES = (Name("paul", "पॉल", "m"), Name("lucas", "लुकास", "m"), Name("marie", "मारी", "f"), Name("emma", "एमा", "f"))


class People(NamedTuple):
    """A noun for people after "is"; Hindi masculine and feminine hold singular and plural."""

    one: str
    many: str
    masculine: str
    feminine: str
    hindi: tuple[str, str]
    hindi_feminine: tuple[str, str]


NOUNS_OF_PEOPLE = {
    "profession": (
        People("student", "students", "étudiant", "étudiante", ("छात्र", "छात्र"), ("छात्रा", "छात्राएँ")),
        People("singer", "singers", "chanteur", "chanteuse", ("गायक", "गायक"), ("गायिका", "गायिकाएँ")),
        People("baker", "bakers", "boulanger", "boulangère", ("नानबाई", "नानबाई"), ("नानबाई", "नानबाई")),
        People("farmer", "farmers", "fermier", "fermière", ("किसान", "किसान"), ("किसान", "किसान")),
        People("doctor", "doctors", "médecin", "médecin", ("डॉक्टर", "डॉक्टर"), ("डॉक्टर", "डॉक्टर")),
    ),
    "relation": (  # to each other
        People("", "friends", "ami", "amie", ("दोस्त", "दोस्त"), ("दोस्त", "दोस्त")),
        People("", "neighbours", "voisin", "voisine", ("पड़ोसी", "पड़ोसी"), ("पड़ोसिन", "पड़ोसिनें")),
    ),
}

BE = ("am", "are", "is", "are", "are")


class Modal(NamedTuple):
    """A verb before another: "can swim", "wants to swim", "likes swimming"."""

    base: str
    third: str
    french: str
    then: Literal["base", "to", "gerund"]
    hindi: str


MODALS = (
    Modal("can", "can", "pouvoir", "base", "सक"),
    Modal("must", "must", "devoir", "base", "चाहिए"),
    Modal("want", "wants", "vouloir", "to", "चाह"),
    Modal("like", "likes", "aimer", "gerund", "पसंद"),
    Modal("love", "loves", "adorer", "gerund", "बहुत पसंद"),
    Modal("hate", "hates", "détester", "gerund", "नफ़रत"),
)


class Preposition(NamedTuple):
    """English, French and Hindi; the kinds of its noun and of its subject; and the mode of its determiner.

    French and Hindi words are linked to positions within the English phrase, see `words.placed`. The Hindi words follow
    the noun.
    """

    english: str
    french: tuple[Word, ...]
    hindi: tuple[Word, ...]
    kinds: str
    subjects: str
    mode: Mode = "oblique"


DE = "de/d'"
IN = Preposition("in", (Word("dans", (0,)),), (Word("में", (0,)),), "bg", "pav")
NEXT_TO = Preposition(
    "next to",
    (Word("à", (), (0,)), Word("côté", (0,)), Word(DE, (), (1,))),
    (Word("की", (), (1,)), Word("बगल", (0,)), Word("में", (), (0,))),
    "be",
    "pav",
)
UNDER = Preposition("under", (Word("sous", (0,)),), (Word("के", (), (0,)), Word("नीचे", (0,))), "e", "pav")
PLACES = (
    IN,
    IN._replace(kinds="kg", subjects="ocrf"),
    Preposition("at", (Word("à", (0,)),), (Word("में", (0,)),), "bw", "p", "the"),
    Preposition(
        "near",
        (Word("près", (0,)), Word(DE, (), (0,))),
        (Word("के", (), (0,)), Word("पास", (0,))),
        "bgwe",
        "pav",
    ),
    Preposition("behind", (Word("derrière", (0,)),), (Word("के", (), (0,)), Word("पीछे", (0,))), "be", "pav"),
    Preposition(
        "in front of",
        (Word("devant", (1,), (0, 2)),),
        (Word("के", (), (2,)), Word("सामने", (1,), (0, 2))),
        "b",
        "pav",
    ),
    NEXT_TO,
    NEXT_TO._replace(kinds="u", subjects="paockrf"),
    UNDER,
    UNDER._replace(kinds="u", subjects="aockrf"),
    Preposition("on", (Word("sur", (0,)),), (Word("पर", (0,)),), "u", "paocrkf"),
)
# Hindi says "to school" without a postposition, but with the noun in the oblique case.
TO = (Preposition("to", (Word("à", (0,)),), (), "bw", "pa", "known"),)
AT = (Preposition("at", (Word("à", (0,)),), (Word("में", (0,)),), "bw", "pav", "the"),)
FROM = (Preposition("from", (Word(DE, (0,)),), (Word("से", (0,)),), "bgw", "pa", "known"),)
WITH = (
    Preposition("with", (Word("avec", (0,)),), (Word("के", (), (0,)), Word("साथ", (0,))), "p", "pa"),
    Preposition("without", (Word("sans", (0,)),), (Word("के", (), (0,)), Word("बिना", (0,))), "p", "pa", "known"),
)
FOR = (Preposition("for", (Word("pour", (0,)),), (Word("के", (), (0,)), Word("लिए", (0,))), "p", "p"),)


class Saying(NamedTuple):
    """A fixed expression: English, French, Hindi."""

    english: str
    french: str
    hindi: str


MANNER = (
    Saying("slowly", "lentement", "धीरे"),
    Saying("quickly", "rapidement", "जल्दी"),
    Saying("calmly", "calmement", "शांति से"),
    Saying("carefully", "prudemment", "सावधानी से"),
)
WELL = (Saying("well", "bien", "अच्छी तरह"), Saying("badly", "mal", "बुरी तरह"))
OFTEN = Saying("often", "souvent", "अक्सर")
ALWAYS = Saying("always", "toujours", "हमेशा")
SOMETIMES = Saying("sometimes", "parfois", "कभी-कभी")
TODAY = Saying("today", "aujourd'hui", "आज")
# Before the verb in English, after the finite verb in French: in the present, in the past, with "not".
FREQUENCY = {
    "present": (OFTEN, ALWAYS, SOMETIMES),
    "past": (OFTEN, Saying("already", "déjà", "पहले ही"), SOMETIMES),
    "not": (OFTEN, ALWAYS),
}
TIMES = {
    "present": (TODAY, Saying("now", "maintenant", "अब"), Saying("every day", "chaque jour", "हर दिन")),
    "past": (TODAY, Saying("yesterday", "hier", "कल"), Saying("this morning", "ce matin", "आज सुबह")),
}
JOINTS = (
    Saying("and", "et", "और"),
    Saying("but", "mais", "लेकिन"),
    Saying("because", "parce que/qu'", "क्योंकि"),
)
ASKING = (Saying("why", "pourquoi", "क्यों"), Saying("when", "quand", "कब"))
