"""The table of all experiments: what is kept is printed, and what was not run is said to be so."""

import json
from pathlib import Path

import pytest

from xattn import cli
from xattn.commands.results import BEGIN, END, filled, short_table, table
from xattn.config import Experiment
from xattn.errors import ConfigError, UserError
from xattn.runs import folder as runs
from xattn.sweeps import measure

ROOT = Path(__file__).parents[2]


def test_the_table_says_what_is_kept_and_what_is_not_run(tmp_path, capsys):
    for name in ("recall", "recall_mean", "other"):
        (tmp_path / "configs").mkdir(exist_ok=True)
        (tmp_path / "configs" / f"{name}.py").touch()
    for name in ("slots", "speed"):
        (tmp_path / "experiments" / name).mkdir(parents=True)
    row = {
        "recall": 0.99,
        "baselines": {"chance": {"recall": 0.0156}, "commonest": {"recall": 0.0625}, "other": {"loss": 4.0}},
        "pointing": {"accuracy": 0.9, "mass": 0.8, "chance": 0.0625},
    }
    system = {"config": "recall", "headline": "recall", "splits": {"test": row}, "training_seconds": 90}
    old = {"headline": "exact_match", "splits": {"test": {"exact_match": 0.5, "alignment": {"aer": 0.1}}}}
    row = {"loss": 0.0015089, "baselines": {"bound": {"loss": 0.0051}, "constant": {"loss": 0.0338, "p10": 1.0}}}
    lower = {"config": "recall", "headline": "loss", "splits": {"test": row}}
    kept = {"full": system, "old": old, "lower is better": lower}
    (tmp_path / "experiments" / "slots" / "results.json").write_text(json.dumps(kept))
    (tmp_path / "experiments" / "speed" / "results.json").write_text(json.dumps({"speed": {"seconds": 1}}))
    assert cli.main(["results", str(tmp_path)]) == 0
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in capsys.readouterr().out.splitlines()]
    assert lines[2:] == [
        ["slots", "full", "test", "recall", "0.9900", "0.0625 (commonest)", "0.9000 (0.0625)", "1.5"],
        ["slots", "old", "test", "exact_match", "0.5000", "-", "AER 0.1000", "-"],
        ["slots", "lower is better", "test", "loss", "0.00151", "0.0051 (bound)", "-", "-"],
        ["other", "not run", "", "", "", "", "", ""],
    ]
    assert set("".join(lines[1])) == {"-"}


def test_a_folder_without_experiments_is_explained(tmp_path):
    with pytest.raises(ConfigError, match="has no configs and experiments"):
        table(tmp_path)


def test_systems_are_trained_as_often_as_is_said(tmp_path, monkeypatch):
    """Run folders, commands and what is kept; training itself is another test's."""
    commands = []

    def fake(arguments):
        commands.append(arguments)
        if arguments[0] == "train":
            run = runs.create(Path(arguments[3]), Experiment())
            score = len(commands) / 10
            run.write_results({"headline": "recall", "splits": {"test": {"recall": score}, "long": {"recall": 0.0}}})
            run.metrics.write_text('{"step": 7, "seconds": 3}\n')
        return 0

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cli, "main", fake)
    measure(Path("some.py"), {"full": [], "a mean": ["--x", "1"]}, tmp_path / "results.json", {"a mean": 3})
    assert [command[3:] for command in commands if command[0] == "train"] == [
        ["runs/some_full"],
        ["runs/some_a_mean", "--x", "1"],
        ["runs/some_a_mean_seed_1", "--x", "1", "--seed", "1"],
        ["runs/some_a_mean_seed_2", "--x", "1", "--seed", "2"],
    ]
    kept = json.loads((tmp_path / "results.json").read_text())
    assert "seeds" not in kept["full"]
    assert kept["a mean"]["seeds"] == {"test": [0.3, 0.5, 0.7], "long": [0.0, 0.0, 0.0]}
    assert (kept["a mean"]["steps"], kept["a mean"]["splits"]["test"]["recall"]) == (7, 0.3)


def test_the_table_of_the_readme_is_the_one_that_the_experiments_give():
    page = ROOT / "README.md"
    text = page.read_text()
    again = filled(text, short_table(ROOT), page)
    assert again == text, "README.md is out of date: run xattn results --write README.md"


def test_a_page_has_one_line_an_experiment_and_its_ablations_beside_it(tmp_path, capsys):
    def system(value, split="test", **more):
        return {"headline": "loss", "training_seconds": 60, "splits": {split: {"loss": value, **more}}}

    (tmp_path / "configs").mkdir()
    for name in ("ged", "later"):
        (tmp_path / "configs" / f"{name}.py").touch()
    (tmp_path / "experiments" / "ged").mkdir(parents=True)
    baselines = {"bound": {"loss": 0.0051}, "constant": {"loss": 0.0338}, "other": {"hits": 1.0}}
    systems = {
        "full linux": system(0.001409, baselines=baselines, pointing={"accuracy": 0.9, "chance": 0.25}),
        "mean linux": system(0.02),
        "none linux": system(0.034),
        "full aids": system(0.0025),
        "siamese aids": system(0.0026),
        "shuffle memory aids": system(0.014),
    }
    (tmp_path / "experiments" / "ged" / "results.json").write_text(json.dumps(systems))
    page = tmp_path / "README.md"
    page.write_text(f"# Mine\n\n{BEGIN}\nold\n{END}\n\nAnd more.\n")
    assert cli.main(["results", str(tmp_path), "--write", "README.md"]) == 0
    before, rest = page.read_text().split(BEGIN)
    inside, after = rest.split(END)
    assert (before, after) == ("# Mine\n\n", "\n\nAnd more.\n")
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in inside.strip().splitlines()]
    ged = "[ged](experiments/ged/README.md)"
    assert lines[2:] == [
        # A loss is better where it is lower, so the best baseline is the lowest.
        [f"{ged} linux", "loss", "0.00141", "0.02", "0.034", "-", "0.0051 (bound)", "0.9000 (0.2500)", "1.0"],
        [f"{ged} aids", "loss", "0.0025", "-", "-", "0.014", "-", "-", "1.0"],
        ["[later](configs/later.py)", "not run", *[""] * 7],
    ]
    page.write_text(f"{END}\n{BEGIN}\n")
    assert cli.main(["results", str(tmp_path), "--write", "README.md"]) == 2
    assert "once, in this order: the table goes between" in capsys.readouterr().err
    with pytest.raises(UserError, match="must have the lines"):
        filled("nothing", "", page)
