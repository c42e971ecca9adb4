"""French sentences for meanings, with every word linked to the English words it translates."""

from collections.abc import Sequence
from typing import NamedTuple

from xattn.data.pairs import WordLinks
from xattn.data.toy.french import agree, conjugate, join, plural
from xattn.data.toy.function_words import ALL, BARE, DE, MANY, SOME, THE, A
from xattn.data.toy.lexicon import Verb
from xattn.data.toy.meaning import (
    Adverb,
    AnyNominal,
    Clause,
    Clauses,
    Complement,
    Infinitive,
    Joined,
    Kin,
    Named,
    Negation,
    Nominal,
    Of,
    Predicate,
    Predicates,
    Prepositional,
    Pronominal,
    Quality,
    Question,
    Relative,
    Sentence,
    Verbal,
)
from xattn.data.toy.words import Said, Word, linked, placed

French = list[Word]


class Agreement(NamedTuple):
    """The features that verbs, participles and adjectives agree with; `person` counts je, tu, il, nous, ils from 0."""

    person: int
    gender: str
    many: bool


def say(sentence: Sentence) -> tuple[str, WordLinks, WordLinks]:
    """Returns the French sentence, its sure links and its possible links."""
    return join(_sentence(sentence))


def _sentence(sentence: Sentence) -> French:
    if isinstance(sentence, Nominal):
        return _nominal(sentence)
    if isinstance(sentence, Clause):
        return _clause(sentence)
    if isinstance(sentence, Question):  # French asks with est-ce que and keeps the order of a statement
        asking, said, clause = sentence
        est_ce_que = [Word("est-ce", (), said), Word("que/qu'", (), said)]
        return [*(_adverb(asking) if asking else ()), *est_ce_que, *_clause(clause)]
    if isinstance(sentence, Clauses):
        return [*_clause(sentence.first), *_adverb(sentence.joint), *_clause(sentence.second)]
    assert isinstance(sentence, Predicates)
    actor = _agreement(sentence.subject)
    both = [*_predicate(sentence.first, actor), Word("et", sentence.said), *_predicate(sentence.second, actor)]
    return [*_nominal(sentence.subject), *both]


def _clause(clause: Clause) -> French:
    return [*_nominal(clause.subject), *_predicate(clause.predicate, _agreement(clause.subject))]


def _agreement(nominal: AnyNominal) -> Agreement:
    if isinstance(nominal, Pronominal):
        pronoun = nominal.pronoun
        return Agreement(pronoun.person, pronoun.gender, pronoun.many)
    if isinstance(nominal, Named):
        return Agreement(nominal.person, nominal.name.gender, False)
    if isinstance(nominal, Nominal):
        return Agreement(nominal.person, nominal.noun.gender, nominal.many)
    feminine = _agreement(nominal.one).gender == _agreement(nominal.two).gender == "f"
    return Agreement(nominal.person, "f" if feminine else "m", True)


def _nominal(nominal: AnyNominal) -> French:
    if isinstance(nominal, Pronominal):
        return [Word(nominal.pronoun.french, nominal.said)]
    if isinstance(nominal, Named):
        return [Word(nominal.name.english, nominal.said)]
    if isinstance(nominal, Joined):
        return [*_nominal(nominal.one), Word("et", nominal.said), *_nominal(nominal.two)]
    noun, many, said = nominal.noun, nominal.many, nominal.said
    agreement = _agreement(nominal)
    before, after = [], []
    for quality in nominal.qualities:
        words = _quality(quality, agreement)
        if quality.adjective.slot == "pre":
            before = words
        else:
            after = words + after  # French mirrors English: renard brun rapide
    french = _article(nominal, bool(before))
    french += [*before, Word(plural(noun.french) if many else noun.french, said), *after]
    if isinstance(nominal.after, Of):
        return [*french, Word(DE, nominal.after.said), *_nominal(nominal.after.whole)]
    if isinstance(nominal.after, Prepositional):
        return french + _prepositional(nominal.after)
    if isinstance(nominal.after, Relative):
        return french + _relative(nominal.after, agreement)
    return french


def _article(nominal: Nominal, adjective_next: bool) -> French:
    """Builds a determiner.

    Indefinite determiners depend on the sentence: j' ai du pain, je n' ai pas de pain, j' aime le pain; des chats, but
    de petits chats. A determiner that English leaves out has a possible link to the noun.
    """
    determiner, said, many, mode = nominal.determiner, nominal.determined, nominal.many, nominal.mode
    feminine, noun = nominal.noun.gender == "f", nominal.said
    if determiner in (A, SOME, BARE):
        sure, possible = said, () if said else noun
        definite = THE.plural if many else THE.feminine if feminine else THE.masculine
        if mode == "negated" or (many and adjective_next and mode != "generic"):
            return [Word(DE, sure, possible)]
        if mode == "generic":
            return [Word(definite, sure, possible)]
        if determiner is BARE and not many:
            return [Word(DE, sure, possible), Word(definite, sure, possible)]
    if determiner is MANY:
        return [Word("beaucoup", said), Word(DE, (), said)]
    if determiner is ALL:
        return [Word("toutes" if feminine else "tous", said[:1]), Word("les", said[1:])]
    form = determiner.plural if many else determiner.feminine if feminine else determiner.masculine
    return [Word(form, said, () if said else noun)]


