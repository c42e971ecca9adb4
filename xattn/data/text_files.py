"""Parallel text in files, one sentence a line: two files side by side, or the columns of a table; gzip of either."""

import gzip
import itertools
import os
import re
import zlib
from collections.abc import Iterator
from pathlib import Path

from xattn.data.pairs import BadLines, DataError, Pair

TABLES = (".tsv", ".tsv.gz")


def files(corpus: str, split: str, source: str, target: str) -> list[Path]:
    """The files of a split: a table, or one file a side. They may turn out to be missing."""
    corpus = expand(corpus)
    if "{split}" in corpus:
        stem = Path(corpus.replace("{split}", split))
    elif Path(corpus).is_dir():
        stem = Path(corpus, split)
    elif Path(corpus).exists():
        raise DataError(f"{corpus} is one file: write {{split}} in its name where the name of the split stands.")
    else:
        raise DataError(
            f"There is no corpus {corpus}: give toy_en_fr or toy_en_hi, tfds: and the name of a TFDS data set,"
            f" a folder that holds {split}.{source} and {split}.{target}, or a path with {{split}} in it."
        )
    if stem.name.endswith(TABLES):
        return [_packed(stem)]
    table, *sides = (_packed(stem.with_name(f"{stem.name}.{ending}")) for ending in ("tsv", source, target))
    return [table] if table.exists() and not any(side.exists() for side in sides) else sides


def read(paths: list[Path], columns: tuple[int, int] | None, bad: BadLines) -> Iterator[Pair]:
    """The pairs of a table (one path) or of two files, one after the other."""
    return _table(paths[0], columns, bad) if len(paths) == 1 else _side_by_side(paths, bad)


def expand(corpus: str) -> str:
    """A path with `~` and environment variables replaced by what they stand for; `{split}` is left alone."""
    for name in re.findall(r"\$(\w+)|\$\{(\w+)\}", corpus):
        variable = name[0] or name[1]
        if variable not in os.environ:
            raise DataError(
                f"{corpus} names the environment variable {variable}, which is not set: export {variable}=FOLDER."
            )
    return os.path.expanduser(os.path.expandvars(corpus))


def _side_by_side(paths: list[Path], bad: BadLines) -> Iterator[Pair]:
    streams = [_lines(path) for path in paths]
    for number, raw in enumerate(itertools.zip_longest(*streams), 1):
        if raw[0] is None or raw[1] is None:
            more = number + sum(1 for stream in streams for _ in stream)
            counts = [number - 1 if line is None else more for line in raw]
            raise DataError(
                f"{paths[0]} has {counts[0]} lines but {paths[1]} has {counts[1]}:"
                " each line of one must translate the same line of the other."
            )
        # One after the other: a pair both of whose lines are bad is left out once.
        advice = "delete the line in both files"
        source = bad.decode(raw[0], f"{paths[0]}, line {number}", advice)
        target = None if source is None else bad.decode(raw[1], f"{paths[1]}, line {number}", advice)
        if source is not None and target is not None:
            yield Pair(source, target)


def _table(path: Path, columns: tuple[int, int] | None, bad: BadLines) -> Iterator[Pair]:
    for number, line in enumerate(_lines(path), 1):
        place, cells = f"{path}, line {number}", line.strip(b" \r\n").split(b"\t")
        wanted = columns or (1, 2)
        if columns is None and len(cells) > 2:
            # Never a guess: there are `sentence, translation, attribution` and `number, sentence, ...`.
            bad.found(
                place,
                "there are more than 2 columns",
                "say which of them, counted from 1, hold source and target, as in --data.columns 1 2",
            )
        elif len(cells) < max(wanted):
            shown = line.decode("utf-8", errors="replace").strip()
            bad.found(
                place,
                f"there are fewer than {max(wanted)} columns",
                f"expected a sentence, a tab and its translation, got {shown[:80]!r}",
            )
        else:
            source = bad.decode(cells[wanted[0] - 1], place, "delete the line")
            target = None if source is None else bad.decode(cells[wanted[1] - 1], place, "delete the line")
            if source is not None and target is not None:
                yield Pair(source, target)


def _lines(path: Path) -> Iterator[bytes]:
    """The lines of a file, of which there must be some. Only a line feed ends one."""
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            first = file.readline().removeprefix(b"\xef\xbb\xbf")
            if not first:
                raise DataError(f"{path} is empty.")
            yield first
            yield from file
    except FileNotFoundError:
        raise DataError(f"There is no file {path}{_others(path)}.") from None
    except (OSError, EOFError, zlib.error) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise DataError(f"{path} cannot be read: {why}.") from error


def _packed(path: Path) -> Path:
    """The gzipped file of that name, where there is only that."""
    packed = path.with_name(f"{path.name}.gz")
    return packed if packed.exists() and not path.exists() else path


def _others(path: Path) -> str:
    """Says what lies in the folder of a file: perhaps the split has another name."""
    if not path.parent.is_dir():
        return f", nor a folder {path.parent}"
    names = sorted(other.name for other in path.parent.iterdir())
    shown = ", ".join([*names[:9], "..."] if len(names) > 9 else names)
    return (
        f"; {path.parent} holds {shown}: --data.train, --data.validation and --data.test name the splits"
        if names
        else f"; {path.parent} is empty"
    )
