"""Parallel text in files, one sentence per line: two files, or two columns of a table. Both may be gzipped."""

import itertools
from collections.abc import Iterator
from pathlib import Path

from xattn.data.pairs import BadLines, DataError, Pair
from xattn.data.paths import expand, fingerprint
from xattn.errors import UserError, quantity
from xattn.lines import read as read_lines

TABLES = (".tsv", ".tsv.gz")


def files(corpus: str, split: str, source: str, target: str) -> list[Path]:
    """The files of a split: one table, or the source file and the target file. They need not exist.

    Raises `DataError` if `corpus` is neither a folder nor a path with `{split}`.
    """
    corpus = expand(corpus)
    if "{split}" in corpus:
        stem = Path(corpus.replace("{split}", split))
    elif Path(corpus).is_dir():
        stem = Path(corpus, split)
    elif Path(corpus).exists():
        raise DataError(f"{corpus} is one file: write {{split}} in place of the name of the split.")
    else:
        raise DataError(
            f"There is no corpus {corpus}: give toy_en_fr or toy_en_hi, tfds: and the name of a TFDS data set,"
            f" a folder with {split}.{source} and {split}.{target}, or a path with {{split}} in it."
        )
    if stem.name.endswith(TABLES):
        return [_or_gzipped(stem)]
    table, *sides = (_or_gzipped(stem.with_name(f"{stem.name}.{ending}")) for ending in ("tsv", source, target))
    return [table] if table.exists() and not any(side.exists() for side in sides) else sides


def identity(paths: list[Path]) -> dict[str, str]:
    """The fingerprint of every file of a split, by its name. Raises `DataError` for a file that cannot be read."""
    for path in paths:
        if not path.exists():
            raise _missing(path)
    return {path.name: fingerprint(path) for path in paths}


def read(paths: list[Path], columns: tuple[int, int] | None, bad: BadLines) -> Iterator[Pair]:
    """Yields the pairs of a table (one path) or of two files.

    `columns` are the source and target columns of a table, counted from 1; None for a table of two columns. Raises
    `DataError` for a file that cannot be read, for two files of different length, and as `bad` decides for bad lines.
    """
    return _table(paths[0], columns, bad) if len(paths) == 1 else _side_by_side(paths, bad)


def _side_by_side(paths: list[Path], bad: BadLines) -> Iterator[Pair]:
    streams = [_lines(path) for path in paths]
    for number, raw in enumerate(itertools.zip_longest(*streams), 1):
        if raw[0] is None or raw[1] is None:
            more = number + sum(1 for stream in streams for _ in stream)
            counts = [number - 1 if line is None else more for line in raw]
            raise DataError(
                f"{paths[0]} has {quantity(counts[0], 'line')} but {paths[1]} has {counts[1]:,}:"
                " each line of one must translate the same line of the other."
            )
        # The target is decoded only if the source is good: a pair with two bad lines is counted once.
        advice = "delete the line in both files"
        source = bad.decode(raw[0], f"{paths[0]}, line {number}", advice)
        target = None if source is None else bad.decode(raw[1], f"{paths[1]}, line {number}", advice)
        if source is not None and target is not None:
            yield Pair(source, target)


def _table(path: Path, columns: tuple[int, int] | None, bad: BadLines) -> Iterator[Pair]:
    for number, line in enumerate(_lines(path), 1):
        place, cells = f"{path}, line {number}", line.strip(b" ").split(b"\t")
        chosen = columns or (1, 2)
        if columns is None and len(cells) > 2:
            # No guess: some tables are `sentence, translation, attribution`, others `number, sentence, ...`.
            bad.reject(
                place,
                "there are more than 2 columns",
                "name those of source and target, counted from 1, as in --task.columns 1 2",
            )
        elif len(cells) < max(chosen):
            shown = line.decode("utf-8", errors="replace").strip()
            bad.reject(
                place,
                f"there are fewer than {max(chosen)} columns",
                f"expected a sentence, a tab and its translation, got {shown[:80]!r}",
            )
        else:
            source = bad.decode(cells[chosen[0] - 1], place, "delete the line")
            target = None if source is None else bad.decode(cells[chosen[1] - 1], place, "delete the line")
            if source is not None and target is not None:
                yield Pair(source, target)


def _lines(path: Path) -> Iterator[bytes]:
    """The lines of a file, which must exist and not be empty."""
    if not path.exists():
        raise _missing(path)
    empty = True
    try:
        for line in read_lines(path):
            empty = False
            yield line
    except UserError as error:
        raise DataError(str(error)) from None
    if empty:
        raise DataError(f"{path} is empty.")


def _or_gzipped(path: Path) -> Path:
    """The path itself, or that of the gzipped file if only the gzipped file exists."""
    gzipped = path.with_name(f"{path.name}.gz")
    return gzipped if gzipped.exists() and not path.exists() else path


def _missing(path: Path) -> DataError:
    return DataError(f"There is no file {path}{_neighbours(path)}.")


def _neighbours(path: Path) -> str:
    """Lists the files in the folder of a missing file, since the split may have another name."""
    if not path.parent.is_dir():
        return f", nor a folder {path.parent}"
    names = sorted(other.name for other in path.parent.iterdir())
    shown = ", ".join([*names[:9], "..."] if len(names) > 9 else names)
    return (
        f"; {path.parent} holds {shown}: --task.train, --task.validation and --task.test name the splits"
        if names
        else f"; {path.parent} is empty"
    )
