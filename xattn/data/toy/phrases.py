"""Building blocks of the rules: phrases, qualities, negation, and the English forms of verbs."""

from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Generic, NamedTuple, TypeVar

from xattn.data.toy.choices import unbarred
from xattn.data.toy.draft import Draft
from xattn.data.toy.function_words import ALL, EVERY, NAMES, Determiner, Modal, People, Saying, Tense
from xattn.data.toy.lexicon import Adjective, Noun, Verb
from xattn.data.toy.meaning import Adverb, AnyNominal, Kin, Named, Negation, Quality
from xattn.data.toy.words import Said

ENGLISH = attrgetter("english")
M_co = TypeVar("M_co", bound=AnyNominal, covariant=True)


@dataclass(slots=True, kw_only=True)
class Phrase(Generic[M_co]):
    """A nominal with the features that the rules need if it is a subject or the head of a relative clause.

    `person` counts i, you, he, we, they from 0. With "and", `kinds`, `nouns` and `adjectives` are those of both
    phrases; a pronoun or a name has no noun. Every adjective or verb said of the phrase is added to `adjectives` or
    `verbs`, so that none is said twice. A `heavy` phrase ends in a clause, and nothing may follow it.
    """

    nominal: M_co
    person: int
    many: bool
    kinds: str
    nouns: tuple[Noun, ...] = ()
    adjectives: tuple[Adjective, ...] = ()
    verbs: tuple[Verb, ...] = ()
    determiners: tuple[Determiner, ...] = ()
    heavy: bool = False

    @property
    def negatable(self) -> bool:
        """Whether "not" may follow: "every cat does not sleep" would be ambiguous."""
        return EVERY not in self.determiners and ALL not in self.determiners


class Allow(NamedTuple):
    """Which constructions are allowed: clauses in phrases, "and" between nouns, times, negation, modals, tenses."""

    heavy: bool = True
    joint: bool = True
    time: bool = True
    negation: bool = True
    modal: bool = True
    tenses: tuple[Tense, ...] = ("present", "present", "present", "past", "past")


SIMPLE = Allow(heavy=False, joint=False, time=False)
# Before "and" and another predicate: in "can eat and walk" or "does not eat and walk", both could be in its scope.
FIRST_OF_TWO = SIMPLE._replace(negation=False, modal=False)


def name(d: Draft) -> Phrase[Named]:
    """Says a first name."""
    chosen = Named(*d.word(NAMES, ENGLISH))
    return Phrase(nominal=chosen, person=2, many=False, kinds="p")


def adverb(d: Draft, sayings: Sequence[Saying]) -> Adverb:
    """Chooses and says one of the expressions."""
    return Adverb(*d.word(sayings, ENGLISH))


def quality(d: Draft, options: Sequence[Adjective], very_probability: float) -> Quality:
    """(very) Adj."""
    very = ()
    if very_probability and d.chance(very_probability):
        gradable = [adjective for adjective in options if adjective.very]
        if gradable:
            options, very = gradable, d.say("very")
    adjective, said = d.word(options, ENGLISH)
    return Quality(adjective, said, very)


def said_of(d: Draft, options: tuple[Adjective, ...], actor: Phrase) -> Quality:
    """(very) Adj after "is", which is added to the adjectives of the actor."""
    options, _ = unbarred(options, actor.nouns, d.barred)
    said = quality(d, options, 0.15)
    d.adjective_nouns += [(said.adjective.english, noun.one) for noun in actor.nouns]
    actor.adjectives += (said.adjective,)
    return said


def bare_noun(d: Draft, options: Sequence[People], actor: Phrase) -> Kin:
    """A noun for people after "is"."""
    a = () if actor.many else d.say("a")
    return Kin(*d.word(options, lambda people: people.many if actor.many else people.one), a)


def negate(d: Draft, helper: Said = ()) -> Negation:
    """Says "not"."""
    return Negation(d.say("not"), helper, False)


def polarity(d: Draft, actor: Phrase, allow: Allow) -> tuple[Tense, Said, Negation | None]:
    """Chooses tense and negation; returns the tense, the positions of do/does/did, and "not" or "never" if negated."""
    tense = d.pick(allow.tenses)
    if not (allow.negation and actor.negatable and d.chance(0.25)):
        return tense, (), None
    if d.chance(0.25):
        return tense, (), Negation(d.say("never"), (), True)
    helper = d.say("did" if tense == "past" else "does" if actor.person == 2 else "do")
    return tense, helper, negate(d, helper)


def english_form(verb: Verb | Modal, actor: Phrase, tense: Tense, bare: bool) -> str:
    """Returns the form of an English verb; `bare` after do, does or did."""
    if isinstance(verb, Verb) and tense == "past" and not bare:
        return verb.past
    return verb.third if actor.person == 2 and not bare else verb.base


def unused(verbs: Sequence[Verb], actor: Phrase) -> Sequence[Verb]:
    """Drops the verbs that were said of the actor already."""
    return [verb for verb in verbs if verb not in actor.verbs] if actor.verbs else verbs
