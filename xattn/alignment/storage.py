"""Attention maps in a file: `.npz`, compressed, or `.json`, for other tools. Nothing is lost in either.

Both hold one header, `{"format": "xattn attention maps", "version": 1, "rows": "produced", "maps": [...]}`, in which a
map has the fields of `AttentionMap`; `rows` says that row t is the step that produces piece t, the only way a map is
kept. In JSON the weights are nested lists [L][N][T][S]; in `.npz` they are the arrays `weights_0`, `weights_1`, ...
"""

import json
import zipfile
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from xattn.alignment.links import Links
from xattn.alignment.maps import CONVENTIONS, AttentionMap
from xattn.errors import UserError

FORMAT, VERSION = "xattn attention maps", 1
SUFFIXES = (".npz", ".json")


def save_maps(path: Path, maps: Sequence[AttentionMap]) -> None:
    """Writes maps into a file, whose ending says how."""
    check_suffix(path)
    rows: list[dict[str, Any]] = []
    for attention in maps:
        row = {field.name: getattr(attention, field.name) for field in fields(attention) if field.name != "weights"}
        row |= {name: list(value) for name, value in row.items() if isinstance(value, Sequence) and name != "kind"}
        row["provenance"] = dict(attention.provenance)
        if attention.gold is not None:
            row["gold"] = {"sure": sorted(attention.gold.sure), "possible": sorted(attention.gold.possible)}
        rows.append(row)
    header = {"format": FORMAT, "version": VERSION, "rows": "produced", "maps": rows}
    if path.suffix == ".json":
        for row, attention in zip(rows, maps, strict=True):
            row["weights"] = _shortest(attention.weights)
        path.write_text(json.dumps(header, ensure_ascii=False) + "\n", encoding="utf-8")
        return
    arrays = {f"weights_{n}": attention.weights for n, attention in enumerate(maps)}
    with path.open("wb") as file:
        np.savez_compressed(file, header=np.frombuffer(json.dumps(header).encode(), np.uint8), **arrays)  # pyright: ignore


def load_maps(path: Path) -> list[AttentionMap]:
    """Reads what `save_maps` wrote; `UserError` for a file that is none."""
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
        return [_map(row, w) for row, w in zip(rows, weights, strict=True)]
    except OSError as error:
        raise UserError(f"Cannot read {path}: {error.strerror or error}.") from None
    except UserError:
        raise
    except (ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        raise UserError(f"{path} is not a file of attention maps, or is damaged: {error}") from None


def check_suffix(path: Path) -> None:
    """Raises a `UserError` for a file name whose ending is not that of a file of maps."""
    if path.suffix not in SUFFIXES:
        raise UserError(f"Attention maps are kept in {' or '.join(SUFFIXES)} files, and {path} is not one by its name.")


def _checked(path: Path, header: Any) -> list[dict[str, Any]]:
    if not isinstance(header, dict) or "format" not in header or header["format"] != FORMAT:
        raise UserError(f'{path} is not a file of attention maps: it does not say "format": "{FORMAT}".')
    if header["version"] != VERSION:
        raise UserError(f"{path} is of version {header['version']}; this xattn reads version {VERSION}.")
    if header["rows"] != "produced":
        known = "shifted already" if header["rows"] in CONVENTIONS else "of an unknown convention"
        raise UserError(
            f"{path} has rows that are {known} ({header['rows']!r}): a map is kept with the rows that produce "
            'each piece ("produced"), and shifted once, when links are read.'
        )
    return header["maps"]


def _map(row: dict[str, Any], weights: np.ndarray) -> AttentionMap:
    gold = row.pop("gold")
    if gold is not None:
        sure, possible = ([(s, t) for s, t in gold[name]] for name in ("sure", "possible"))
        gold = Links.of(sure, possible=possible)
    return AttentionMap(**row, weights=weights, gold=gold)


def _shortest(weights: np.ndarray) -> Any:
    """Nested lists of the shortest decimals that are read back as the same float32 numbers."""
    decimals = np.array([float(str(x)) for x in np.asarray(weights, np.float32).ravel()])
    return decimals.reshape(weights.shape).tolist()
