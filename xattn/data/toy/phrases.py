"""The pieces that the rules put together: phrases, French articles, negation, the verb and its participle."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from xattn.data.toy.choices import unbarred
from xattn.data.toy.draft import Draft, French, Said
from xattn.data.toy.french import Word, agree, conjugate, plural
from xattn.data.toy.function_words import (
    ALL,
    BARE,
    DE,
    EVERY,
    MANY,
    NAMES,
    SOME,
    THE,
    A,
    Determiner,
    Modal,
    Mode,
    Pronoun,
    Tense,
)
from xattn.data.toy.lexicon import Adjective, Noun, Verb


@dataclass(slots=True, kw_only=True)
class Phrase:
    """What a verb needs to know of its subject, and a relative clause of its head.

    `person` counts i, you, he, we, they from 0, as `conjugate` does. `kinds`, `nouns` and `adjectives` hold
    those of both phrases after "and"; a pronoun or a name has no noun. `adjectives` and `verbs` grow with
    what is said of it, so that nothing is said twice. Nothing follows a `heavy` phrase: it ends in a clause.
    """

    french: French
    person: int
    gender: str
    many: bool
    kinds: str
    nouns: tuple[Noun, ...] = ()
    adjectives: tuple[Adjective, ...] = ()
    verbs: tuple[Verb, ...] = ()
    determiners: tuple[Determiner, ...] = ()
    heavy: bool = False

    @property
    def negatable(self) -> bool:
        """Whether "not" may follow: "every cat does not sleep" could mean two things."""
        return EVERY not in self.determiners and ALL not in self.determiners


class Allow(NamedTuple):
    """What may still be said: clauses in phrases, "and" between nouns, times, negation, modals, tenses."""

    heavy: bool = True
    joint: bool = True
    time: bool = True
    negation: bool = True
    modal: bool = True
    tenses: tuple[Tense, ...] = ("present", "present", "present", "past", "past")


SIMPLE = Allow(heavy=False, joint=False, time=False)
# Before "and" and another predicate: "can eat and walk", "does not eat and walk" would be one, not two.
FIRST_OF_TWO = SIMPLE._replace(negation=False, modal=False)


class Complement(NamedTuple):
    """What a verb takes: clitics before it, the one its participle agrees with, and the words after it."""

    clitics: Sequence[Word] = ()
    agreed: Pronoun | None = None
    after: Sequence[Word] = ()
    heavy: bool = False


def article(
    determiner: Determiner, said: Said, noun: Said, gender: str, many: bool, mode: Mode, adjective_next: bool
) -> French:
    """Says a determiner in French.

    Indefinite ones depend on the sentence: j' ai du pain, je n' ai pas de pain, j' aime le pain; des chats,
    but de petits chats. Those that English leaves out are possible links to the noun.
    """
    if determiner in (A, SOME, BARE):
        sure, possible = said, () if said else noun
        definite = THE.plural if many else THE.feminine if gender == "f" else THE.masculine
        if mode == "negated" or (many and adjective_next and mode != "generic"):
            return [Word(DE, sure, possible)]
        if mode == "generic":
            return [Word(definite, sure, possible)]
        if determiner is BARE and not many:
            return [Word(DE, sure, possible), Word(definite, sure, possible)]
    if determiner is MANY:
        return [Word("beaucoup", said), Word(DE, (), said)]
    if determiner is ALL:
        return [Word("toutes" if gender == "f" else "tous", said[:1]), Word("les", said[1:])]
    form = determiner.plural if many else determiner.feminine if gender == "f" else determiner.masculine
    return [Word(form, said, () if said else noun)]


def name(d: Draft) -> Phrase:
    """Says a first name, the same in both languages."""
    (text, gender), said = d.word(NAMES, lambda row: row[0])
    return Phrase(french=[Word(text, said)], person=2, gender=gender, many=False, kinds="p")


def adjective_phrase(d: Draft, options: Sequence[Adjective], very_probability: float) -> tuple[Adjective, Said, French]:
    """(very) Adj: gives the adjective, where it stands, and très or nothing."""
    very = []
    if very_probability and d.chance(very_probability):
        gradable = [adjective for adjective in options if adjective.very]
        if gradable:
            options, very = gradable, d.each("very", "très")
    adjective, said = d.word(options, lambda adjective: adjective.english)
    return adjective, said, very


def said_of(d: Draft, options: tuple[Adjective, ...], actor: Phrase) -> tuple[Adjective, French]:
    """(very) Adj after "is", agreeing with what it is said of."""
    options, _ = unbarred(options, actor.nouns, d.barred)
    adjective, said, very = adjective_phrase(d, options, 0.15)
    d.adjective_nouns += [(adjective.english, noun.one) for noun in actor.nouns]
    word = adjective.french(actor.gender, actor.many).partition("/")[0]
    return adjective, [*very, Word(word, said)]


def bare_noun(d: Draft, options: Sequence[tuple[str, str, str, str]], actor: Phrase) -> French:
    """A noun after "is", without an article in French: elle est étudiante, nous sommes amis."""
    a = () if actor.many else d.say("a")
    (_, _, masculine, feminine), said = d.word(options, lambda row: row[1] if actor.many else row[0])
    word = feminine if actor.gender == "f" else masculine
    return [Word(plural(word) if actor.many else word, said, a)]


def negate(d: Draft, helper: Said = ()) -> French:
    """Says "not", which is ne and pas."""
    said = d.say("not")
    return [Word("ne/n'", said, helper), Word("pas", said, helper)]


def polarity(d: Draft, actor: Phrase, allow: Allow) -> tuple[Tense, Said, French]:
    """Decides tense and negation: gives the tense, where do/does/did stands, and ne with pas or jamais."""
    tense = d.pick(allow.tenses)
    if not (allow.negation and actor.negatable and d.chance(0.25)):
        return tense, (), []
    if d.chance(0.25):
        never = d.say("never")
        return tense, (), [Word("ne/n'", never), Word("jamais", never)]
    helper = d.say("did" if tense == "past" else "does" if actor.person == 2 else "do")
    return tense, helper, negate(d, helper)


def english_form(verb: Verb | Modal, actor: Phrase, tense: Tense, bare: bool) -> str:
    """Gives the form of an English verb; `bare` after a helper."""
    if isinstance(verb, Verb) and tense == "past" and not bare:
        return verb.past
    return verb.third if actor.person == 2 and not bare else verb.base


def fresh(verbs: Sequence[Verb], actor: Phrase) -> Sequence[Verb]:
    """Leaves the verbs that nobody has said of the actor."""
    return [verb for verb in verbs if verb not in actor.verbs] if actor.verbs else verbs


def verb_group(
    verb: Verb,
    actor: Phrase,
    tense: Tense,
    said: Said,
    helper: Said,
    negation: Sequence[Word],
    clitics: Sequence[Word] = (),
    middle: Sequence[Word] = (),
    agreed: Phrase | Pronoun | None = None,
) -> French:
    """Builds (ne) (clitic) verb (pas) (adverb) (participle).

    The participle agrees with the subject after être, and after avoir with an object before it: `agreed`.
    """
    lead, loose = said[:1], said[1:] + helper
    last = []
    if verb.auxiliary == "state":
        finite = Word(conjugate("être")[actor.person], lead, loose)
        last = [Word(agree(verb.french, actor.gender, actor.many), lead, loose)]
    elif tense == "past":
        finite = Word(conjugate(verb.auxiliary)[actor.person], helper or lead, said)
        participle = conjugate(verb.french)[5]
        agreed = actor if verb.auxiliary == "être" else agreed
        if agreed is not None:
            participle = agree(participle, agreed.gender, agreed.many)
        last = [Word(participle, lead, loose)]
    else:
        finite = Word(conjugate(verb.french)[actor.person], lead, loose)
    return [*negation[:1], *clitics, finite, *negation[1:], *middle, *last]
