"""The rules of the toy grammar: noun phrases, verb phrases, clauses, sentences.

Each is a function from a `Draft` and a few finite features (number, gender, kinds, tense, ...) to a phrase:
it says its English words from left to right and returns its French words, linked to the English positions
they come from.
"""

from operator import attrgetter

from xattn.data.toy import choices
from xattn.data.toy import function_words as fw
from xattn.data.toy.draft import Draft, French, Said
from xattn.data.toy.french import Word, conjugate, plural
from xattn.data.toy.function_words import BARE, BE, DE, OWN, THE, THIS, Modal, Mode, Preposition
from xattn.data.toy.lexicon import KINDS, MASS, OF, Noun, Verb
from xattn.data.toy.phrases import (
    FIRST_OF_TWO,
    SIMPLE,
    Allow,
    Complement,
    Phrase,
    adjective_phrase,
    article,
    bare_noun,
    english_form,
    fresh,
    name,
    negate,
    polarity,
    said_of,
    verb_group,
)

ENGLISH, ONE_OF, MANY_OF = attrgetter("english"), attrgetter("one"), attrgetter("many")

EVERYBODY = (0, 1, 2, 3, 4)
ACTORS = "p" * 9 + "a" * 6 + "vv"  # likelier kinds several times
ANYTHING = ACTORS + "ockrnhubgwfmd"
SENTENCES = ("noun",) * 2 + ("statement",) * 13 + ("question",) * 6 + ("clauses",) * 11 + ("predicates",) * 5
PREDICATES = ("verb",) * 7 + ("copula",) * 2 + ("modal",) * 2
HELPERS = (
    *(("do", (0, 1, 3, 4)), ("does", (2,)), ("did", EVERYBODY)) * 3,
    *(("am", (0,)), *(("is", (2,)), ("are", (1, 3, 4))) * 2),
    *(("can", EVERYBODY), ("must", EVERYBODY)),
)


def sentence(d: Draft) -> French:
    """S → NP | statement | question | statement "and" statement | NP VP "and" VP."""
    form = d.pick(SENTENCES)
    if form == "noun":
        return noun_phrase(d, KINDS + "ppaa", "oblique").french
    if form == "statement":
        return statement(d, Allow())
    if form == "question":
        return question(d)
    if form == "clauses":
        first = statement(d, Allow(joint=False))
        conjunction = d.one_of(fw.JOINTS)
        return [*first, *conjunction, *statement(d, Allow(joint=False))]
    actor = subject(d, ACTORS, Allow())
    tenses = (d.pick(Allow().tenses),)
    first = predicate(d, actor, FIRST_OF_TWO._replace(tenses=tenses))
    conjunction = d.each("and", "et")
    return [*actor.french, *first, *conjunction, *predicate(d, actor, Allow(negation=False, tenses=tenses))]


def statement(d: Draft, allow: Allow) -> French:
    """NP VP."""
    actor = subject(d, ANYTHING, allow, placed=True)
    return [*actor.french, *predicate(d, actor, allow)]


def question(d: Draft) -> French:
    """("why") "does" NP VP: French asks with est-ce que and keeps the order of a statement."""
    asking = d.one_of(fw.ASKING) if d.chance(0.25) else []
    (helper, persons), said = d.word(HELPERS, lambda row: row[0])
    est_ce_que = [*asking, Word("est-ce", (), said), Word("que/qu'", (), said)]
    if helper in BE:
        actor = subject(d, ANYTHING, Allow(), persons=persons)
        return [*est_ce_que, *actor.french, *copula(d, actor, said, [])]
    actor = subject(d, ACTORS, Allow(), persons=persons)
    start = [*est_ce_que, *actor.french]
    if helper in ("can", "must"):
        modal = next(modal for modal in fw.MODALS if modal.base == helper)
        return start + infinitive(d, modal, actor, said, (), [], Allow())
    if helper != "did" and set(actor.kinds) == {"p"} and d.chance(0.2):
        modal, modal_said = d.word(fw.MODALS[2:], lambda modal: modal.base)
        return start + infinitive(d, modal, actor, modal_said, said, [], Allow())
    return start + verbal(d, actor, "past" if helper == "did" else "present", said, [], Allow())


# --- noun phrases -------------------------------------------------------------------------------------------


