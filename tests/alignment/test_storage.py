"""Attention maps in files: nothing is lost, and what is no file of maps is refused."""

import json
from dataclasses import fields, replace

import numpy as np
import pytest

from xattn.alignment.links import Links
from xattn.alignment.maps import AttentionMap
from xattn.alignment.storage import load_maps, save_maps
from xattn.errors import UserError


def maps() -> list[AttentionMap]:
    """Of two sizes, one with gold, with text that files may spoil."""
    found = []
    for rows, columns in ((5, 7), (3, 2)):
        source, target = [f"s{i}" for i in range(columns - 1)], ['"\u2028é'] * (rows - 1)
        found.append(
            AttentionMap(
                weights=np.random.default_rng(rows).dirichlet(np.ones(columns), (2, 3, rows)).astype(np.float32),
                source=[*source, "</s>"],
                target=[*target, "</s>"],
                source_word_ids=[*range(columns - 1), -1],
                target_word_ids=[*range(rows - 1), -1],
                source_words=source,
                target_words=target,
                kind="head-norms",
                gold=Links.of([(0, 1)], possible=[(0, 0)]) if rows == 5 else None,
                provenance={"run": "toy", "taken": "teacher forcing"},
            )
        )
    return found


@pytest.mark.parametrize("suffix", ["npz", "json"])
def test_a_file_keeps_everything(tmp_path, suffix):
    path = tmp_path / f"maps.{suffix}"
    save_maps(path, maps())
    for was, now in zip(maps(), load_maps(path), strict=True):
        assert now.weights.dtype == np.float32
        np.testing.assert_array_equal(now.weights, was.weights)
        for field in fields(was):
            if field.name != "weights":
                assert getattr(now, field.name) == getattr(was, field.name), field.name


def test_a_map_is_shifted_once_only(tmp_path):
    """A file of rows that were shifted is refused, and what a convention was applied to has no way to be shifted."""
    path = tmp_path / "maps.json"
    save_maps(path, maps())
    header = json.loads(path.read_text())
    assert header["rows"] == "produced"
    path.write_text(json.dumps(header | {"rows": "read"}))
    with pytest.raises(UserError, match=r"rows that are shifted already \('read'\)"):
        load_maps(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "other"}, "is not a file of attention maps"),
        ({"version": 2}, "is of version 2; this xattn reads version 1"),
        ({"rows": "odd"}, "of an unknown convention"),
        ({"maps": [{}]}, "or is damaged"),
    ],
)
def test_other_files_are_refused(tmp_path, change, message):
    path = tmp_path / "maps.json"
    save_maps(path, maps())
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(UserError, match=message):
        load_maps(path)


def test_damage_a_wrong_name_and_a_missing_file(tmp_path):
    (tmp_path / "maps.npz").write_bytes(b"PK nothing")
    with pytest.raises(UserError, match="is not a file of attention maps, or is damaged"):
        load_maps(tmp_path / "maps.npz")
    with pytest.raises(UserError, match=r"\.npz or \.json files"):
        save_maps(tmp_path / "maps.txt", maps())
    with pytest.raises(UserError, match="Cannot read"):
        load_maps(tmp_path / "none.npz")
    save_maps(tmp_path / "maps.npz", [replace(maps()[1], gold=None)])
    assert len(load_maps(tmp_path / "maps.npz")) == 1
