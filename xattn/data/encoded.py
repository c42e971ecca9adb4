"""Sentence pairs as sub-word ids, one behind the other: in memory while they are few, else in a file mapped into it."""

import hashlib
import itertools
import json
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Int, Integer

from xattn.data.corpora import publish
from xattn.data.pairs import BadLines, DataError, Pair, Policy
from xattn.data.tokenizer import Tokenizer

# Pairs encoded at a time, and bytes of ids from which on they are kept in a file.
CHUNK, LIMIT = 8192, 2**26
# Of the folder that holds a corpus; a new number wherever that changes.
FORM = 2
# Pairs that are kept in memory as text while they are needed.
KEEP = 2**17


class Corpus:
    """The pairs of a split, to be gone through more than once: few are kept in memory, many are read again.

    `read` starts anew at the first pair, and says to its argument what it leaves out.
    """

    def __init__(self, read: Callable[[BadLines], Iterator[Pair]], policy: Policy = "error", keep: int = KEEP):
        self._read, self._keep = read, keep
        self._policy: Policy = policy
        self._kept: list[Pair] | None = None
        self.bad = BadLines(policy)
        """What the last pass left out."""
        self.gaps: list[int] = []
        """For every pair that the last pass left out: the number of the pair after it, counted from 0."""
        self.size: int | None = None
        """How many pairs there are; None before the end of the first pass."""

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
    """Source and target pieces of every pair, without special ones."""

    ids: Integer[np.ndarray, "I"]
    """The pieces of the first source, the first target, the second source, ..."""
    offsets: Int[np.ndarray, "E"]
    """Where each sentence begins in `ids`, and where the last one ends: twice the pairs, and one."""
    places: Int[np.ndarray, "N"]
    """The number of every pair among all that were read, those that are too long included, counted from 0."""
    too_long: int
    """Pairs that were left out because a side was too long."""
    report: tuple[str, ...]
    """What was left out while the pairs were read, a sentence for each kind."""

    def __len__(self) -> int:
        return len(self.offsets) // 2

    def __getitem__(self, number: int) -> tuple[Integer[np.ndarray, "_"], Integer[np.ndarray, "_"]]:  # pyright: ignore[reportIncompatibleMethodOverride]: no slices
        if not 0 <= number < len(self):
            raise IndexError(f"There is no pair {number}; there are {len(self)}, counted from 0.")
        source, target, end = self.offsets[2 * number : 2 * number + 3]
        return self.ids[source:target], self.ids[target:end]

    def part(self, first: int, end: int) -> "Encoded":
        """The pairs from `first` to the one before `end`."""
        return replace(self, offsets=self.offsets[2 * first : 2 * end + 1], places=self.places[first:end])

    def lengths(self) -> tuple[Int[np.ndarray, "N"], Int[np.ndarray, "N"]]:
        """Lengths of sources and targets, one special piece included."""
        both = np.diff(self.offsets).astype(np.int32) + 1
        return both[::2], both[1::2]


def key(tokenizer: Tokenizer, *facts: object) -> str:
    """Names what decides an encoded corpus: the tokenizer, and whatever else it is made from."""
    return hashlib.sha256(tokenizer.model + repr((FORM, *facts)).encode()).hexdigest()[:20]


def encode(
    pairs: Iterable[Pair],
    tokenizer: Tokenizer,
    *,
    longest: int,
    home: Path,
    report: Callable[[], Sequence[str]] = tuple,
    limit: int = LIMIT,
) -> Encoded:
    """Encodes pairs, but for those with a side of more than `longest` pieces.

    What needs more than `limit` bytes is written into the folder `home`, in one step, and mapped into memory; where
    that folder is there already, it is read, and `pairs` are not. `report` is asked after the last pair.
    """
    if home.exists():
        return _open(home)
    kind = np.dtype(np.uint16 if tokenizer.size <= 2**16 else np.int32)
    parts, lengths, places = [], [], []
    held = too_long = read = 0
    with ExitStack() as stack:
        file = fresh = None
        try:
            for chunk in _chunks(pairs):
                sources = tokenizer.encode_all([pair.source for pair in chunk])
                targets = tokenizer.encode_all([pair.target for pair in chunk])
                both = list(zip(sources, targets, strict=True))
                kept = [number for number, sides in enumerate(both) if max(map(len, sides)) <= longest]
                too_long += len(chunk) - len(kept)
                places.append(read + np.array(kept, np.int64))
                read += len(chunk)
                sentences = list(itertools.chain.from_iterable(both[number] for number in kept))
                parts.append(np.fromiter(itertools.chain.from_iterable(sentences), kind))
                lengths.append(np.fromiter(map(len, sentences), np.int32))
                held += parts[-1].nbytes
                if held > limit:
                    if fresh is None or file is None:
                        home.parent.mkdir(parents=True, exist_ok=True)
                        fresh = Path(
                            stack.enter_context(tempfile.TemporaryDirectory(dir=home.parent, prefix=".")), "fresh"
                        )
                        fresh.mkdir()
                        file = stack.enter_context((fresh / "ids").open("wb"))
                    _write(parts, file)
                    held = 0
            offsets = np.concatenate([np.zeros(1, np.int64), *lengths]).cumsum(dtype=np.int64)
            numbers = np.concatenate([np.zeros(0, np.int64), *places])
            if fresh is None or file is None:
                ids = np.concatenate([np.zeros(0, kind), *parts])
                return Encoded(ids=ids, offsets=offsets, places=numbers, too_long=too_long, report=tuple(report()))
            _write(parts, file)
            file.close()
            np.save(fresh / "offsets.npy", offsets)
            np.save(fresh / "places.npy", numbers)
            facts = {"kind": kind.name, "too_long": too_long, "report": list(report())}
            (fresh / "facts.json").write_text(json.dumps(facts, indent=2))
            publish(fresh, home)
        except OSError as error:
            raise DataError(f"The encoded corpus cannot be kept in {home.parent}: {error.strerror}.") from error
    return _open(home)


def _open(home: Path) -> Encoded:
    facts = json.loads((home / "facts.json").read_text())
    return Encoded(
        ids=np.memmap(home / "ids", np.dtype(facts["kind"]), "r"),
        offsets=np.load(home / "offsets.npy"),
        places=np.load(home / "places.npy"),
        too_long=facts["too_long"],
        report=tuple(facts["report"]),
    )


def _write(parts: list[np.ndarray], file) -> None:
    for part in parts:
        part.tofile(file)
    parts.clear()


def _chunks(pairs: Iterable[Pair]) -> Iterator[list[Pair]]:
    iterator = iter(pairs)
    while chunk := list(itertools.islice(iterator, CHUNK)):
        yield chunk