def subject(
    d: Draft, kinds: str, allow: Allow, *, persons: tuple[int, ...] = EVERYBODY, placed: bool = False
) -> Phrase:
    """A pronoun, a name, a noun phrase, or two joined by "and", of one of the `persons`."""
    if persons == (0,) or d.chance(0.4):
        p, said = d.word(choices.pronouns(persons), lambda pronoun: pronoun.subject)
        return Phrase(french=[Word(p.french, said)], person=p.person, gender=p.gender, many=p.many, kinds="p")
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
) -> Phrase:
    """Det (very) Adj* N, and if `heavy` a relative clause, "of" NP or (if `placed`) a place.

    The noun is another than those in `besides`.
    """
    kind = d.pick(d.foreseen(kinds, choices.noun_words))
    if kind in MASS:
        many = False
    elif many is None:
        many = d.chance(0.3)
    determiner, said = d.word(choices.determiners(mode, kind, many), MANY_OF if many else ONE_OF)

    nouns = choices.nouns(kind, many, determiner in OWN, besides)
    slots = d.pick(choices.adjective_slots(kind))
    very_probability = 0.15 if len(slots) == 1 else 0.0
    said_adjectives = [adjective_phrase(d, choices.adjectives(kind, slot), very_probability) for slot in slots]
    adjectives = tuple(adjective for adjective, _, _ in said_adjectives)
    if slots:
        _, nouns = choices.unbarred(adjectives, nouns, d.barred)
    noun, noun_said = d.word(nouns, MANY_OF if many else ONE_OF)

    before, after = [], []
    for adjective, adjective_said, very in said_adjectives:
        d.adjective_nouns.append((adjective.english, noun.one))
        words = [*very, Word(adjective.french(noun.gender, many), adjective_said)]
        if adjective.slot == "pre":
            before = words
        else:
            after = words + after  # French mirrors English: renard brun rapide
    french = article(determiner, said, noun_said, noun.gender, many, mode, bool(before))
    french += [*before, Word(plural(noun.french) if many else noun.french, noun_said), *after]
    phrase = Phrase(
        french=french,
        person=4 if many else 2,
        gender=noun.gender,
        many=many,
        kinds=kind,
        nouns=(noun,),
        adjectives=adjectives,
        determiners=(determiner,),
    )
    if heavy and determiner not in (THIS, BARE, *OWN) and not (mode == "negated" and determiner is not THE):
        extension = modifier(d, phrase, placed)
        phrase.heavy = bool(extension)
        phrase.french = french + extension
    return phrase


def modifier(d: Draft, head: Phrase, placed: bool) -> French:
    """What follows a noun: "of" NP, a place, a relative clause, or nothing."""
    (noun,) = head.nouns
    if head.determiners == (THE,):
        if noun.one in OF and d.chance(0.4):
            of = d.each("of", DE)
            whole = person(d, "known") if OF[noun.one] == "p" else noun_phrase(d, OF[noun.one], "known")
            return of + whole.french
        if placed and head.kinds in "pa" and d.chance(0.1):
            return place(d, head)
    return relative_clause(d, head) if d.chance(0.2) else []


def person(d: Draft, mode: Mode) -> Phrase:
    """A name or a noun phrase about a person."""
    return name(d) if d.chance(0.2) else noun_phrase(d, "p", mode)


def both(d: Draft, kinds: str, mode: Mode, heavy: bool) -> Phrase:
    """NP "and" NP. Only the second may be heavy: what follows the first could belong to both."""
    then = "known" if mode == "generic" else "oblique"
    first = then if mode == "subject" else mode
    one = name(d) if "p" in kinds and d.chance(0.15) else noun_phrase(d, kinds, first)
    conjunction = d.each("and", "et")
    # "my cats and dogs" and "small cats and dogs" could be mine, or small, both.
    shared = one.adjectives or one.determiners != (BARE,)
    two = noun_phrase(d, kinds, then if shared else mode, heavy=heavy, besides=one.nouns)
    return Phrase(
        french=[*one.french, *conjunction, *two.french],
        person=4,
        gender="f" if one.gender == two.gender == "f" else "m",
        many=True,
        kinds=one.kinds + two.kinds,
        nouns=one.nouns + two.nouns,
        adjectives=one.adjectives + two.adjectives,
        determiners=one.determiners + two.determiners,
        heavy=two.heavy,
    )


def relative_clause(d: Draft, head: Phrase) -> French:
    """ "who" VP | "that" VP | "that" NP V; a participle after que agrees with the head."""
    if d.chance(0.5):
        return d.each("who" if head.kinds == "p" else "that", "qui") + predicate(d, head, SIMPLE)
    that = d.each("that", "que/qu'")
    actor = subject(d, "ppa" if choices.verbs("a", "past", False, head.kinds) else "p", SIMPLE)
    tense, helper, negation = polarity(d, actor, SIMPLE)
    verb, said = d.word(
        choices.verbs(actor.kinds, tense, False, head.kinds),
        lambda verb: english_form(verb, actor, tense, bool(helper)),
    )
    return that + actor.french + verb_group(verb, actor, tense, said, helper, negation, agreed=head)


