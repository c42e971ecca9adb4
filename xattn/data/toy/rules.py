"""The rules of the toy grammar: noun phrases, verb phrases, clauses, sentences.

Each rule is a function from a `Draft` and a few finite features (number, kinds, tense, ...) to a meaning. It appends
its English words to the draft from left to right, and stores their positions in the meaning.
"""

from operator import attrgetter

from xattn.data.toy import choices
from xattn.data.toy import function_words as fw
from xattn.data.toy.draft import Draft
from xattn.data.toy.function_words import BARE, BE, OWN, THE, THIS, Modal, Mode, Preposition
from xattn.data.toy.lexicon import KINDS, MASS, OF, Noun, Verb
from xattn.data.toy.meaning import (
    Clause,
    Clauses,
    Complement,
    Copula,
    Infinitive,
    Joined,
    Named,
    Negation,
    Nominal,
    Of,
    Predicate,
    Predicates,
    Prepositional,
    Pronominal,
    Question,
    Relative,
    Sentence,
    Verbal,
)
from xattn.data.toy.phrases import (
    ENGLISH,
    FIRST_OF_TWO,
    SIMPLE,
    Allow,
    Phrase,
    adverb,
    bare_noun,
    english_form,
    name,
    negate,
    polarity,
    quality,
    said_of,
    unused,
)
from xattn.data.toy.words import Said

ONE_OF, MANY_OF = attrgetter("one"), attrgetter("many")

EVERYBODY = (0, 1, 2, 3, 4)
ACTORS = "p" * 9 + "a" * 6 + "vv"  # frequent kinds are repeated
ANYTHING = ACTORS + "ockrnhubgwfmd"
SENTENCES = ("noun",) * 2 + ("statement",) * 13 + ("question",) * 6 + ("clauses",) * 11 + ("predicates",) * 5
PREDICATES = ("verb",) * 7 + ("copula",) * 2 + ("modal",) * 2
HELPERS = (
    *(("do", (0, 1, 3, 4)), ("does", (2,)), ("did", EVERYBODY)) * 3,
    *(("am", (0,)), *(("is", (2,)), ("are", (1, 3, 4))) * 2),
    *(("can", EVERYBODY), ("must", EVERYBODY)),
)


def sentence(d: Draft) -> Sentence:
    """S → NP | statement | question | statement "and" statement | NP VP "and" VP."""
    form = d.pick(SENTENCES)
    if form == "noun":
        return noun_phrase(d, KINDS + "ppaa", "oblique").nominal
    if form == "statement":
        return statement(d, Allow())
    if form == "question":
        return question(d)
    if form == "clauses":
        first = statement(d, Allow(joint=False))
        joint = adverb(d, fw.JOINTS)
        return Clauses(first, joint, statement(d, Allow(joint=False)))
    actor = subject(d, ACTORS, Allow())
    tenses = (d.pick(Allow().tenses),)
    first = predicate(d, actor, FIRST_OF_TWO._replace(tenses=tenses))
    said = d.say("and")
    return Predicates(actor.nominal, first, said, predicate(d, actor, Allow(negation=False, tenses=tenses)))


def statement(d: Draft, allow: Allow) -> Clause:
    """NP VP."""
    actor = subject(d, ANYTHING, allow, placed=True)
    return Clause(actor.nominal, predicate(d, actor, allow))


def question(d: Draft) -> Question:
    """("why") "does" NP VP."""
    asking = adverb(d, fw.ASKING) if d.chance(0.25) else None
    (helper, persons), said = d.word(HELPERS, lambda row: row[0])
    if helper in BE:
        actor = subject(d, ANYTHING, Allow(), persons=persons)
        return Question(asking, said, Clause(actor.nominal, copula(d, actor, said, None)))
    actor = subject(d, ACTORS, Allow(), persons=persons)
    if helper in ("can", "must"):
        modal = next(modal for modal in fw.MODALS if modal.base == helper)
        asked = infinitive(d, modal, actor, said, (), None, Allow())
    elif helper != "did" and set(actor.kinds) == {"p"} and d.chance(0.2):
        modal, modal_said = d.word(fw.MODALS[2:], lambda modal: modal.base)
        asked = infinitive(d, modal, actor, modal_said, said, None, Allow())
    else:
        asked = verbal(d, actor, "past" if helper == "did" else "present", said, None, Allow())
    return Question(asking, said, Clause(actor.nominal, asked))


# --- noun phrases -------------------------------------------------------------------------------------------


