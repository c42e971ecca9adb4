"""The toy languages: English sentences, their translations and gold links, from one grammar.

A context-free grammar with features (`toy.rules`, `toy.lexicon`), written for this project, generates an English
sentence and its meaning; French or Hindi is generated from the meaning. `sample` draws a sentence, `parse` recognises
one, and `generate` makes the splits. `toy_en_fr` and `toy_en_hi` have the same English sentences.

Text is lower-case words separated by spaces, without punctuation; an elided French word is a separate word
("j' aime", "l' ami", "est-ce qu' il"). Every English sentence has exactly one translation. Conventions resolve what
English leaves open: i, you, we and they are masculine, and so are nouns for people of both sexes. A relative clause,
"and" or "of" does not occur where its attachment would change agreement.

*French*: "you" is tu; "it" is le; the simple past is the passé composé; "sits" is est assis.

*Hindi*: "you" is तुम; there are no honorific plurals; the simple past is the perfective, the present the
habitual (खाता है); "sits" is बैठा है; "must" is चाहिए. ने marks the subject of a transitive verb in the past. That verb
agrees with an unmarked object, or with its noun as in मदद करना, else it takes the default form. को marks living
objects and pronouns; of two objects with "and", the nearest decides. "Like", "love", "must" and "have" take their
subject with को or के पास. "My", "your" and "our" are अपना if they refer to the subject; "his", "her" and "their" refer
to somebody else. A relative clause follows a subject directly, but that of an object follows the verb; "the" before
one is वह. "A" is left out under negation. If two verbs need their subject in different cases, a pronoun repeats it.

Links follow Och and Ney (2003): **sure** (S) if the words clearly correspond, **possible** (P, which includes S) if
the correspondence is looser, or holds only for a group of words.

=========  ============================================================================================
sure       content words; pronouns; articles in both languages; prepositions; who/that with
           qui/que; "not" with ne and pas, "never" with ne and jamais; "did" with the auxiliary, else
           the verb with auxiliary and participle (ate: a mangé; sits: est assis); both words of
           "ice cream" with glace; "au" with "to" and with "the"
possible   articles in French only (de la glace: both with "ice cream"); de after beaucoup or près;
           do/does/did with verb, ne, pas and est-ce que; the particle of a verb ("for" in "look for");
           "to" before an infinitive or with lui; "a" of "a doctor" (médecin)
=========  ============================================================================================

For Hindi there are also:

=========  ============================================================================================
sure       "never" with कभी and नहीं; the verb with all its words (helps: मदद करता है), "do" and "does"
           with its है; the content word of a postposition (in front of: सामने); "of" with का
possible   "the", and "a" without एक, with the noun; ने and को with the noun that they mark; के and
           की in a postposition; का, की, से of a verb, and के पास of "has", with the verb; क्या with the verb of
           the question; a pronoun merged with a postposition ("to her": उसे) with the source of that; "to"
           of a goal without को with the noun; a pronoun that repeats a subject with that subject; जो and है
           of "the boy in the garden" with "in"
=========  ============================================================================================
"""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from functools import partial
from random import Random
from typing import Literal, NamedTuple

from xattn.data.pairs import WordLinks
from xattn.data.toy import say_french, say_hindi
from xattn.data.toy.draft import DeadEnd, Draft, derivations
from xattn.data.toy.lexicon import pairs
from xattn.data.toy.meaning import Sentence
from xattn.data.toy.rules import sentence

VERSION = "1.0.0"  # of the sentences; raise it whenever a digest changes, or cached files of the old version are read
# Longest English sentences, in words: of all splits but "long", and of "long".
LONGEST, LONGEST_OF_ALL = 16, 28

Language = Literal["fr", "hi"]
SAY: dict[Language, Callable[[Sentence], tuple[str, WordLinks, WordLinks]]] = {
    "fr": say_french.say,
    "hi": say_hindi.say,
}


class Example(NamedTuple):
    """A sentence pair with gold links as sorted (English, target) word positions; `possible` includes `sure`.

    `adjective_nouns` lists the (adjective, noun) pairs in which the adjective is said of the noun, in English.
    """

    english: str
    target: str
    sure: WordLinks
    possible: WordLinks
    adjective_nouns: tuple[tuple[str, str], ...]


