"""The options of the rules: which words may stand where. Frequent options are listed several times."""

from functools import cache
from typing import Literal

from xattn.data.toy.function_words import (
    ALL,
    BARE,
    EVERY,
    MANY,
    OWN,
    PLACES,
    PRONOUNS,
    SOME,
    THE,
    THIS,
    THREE,
    TWO,
    A,
    Determiner,
    Mode,
    Preposition,
    Pronoun,
)
from xattn.data.toy.lexicon import (
    ADJECTIVES,
    CONTRARIES,
    MASS,
    NOT_OWNED,
    NOUNS,
    OWNED,
    VERBS,
    Adjective,
    Noun,
    Verb,
)


@cache
def nouns(kind: str, many: bool, owned: bool, besides: tuple[Noun, ...]) -> tuple[Noun, ...]:
    """Lists the nouns of a kind, except those in `besides`.

    If `many`, only nouns with a plural; if `owned`, only nouns that may follow "my".
    """
    return tuple(
        noun
        for noun in NOUNS
        if noun.kind == kind
        and noun not in besides
        and not (many and not noun.many)
        and not (owned and noun.one in NOT_OWNED)
    )


@cache
def noun_words(kind: str) -> frozenset[str]:
    """Collects the first English words of the nouns of a kind."""
    return frozenset(form.split()[0] for noun in NOUNS if noun.kind == kind for form in (noun.one, noun.many) if form)


@cache
def adjectives(kind: str, slot: str) -> tuple[Adjective, ...]:
    """Lists the adjectives of a slot that may stand before nouns of a kind."""
    return tuple(a for a in ADJECTIVES if a.slot == slot and kind in a.attributive)


@cache
def compatible(kinds: str, said: tuple[Adjective, ...]) -> tuple[Adjective, ...]:
    """Lists the adjectives that may be said of all the kinds in addition to those in `said`.

    It leaves out the adjectives in `said`, their contraries, and any second size, colour or origin.
    """
    taken = {adjective.slot for adjective in said} - {"quality"}
    words = {adjective.english for adjective in said}
    barred = words | {other for pair in CONTRARIES for other in pair if pair & words}
    return tuple(
        adjective
        for adjective in ADJECTIVES
        if all(kind in adjective.predicative for kind in kinds)
        and adjective.slot not in taken
        and adjective.english not in barred
    )


@cache
def unbarred(
    adjectives: tuple[Adjective, ...], nouns: tuple[Noun, ...], barred: frozenset[tuple[str, str]]
) -> tuple[tuple[Adjective, ...], tuple[Noun, ...]]:
    """Drops the adjectives barred with any of the nouns, and the nouns barred with any of the adjectives.

    `barred` holds (adjective, noun) pairs that must not be combined.
    """
    return (
        tuple(a for a in adjectives if all((a.english, noun.one) not in barred for noun in nouns)),
        tuple(n for n in nouns if all((adjective.english, n.one) not in barred for adjective in adjectives)),
    )


@cache
def pronouns(persons: tuple[int, ...]) -> tuple[Pronoun, ...]:
    """Lists the subject pronouns of these persons."""
    return tuple(pronoun for pronoun in PRONOUNS if pronoun.person in persons)


@cache
def verbs(kinds: str, form: Literal["present", "past", "gerund"], lively: bool, objects: str) -> tuple[Verb, ...]:
    """Lists the verbs whose subject may be of all `kinds`, and that have the given form.

    With `objects`, only verbs that take just a direct object of that kind, as relative clauses need. `lively` leaves
    out stative verbs.
    """
    return tuple(
        verb
        for verb in VERBS
        if all(kind in verb.subjects for kind in kinds)
        and (form == "present" or getattr(verb, form))
        and not (lively and ("stative" in verb.marks or verb.auxiliary == "state"))
        and (not objects or (objects in verb.objects and not verb.marks & {"dative", "à", "dans", "no relative"}))
    )


@cache
def determiners(mode: Mode, kind: str, many: bool) -> tuple[Determiner, ...]:
    """Lists the determiners of a noun of a kind.

    Modes: "subject"; an object that is "plain", "negated" or of a "generic" verb; "oblique" after a preposition;
    "known" where only definite determiners may stand; "the" where only "the" may ("at this hotel" would not be à).
    A thing as subject does not take "a".
    """
    if mode == "the":
        return (THE,)
    known = (THE,) * 8 + (THIS,) * 2 + (OWN if kind in OWNED else ())
    objects = mode in ("plain", "negated", "generic")
    if kind in MASS:
        return known + (BARE,) * 10 * objects
    if mode in ("known", "generic"):
        return known + (BARE,) * 8 * (objects and many)
    free = mode in ("subject", "plain")
    if not many:
        return known + (A,) * 7 * (mode != "subject" or kind in "pav") + (EVERY,) * free
    return known + (TWO, THREE) + (SOME, SOME, MANY, ALL) * free + (BARE,) * 4 * objects


@cache
def places(subjects: str, without: str) -> tuple[Preposition, ...]:
    """Lists the prepositions of place that all these kinds may take, except for places of the kind `without`."""
    return tuple(
        place
        for place in PLACES
        if all(kind in place.subjects for kind in subjects) and not (without and without in place.kinds)
    )


@cache
def others(person: int) -> tuple[Pronoun, ...]:
    """Lists the pronouns that do not include a person: "i" does not go with "me" or "us"."""
    same = {0: (0, 3), 1: (1,), 2: (), 3: (0, 3), 4: ()}[person]
    return tuple(pronoun for pronoun in PRONOUNS if pronoun.person not in same)


@cache
def adjective_slots(kind: str) -> tuple[tuple[str, ...], ...]:
    """Lists the combinations of adjective slots before a noun of a kind, in English order."""
    patterns = (
        *((),) * 9,
        *(("pre",),) * 3,
        *(("quality",),) * 3,
        *(("colour",),) * 2,
        *(("origin",),) * 2,
        ("pre", "quality"),
        ("pre", "colour"),
        ("pre", "origin"),
        ("quality", "colour"),
        ("colour", "origin"),
        ("pre", "quality", "colour"),
    )
    return tuple(slots for slots in patterns if all(adjectives(kind, slot) for slot in slots))
