"""Sentence pairs as sub-word ids in one array: in memory if it is small, else in a memory-mapped file."""

import hashlib
import itertools
import json
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

import numpy as np
from jaxtyping import Int, Integer

from xattn.data.pairs import BadLines, DataError, Pair, Policy
from xattn.data.paths import publish
from xattn.data.tokenizer import Tokenizer

# Pairs encoded at a time; and bytes of ids above which they are stored in a file.
CHUNK, LIMIT = 8192, 2**26
# Version of the files in the folder of an encoded corpus: raise it whenever they change.
FORM = 2
# A corpus of at most this many pairs is kept in memory as text.
KEEP = 2**17


class Corpus:
    """An iterable over the pairs of a split: a small split is kept in memory, a large one is read again for each pass.

    `read` yields all pairs, and counts the lines that it leaves out in its argument. Iteration raises what `read` does.
    """

    def __init__(self, read: Callable[[BadLines], Iterator[Pair]], policy: Policy = "error", keep: int = KEEP):
        self._read, self._keep = read, keep
        self._policy: Policy = policy
        self._kept: list[Pair] | None = None
        self.bad = BadLines(policy)
        """The lines that the last pass over the files left out."""
        self.gaps: list[int] = []
        """For every pair that the last pass left out: the index of the pair after it."""
        self.size: int | None = None
        """Number of pairs; None before the end of the first pass."""

    def __iter__(self) -> Iterator[Pair]:
        if self._kept is not None:
            yield from self._kept
            return
        self.bad, self.gaps, kept, number = BadLines(self._policy), [], [], 0
        for number, pair in enumerate(self._read(self.bad), 1):
            self.gaps += [number - 1] * (self.bad.total - len(self.gaps))
            if number <= self._keep:
                kept.append(pair)
            else:
                kept.clear()
            yield pair
        self.gaps += [number] * (self.bad.total - len(self.gaps))
        self.size = number
        if number <= self._keep:
            self._kept = kept


@dataclass(frozen=True, kw_only=True, eq=False)
class Encoded(Sequence):
    """A sequence of (source ids, target ids), without special pieces."""

    ids: Integer[np.ndarray, "I"]
    """The ids of the first source, the first target, the second source, ..."""
    offsets: Int[np.ndarray, "E"]
    """Start of every sentence in `ids`, and the end of the last one: 2 N + 1 numbers for N pairs."""
    places: Int[np.ndarray, "N"]
    """Index of every pair among all pairs of the corpus, including those that were too long."""
    too_long: int
    """Number of pairs left out because a side was too long."""
    report: tuple[str, ...]
    """What reading left out, see `BadLines.report`."""

    def __len__(self) -> int:
        return len(self.offsets) // 2

    def __getitem__(self, number: int) -> tuple[Integer[np.ndarray, "_"], Integer[np.ndarray, "_"]]:  # pyright: ignore[reportIncompatibleMethodOverride]: no slices
        if not 0 <= number < len(self):
            raise IndexError(f"There is no pair {number}: the corpus has {len(self)}, counted from 0.")
        source, target, end = self.offsets[2 * number : 2 * number + 3]
        return self.ids[source:target], self.ids[target:end]

    def part(self, first: int, end: int) -> "Encoded":
        """The pairs from `first` up to, but not including, `end`."""
        return replace(self, offsets=self.offsets[2 * first : 2 * end + 1], places=self.places[first:end])

    def lengths(self) -> tuple[Int[np.ndarray, "N"], Int[np.ndarray, "N"]]:
        """Lengths of sources and of targets in pieces, one special piece included."""
        both = np.diff(self.offsets).astype(np.int32) + 1
        return both[::2], both[1::2]


def key(tokenizer: Tokenizer, *facts: object) -> str:
    """A hash that names an encoded corpus: of the tokenizer, and of all other facts that determine the ids."""
    return hashlib.sha256(tokenizer.model + repr((FORM, *facts)).encode()).hexdigest()[:20]


