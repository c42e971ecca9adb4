"""Parallel text, wherever it lies: `read(corpus, split)` gives sentence pairs, one after the other.

A corpus is one of these, all of which may be gzipped (`train.en.gz`, `train.tsv.gz`) where they are files:

==============================  ========================================================
``toy_en_fr``, ``toy_en_hi``    generated from a grammar once, and kept in a cache folder
``corpora/multi30k``            a folder with ``train.en`` and ``train.fr``, or ``train.tsv``
``corpora/{split}.tok``         any other naming: ``train.tok.en`` and ``train.tok.fr``
``corpora/{split}.tsv``         one file, source and target parted by a tab
``$CORPORA/{split}``            environment variables, and ``~``, are replaced
``tfds:wmt14_translate/fr-en``  a data set of TFDS and its config, downloaded once
==============================  ========================================================

A table has two columns, source and target; of a table with more, `columns` says which two to read (counted from 1):
nothing is guessed, since some put the number of a sentence before it, and others its author behind. Text comes out as
it is, but for the white space around it: no lower-casing, no tokenising.
"""

import importlib.metadata
import os
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from xattn.data import text_files as text
from xattn.data.pairs import BadLines, DataError, Pair
from xattn.data.toy.grammar import DEFAULT_SIZES, VERSION, Sizes

__all__ = ["BadLines", "DataError", "Pair", "load", "prepare", "read"]

TFDS = "tfds:"
TOYS = ("toy_en_fr", "toy_en_hi")


def read(
    corpus: str,
    split: str,
    *,
    source: str = "en",
    target: str = "fr",
    columns: tuple[int, int] | None = None,
    cache: str | Path | None = None,
    bad: BadLines | None = None,
    sizes: Sizes = DEFAULT_SIZES,
    seed: int = 0,
) -> Iterator[Pair]:
    """Gives the pairs of a split of a corpus, of which there is at least one, or raises `DataError`.

    `source` and `target` are the endings of text files, or features or languages of a TFDS data set. `cache` is the
    folder for generated and downloaded data. `bad` says what becomes of lines that are no pair, and counts them; the
    first is an error unless it is given. `sizes` and `seed` are those of `grammar.generate`.
    """
    bad = bad or BadLines()
    if corpus not in TOYS and not corpus.startswith(TFDS):
        pairs = text.read(text.files(corpus, split, source, target), columns, bad)
    elif cache is None:
        raise DataError(f"{corpus} is made once and kept: say in which cache folder.")
    elif corpus in TOYS:
        pairs = _toy(corpus, Path(cache), split, sizes, seed)
    else:
        from xattn.data import tfds as datasets  # imports tensorflow_datasets, which takes a second

        name, folder = corpus.removeprefix(TFDS), Path(cache, "tensorflow_datasets")
        pairs = datasets.read(name, split, source=source, target=target, folder=folder, bad=bad)
    number = 0
    for number, pair in enumerate(pairs, 1):  # noqa: B007
        yield pair
    if number == 0:
        raise DataError(f"The split {split} of {corpus} has no sentence pairs. {' '.join(bad.report())}".strip())


def load(
    corpus: str,
    split: str,
    *,
    source: str = "en",
    target: str = "fr",
    columns: tuple[int, int] | None = None,
    cache: str | Path | None = None,
    bad: BadLines | None = None,
    sizes: Sizes = DEFAULT_SIZES,
    seed: int = 0,
) -> list[Pair]:
    """All that `read` gives, in memory."""
    return list(
        read(
            corpus,
            split,
            source=source,
            target=target,
            columns=columns,
            cache=cache,
            bad=bad,
            sizes=sizes,
            seed=seed,
        )
    )


def identity(corpus: str, split: str, *, source: str = "en", target: str = "fr") -> tuple[str, ...]:
    """What changes when a split does: its files with their sizes and times, or the version of its maker."""
    if corpus in TOYS:
        return corpus, VERSION, split
    if corpus.startswith(TFDS):
        return corpus, importlib.metadata.version("tensorflow_datasets"), split, source, target
    found = [(path.resolve(), path.stat()) for path in text.files(corpus, split, source, target) if path.exists()]
    return tuple(f"{path} {stat.st_size} {stat.st_mtime_ns}" for path, stat in found)


def prepare(corpus: str) -> None:
    """Imports what reading a corpus needs, which must happen before a progress bar runs.

    tensorflow_datasets replaces Python's `import` while it is imported itself, which breaks imports in other threads.
    """
    if corpus in TOYS:
        from xattn.data.toy import builder  # noqa: F401
    elif corpus.startswith(TFDS):
        from xattn.data import tfds as datasets  # noqa: F401


def _toy(corpus: str, cache: Path, split: str, sizes: Sizes, seed: int) -> Iterator[Pair]:
    if split not in asdict(sizes):
        raise DataError(f"{corpus} has no split {split!r}; it has {', '.join(asdict(sizes))}.")
    from xattn.data.toy import builder  # imports tensorflow_datasets, which takes a second

    numbers = "-".join(str(size) for size in asdict(sizes).values())
    home = cache / f"{corpus}-{VERSION}-{numbers}-seed{seed}"
    if not home.exists():
        try:
            cache.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=cache, prefix=f".{corpus}-") as scratch:
                fresh = Path(scratch, "fresh")
                builder.build(corpus, fresh, sizes, seed)
                publish(fresh, home)
        except OSError as error:
            raise DataError(f"{corpus} cannot be kept in the cache folder {cache}: {error.strerror}.") from error
    for row in builder.read(corpus, home, split):
        yield Pair(*row)


def publish(fresh: Path, home: Path) -> None:
    """Gives a finished folder its name, in one step, so that nobody ever sees half of it."""
    try:
        os.rename(fresh, home)
    except OSError:
        if not home.is_dir():  # else another process was quicker, and has written the same
            raise
