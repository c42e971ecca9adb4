"""Word links of the training split as targets of guided alignment: gold attention for the decoder steps."""

import sys
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Float32, Int, Int32
from rich.console import Console

from xattn.alignment.link_files import read_links
from xattn.alignment.links import Link, Links
from xattn.alignment.maps import CONVENTIONS, Convention
from xattn.alignment.words import OtherSpaces, words
from xattn.config import Guidance, Translation
from xattn.data.batching import PlannedBatch
from xattn.data.encoded import Corpus, Encoded
from xattn.data.paths import expand
from xattn.data.tokenizer import Tokenizer, normalize, tokens
from xattn.errors import ConfigError, UserError
from xattn.translation.records import parts


def links_of_corpus(settings: Translation, corpus: Corpus, console: Console) -> list[Links]:
    """The links of each pair of a corpus, from the file `guidance.links`, between words as the tokenizer reads them.

    With `guidance.words` "spaces", ASCII white space parts the words that the file counts. The file has a line for each
    line of the corpus; lines of pairs that are left out as bad are ignored. Raises `ConfigError`, which names the file
    and the line, and `DataError` for an unset `$VARIABLE` in the path.
    """
    path = Path(expand(settings.guidance.links))
    with console.status(f"reading {path}"):
        counts, odd, spaces = [], {}, OtherSpaces(f"the split {settings.train!r}")
        for number, pair in enumerate(corpus):
            if settings.guidance.words == "tokens":
                counts.append((len(tokens(normalize(pair.source))), len(tokens(normalize(pair.target)))))
                continue
            counts.append((len(words(pair.source)), len(words(pair.target))))
            line = number + bisect_right(corpus.gaps, number)
            if spaces.see(line + 1, f"{pair.source}\n{pair.target}"):
                odd[line] = parts(pair.source), parts(pair.target)
        # Pairs that were left out get lines too, in which any link is valid.
        lengths = np.insert(np.array(counts), corpus.gaps, sys.maxsize, axis=0)
        try:
            read = read_links(path, lengths=list(map(tuple, lengths.tolist())), base=settings.guidance.base)
        except UserError as error:
            more = f" (Lines of {settings.train} that were left out have one too.)" if corpus.gaps else ""
            raise ConfigError(f"task.guidance.links: {error}{more}") from None
    for note in (*read.notes, *spaces.notes):
        console.print(note, soft_wrap=True)
    left_out = set(np.array(corpus.gaps, int) + np.arange(len(corpus.gaps)))
    return [
        _of_read_words(links, *odd[line]) if line in odd else links
        for line, links in enumerate(read.links)
        if line not in left_out
    ]


def _of_read_words(links: Links, source: Sequence[int], target: Sequence[int]) -> Links:
    """Links of a text's words as links of all their parts, which the tokenizer reads as words; see `parts`."""

    def each(pairs: Iterable[Link]) -> list[Link]:
        return [
            (s, t)
            for source_word, target_word in pairs
            for s, source_part in enumerate(source)
            for t, target_part in enumerate(target)
            if (source_part, target_part) == (source_word, target_word)
        ]

    return Links.of(each(links.sure), possible=each(links.possible))


@dataclass(frozen=True, kw_only=True, eq=False)
class Guide:
    """The sure links of encoded pairs, and the decoder steps that learn them."""

    encoded: Encoded
    tokenizer: Tokenizer
    rows: Convention
    words: Literal["spaces", "tokens"]
    links: Int32[np.ndarray, "K 2"]
    """Source and target words of all links, pair after pair."""
    offsets: Int[np.ndarray, "E"]
    """The index of each pair's first link in `links`, and the number of all links."""

    @classmethod
    def of(cls, links: Sequence[Links], encoded: Encoded, tokenizer: Tokenizer, guidance: Guidance) -> "Guide":
        """From the links of all pairs that were read; pairs that were too long are not among the encoded ones."""
        sure = [sorted(links[place].sure) for place in encoded.places.tolist()]
        flat = np.array([link for pair in sure for link in pair], np.int32).reshape(-1, 2)
        return cls(
            encoded=encoded,
            tokenizer=tokenizer,
            rows=guidance.rows,
            words=guidance.words,
            links=flat,
            offsets=np.cumsum([0, *map(len, sure)]),
        )

    def part(self, first: int, end: int) -> "Guide":
        """The guide of the pairs from `first` up to, but without, `end`."""
        return replace(self, encoded=self.encoded.part(first, end), offsets=self.offsets[first : end + 1])

    def __call__(self, planned: PlannedBatch) -> Float32[np.ndarray, "B T S"]:
        """The gold attention of a batch's decoder steps: uniform over the linked source pieces, with sum 1.

        A link of words links all their pieces. Rows of EOS, padding and pieces without links are zero.
        """
        shape, later = planned.shape, CONVENTIONS[self.rows]
        cut = self.tokenizer.tokens if self.words == "tokens" else self.tokenizer.words
        guide = np.zeros((shape.batch, shape.target, shape.source), np.float32)
        for row, example in enumerate(planned.examples.tolist()):
            pairs = self.links[self.offsets[example] : self.offsets[example + 1]]
            if not len(pairs):
                continue
            (sources, source_words), (targets, target_words) = (cut(ids.tolist()) for ids in self.encoded[example])
            # One more row and column for pieces of no word, whose number is -1.
            linked = np.zeros((len(targets) + 1, len(sources) + 1), np.float32)
            linked[pairs[:, 1], pairs[:, 0]] = 1
            pieces = linked[np.ix_(target_words, source_words)]
            pieces /= np.maximum(pieces.sum(axis=1, keepdims=True), 1)
            guide[row, later : later + len(target_words), : len(source_words)] = pieces
        return guide