def prepositional(d: Draft, options: tuple[Preposition, ...], actor: Phrase) -> French:
    """P NP, or P and a pronoun for somebody else than the actor."""
    preposition, said = d.word(options, ENGLISH)
    french = [
        Word(word, tuple(said[i] for i in sure), tuple(said[i] for i in possible))
        for word, sure, possible in preposition.french
    ]
    if preposition.kinds != "p":
        return french + noun_phrase(d, preposition.kinds, preposition.mode).french
    if d.chance(0.4):
        pronoun, pronoun_said = d.word(choices.others(actor.person), lambda pronoun: pronoun.object)
        return [*french, Word(pronoun.tonic, pronoun_said)]
    return french + person(d, preposition.mode).french


def place(d: Draft, actor: Phrase, verb: Verb | None = None) -> French:
    """Where somebody or something is, or does what the verb says; few do it on a table."""
    without = "" if verb is None or "on" in verb.marks else "u"
    return prepositional(d, choices.places(actor.kinds, without), actor)


# --- verb phrases -------------------------------------------------------------------------------------------


def predicate(d: Draft, actor: Phrase, allow: Allow) -> French:
    """A verb with what belongs to it, "is" ..., or "can" and an infinitive."""
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
        return copula(d, actor, said, negate(d) if negated else [])
    modals = fw.MODALS if set(actor.kinds) == {"p"} else fw.MODALS[:1]
    if not negated:
        modal, said = d.word(modals, lambda modal: english_form(modal, actor, "present", False))
        return infinitive(d, modal, actor, said, (), [], allow)
    if d.chance(0.5) or len(modals) == 1:
        modal, said = d.word(modals[:2], lambda modal: modal.base)
        return infinitive(d, modal, actor, said, (), negate(d), allow)
    helper = d.say("does" if actor.person == 2 else "do")
    negation = negate(d, helper)
    modal, said = d.word(modals[2:], lambda modal: modal.base)
    return infinitive(d, modal, actor, said, helper, negation, allow)


def verbal(d: Draft, actor: Phrase, tense: fw.Tense, helper: Said, negation: French, allow: Allow) -> French:
    """(adverb) V complement adjuncts; `helper` holds the positions of do/does/did."""
    never = bool(negation) and negation[1].text == "jamais"
    frequency = []
    if not never and d.chance(0.12):
        frequency = d.one_of(fw.FREQUENCY["not" if negation else tense])
    options = fresh(choices.verbs(actor.kinds, tense, bool(frequency), ""), actor)
    verb, said = d.word(options, lambda verb: english_form(verb, actor, tense, bool(helper)))
    actor.verbs += (verb,)
    if negation:
        allow = allow._replace(joint=False)  # "ni" is another story
    taken = complement(d, verb, actor, said, "negated" if negation else "plain", allow)
    middle, after = [], []
    if not taken.heavy and "stative" not in verb.marks:
        timed = allow.time and not frequency and not never and verb.auxiliary != "state"
        middle, after = adjuncts(d, verb, actor, fw.TIMES[tense] if timed else ())
    middle = frequency + middle
    group = verb_group(verb, actor, tense, said, helper, negation, taken.clitics, middle, taken.agreed)
    return [*group, *taken.after, *after]


def infinitive(
    d: Draft, modal: Modal, actor: Phrase, said: Said, helper: Said, negation: French, allow: Allow
) -> French:
    """What follows a modal verb, with that verb in French; clitics stand before the infinitive."""
    to = d.say("to") if modal.then == "to" else ()
    options = fresh(choices.verbs(actor.kinds, "gerund", True, ""), actor)
    verb, verb_said = d.word(options, lambda verb: verb.gerund if modal.then == "gerund" else verb.base)
    actor.verbs += (verb,)
    if negation:
        allow = allow._replace(joint=False)
    # Both "n' aime pas manger de pain" and "du pain" are said, so neither is here.
    mode = "plain" if not negation else "known" if modal.then == "gerund" else "negated"
    taken = complement(d, verb, actor, verb_said, mode, allow)
    placed = not taken.heavy and not verb.marks & {"to", "dans"} and d.chance(0.2)
    after = place(d, actor, verb) if placed else []
    finite = Word(conjugate(modal.french)[actor.person], said, helper)
    word = Word(verb.french, verb_said[:1], to + verb_said[1:])
    return [*negation[:1], finite, *negation[1:], *taken.clitics, word, *taken.after, *after]


