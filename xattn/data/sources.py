"""Parallel text, wherever it lies: `load(corpus, split)` gives sentence pairs.

A corpus is ``toy_en_fr``, generated once and kept in a cache folder, or a path to text, one sentence a line:

========================  ========================================================
``corpora/multi30k``      a folder with ``train.en`` and ``train.fr``, or ``train.tsv``
``corpora/{split}.tok``   any other naming: ``train.tok.en`` and ``train.tok.fr``
``corpora/{split}.tsv``   one file, source and target parted by a tab
========================  ========================================================

Text comes out as it is, but for the white space around it: no lower-casing, no tokenising.
"""

import os
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

from xattn.data.grammar import DEFAULT_SIZES, VERSION, Links, Sizes
from xattn.errors import UserError


class DataError(UserError):
    """Something is wrong with a corpus; the message says what, and in which file and line."""


class Pair(NamedTuple):
    """A sentence and its translation, with gold links where they are known.

    Links are (source word, target word) positions; words are what spaces part, counted from 0. `possible`
    includes `sure`.
    """

    source: str
    target: str
    sure: Links | None = None
    possible: Links | None = None


def load(
    corpus: str,
    split: str,
    *,
    source: str = "en",
    target: str = "fr",
    cache: str | Path | None = None,
    sizes: Sizes = DEFAULT_SIZES,
    seed: int = 0,
) -> list[Pair]:
    """Loads a split of a corpus, or raises `DataError`.

    `source` and `target` are the endings of text files. `cache` is the folder for generated data, `sizes` and
    `seed` are those of `grammar.generate`: only ``toy_en_fr`` uses the three.
    """
    if corpus == "toy_en_fr":
        if cache is None:
            raise DataError("toy_en_fr is generated once and kept: say in which cache folder.")
        return _toy(Path(cache), split, sizes, seed)
    return _text(corpus, split, source, target)


def _toy(cache: Path, split: str, sizes: Sizes, seed: int) -> list[Pair]:
    if split not in asdict(sizes):
        raise DataError(f"toy_en_fr has no split {split!r}; it has {', '.join(asdict(sizes))}.")
    from xattn.data.toy import builder  # imports tensorflow_datasets, which takes a second

    numbers = "-".join(str(size) for size in asdict(sizes).values())
    home = cache / f"toy_en_fr-{VERSION}-{numbers}-seed{seed}"
    if not home.exists():
        try:
            cache.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=cache, prefix=".toy_en_fr-") as scratch:
                fresh = Path(scratch, "fresh")
                builder.build(fresh, sizes, seed)
                _publish(fresh, home)
        except OSError as error:
            raise DataError(f"toy_en_fr cannot be kept in the cache folder {cache}: {error.strerror}.") from error
    return [Pair(*row) for row in builder.read(home, split)]


def _publish(fresh: Path, home: Path) -> None:
    """Gives a finished folder its name, in one step, so that nobody ever sees half of it."""
    try:
        os.rename(fresh, home)
    except OSError:
        if not home.is_dir():  # else another process was quicker, and has written the same
            raise


def _text(corpus: str, split: str, source: str, target: str) -> list[Pair]:
    if "{split}" in corpus:
        stem = Path(corpus.replace("{split}", split))
    elif Path(corpus).is_dir():
        stem = Path(corpus, split)
    elif Path(corpus).exists():
        raise DataError(f"{corpus} is one file: write {{split}} in its name where the name of the split stands.")
    else:
        raise DataError(
            f"There is no corpus {corpus}: give toy_en_fr, a folder that holds {split}.{source} and"
            f" {split}.{target}, or a path with {{split}} in it."
        )
    if stem.suffix == ".tsv":
        return _tab_separated(stem)
    table, *sides = (stem.with_name(f"{stem.name}.{ending}") for ending in ("tsv", source, target))
    if table.exists() and not any(side.exists() for side in sides):
        return _tab_separated(table)
    lines = [_lines(side) for side in sides]
    if len(lines[0]) != len(lines[1]):
        raise DataError(
            f"{sides[0]} has {len(lines[0])} lines but {sides[1]} has {len(lines[1])}:"
            " each line of one must translate the same line of the other."
        )
    for path, texts in zip(sides, lines, strict=True):
        for number, text in enumerate(texts, 1):
            if not text:
                raise DataError(f"{path}, line {number}: there is no text; delete the line in both files.")
    return [Pair(*pair) for pair in zip(lines[0], lines[1], strict=True)]


def _tab_separated(path: Path) -> list[Pair]:
    pairs = []
    for number, line in enumerate(_lines(path), 1):
        columns = [column.strip() for column in line.split("\t")]
        if len(columns) != 2 or not all(columns):
            raise DataError(f"{path}, line {number}: expected a sentence, a tab and its translation, got {line!r}.")
        pairs.append(Pair(columns[0], columns[1]))
    return pairs


def _lines(path: Path) -> list[str]:
    """Reads the lines of a UTF-8 file, of which there must be some."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise DataError(f"There is no file {path}{_others(path)}.") from None
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.") from error
    try:
        text = data.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        number = data.count(b"\n", 0, error.start) + 1
        raise DataError(f"{path}, line {number}: this is not UTF-8; convert the file to UTF-8.") from error
    lines = [line.strip(" \r") for line in text.removesuffix("\n").split("\n")]
    if lines == [""]:
        raise DataError(f"{path} is empty.")
    return lines


def _others(path: Path) -> str:
    """Says what lies in the folder of a file: perhaps the split has another name."""
    if not path.parent.is_dir():
        return f", nor a folder {path.parent}"
    names = sorted(other.name for other in path.parent.iterdir())
    shown = ", ".join([*names[:9], "..."] if len(names) > 9 else names)
    return f"; {path.parent} holds {shown}" if names else f"; {path.parent} is empty"
