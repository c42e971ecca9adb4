"""Damaged files of a run and of an experiment: one line that names the file, and no traceback."""

import json
import shutil
from pathlib import Path

import pytest

from xattn import cli
from xattn.config import Experiment, files
from xattn.runs.folder import TOY, create

TEXT = "the fox sits"
OLD = json.loads((Path(__file__).parent / "samples" / "config_v1_toy_en_fr.json").read_text())


def without(values, *path):
    """A copy of nested tables without one field."""
    copy = json.loads(json.dumps(values))
    inner = copy
    for name in path[:-1]:
        inner = inner[name]
    del inner[path[-1]]
    return copy


@pytest.fixture
def run(tmp_path):
    return shutil.copytree(TOY, tmp_path / "run")


def one_line(capsys):
    err = capsys.readouterr().err
    assert err.startswith("xattn: ")
    assert err.count("\n") == 1
    return err


NEW = files.to_dict(Experiment())


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"null",
        b"3",
        b"[]",
        b"\xff\xfe",
        b"[" * 100_000,
        *(
            json.dumps(each).encode()
            for each in (
                {**NEW, "version": "2"},
                {**NEW, "version": None},
                {**NEW, "version": 0},
                {**NEW, "version": 4},
                {**NEW, "version": 2, "task": []},
                {**NEW, "version": 2, "task": {**NEW["task"], "vocabulary": None}},
                {**NEW, "task": {**NEW["task"], "kind": []}},
                {**NEW, "task": "translation"},
                *(without(OLD, name) for name in ("vocabulary", "devices", "seed")),
                *(without(OLD, "data", name) for name in ("corpus", "test")),
                *(without(OLD, "training", name) for name in ("stop_by", "buckets")),
                {**OLD, "decoding": {}},
                {**OLD, "data": []},
                {**OLD, "training": None},
                {**OLD, "model": "text"},
                {**OLD, "task": []},
                {**OLD, "task": "docqa", "row": "text"},
            )
        ),
    ],
)
def test_a_damaged_config_is_one_line(run, capsys, content):
    (run / "config.json").write_bytes(content)
    assert cli.main(["evaluate", str(run)]) == 2
    assert "config.json" in one_line(capsys)


@pytest.mark.parametrize(
    "content",
    [
        b"[]",
        b"null",
        b'"x"',
        b"\xff",
        b'{"version": 3}',
        b'{"version": "2"}',
        *(
            json.dumps({"version": 2, "readout": each}).encode()
            for each in (
                "x",
                {},
                {"layer": 9, "head": 0, "convention": "read", "chosen_by": "AER"},
                {"layer": 0, "head": 0, "convention": "other", "chosen_by": "AER"},
            )
        ),
    ],
)
def test_damaged_results_are_one_line(run, capsys, content):
    (run / "results.json").write_bytes(content)
    assert cli.main(["view", str(run), TEXT]) == 2
    assert "results.json" in one_line(capsys)


@pytest.mark.parametrize("name", ["tokenizer.model", "weights.npz"])
@pytest.mark.parametrize("content", [b"", b"hi"])
def test_other_damaged_files_are_one_line(run, capsys, name, content):
    (run / name).write_bytes(content)
    assert cli.main(["translate", str(run), TEXT]) == 2
    assert name in one_line(capsys)


def test_a_damaged_environment_is_one_line(tmp_path, capsys):
    create(tmp_path / "run", Experiment())
    (tmp_path / "run" / "environment.json").write_text("{")
    config = tmp_path / "config.py"
    config.write_text('"""A record."""\nfrom xattn.config import Experiment\nconfig = Experiment()\n')
    assert cli.main(["train", str(config), "--run", str(tmp_path / "run")]) == 2
    assert "environment.json" in one_line(capsys)


@pytest.mark.parametrize("systems", [None, {}, [3], [{}]])
def test_damaged_systems_of_an_experiment_are_one_line(tmp_path, capsys, systems):
    (tmp_path / "configs").mkdir()
    (tmp_path / "experiments" / "one").mkdir(parents=True)
    path = tmp_path / "experiments" / "one" / "results.json"
    path.write_text(json.dumps({"version": 2, "kind": "systems"} | ({} if systems is None else {"systems": systems})))
    assert cli.main(["results", str(tmp_path)]) == 2
    assert "must have a list of systems" in one_line(capsys)


@pytest.mark.parametrize("words", [["--run="], ["--run", ""], ["--run"], ["--run", "--model.layers", "3"]])
def test_a_run_folder_without_a_name_is_refused(capsys, words):
    assert cli.main(["train", "toy_en_fr", *words]) == 2
    assert "--run needs the name of a folder." in one_line(capsys)


def test_two_run_folders_are_refused(capsys):
    assert cli.main(["train", "toy_en_fr", "--run", "a", "--run", "b"]) == 2
    assert "--run is given twice, as a and as b" in one_line(capsys)