def encode(
    pairs: Iterable[Pair],
    tokenizer: Tokenizer,
    *,
    longest: int,
    folder: Path,
    report: Callable[[], Sequence[str]] = tuple,
    limit: int = LIMIT,
) -> Encoded:
    """Encodes pairs, and leaves out those with a side of more than `longest` pieces.

    More than `limit` bytes of ids are written to `folder`, in one step, and mapped into memory. If `folder` exists, it
    is opened instead, and `pairs` are not read. `report` is called after the last pair, for `Encoded.report`. Raises
    `DataError` if the folder cannot be written.
    """
    if folder.exists():
        return _open(folder)
    kind = np.dtype(np.uint16 if tokenizer.size <= 2**16 else np.int32)
    ids = [np.zeros(0, kind)]
    lengths: list[np.ndarray] = [np.zeros(1, np.int64)]
    places = [np.zeros(0, np.int64)]
    read = too_long = pending = 0
    with ExitStack() as stack:
        try:
            finished = file = None
            for chunk in _chunks(pairs):
                kept, sentences = _encode_chunk(chunk, tokenizer, longest)
                places.append(read + np.array(kept, np.int64))
                too_long += len(chunk) - len(kept)
                read += len(chunk)
                ids.append(np.fromiter(itertools.chain.from_iterable(sentences), kind))
                lengths.append(np.fromiter(map(len, sentences), np.int32))
                pending += ids[-1].nbytes
                if pending > limit:
                    if finished is None or file is None:
                        folder.parent.mkdir(parents=True, exist_ok=True)
                        scratch = stack.enter_context(tempfile.TemporaryDirectory(dir=folder.parent, prefix="."))
                        finished = Path(scratch, "finished")
                        finished.mkdir()
                        file = stack.enter_context((finished / "ids").open("wb"))
                    _write(ids, file)
                    pending = 0
            offsets, numbers = np.concatenate(lengths).cumsum(dtype=np.int64), np.concatenate(places)
            if finished is None or file is None:
                ids = np.concatenate(ids)
                return Encoded(ids=ids, offsets=offsets, places=numbers, too_long=too_long, report=tuple(report()))
            _write(ids, file)
            file.close()
            np.save(finished / "offsets.npy", offsets)
            np.save(finished / "places.npy", numbers)
            facts = {"kind": kind.name, "too_long": too_long, "report": list(report())}
            (finished / "facts.json").write_text(json.dumps(facts, indent=2))
            publish(finished, folder)
        except OSError as error:
            raise DataError(f"The encoded corpus cannot be stored in {folder.parent}: {error.strerror}.") from error
    return _open(folder)


def _encode_chunk(chunk: list[Pair], tokenizer: Tokenizer, longest: int) -> tuple[list[int], list[list[int]]]:
    """The indices of the pairs that are not too long, and the ids of their sources and targets in turn."""
    sources = tokenizer.encode_all([pair.source for pair in chunk])
    targets = tokenizer.encode_all([pair.target for pair in chunk])
    both = list(zip(sources, targets, strict=True))
    kept = [number for number, sides in enumerate(both) if max(map(len, sides)) <= longest]
    return kept, list(itertools.chain.from_iterable(both[number] for number in kept))


def _open(folder: Path) -> Encoded:
    facts = json.loads((folder / "facts.json").read_text())
    return Encoded(
        ids=np.memmap(folder / "ids", np.dtype(facts["kind"]), "r"),
        offsets=np.load(folder / "offsets.npy"),
        places=np.load(folder / "places.npy"),
        too_long=facts["too_long"],
        report=tuple(facts["report"]),
    )


def _write(parts: list[np.ndarray], file: BinaryIO) -> None:
    for part in parts:
        part.tofile(file)
    parts.clear()


def _chunks(pairs: Iterable[Pair]) -> Iterator[list[Pair]]:
    iterator = iter(pairs)
    while chunk := list(itertools.islice(iterator, CHUNK)):
        yield chunk
