"""Files of attention maps: `.npz`, compressed, or `.json`, for other tools. Both are lossless.

Both have a header `{"format": "xattn attention maps", "version": 2, "rows": "produced", "maps": [...]}`. Each map has
the fields of `AttentionMap`. `rows` states that row t is the step that produces piece t; maps are stored in no other
way. A layout is stored as its name and its fields. In JSON, weights are nested lists [L][N][T][S], and so are the
arrays of a layout; in `.npz` they are arrays `weights_0`, `weights_1`, ... and `picture_0`, `signal_1`, ... Version 1
had no layouts: all its maps are of words.
"""

import json
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from xattn.alignment.layouts import LAYOUTS, Layout, WordLayout
from xattn.alignment.links import Links
from xattn.alignment.maps import CONVENTIONS, AttentionMap
from xattn.errors import UserError

FORMAT, VERSION = "xattn attention maps", 2
SUFFIXES = (".npz", ".json")
LEFT = ("weights", "readout", "note")  # fields that are not in the header: arrays have places of their own
_ARRAYS = {"picture": np.uint8, "seconds": np.float64, "signal": np.float32, "sound": np.int16}  # of layouts


def save_maps(path: Path, maps: Sequence[AttentionMap]) -> None:
    """Writes maps to a `.npz` or `.json` file, by the suffix of `path`; raises a `UserError` for any other suffix."""
    check_suffix(path)
    rows: list[dict[str, Any]] = []
    arrays = {f"weights_{n}": np.asarray(attention.weights, np.float32) for n, attention in enumerate(maps)}
    for n, attention in enumerate(maps):
        row = {field.name: getattr(attention, field.name) for field in fields(attention) if field.name not in LEFT}
        row |= {name: list(value) for name, value in row.items() if isinstance(value, Sequence) and name != "kind"}
        row["provenance"] = dict(attention.provenance)
        if attention.gold is not None:
            row["gold"] = {"sure": sorted(attention.gold.sure), "possible": sorted(attention.gold.possible)}
        row["layout"] = {"name": attention.layout.name}
        for field in fields(attention.layout):
            value = getattr(attention.layout, field.name)
            if isinstance(value, np.ndarray):
                arrays[f"{field.name}_{n}"] = value.astype(_ARRAYS[field.name])
            else:
                row["layout"][field.name] = value
        rows.append(row)
    header = {"format": FORMAT, "version": VERSION, "rows": "produced", "maps": rows}
    if path.suffix == ".json":
        for name, array in arrays.items():
            field, number = name.split("_")
            row = rows[int(number)]
            (row if field == "weights" else row["layout"])[field] = _shortest(array)
        path.write_text(json.dumps(header, ensure_ascii=False) + "\n", encoding="utf-8")
        return
    with path.open("wb") as file:
        np.savez_compressed(file, header=np.frombuffer(json.dumps(header).encode(), np.uint8), **arrays)  # pyright: ignore


def load_maps(path: Path) -> list[AttentionMap]:
    """Reads a file that `save_maps` wrote.

    Raises a `UserError` if the file cannot be read, or is not a file of maps, or has another version or row convention.
    """
    check_suffix(path)
    try:
        if path.suffix == ".json":
            header = json.loads(path.read_text(encoding="utf-8"))
            rows = _checked(path, header)
            weights = [np.array(row.pop("weights"), np.float32) for row in rows]
        else:
            with np.load(path) as arrays:
                rows = _checked(path, json.loads(arrays["header"].tobytes()))
                weights = [arrays[f"weights_{n}"] for n in range(len(rows))]
                for n, row in enumerate(rows):
                    named = {name: arrays[f"{name}_{n}"] for name in _ARRAYS if f"{name}_{n}" in arrays}
                    row["layout"] = (row["layout"] if "layout" in row else {"name": "words"}) | named
        return [_map(path, row, w) for row, w in zip(rows, weights, strict=True)]
    except OSError as error:
        raise UserError(f"Cannot read {path}: {error.strerror or error}.") from None
    except UserError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError, EOFError, RecursionError, zipfile.BadZipFile, zlib.error):
        raise UserError(f"{path} is not a file of attention maps, or is damaged.") from None


def check_suffix(path: Path) -> None:
    """Raises a `UserError` unless the suffix of `path` is one of `SUFFIXES`."""
    if path.suffix not in SUFFIXES:
        raise UserError(f"Attention maps are stored in {' or '.join(SUFFIXES)} files, and {path} has another suffix.")


def _checked(path: Path, header: Any) -> list[dict[str, Any]]:
    if not isinstance(header, dict) or "format" not in header or header["format"] != FORMAT:
        raise UserError(f'{path} is not a file of attention maps: it does not say "format": "{FORMAT}".')
    if header["version"] not in (1, VERSION):
        raise UserError(f"{path} is of version {header['version']!r}; this xattn reads versions 1 and {VERSION}.")
    if header["rows"] != "produced":
        known = "shifted already" if header["rows"] in CONVENTIONS else "of an unknown convention"
        raise UserError(
            f"{path} has rows that are {known} ({header['rows']!r}): maps are stored with the rows that produce each "
            'piece ("produced"), and shifted once, when links are extracted.'
        )
    return header["maps"]


def _map(path: Path, row: dict[str, Any], weights: np.ndarray) -> AttentionMap:
    gold = row.pop("gold")
    if gold is not None:
        sure, possible = ([(s, t) for s, t in gold[name]] for name in ("sure", "possible"))
        gold = Links.of(sure, possible=possible)
    layout = _layout(path, row.pop("layout")) if "layout" in row else WordLayout()
    return AttentionMap(**row, weights=weights, gold=gold, layout=layout)


def _layout(path: Path, row: dict[str, Any]) -> Layout:
    name = row.pop("name")
    if not isinstance(name, str) or name not in LAYOUTS:
        raise UserError(f"{path}: a layout is one of {', '.join(LAYOUTS)}, not {name!r}.")
    for field, value in row.items():
        if field in _ARRAYS and value is not None:
            row[field] = np.asarray(value, _ARRAYS[field])
        elif isinstance(value, list):
            row[field] = [tuple(entry) if isinstance(entry, list) else entry for entry in value]
    return LAYOUTS[name](**row)


def _shortest(array: np.ndarray) -> Any:
    """Nested lists of the shortest decimals that give the same float32 when they are read."""
    if array.dtype != np.float32:
        return array.tolist()
    decimals = np.array([float(str(x)) for x in array.ravel()])
    return decimals.reshape(array.shape).tolist()