def _quality(quality: Quality, agreement: Agreement) -> French:
    word = Word(quality.adjective.french(agreement.gender, agreement.many), quality.said)
    return [Word("très", quality.very), word] if quality.very else [word]


def _relative(relative: Relative, head: Agreement) -> French:
    """qui VP | que NP V; a participle after que agrees with the head."""
    if relative.subject is None:
        return [Word("qui", relative.said), *_predicate(relative.predicate, head)]
    assert isinstance(relative.predicate, Verbal)
    actor = _agreement(relative.subject)
    verb = _verb_group(relative.predicate, actor, agreed=head)
    return [Word("que/qu'", relative.said), *_nominal(relative.subject), *verb]


def _prepositional(where: Prepositional) -> French:
    french = placed(where.preposition.french, where.said)
    if isinstance(where.nominal, Pronominal):
        return [*french, Word(where.nominal.pronoun.tonic, where.nominal.said)]
    return french + _nominal(where.nominal)


def _adverb(adverb: Adverb) -> French:
    return linked(adverb.said, adverb.saying.french)


def _predicate(predicate: Predicate, actor: Agreement) -> French:
    if isinstance(predicate, Verbal):
        return _verbal(predicate, actor)
    negation = _negation(predicate.negation)
    if isinstance(predicate, Infinitive):  # clitics stand before the infinitive
        finite = Word(conjugate(predicate.modal.french)[actor.person], predicate.said, predicate.helper)
        said = predicate.verb_said
        word = Word(predicate.verb.french, said[:1], predicate.to + said[1:])
        clitics, _, after = _complement(predicate.verb, said, predicate.complement)
        where = _prepositional(predicate.place) if predicate.place else []
        return [*negation[:1], finite, *negation[1:], *clitics, word, *after, *where]
    group = [*negation[:1], Word(conjugate("être")[actor.person], predicate.said), *negation[1:]]
    if isinstance(predicate.complement, Prepositional):
        return group + _prepositional(predicate.complement)
    if isinstance(predicate.complement, Kin):  # without an article: elle est étudiante
        people, said, a = predicate.complement
        word = people.feminine if actor.gender == "f" else people.masculine
        return [*group, Word(plural(word) if actor.many else word, said, a)]
    for number, quality in enumerate(predicate.complement):
        *very, (word, said, _) = _quality(quality, actor)
        joint = [Word("et", predicate.joint)] if number else []
        group += [*joint, *very, Word(word.partition("/")[0], said)]
    return group


def _negation(negation: Negation | None) -> French:
    """Ne, and pas or jamais."""
    if negation is None:
        return []
    said, helper, never = negation
    return [Word("ne/n'", said, helper), Word("jamais" if never else "pas", said, helper)]


def _verbal(verbal: Verbal, actor: Agreement) -> French:
    clitics, agreed, after = _complement(verbal.verb, verbal.said, verbal.complement)
    middle = [*(_adverb(verbal.frequency) if verbal.frequency else ()), *(_adverb(verbal.well) if verbal.well else ())]
    french = [*_verb_group(verbal, actor, clitics, middle, agreed), *after]
    if verbal.manner:
        french += _adverb(verbal.manner)
    for where in verbal.around:
        french += _prepositional(where)
    return french + _adverb(verbal.time) if verbal.time else french


def _complement(verb: Verb, said: Said, taken: Complement) -> tuple[French, Agreement | None, French]:
    """Returns the clitics, the agreement of the participle, and the words after the verb."""
    thing = taken.object
    if taken.goal is not None:
        return [], None, _prepositional(taken.goal)
    if taken.recipient is not None:
        given = _nominal(thing) if thing is not None else []
        if isinstance(taken.recipient, Pronominal):
            return [Word(taken.recipient.pronoun.indirect, taken.recipient.said, taken.to)], None, given
        loose = () if taken.to else said
        return [], None, [*given, Word("à", taken.to, loose), *_nominal(taken.recipient)]
    if thing is None:
        return [], None, []
    if isinstance(thing, Pronominal):
        return [Word(thing.pronoun.direct, thing.said)], _agreement(thing), []
    inside = [Word("dans", (), said)] if "dans" in verb.marks else []
    return [], None, inside + _nominal(thing)


def _verb_group(
    verbal: Verbal,
    actor: Agreement,
    clitics: Sequence[Word] = (),
    middle: Sequence[Word] = (),
    agreed: Agreement | None = None,
) -> French:
    """Builds (ne) (clitic) verb (pas) (adverb) (participle).

    The participle agrees with the subject after être, and after avoir with an object before it: `agreed`.
    """
    verb, said, helper = verbal.verb, verbal.said, verbal.helper
    negation = _negation(verbal.negation)
    lead, loose = said[:1], said[1:] + helper
    last = []
    if verb.auxiliary == "state":
        finite = Word(conjugate("être")[actor.person], lead, loose)
        last = [Word(agree(verb.french, actor.gender, actor.many), lead, loose)]
    elif verbal.tense == "past":
        finite = Word(conjugate(verb.auxiliary)[actor.person], helper or lead, said)
        participle = conjugate(verb.french)[5]
        agreed = actor if verb.auxiliary == "être" else agreed
        if agreed is not None:
            participle = agree(participle, agreed.gender, agreed.many)
        last = [Word(participle, lead, loose)]
    else:
        finite = Word(conjugate(verb.french)[actor.person], lead, loose)
    return [*negation[:1], *clitics, finite, *negation[1:], *middle, *last]