def subject(
    d: Draft, kinds: str, allow: Allow, *, persons: tuple[int, ...] = EVERYBODY, placed: bool = False
) -> Phrase:
    """A pronoun, a name, a noun phrase, or two joined by "and", of one of the `persons`."""
    if persons == (0,) or d.chance(0.4):
        p, said = d.word(choices.pronouns(persons), lambda pronoun: pronoun.subject)
        return Phrase(nominal=Pronominal(p, said), person=p.person, many=p.many, kinds="p")
    if 4 in persons and allow.joint and d.chance(0.15):
        return both(d, "ppa", "subject", allow.heavy)
    if 2 in persons and d.chance(0.12):
        return name(d)
    many = None if {2, 4} <= set(persons) else 4 in persons
    if many:
        kinds = "".join(kind for kind in kinds if kind not in MASS)
    return noun_phrase(d, kinds, "subject", many=many, heavy=allow.heavy, placed=placed)


def noun_phrase(
    d: Draft,
    kinds: str,
    mode: Mode,
    *,
    many: bool | None = None,
    heavy: bool = False,
    placed: bool = False,
    besides: tuple[Noun, ...] = (),
) -> Phrase[Nominal]:
    """Det (very) Adj* N; if `heavy`, a relative clause, "of" NP or (if `placed`) a place may follow.

    The noun is not one of `besides`.
    """
    kind = d.pick(d.reachable(kinds, choices.noun_words))
    if kind in MASS:
        many = False
    elif many is None:
        many = d.chance(0.3)
    determiner, said = d.word(choices.determiners(mode, kind, many), MANY_OF if many else ONE_OF)

    nouns = choices.nouns(kind, many, determiner in OWN, besides)
    slots = d.pick(choices.adjective_slots(kind))
    very_probability = 0.15 if len(slots) == 1 else 0.0
    qualities = tuple(quality(d, choices.adjectives(kind, slot), very_probability) for slot in slots)
    adjectives = tuple(said.adjective for said in qualities)
    if slots:
        _, nouns = choices.unbarred(adjectives, nouns, d.barred)
    noun, noun_said = d.word(nouns, MANY_OF if many else ONE_OF)
    d.adjective_nouns += [(adjective.english, noun.one) for adjective in adjectives]

    phrase = Phrase(
        nominal=Nominal(determiner, said, qualities, noun, noun_said, many, mode),
        person=4 if many else 2,
        many=many,
        kinds=kind,
        nouns=(noun,),
        adjectives=adjectives,
        determiners=(determiner,),
    )
    if heavy and determiner not in (THIS, BARE, *OWN) and not (mode == "negated" and determiner is not THE):
        after = modifier(d, phrase, placed)
        phrase.heavy = after is not None
        phrase.nominal = phrase.nominal._replace(after=after)
    return phrase


def modifier(d: Draft, head: Phrase, placed: bool) -> Of | Prepositional | Relative | None:
    """A modifier after a noun: "of" NP, a place, a relative clause, or none."""
    (noun,) = head.nouns
    if head.determiners == (THE,):
        if noun.one in OF and d.chance(0.4):
            of = d.say("of")
            return Of(
                of, (person(d, "known") if OF[noun.one] == "p" else noun_phrase(d, OF[noun.one], "known")).nominal
            )
        if placed and head.kinds in "pa" and d.chance(0.1):
            return place(d, head)
    return relative_clause(d, head) if d.chance(0.2) else None


def person(d: Draft, mode: Mode) -> Phrase[Named] | Phrase[Nominal]:
    """A name or a noun phrase about a person."""
    return name(d) if d.chance(0.2) else noun_phrase(d, "p", mode)


def both(d: Draft, kinds: str, mode: Mode, heavy: bool) -> Phrase[Joined]:
    """NP "and" NP. Only the second may be heavy: a clause after the first could modify both."""
    then = "known" if mode == "generic" else "oblique"
    first = then if mode == "subject" else mode
    one = name(d) if "p" in kinds and d.chance(0.15) else noun_phrase(d, kinds, first)
    said = d.say("and")
    # In "my cats and dogs" and "small cats and dogs", the second noun could share the determiner or adjective.
    shared = one.adjectives or one.determiners != (BARE,)
    two = noun_phrase(d, kinds, then if shared else mode, heavy=heavy, besides=one.nouns)
    return Phrase(
        nominal=Joined(one.nominal, said, two.nominal),
        person=4,
        many=True,
        kinds=one.kinds + two.kinds,
        nouns=one.nouns + two.nouns,
        adjectives=one.adjectives + two.adjectives,
        determiners=one.determiners + two.determiners,
        heavy=two.heavy,
    )


