"""The text of the everyday translator: pairs of Tatoeba, as people type them and joined, with word links by eflomal."""

import os
import random
from collections.abc import Iterator
from pathlib import Path

from eflomal import Aligner

from xattn.alignment import link_files
from xattn.alignment.links import Links
from xattn.alignment.symmetrization import symmetrize
from xattn.data import corpora
from xattn.data.tokenizer import normalize, tokens

MARKS = ".!?"

Linked = tuple[str, str, Links]
"""A sentence pair with the links of its tokens."""


def write(folder: Path) -> None:
    """Writes train.en, train.fr, train.talp, dev.en and dev.fr into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    corpus = str(Path(os.path.expandvars("$XATTN_DATA")) / "tatoeba_en_fr")
    for split in ("dev", "train"):
        pairs = [(normalize(pair.source), normalize(pair.target)) for pair in corpora.load(corpus, split)]
        if split == "train":
            linked = list(zip(*zip(*pairs, strict=True), link(pairs, folder), strict=True))
            linked = [*as_typed(linked), *joined(linked)]
            pairs = [(english, french) for english, french, _ in linked]
            link_files.write_links(folder / "train.talp", [links for *_, links in linked])
        for language, side in zip(("en", "fr"), zip(*pairs, strict=True), strict=True):
            (folder / f"{split}.{language}").write_text("".join(f"{line}\n" for line in side))


def link(pairs: list[tuple[str, str]], folder: Path) -> list[Links]:
    """The links of tokens that eflomal finds in both directions, joined by grow-diag."""
    english, french = ([" ".join(tokens(text.lower())) for text in side] for side in zip(*pairs, strict=True))
    files = [folder / f"eflomal.{direction}" for direction in ("forward", "reverse")]
    Aligner().align(english, french, links_filename_fwd=str(files[0]), links_filename_rev=str(files[1]))
    both = [link_files.read_links(file, sentences=len(pairs), base="0").links for file in files]
    return [symmetrize(ahead, back, "grow-diag") for ahead, back in zip(*both, strict=True)]


def as_typed(pairs: list[Linked]) -> Iterator[Linked]:
    """Every pair once; half of them without the mark at their end, and half of these with English in lower case.

    In Tatoeba every sentence ends with a mark. A model of such sentences alone goes on where the mark is missing.
    """
    rng = random.Random(1)
    for english, french, links in pairs:
        (*source, last), (*target, end) = tokens(english), tokens(french)
        if rng.random() < 0.5 or not (source and target and last in MARKS and end in MARKS):
            yield english, french, links
            continue
        left = Links.of((i, j) for i, j in links.sure if i < len(source) and j < len(target))
        english = english.removesuffix(last).rstrip()
        yield english.lower() if rng.random() < 0.5 else english, french.removesuffix(end).rstrip(), left


def joined(pairs: list[Linked], longest: int = 40) -> Iterator[Linked]:
    """Half of the pairs, in another order, several as one text of 1 to `longest` English tokens, or a little more.

    Sentences of Tatoeba have six words: a model of these alone is lost in a longer text.
    """
    rng = random.Random(0)
    rest = rng.sample(pairs, len(pairs) // 2)
    while rest:
        wanted, here, there = rng.randint(1, longest), 0, 0
        english, french, links = [], [], []
        while rest and here < wanted:
            source, target, own = rest.pop()
            english.append(source)
            french.append(target)
            links += [(here + i, there + j) for i, j in own.sure]
            here += len(tokens(source))
            there += len(tokens(target))
        yield " ".join(english), " ".join(french), Links.of(links)