def _derive(d: Draft, language: Language) -> Example:
    text, sure, possible = SAY[language](sentence(d))
    return Example(" ".join(d.words), text, sure, possible, tuple(d.adjective_nouns))


def sample(
    random: Callable[[], float], barred: frozenset[tuple[str, str]] = frozenset(), language: Language = "fr"
) -> Example:
    """Draws a sentence without any of the `barred` (adjective, noun) pairs.

    `random` returns numbers from 0 up to 1, as `random.Random(seed).random` does.
    """
    while True:
        try:
            return _derive(Draft(random, barred), language)
        except DeadEnd:
            continue


def parse(english: str, language: Language = "fr") -> list[Example]:
    """Returns the translations of a sentence: one, or none if it is not in the language.

    >>> [example.target for example in parse("i like eating ice cream")]
    ["j' aime manger de la glace"]
    >>> parse("eating i cream ice like")
    []
    """
    return list(dict.fromkeys(derivations(partial(_derive, language=language), english)))


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """Number of sentences of every split, at least 1; raises `ValueError` for less.

    `validation` and `test` have the distribution of `train`. Every sentence of `unseen_pairs` combines an adjective
    and a noun that no other split combines; every sentence of `long` has more words than any in training.
    """

    train: int = 100_000
    validation: int = 1_000
    test: int = 2_000
    unseen_pairs: int = 1_000
    long: int = 1_000

    def __post_init__(self):
        for split, size in asdict(self).items():
            if size < 1:
                raise ValueError(f"The split {split!r} needs at least 1 sentence, not {size}.")


DEFAULT_SIZES = Sizes()


def held_out_pairs(seed: int = 0) -> frozenset[tuple[str, str]]:
    """Chooses a fifth of the nouns of every adjective; only `unseen_pairs` may use these (adjective, noun) pairs."""
    nouns: dict[str, list[str]] = {}
    for adjective, noun in pairs():
        if (adjective, noun) not in {("quick", "fox"), ("brown", "fox")}:  # "the quick brown fox" stays in training
            nouns.setdefault(adjective, []).append(noun)
    random = Random(f"held-out pairs {seed}").random
    chosen = set()
    for adjective, candidates in nouns.items():
        shuffled = sorted(candidates, key=lambda _: random())
        chosen |= {(adjective, noun) for noun in shuffled[: round(len(shuffled) / 5)]}
    return frozenset(chosen)


def generate(sizes: Sizes = DEFAULT_SIZES, seed: int = 0, language: Language = "fr") -> dict[str, list[Example]]:
    """Generates the splits, by name; the same arguments give the same sentences on every machine.

    The English sentences are the same for both languages. No sentence occurs twice, within a split or across splits.
    """
    held_out = held_out_pairs(seed)
    splits: dict[str, list[Example]] = {name: [] for name in ("train", "validation", "test", "unseen_pairs", "long")}
    seen = set()

    def add(example: Example, *names: str) -> None:
        """Adds an example to the first of the splits with room, unless it was added before."""
        for name in names:
            if len(splits[name]) < getattr(sizes, name) and example.english not in seen:
                splits[name].append(example)
                seen.add(example.english)

    def room(*names: str) -> bool:
        return any(len(splits[name]) < getattr(sizes, name) for name in names)

    random = Random(f"seen pairs {seed}").random
    while room("validation", "test", "train", "long"):
        example = sample(random, held_out, language)
        length = example.english.count(" ") + 1
        if length <= LONGEST:
            add(example, "validation", "test", "train")
        elif length <= LONGEST_OF_ALL:
            add(example, "long")
    random = Random(f"unseen pairs {seed}").random
    while room("unseen_pairs"):
        example = sample(random, language=language)
        if example.english.count(" ") < LONGEST and not held_out.isdisjoint(example.adjective_nouns):
            add(example, "unseen_pairs")
    return splits


def digest(examples: Iterable[Example]) -> str:
    """The SHA-256 of sentences and links, in order."""
    lines = (f"{e.english}\t{e.target}\t{e.sure}\t{e.possible}\n" for e in examples)
    return hashlib.sha256("".join(lines).encode()).hexdigest()
