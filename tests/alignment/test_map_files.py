"""Files of attention maps: nothing is lost, and other files are refused."""

import json
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from xattn.alignment.layouts import LAYOUTS, Cells, Graph, Grid, Slots, Time, WordLayout
from xattn.alignment.links import Links
from xattn.alignment.map_files import load_maps, save_maps
from xattn.alignment.maps import AttentionMap
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


RANDOM = np.random.default_rng(3)
MADE = {
    "words": WordLayout(),
    "grid": Grid(rows=2, columns=3, picture=RANDOM.integers(0, 256, (7, 5, 3), np.uint8)),
    "blank grid": Grid(rows=3, columns=2),
    "cells": Cells(rows=2, columns=2, picture=RANDOM.integers(0, 256, (7, 5), np.uint8)),
    "time": Time(seconds=np.cumsum(RANDOM.random(6)), signal=RANDOM.normal(size=(11, 5)).astype(np.float32)),
    "heard time": Time(seconds=np.arange(6.0), sound=RANDOM.integers(-(2**15), 2**15, 13, dtype=np.int16), rate=8000),
    "graph": Graph(source_edges=[(0, 5), (2, 1)], target_edges=[(0, 3)]),
    "slots": Slots(),
}


@pytest.mark.parametrize("suffix", ["npz", "json"])
def test_a_file_keeps_every_layout(tmp_path, suffix):
    path, ids = tmp_path / f"maps.{suffix}", {"source_word_ids": range(6), "target_word_ids": range(4)}
    words = {"source_words": list("abcdef"), "target_words": list("wxyz")}
    first = replace(
        maps()[0], weights=np.ones((1, 1, 4, 6), np.float32), source=[*"abcdef"], target=[*"wxyz"], **words, **ids
    )
    assert {each.split()[-1] for each in MADE} == set(LAYOUTS)
    save_maps(path, [replace(first, layout=layout) for layout in MADE.values()])
    for was, now in zip(MADE.values(), load_maps(path), strict=True):
        assert type(now.layout) is type(was)
        for field in fields(was):
            kept, before = (getattr(each, field.name) for each in (now.layout, was))
            np.testing.assert_array_equal(kept, before)
            assert getattr(kept, "dtype", None) == getattr(before, "dtype", None)


def test_files_from_before_there_were_layouts_are_of_words(tmp_path):
    path = tmp_path / "maps.json"
    save_maps(path, maps())
    old = json.loads(path.read_text()) | {"version": 1}
    for row in old["maps"]:
        del row["layout"]
    path.write_text(json.dumps(old))
    assert [each.layout for each in load_maps(path)] == [WordLayout(), WordLayout()]
    old["maps"][0]["layout"] = {"name": "cube"}
    path.write_text(json.dumps(old))
    with pytest.raises(UserError, match="a layout is one of words, grid, cells, time, graph, slots, not 'cube'"):
        load_maps(path)


@pytest.mark.parametrize("suffix", ["json", "npz"])
def test_a_stored_file_of_version_1_is_read(suffix):
    """Written by the code of that version, which knew no layouts."""
    (found,) = load_maps(Path(__file__).parent / "samples" / f"maps_v1.{suffix}")
    assert (found.source_words, found.target_words, found.layout) == (["the", "fox"], ["le", "renard"], WordLayout())
    np.testing.assert_allclose(found.weights[0, 0, 0], [0.395, 0.593, 0.012], rtol=1e-6)
    assert found.gold == Links.of([(0, 0), (1, 1)])
    assert found.provenance["run"] == "toy_en_fr"


def test_a_map_is_shifted_once_only(tmp_path):
    """A file with shifted rows is refused, and a map to which a convention was applied cannot be shifted again."""
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
        ({"version": 3}, "is of version 3; this xattn reads versions 1 and 2"),
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
