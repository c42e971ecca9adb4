"""The toy languages: English sentences, their translations and gold links, from one grammar.

A context-free grammar with features (`toy.rules`, `toy.lexicon`), written for this project, says every
sentence in English and builds its meaning, which French or Hindi says again. `sample` draws from it, `parse`
recognises, `generate` makes the splits; the English half of `toy_en_fr` and `toy_en_hi` is the same.

All text is lower-case words parted by spaces, without punctuation; an elided French word stands alone
("j' aime", "l' ami", "est-ce qu' il"). One English sentence has exactly one translation. Where English
leaves something open, a convention closes it: i, you, we and they are masculine, as are nouns for people of
both sexes. A relative clause, "and" or "of" never stands where agreement would depend on what it belongs to.

*French*: "you" is tu; "it" is le; the simple past is the passé composé; "sits" is est assis.

*Hindi*: "you" is तुम; nobody is honoured by a plural; the simple past is the perfective, the present the
habitual (खाता है); "sits" is बैठा है; "must" is चाहिए. ने marks the subject of a transitive verb in the past, whose
verb agrees with an unmarked object, or with the noun of मदद करना and its like, else with nothing; को marks objects
that live, and pronouns; with "and" between objects the nearest counts. "Like", "love", "must" and "have" take their
subject with को or के पास. My, your and our own is अपना; "his", "her" and "their" are somebody else's. A
relative clause follows its subject, and is put after the verb where it belongs to an object; "the" before it is
वह. "A" is left out under negation. Where the subject would change its case between two verbs, a pronoun repeats it.

Links follow Och and Ney (2003): **sure** (S) where the words clearly correspond, **possible** (P, which
includes S) where the correspondence is looser or holds only for the group.

=========  ============================================================================================
sure       content words; pronouns; articles that both languages say; prepositions; who/that with
           qui/que; "not" with ne and pas, "never" with ne and jamais; "did" with the auxiliary, else
           the verb with auxiliary and participle (ate: a mangé; sits: est assis); both words of
           "ice cream" with glace; "au" with "to" and with "the"
possible   articles that only French says (de la glace: both with "ice cream"); de after beaucoup or près;
           do/does/did with verb, ne, pas and est-ce que; the particle of a verb ("for" in "look for");
           "to" before an infinitive or with lui; "a" of "a doctor" (médecin)
=========  ============================================================================================

In Hindi the same holds, and:

=========  ============================================================================================
sure       "never" with कभी and नहीं; the verb with all its words (helps: मदद करता है), "do" and "does"
           with its है; the word of a postposition that means something (in front of: सामने); "of" with का
possible   "the", and "a" where एक is not said, with the noun; ने and को with the noun they mark; के and
           की in a postposition; का, की, से of a verb, and के पास of "has", with the verb; क्या with the verb that
           asks; a pronoun that has swallowed a postposition ("to her": उसे) with what that comes from; "to"
           of a goal without को with the noun; a pronoun that repeats a subject with that; जो and है of
           "the boy in the garden" with "in"
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

# English words: sentences of "long" have more than any in training, but stay readable.
VERSION = "1.0.0"  # of the sentences: raise it whenever a digest changes, or old files are read
LONGEST, LONGEST_OF_ALL = 16, 28

Language = Literal["fr", "hi"]
SAY: dict[Language, Callable[[Sentence], tuple[str, WordLinks, WordLinks]]] = {
    "fr": say_french.say,
    "hi": say_hindi.say,
}


class Example(NamedTuple):
    """A sentence pair with gold links as sorted (English, target) word positions; `possible` includes `sure`.

    `adjective_nouns` lists which adjectives are said of which nouns, in English.
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

    `random` gives numbers from 0 up to 1, as `random.Random(seed).random` does.
    """
    while True:
        try:
            return _derive(Draft(random, barred), language)
        except DeadEnd:
            continue


def parse(english: str, language: Language = "fr") -> list[Example]:
    """Finds the translations of a sentence: one, or none if it is not in the language.

    >>> [example.target for example in parse("i like eating ice cream")]
    ["j' aime manger de la glace"]
    >>> parse("eating i cream ice like")
    []
    """
    return list(dict.fromkeys(derivations(partial(_derive, language=language), english)))


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """How many sentences each split holds.

    `validation` and `test` are drawn as `train` is. Each sentence of `unseen_pairs` has an adjective said of
    a noun that no other split puts together; each of `long` has more words than any in training.
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
    """Chooses the fifth of each adjective's (adjective, noun) pairs that only `unseen_pairs` may use."""
    nouns: dict[str, list[str]] = {}
    for adjective, noun in pairs():
        if (adjective, noun) not in {("quick", "fox"), ("brown", "fox")}:  # the founding sentence is no exam
            nouns.setdefault(adjective, []).append(noun)
    random = Random(f"held-out pairs {seed}").random
    chosen = set()
    for adjective, candidates in nouns.items():
        shuffled = sorted(candidates, key=lambda _: random())
        chosen |= {(adjective, noun) for noun in shuffled[: round(len(shuffled) / 5)]}
    return frozenset(chosen)


def generate(sizes: Sizes = DEFAULT_SIZES, seed: int = 0, language: Language = "fr") -> dict[str, list[Example]]:
    """Makes the splits, by name; the same everywhere for the same arguments, in English for either language.

    No sentence comes twice, in one split or in two.
    """
    held_out = held_out_pairs(seed)
    splits: dict[str, list[Example]] = {name: [] for name in ("train", "validation", "test", "unseen_pairs", "long")}
    seen = set()

    def add(example: Example, *names: str) -> None:
        """Adds a new example to the first of the splits that has room."""
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
    """SHA-256 of sentences and links, in order."""
    lines = (f"{e.english}\t{e.target}\t{e.sure}\t{e.possible}\n" for e in examples)
    return hashlib.sha256("".join(lines).encode()).hexdigest()
