"""Hindi sentences for meanings, with every word linked to the English words it translates.

The order of a clause is: subject, time, frequency, place and company, manner, recipient, object, the noun of a verb
like मदद करना, why or when, negation, verb, and the relative clause of the object.
"""

from collections.abc import Sequence
from typing import NamedTuple

from xattn.data.pairs import WordLinks
from xattn.data.toy import hindi
from xattn.data.toy.function_words import ALL, OWN, PRONOUNS, THE, A, Cases, Pronoun
from xattn.data.toy.lexicon import Verb
from xattn.data.toy.meaning import (
    Adverb,
    AnyNominal,
    Clause,
    Clauses,
    Copula,
    Infinitive,
    Joined,
    Kin,
    Named,
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
from xattn.data.toy.words import Said, Word, linked, placed, spell

Hindi = list[Word]
WHO = (Cases("जो", "जिसने", "जिसे", "जिससे", "जिसका"), Cases("जो", "जिन्होंने", "जिन्हें", "जिनसे", "जिनका"))
OWNERS = {OWN[0]: 0, OWN[1]: 1, OWN[4]: 3}  # my, your, our
NOBODY = -1
ON = ("समुद्र तट", "स्टेशन")  # "at" these places is पर, not में
LIVING = "pa"


class Agreement(NamedTuple):
    """The features that verbs and adjectives agree with; `person` counts मैं, तुम, वह, हम, वे from 0."""

    person: int
    gender: str
    many: bool
    living: bool


IT = Agreement(2, "m", False, False)  # the default agreement of a verb


class Object(NamedTuple):
    """An object: its words, its relative clause, which comes later, and its agreement if it has no postposition."""

    words: Hindi
    clause: Hindi
    agreement: Agreement | None


def say(sentence: Sentence) -> tuple[str, WordLinks, WordLinks]:
    """Returns the Hindi sentence, its sure links and its possible links."""
    return spell(_sentence(sentence))


def _sentence(sentence: Sentence) -> Hindi:
    if isinstance(sentence, Nominal):
        return _whole(sentence, (), NOBODY)
    if isinstance(sentence, Clause):
        return _clause(sentence, None)
    if isinstance(sentence, Question):
        if sentence.asking:
            return _clause(sentence.clause, sentence.asking)
        return [Word("क्या", (), sentence.said), *_clause(sentence.clause, None)]
    if isinstance(sentence, Clauses):
        return [*_clause(sentence.first, None), *_adverb(sentence.joint), *_clause(sentence.second, None)]
    assert isinstance(sentence, Predicates)
    subject, first, said, second = sentence
    start = [*_clause(Clause(subject, first), None), Word("और", said)]
    agreement = _agreement(subject)
    if _agent_marker(first) == _agent_marker(second):
        return start + _predicate(second, [], agreement)
    # The second verb needs its subject in another case, so a pronoun repeats it.
    pronoun = subject.pronoun if isinstance(subject, Pronominal) else PRONOUNS[5 if agreement.many else 2]
    echo = Pronominal(pronoun, (), _head(subject))
    return start + _predicate(second, _whole(echo, _agent(second, _head(subject)), NOBODY), agreement)


def _clause(clause: Clause, asking: Adverb | None) -> Hindi:
    subject = _whole(clause.subject, _agent(clause.predicate, _head(clause.subject)), NOBODY)
    return _predicate(clause.predicate, subject, _agreement(clause.subject), asking)


# --- nominals -----------------------------------------------------------------------------------------------


def _agreement(nominal: AnyNominal) -> Agreement:
    if isinstance(nominal, Pronominal):
        pronoun = nominal.pronoun
        return Agreement(pronoun.person, pronoun.gender, pronoun.many or pronoun.person == 1, True)  # तुम is plural
    if isinstance(nominal, Named):
        return Agreement(2, nominal.name.gender, False, True)
    if isinstance(nominal, Nominal):
        return Agreement(nominal.person, nominal.noun.hindi_gender, nominal.many, nominal.noun.kind in LIVING)
    one, two = _agreement(nominal.one), _agreement(nominal.two)
    return Agreement(4, "f" if one.gender == two.gender == "f" else "m", True, one.living)


def _head(nominal: AnyNominal) -> Said:
    """The English position of the word before a postposition."""
    return nominal.two.said if isinstance(nominal, Joined) else nominal.said


def _whole(nominal: AnyNominal, marker: Sequence[Word], owner: int) -> Hindi:
    words, clause = _nominal(nominal, marker, owner)
    return words + clause


def _nominal(nominal: AnyNominal, marker: Sequence[Word], owner: int, oblique: bool = False) -> tuple[Hindi, Hindi]:
    """Returns a nominal with its postposition, and its relative clause.

    `owner` is the person of the subject, whose possessive is अपना. A nominal with a postposition is oblique; `oblique`
    makes one without a postposition oblique too.
    """
    if isinstance(nominal, Pronominal):
        return _pronoun(nominal, marker), []
    if isinstance(nominal, Named):
        return [Word(nominal.name.hindi, nominal.said), *marker], []
    oblique = oblique or bool(marker)
    if isinstance(nominal, Joined):
        one, _ = _nominal(nominal.one, (), owner, oblique)
        two, clause = _nominal(nominal.two, marker, owner, oblique)
        return [*one, Word("और", nominal.said), *two], clause
    noun, many = nominal.noun, nominal.many
    agreement = _agreement(nominal)
    words, implied = _determiner(nominal, owner, oblique)
    if isinstance(nominal.after, Of):
        genitive = hindi.agree("का", agreement.gender, many, oblique)
        words += _whole(nominal.after.whole, [Word(genitive, nominal.after.said)], owner)
    for quality in nominal.qualities:
        words += _quality(quality, agreement, oblique)
    declined = hindi.noun(noun.hindi, noun.hindi_gender, many, oblique)
    words += [Word(word, nominal.said, implied) for word in declined.split()]
    return [*words, *marker], _modifier(nominal, agreement)


def _pronoun(nominal: Pronominal, marker: Sequence[Word]) -> Hindi:
    """Builds a pronoun, which merges with the first word of a postposition."""
    cases = nominal.pronoun.hindi
    if not marker:
        return [Word(cases.direct, nominal.said, nominal.echoes)]
    first, *rest = marker
    if first.text in ("का", "के", "की"):
        text = cases.genitive[:-1] + first.text[-1]
    else:
        text = {"ने": cases.ergative, "को": cases.dative, "से": cases.ablative}[first.text]
    return [Word(text, nominal.said, nominal.echoes + first.sure + first.possible), *rest]


def _determiner(nominal: Nominal, owner: int, oblique: bool) -> tuple[Hindi, Said]:
    """Builds a determiner; returns with it the position of an article that Hindi drops, to link to the noun."""
    determiner, said, many = nominal.determiner, nominal.determined, nominal.many
    if determiner is THE and isinstance(nominal.after, Relative | Prepositional):
        return [Word(("उन" if many else "उस") if oblique else "वे" if many else "वह", said)], ()
    if determiner is A and nominal.mode == "negated":
        return [], said
    if determiner is ALL:
        return [Word(determiner.hindi_many, said[:1], said[1:])], ()
    text = determiner.hindi_many if many else determiner.hindi
    if determiner in OWNERS and OWNERS[determiner] == owner:
        text = "अपना"
    if not text:
        return [], said
    direct, _, before = text.partition("/")
    text = before if before and oblique else direct
    return [Word(hindi.agree(text, nominal.noun.hindi_gender, many, oblique), said)], ()


def _quality(quality: Quality, agreement: Agreement, oblique: bool = False) -> Hindi:
    person, _, thing = quality.adjective.hindi.partition("/")
    text = person if agreement.living or not thing else thing
    word = Word(hindi.agree(text, agreement.gender, agreement.many, oblique), quality.said)
    return [Word("बहुत", quality.very), word] if quality.very else [word]


def _modifier(nominal: Nominal, agreement: Agreement) -> Hindi:
    """Builds a relative clause; "the boy in the garden" becomes "the boy who is in the garden"."""
    after = nominal.after
    if after is None or isinstance(after, Of):
        return []
    living = agreement.living
    cases = WHO[nominal.many]
    who = Pronoun("", "", "", "", "", "", cases, agreement.person, agreement.gender, nominal.many)
    if isinstance(after, Prepositional):
        is_there = Word(hindi.BE[agreement.person], (), after.said)
        return [Word(cases.direct, (), after.said), *_prepositional(after, NOBODY), is_there]
    relative = Pronominal(who, after.said)
    if after.subject is None:
        subject = _whole(relative, _agent(after.predicate, after.said), NOBODY)
        return _predicate(after.predicate, subject, agreement)
    assert isinstance(after.predicate, Verbal)
    verbal = after.predicate
    marker = _object_marker(verbal.verb, verbal.said, living, False)
    thing = Object([], [], None if marker else agreement)
    subject = _whole(after.subject, _agent(verbal, _head(after.subject)), NOBODY)
    lead = [*_pronoun(relative, marker), *subject, *_ever(verbal)]
    return [*lead, *_verb_words(verbal, _agreement(after.subject), thing, [])]


def _prepositional(where: Prepositional, owner: int) -> Hindi:
    said, nominal = where.said, where.nominal
    marker = placed(where.preposition.hindi, said)
    if isinstance(nominal, Nominal):
        if where.preposition.english == "at" and nominal.noun.hindi in ON:
            marker = [Word("पर", *marker[0][1:])]
        if where.preposition.english == "to" and nominal.many:  # बाज़ार, but बाज़ारों को
            marker = [Word("को", said)]
    if marker:
        return _whole(nominal, marker, owner)
    *words, (text, sure, possible) = _nominal(nominal, (), owner, oblique=True)[0]
    return [*words, Word(text, sure, possible + said)]


def _adverb(adverb: Adverb | None) -> Hindi:
    return linked(adverb.said, adverb.saying.hindi) if adverb else []


# --- predicates ---------------------------------------------------------------------------------------------


def _agent_marker(predicate: Predicate) -> str:
    """The postposition of the subject: ने, को, के (for के पास) or none."""
    if isinstance(predicate, Infinitive):
        return "को" if predicate.modal.hindi in ("चाहिए", "पसंद", "बहुत पसंद") else ""
    if isinstance(predicate, Copula):
        return ""
    agent = predicate.verb.agent
    return "" if agent == "ने" and predicate.tense == "present" else agent


def _agent(predicate: Predicate, subject: Said) -> Hindi:
    marker = _agent_marker(predicate)
    if marker == "के":
        assert isinstance(predicate, Verbal)
        return [Word("के", (), predicate.said), Word("पास", (), predicate.said)]
    return [Word(marker, (), subject)] if marker else []


def _predicate(
    predicate: Predicate, subject: Sequence[Word], agreement: Agreement, asking: Adverb | None = None
) -> Hindi:
    """Builds a clause from its subject, which is in words already, and its predicate."""
    owner = agreement.person
    why = _adverb(asking)
    if isinstance(predicate, Copula):
        negation = _negation(predicate)
        is_so = Word(hindi.BE[owner], predicate.said)
        return [*subject, *_said_of(predicate, agreement), *why, *negation, is_so]
    thing = _objects(predicate, owner)
    if isinstance(predicate, Infinitive):
        where = _prepositional(predicate.place, owner) if predicate.place else []
        return [*subject, *where, *thing.words, *_modal_words(predicate, agreement, thing, why), *thing.clause]
    around: Hindi = []
    for place in predicate.around:
        around += _prepositional(place, owner)
    when = [*_adverb(predicate.time), *_adverb(predicate.frequency), *_ever(predicate)]
    how = [*_adverb(predicate.well), *_adverb(predicate.manner)]
    verb = _verb_words(predicate, agreement, thing, why)
    return [*subject, *when, *around, *how, *thing.words, *verb, *thing.clause]


def _said_of(copula: Copula, agreement: Agreement) -> Hindi:
    complement = copula.complement
    if isinstance(complement, Prepositional):
        return _prepositional(complement, agreement.person)
    if isinstance(complement, Kin):
        people, said, a = complement
        forms = people.hindi_feminine if agreement.gender == "f" else people.hindi
        return [Word(forms[agreement.many], said, a)]
    words: Hindi = []
    for number, quality in enumerate(complement):
        joint = [Word("और", copula.joint)] if number else []
        words += joint + _quality(quality, agreement)
    return words


def _objects(predicate: Verbal | Infinitive, owner: int) -> Object:
    """Builds recipient and object, or the goal."""
    verb, taken = predicate.verb, predicate.complement
    said = predicate.said if isinstance(predicate, Verbal) else predicate.verb_said
    if taken.goal is not None:
        return Object(_prepositional(taken.goal, owner), [], None)
    words: Hindi = []
    if taken.recipient is not None:
        first, *more = verb.marker.split()  # in "के पास", पास translates "to"
        last = [Word(word, taken.to, () if taken.to else said) for word in [first, *more][-1:]]
        marker = [Word(first, (), taken.to), *last] if more else last
        if first == "की":
            marker = [Word(first, (), said)]
        words = _whole(taken.recipient, marker, owner)
    thing = taken.object
    if thing is None:
        return Object(words, [], None)
    marker = []
    if taken.recipient is None:
        last = thing.two if isinstance(thing, Joined) else thing
        living = _agreement(last).living
        marker = _object_marker(verb, said, living, isinstance(thing, Pronominal), _head(thing))
    said_object, clause = _nominal(thing, marker, owner)
    nearest = thing.two if isinstance(thing, Joined) else thing
    return Object(words + said_object, clause, None if marker else _agreement(nearest))


def _object_marker(verb: Verb, said: Said, living: bool, pronoun: bool, head: Said = ()) -> Hindi:
    """Returns the postposition of an object: that of the verb, or को for living objects and pronouns."""
    if verb.marker not in ("", "0"):
        return [Word(verb.marker, (), head or said if verb.marker == "को" else said)]
    needed = living if verb.marker == "" else pronoun and verb.agent == "ने"
    return [Word("को", (), head)] if needed else []


def _negation(predicate: Predicate) -> Hindi:
    if predicate.negation is None:
        return []
    said, helper, _ = predicate.negation
    return [Word("नहीं", said, helper)]


def _ever(verbal: Verbal) -> Hindi:
    """Builds the first word of "never": कभी ... नहीं."""
    negation = verbal.negation
    return [Word("कभी", negation.said)] if negation and negation.never else []


def _host(verb: Verb) -> tuple[str, str, str]:
    """Splits "मदद/f कर" into the noun or adjective, its gender (empty for an adjective), and the stem."""
    *host, stem = verb.hindi.split()
    word, _, gender = " ".join(host).partition("/")
    return word, gender, stem


def _acted_on(verb: Verb, thing: Object) -> Agreement:
    """The agreement of a verb that does not agree with its subject: its noun, the unmarked object, or the default."""
    gender = _host(verb)[1]
    return IT._replace(gender=gender) if gender else thing.agreement or IT


def _verb_words(verbal: Verbal, subject: Agreement, thing: Object, why: Hindi) -> Hindi:
    """Builds (noun or adjective) (क्यों) (नहीं) verb (है)."""
    verb, said, helper = verbal.verb, verbal.said, verbal.helper
    host, _, stem = _host(verb)
    lead, loose = said[:1], said[1:] + helper
    words = [Word(word, lead, loose) for word in host.split()] + why + _negation(verbal)
    if verb.agent in ("को", "के"):
        who = thing.agreement or IT
        link = Word(hindi.BE[who.person], helper or lead, said) if host else Word(hindi.BE[who.person], lead, loose)
        return [*words, link]
    if verbal.tense == "past":
        who = _acted_on(verb, thing) if verb.agent == "ने" else subject
        return [*words, Word(hindi.perfective(stem, who.gender, who.many), lead, loose)]
    if verb.auxiliary == "state":
        main = hindi.agree(stem, subject.gender, subject.many)
    else:
        main = hindi.habitual(stem, subject.gender, subject.many)
    return [*words, Word(main, lead, loose), Word(hindi.BE[subject.person], helper or lead, said)]


def _modal_words(said_so: Infinitive, subject: Agreement, thing: Object, why: Hindi) -> Hindi:
    """Builds the verb, in its stem or infinitive, and the modal after it."""
    verb, said, modal = said_so.verb, said_so.said, said_so.modal.hindi
    host, _, stem = _host(verb)
    lead, loose = said_so.verb_said[:1], said_so.to + said_so.verb_said[1:]
    words = [Word(word, lead, loose) for word in host.split()]
    negation = why + _negation(said_so)
    is_so = Word(hindi.BE[subject.person], said_so.helper or said, said)
    if modal == "सक":
        able = Word(hindi.habitual(modal, subject.gender, subject.many), said)
        return [*words, *negation, Word(stem, lead, loose), able, is_so]
    if modal == "चाहिए":
        who = _acted_on(verb, thing)
        return [*words, *negation, Word(hindi.infinitive(stem, who.gender, who.many), lead, loose), Word(modal, said)]
    if modal == "चाह":
        wants = Word(hindi.habitual(modal, subject.gender, subject.many), said)
        return [*words, Word(hindi.infinitive(stem), lead, loose), *negation, wants, is_so]
    if modal == "नफ़रत":
        words += [Word(hindi.infinitive(stem, oblique=True), lead, loose), Word("से", (), said), Word(modal, said)]
        return [*words, *negation, Word(hindi.habitual("कर", subject.gender, subject.many), said), is_so]
    pleasant = [Word(word, said) for word in modal.split()]
    is_so = is_so._replace(text=hindi.BE[2])  # it agrees with the infinitive
    return [*words, Word(hindi.infinitive(stem), lead, loose), *pleasant, *negation, is_so]