def relative_clause(d: Draft, head: Phrase) -> Relative:
    """ "who" VP | "that" VP | "that" NP V."""
    if d.chance(0.5):
        who = d.say("who" if head.kinds == "p" else "that")
        return Relative(who, None, predicate(d, head, SIMPLE))
    that = d.say("that")
    actor = subject(d, "ppa" if choices.verbs("a", "past", False, head.kinds) else "p", SIMPLE)
    tense, helper, negation = polarity(d, actor, SIMPLE)
    verb, said = d.word(
        choices.verbs(actor.kinds, tense, False, head.kinds),
        lambda verb: english_form(verb, actor, tense, bool(helper)),
    )
    return Relative(that, actor.nominal, Verbal(verb, said, tense, helper, negation))


def prepositional(d: Draft, options: tuple[Preposition, ...], actor: Phrase) -> Prepositional:
    """P NP, or P and a pronoun for a person other than the actor."""
    preposition, said = d.word(options, ENGLISH)
    if preposition.kinds != "p":
        return Prepositional(preposition, said, noun_phrase(d, preposition.kinds, preposition.mode).nominal)
    return Prepositional(preposition, said, somebody(d, preposition.mode, actor))


def somebody(d: Draft, mode: Mode, actor: Phrase) -> Pronominal | Named | Nominal:
    """A pronoun for a person other than the actor, a name, or a noun phrase about a person."""
    if d.chance(0.4):
        return Pronominal(*d.word(choices.others(actor.person), lambda pronoun: pronoun.object))
    return person(d, mode).nominal


def place(d: Draft, actor: Phrase, verb: Verb | None = None) -> Prepositional:
    """A place where the actor is, or where the action happens; "on" furniture only for verbs marked so."""
    without = "" if verb is None or "on" in verb.marks else "u"
    return prepositional(d, choices.places(actor.kinds, without), actor)


# --- verb phrases -------------------------------------------------------------------------------------------


def predicate(d: Draft, actor: Phrase, allow: Allow) -> Predicate:
    """A verb phrase: verb with complement and adjuncts, "is" ..., or a modal verb with an infinitive."""
    how = "copula"
    if "present" not in allow.tenses:
        how = "verb"
    elif set(actor.kinds) <= set("pa"):
        how = d.pick(PREDICATES if allow.modal else PREDICATES[:-2])
    elif actor.kinds == "v":
        how = d.pick(("verb", "copula"))
    if how == "verb":
        return verbal(d, actor, *polarity(d, actor, allow), allow)
    negated = allow.negation and actor.negatable and d.chance(0.2)
    if how == "copula":
        said = d.say(BE[actor.person])
        return copula(d, actor, said, negate(d) if negated else None)
    modals = fw.MODALS if set(actor.kinds) == {"p"} else fw.MODALS[:1]
    if not negated:
        modal, said = d.word(modals, lambda modal: english_form(modal, actor, "present", False))
        return infinitive(d, modal, actor, said, (), None, allow)
    if d.chance(0.5) or len(modals) == 1:
        modal, said = d.word(modals[:2], lambda modal: modal.base)
        return infinitive(d, modal, actor, said, (), negate(d), allow)
    helper = d.say("does" if actor.person == 2 else "do")
    negation = negate(d, helper)
    modal, said = d.word(modals[2:], lambda modal: modal.base)
    return infinitive(d, modal, actor, said, helper, negation, allow)


def verbal(d: Draft, actor: Phrase, tense: fw.Tense, helper: Said, negation: Negation | None, allow: Allow) -> Verbal:
    """(adverb) V complement adjuncts; `helper` holds the positions of do/does/did."""
    never = negation is not None and negation.never
    frequency = None
    if not never and d.chance(0.12):
        frequency = adverb(d, fw.FREQUENCY["not" if negation else tense])
    options = unused(choices.verbs(actor.kinds, tense, bool(frequency), ""), actor)
    verb, said = d.word(options, lambda verb: english_form(verb, actor, tense, bool(helper)))
    actor.verbs += (verb,)
    if negation:
        allow = allow._replace(joint=False)  # French would need "ni"
    taken, heavy = complement(d, verb, actor, "negated" if negation else "plain", allow)
    said_so_far = Verbal(verb, said, tense, helper, negation, taken, frequency)
    if heavy or "stative" in verb.marks:
        return said_so_far
    timed = allow.time and not frequency and not never and verb.auxiliary != "state"
    return adjuncts(d, said_so_far, actor, fw.TIMES[tense] if timed else ())


