"""Parallel text from any source: `read(corpus, split)` yields sentence pairs.

A corpus is one of these; files may be gzipped (`train.en.gz`, `train.tsv.gz`):

==============================  ========================================================
``toy_en_fr``, ``toy_en_hi``    generated from a grammar once, and stored in a cache folder
``corpora/multi30k``            a folder with ``train.en`` and ``train.fr``, or ``train.tsv``
``corpora/{split}.tok``         any other naming: ``train.tok.en`` and ``train.tok.fr``
``corpora/{split}.tsv``         one file, source and target separated by a tab
``$CORPORA/{split}``            environment variables and ``~`` are expanded
``tfds:wmt14_translate/fr-en``  a data set of TFDS and its config, downloaded once
==============================  ========================================================

A table has two columns, source and target. If it has more, `columns` names the two to read, counted from 1. There is no
default, since some tables begin with a sentence number and others end with an author. Text is stripped of surrounding
white space, and otherwise unchanged: no lower-casing, no tokenisation.
"""

import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from xattn.data import text_files
from xattn.data.pairs import BadLines, DataError, Pair
from xattn.data.paths import publish
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
    """Yields the pairs of a split of a corpus, in order and at least one.

    `source` and `target` are the suffixes of text files, or features or languages of a TFDS data set. `cache` is the
    folder for generated and downloaded data. `bad` decides what happens to lines that are not a pair, and counts them;
    by default the first one is an error. `sizes` and `seed` are those of `grammar.generate`, for the toys. Raises
    `DataError` if the corpus or the split does not exist, cannot be read, or has no pairs.
    """
    bad = bad or BadLines()
    if corpus not in TOYS and not corpus.startswith(TFDS):
        pairs = text_files.read(text_files.files(corpus, split, source, target), columns, bad)
    elif cache is None:
        raise DataError(f"{corpus} is built once and stored: reading it needs a cache folder.")
    elif corpus in TOYS:
        pairs = _toy(corpus, Path(cache), split, sizes, seed)
    else:
        from xattn.data import tfds  # imports tensorflow_datasets, which takes a second

        name, folder = corpus.removeprefix(TFDS), Path(cache, "tensorflow_datasets")
        pairs = tfds.read(name, split, source=source, target=target, folder=folder, bad=bad)
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
    """The pairs of a split as a list, with the arguments and errors of `read`."""
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


def identity(
    corpus: str, split: str, *, source: str = "en", target: str = "fr", cache: str | Path | None = None
) -> dict[str, str]:
    """What a split consists of: by name, facts that differ when its content does, but not when its place does.

    They are the sizes and digests of its files, or the version of a grammar or of a TFDS data set. Raises `DataError`
    if the corpus or the split does not exist, before any of it is read as text.
    """
    if corpus in TOYS:
        _require_toy_split(corpus, split, DEFAULT_SIZES)
        return {corpus: f"split {split}, version {VERSION}"}
    if not corpus.startswith(TFDS):
        return text_files.identity(text_files.files(corpus, split, source, target))
    if cache is None:
        raise DataError(f"{corpus} is built once and stored: reading it needs a cache folder.")
    from xattn.data import tfds  # imports tensorflow_datasets, which takes a second

    name, folder = corpus.removeprefix(TFDS), Path(cache, "tensorflow_datasets")
    return {corpus: tfds.identity(name, split, source=source, target=target, folder=folder)}


def prepare(corpus: str) -> None:
    """Imports the modules that reading a corpus needs; call it before starting a progress bar.

    While tensorflow_datasets is being imported it replaces Python's `import`, which breaks imports in other threads.
    """
    if corpus in TOYS:
        from xattn.data.toy import builder  # noqa: F401
    elif corpus.startswith(TFDS):
        from xattn.data import tfds  # noqa: F401


def _require_toy_split(corpus: str, split: str, sizes: Sizes) -> None:
    if split not in asdict(sizes):
        raise DataError(f"{corpus} has no split {split!r}; it has {', '.join(asdict(sizes))}.")


def _toy(corpus: str, cache: Path, split: str, sizes: Sizes, seed: int) -> Iterator[Pair]:
    _require_toy_split(corpus, split, sizes)
    from xattn.data.toy import builder  # imports tensorflow_datasets, which takes a second

    numbers = "-".join(str(size) for size in asdict(sizes).values())
    folder = cache / f"{corpus}-{VERSION}-{numbers}-seed{seed}"
    if not folder.exists():
        try:
            cache.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=cache, prefix=f".{corpus}-") as scratch:
                finished = Path(scratch, "finished")
                builder.build(corpus, finished, sizes, seed)
                publish(finished, folder)
        except OSError as error:
            raise DataError(f"{corpus} cannot be stored in the cache folder {cache}: {error.strerror}.") from error
    for columns in builder.read(corpus, folder, split):
        yield Pair(*columns)
