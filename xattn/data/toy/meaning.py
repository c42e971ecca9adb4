"""The meaning of a sentence, with the positions of its English words: built by the rules, translated by each language.

`said` always holds the positions of English words. A nominal is anything that can be a subject or an object.
"""

from typing import NamedTuple

from xattn.data.toy.function_words import (
    Determiner,
    Modal,
    Mode,
    Name,
    People,
    Preposition,
    Pronoun,
    Saying,
    Tense,
)
from xattn.data.toy.lexicon import Adjective, Noun, Verb
from xattn.data.toy.words import Said


class Adverb(NamedTuple):
    """An expression of the closed lists: "slowly", "this morning", "because"."""

    saying: Saying
    said: Said


class Quality(NamedTuple):
    """(very) Adj; `very` is empty without "very"."""

    adjective: Adjective
    said: Said
    very: Said


class Pronominal(NamedTuple):
    """A pronoun; `echoes` are positions of earlier words that it repeats, linked as possible only."""

    pronoun: Pronoun
    said: Said
    echoes: Said = ()

    @property
    def person(self) -> int:
        return self.pronoun.person


class Named(NamedTuple):
    """A first name."""

    name: Name
    said: Said

    @property
    def person(self) -> int:
        return 2


class Nominal(NamedTuple):
    """Det (very) Adj* N, and a modifier after it."""

    determiner: Determiner
    determined: Said
    qualities: tuple[Quality, ...]
    noun: Noun
    said: Said
    many: bool
    mode: Mode
    after: "Of | Prepositional | Relative | None" = None

    @property
    def person(self) -> int:
        return 4 if self.many else 2


class Joined(NamedTuple):
    """NP "and" NP."""

    one: "Named | Nominal"
    said: Said
    two: Nominal

    @property
    def person(self) -> int:
        return 4


AnyNominal = Pronominal | Named | Nominal | Joined


class Of(NamedTuple):
    """ "of" NP."""

    said: Said
    whole: Named | Nominal


class Prepositional(NamedTuple):
    """P NP."""

    preposition: Preposition
    said: Said
    nominal: AnyNominal


class Relative(NamedTuple):
    """ "who" VP or "that" VP without a `subject`; else "that" NP V, whose object is the head."""

    said: Said
    subject: AnyNominal | None
    predicate: "Predicate"


class Negation(NamedTuple):
    """ "not", with the do, does or did before it, or "never"."""

    said: Said
    helper: Said
    never: bool


class Complement(NamedTuple):
    """The complement of a verb: an object, a recipient (`to` is the position of "to"), or a goal."""

    object: AnyNominal | None = None
    to: Said = ()
    recipient: AnyNominal | None = None
    goal: Prepositional | None = None


class Verbal(NamedTuple):
    """A verb in the present or the past; `helper` is do, does or did."""

    verb: Verb
    said: Said
    tense: Tense
    helper: Said
    negation: Negation | None
    complement: Complement = Complement()
    frequency: Adverb | None = None
    well: Adverb | None = None
    manner: Adverb | None = None
    around: tuple[Prepositional, ...] = ()
    time: Adverb | None = None


class Infinitive(NamedTuple):
    """A modal verb in the present, and the verb after it."""

    modal: Modal
    said: Said
    helper: Said
    negation: Negation | None
    to: Said
    verb: Verb
    verb_said: Said
    complement: Complement
    place: Prepositional | None


class Kin(NamedTuple):
    """A noun for people after "is"; `a` is its article."""

    people: People
    said: Said
    a: Said


class Copula(NamedTuple):
    """ "is" and one or two qualities, a place or a noun for people; `joint` is the "and" between qualities."""

    said: Said
    negation: Negation | None
    complement: Prepositional | Kin | tuple[Quality, ...]
    joint: Said = ()


Predicate = Verbal | Infinitive | Copula


class Clause(NamedTuple):
    """NP VP."""

    subject: AnyNominal
    predicate: Predicate


class Question(NamedTuple):
    """A clause as a question, with "why" or "when" or neither; `said` is the verb in front."""

    asking: Adverb | None
    said: Said
    clause: Clause


class Clauses(NamedTuple):
    """Two clauses and the conjunction between them."""

    first: Clause
    joint: Adverb
    second: Clause


class Predicates(NamedTuple):
    """NP VP "and" VP."""

    subject: AnyNominal
    first: Predicate
    said: Said
    second: Predicate


Sentence = Nominal | Clause | Question | Clauses | Predicates