def infinitive(
    d: Draft, modal: Modal, actor: Phrase, said: Said, helper: Said, negation: Negation | None, allow: Allow
) -> Infinitive:
    """An infinitive or gerund after a modal verb that was said already, with its complement."""
    to = d.say("to") if modal.then == "to" else ()
    options = unused(choices.verbs(actor.kinds, "gerund", True, ""), actor)
    verb, verb_said = d.word(options, lambda verb: verb.gerund if modal.then == "gerund" else verb.base)
    actor.verbs += (verb,)
    if negation:
        allow = allow._replace(joint=False)
    # French has both "n' aime pas manger de pain" and "du pain", so the grammar avoids either.
    mode = "plain" if not negation else "known" if modal.then == "gerund" else "negated"
    taken, heavy = complement(d, verb, actor, mode, allow)
    placed = not heavy and not verb.marks & {"to", "dans"} and d.chance(0.2)
    where = place(d, actor, verb) if placed else None
    return Infinitive(modal, said, helper, negation, to, verb, verb_said, taken, where)


def complement(d: Draft, verb: Verb, actor: Phrase, mode: Mode, allow: Allow) -> tuple[Complement, bool]:
    """The complement of a verb (object, recipient or goal), and whether it is heavy."""
    if "to" in verb.marks:
        return Complement(goal=prepositional(d, fw.TO, actor)), False
    if "dans" in verb.marks:
        return Complement(object=noun_phrase(d, verb.objects, "oblique").nominal), False
    if not verb.marks & {"dative", "à"}:
        return direct_object(d, verb, actor, mode, allow) if verb.objects else (Complement(), False)
    given, to = None, ()
    if "dative" in verb.marks:
        if verb.objects:
            given = noun_phrase(d, verb.objects, mode).nominal
        to = d.say("to")
    return Complement(object=given, to=to, recipient=somebody(d, "oblique", actor)), False


def direct_object(d: Draft, verb: Verb, actor: Phrase, mode: Mode, allow: Allow) -> tuple[Complement, bool]:
    """A direct object (pronoun, name, noun phrase, or none if it is optional), and whether it is heavy."""
    if "optional" in verb.marks and d.chance(0.3):
        return Complement(), False
    if d.chance(0.25):
        options = choices.others(actor.person) if "p" in verb.objects else (fw.IT, fw.THEM)
        return Complement(object=Pronominal(*d.word(options, lambda pronoun: pronoun.object))), False
    if "p" in verb.objects and d.chance(0.08):
        return Complement(object=name(d).nominal), False
    if "generic" in verb.marks:
        mode = "generic"
    if allow.joint and d.chance(0.12):
        phrase = both(d, d.pick(verb.objects), mode, allow.heavy)
    else:
        phrase = noun_phrase(d, verb.objects, mode, heavy=allow.heavy)
    return Complement(object=phrase.nominal), phrase.heavy


def adjuncts(d: Draft, said: Verbal, actor: Phrase, times: tuple[fw.Saying, ...]) -> Verbal:
    """Adds adjuncts: manner, place, beneficiary or company, time."""
    verb = said.verb
    well = manner = time = None
    around: list[Prepositional] = []
    if "well" in verb.marks and d.chance(0.3):
        well = adverb(d, fw.WELL)
    elif "manner" in verb.marks and d.chance(0.25):
        manner = adverb(d, fw.MANNER)
    if "at" in verb.marks and d.chance(0.5):
        around.append(prepositional(d, fw.AT, actor))
    elif "from" in verb.marks and d.chance(0.5):
        around.append(prepositional(d, fw.FROM, actor))
    elif not verb.marks & {"to", "dans"} and d.chance(0.25):
        around.append(place(d, actor, verb))
    if "for" in verb.marks and d.chance(0.4):
        around.append(prepositional(d, fw.FOR, actor))
    elif set(actor.kinds) <= set("pa") and d.chance(0.12):
        around.append(prepositional(d, fw.WITH, actor))
    if times and d.chance(0.25):
        time = adverb(d, times)
    return said._replace(well=well, manner=manner, around=tuple(around), time=time)


def copula(d: Draft, actor: Phrase, said: Said, negation: Negation | None) -> Copula:
    """The complement of "is": one or two adjectives, a noun for people, or a place."""
    compatible = choices.compatible(actor.kinds, actor.adjectives)
    options = ["adjective"] * 3 if compatible else []
    if choices.places(actor.kinds, ""):
        options.append("place")
    if set(actor.kinds) == {"p"}:
        options += ["profession", "relation"] if actor.many else ["profession"]
    how = d.pick(options)
    if how == "place":
        return Copula(said, negation, place(d, actor))
    if how in fw.NOUNS_OF_PEOPLE:
        return Copula(said, negation, bare_noun(d, fw.NOUNS_OF_PEOPLE[how], actor))
    one = said_of(d, compatible, actor)
    more = choices.compatible(actor.kinds, actor.adjectives)
    if more and not negation and d.chance(0.2):
        joint = d.say("and")
        return Copula(said, negation, (one, said_of(d, more, actor)), joint)
    return Copula(said, negation, (one,))
