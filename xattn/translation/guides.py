"""Word links of the training split, as what guided alignment asks of every decoder step."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float32, Int, Int32
from rich.console import Console

from xattn.alignment.link_files import read_links
from xattn.alignment.links import Links
from xattn.alignment.maps import CONVENTIONS, Convention
from xattn.config import Translation
from xattn.data.batching import PlannedBatch
from xattn.data.encoded import Corpus, Encoded
from xattn.data.paths import expand
from xattn.data.tokenizer import Tokenizer, normalize
from xattn.errors import ConfigError, UserError


def read(settings: Translation, corpus: Corpus, console: Console) -> list[Links]:
    """The links of every pair of a corpus, from the file that the config names.

    The file has a line for every line of the corpus: those that are left out as bad have one, which says nothing.
    Raises `ConfigError`, which names the file and the line.
    """
    path = Path(expand(settings.guidance.links))
    with console.status(f"reading {path}"):
        words = [(len(normalize(pair.source).split()), len(normalize(pair.target).split())) for pair in corpus]
        # Where pairs were left out, lines are put in between, in which links may be what they will.
        lengths = np.insert(np.array(words), corpus.gaps, sys.maxsize, axis=0)
        try:
            found = read_links(path, lengths=list(map(tuple, lengths.tolist())), base=settings.guidance.base)
        except UserError as error:
            more = f" (Lines of {settings.train} that were left out have one too.)" if corpus.gaps else ""
            raise ConfigError(f"task.guidance.links: {error}{more}") from None
    for note in found.notes:
        console.print(note, soft_wrap=True)
    left_out = set(np.array(corpus.gaps, int) + np.arange(len(corpus.gaps)))
    return [links for line, links in enumerate(found.links) if line not in left_out]


@dataclass(frozen=True, kw_only=True, eq=False)
class Guide:
    """The sure links of encoded pairs, and which decoder steps they are for."""

    encoded: Encoded
    tokenizer: Tokenizer
    rows: Convention
    links: Int32[np.ndarray, "K 2"]
    """Source and target words of all links, one pair's behind the other's."""
    offsets: Int[np.ndarray, "E"]
    """Where the links of each pair begin, and where the last ones end."""

    @classmethod
    def of(cls, links: Sequence[Links], encoded: Encoded, tokenizer: Tokenizer, rows: Convention) -> "Guide":
        """From the links of all pairs that were read, of which some are not among the encoded ones."""
        sure = [sorted(links[place].sure) for place in encoded.places.tolist()]
        flat = np.array([link for each in sure for link in each], np.int32).reshape(-1, 2)
        return cls(
            encoded=encoded,
            tokenizer=tokenizer,
            rows=rows,
            links=flat,
            offsets=np.cumsum([0, *map(len, sure)]),
        )

    def part(self, first: int, end: int) -> "Guide":
        """The guide of the pairs from `first` to the one before `end`."""
        return replace(self, encoded=self.encoded.part(first, end), offsets=self.offsets[first : end + 1])

    def __call__(self, planned: PlannedBatch) -> Float32[np.ndarray, "B T S"]:
        """What a batch's decoder steps should look at: evenly at the pieces that are linked to theirs, in all 1.

        A word's link is one of all its pieces. EOS, padding and pieces without links have rows of zeros.
        """
        shape, later = planned.shape, CONVENTIONS[self.rows]
        guide = np.zeros((shape.batch, shape.target, shape.source), np.float32)
        for row, example in enumerate(planned.examples.tolist()):
            pairs = self.links[self.offsets[example] : self.offsets[example + 1]]
            if not len(pairs):
                continue
            (sources, source_words), (targets, target_words) = (
                self.tokenizer.words(ids.tolist()) for ids in self.encoded[example]
            )
            # One more row and column, for pieces of no word: their number is -1.
            linked = np.zeros((len(targets) + 1, len(sources) + 1), np.float32)
            linked[pairs[:, 1], pairs[:, 0]] = 1
            pieces = linked[np.ix_(target_words, source_words)]
            pieces /= np.maximum(pieces.sum(axis=1, keepdims=True), 1)
            guide[row, later : later + len(target_words), : len(source_words)] = pieces
        return guide