def complement(d: Draft, verb: Verb, actor: Phrase, said: Said, mode: Mode, allow: Allow) -> Complement:
    """What belongs to the verb: its object, the person given to, the place gone to."""
    if "to" in verb.marks:
        return Complement(after=prepositional(d, fw.TO, actor))
    if "dans" in verb.marks:
        return Complement(after=[Word("dans", (), said), *noun_phrase(d, verb.objects, "oblique").french])
    if not verb.marks & {"dative", "à"}:
        return direct_object(d, verb, actor, mode, allow) if verb.objects else Complement()
    given, to, loose = [], (), said
    if "dative" in verb.marks:
        if verb.objects:
            given = noun_phrase(d, verb.objects, mode).french
        to, loose = d.say("to"), ()
    if d.chance(0.4):
        pronoun, pronoun_said = d.word(choices.others(actor.person), lambda pronoun: pronoun.object)
        return Complement(clitics=[Word(pronoun.indirect, pronoun_said, to)], after=given)
    return Complement(after=[*given, Word("à", to, loose), *person(d, "oblique").french])


def direct_object(d: Draft, verb: Verb, actor: Phrase, mode: Mode, allow: Allow) -> Complement:
    """A pronoun, which French puts before the verb, a name, a noun phrase, or nothing if that is optional."""
    if "optional" in verb.marks and d.chance(0.3):
        return Complement()
    if d.chance(0.25):
        options = choices.others(actor.person) if "p" in verb.objects else (fw.IT, fw.THEM)
        pronoun, said = d.word(options, lambda pronoun: pronoun.object)
        return Complement(clitics=[Word(pronoun.direct, said)], agreed=pronoun)
    if "p" in verb.objects and d.chance(0.08):
        return Complement(after=name(d).french)
    if "generic" in verb.marks:
        mode = "generic"
    if allow.joint and d.chance(0.12):
        phrase = both(d, d.pick(verb.objects), mode, allow.heavy)
    else:
        phrase = noun_phrase(d, verb.objects, mode, heavy=allow.heavy)
    return Complement(after=phrase.french, heavy=phrase.heavy)


def adjuncts(d: Draft, verb: Verb, actor: Phrase, times: tuple[tuple[str, str], ...]) -> tuple[French, French]:
    """How, where, with or for whom, when: gives what French puts before the participle, and the rest."""
    middle, after = [], []
    if "well" in verb.marks and d.chance(0.3):
        middle = d.one_of(fw.WELL)
    elif "manner" in verb.marks and d.chance(0.25):
        after = d.one_of(fw.MANNER)
    if "at" in verb.marks and d.chance(0.5):
        after += prepositional(d, fw.AT, actor)
    elif "from" in verb.marks and d.chance(0.5):
        after += prepositional(d, fw.FROM, actor)
    elif not verb.marks & {"to", "dans"} and d.chance(0.25):
        after += place(d, actor, verb)
    if "for" in verb.marks and d.chance(0.4):
        after += prepositional(d, fw.FOR, actor)
    elif set(actor.kinds) <= set("pa") and d.chance(0.12):
        after += prepositional(d, fw.WITH, actor)
    if times and d.chance(0.25):
        after += d.one_of(times)
    return middle, after


def copula(d: Draft, actor: Phrase, said: Said, negation: French) -> French:
    """What somebody or something is: one or two adjectives, a profession, friends, in a place."""
    group = [*negation[:1], Word(conjugate("être")[actor.person], said), *negation[1:]]
    compatible = choices.compatible(actor.kinds, actor.adjectives)
    options = ["adjective"] * 3 if compatible else []
    if choices.places(actor.kinds, ""):
        options.append("place")
    if set(actor.kinds) == {"p"}:
        options += ["profession", "relation"] if actor.many else ["profession"]
    how = d.pick(options)
    if how == "place":
        return group + place(d, actor)
    if how in fw.NOUNS_OF_PEOPLE:
        return [*group, *bare_noun(d, fw.NOUNS_OF_PEOPLE[how], actor)]
    adjective, french = said_of(d, compatible, actor)
    group += french
    actor.adjectives += (adjective,)
    more = choices.compatible(actor.kinds, actor.adjectives)
    if more and not negation and d.chance(0.2):
        conjunction = d.each("and", "et")
        adjective, french = said_of(d, more, actor)
        actor.adjectives += (adjective,)
        group += conjunction + french
    return group
