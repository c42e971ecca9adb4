"""The results of experiments: their one form, the tables that show them, and the systems that make them."""

import json
from pathlib import Path

import pytest

from xattn import cli, sweeps
from xattn.commands.results import BEGIN, END, filled, short_table, table
from xattn.config import Experiment
from xattn.config.files import flatten, load
from xattn.errors import ConfigError, UserError
from xattn.runs import folder as runs
from xattn.runs.folder import RESULTS_VERSION
from xattn.runs.results import KINDS, read_systems, write_measurements, write_systems

ROOT = Path(__file__).parents[2]


SYSTEM = {
    **{"name": str, "memory": str, "variant": str, "config": str, "overrides": list, "task": str, "headline": str},
    **{"splits": dict, "seed": int, "environment": dict, "steps": int, "training_seconds": float},
}
OF_SOME = {
    "alignments",
    "bytes",
    "parameters",
    "readout",
    "tuned",
    "raw_cased",
    "validation",
    "seeds",
    "seeds_pointing",
}


def system(memory, split, variant="", **more):
    """A system with the results of one split, `test`."""
    row = {"name": f"{memory} {variant}".strip(), "memory": memory, "variant": variant, "config": "recall"}
    return row | {"headline": "recall", "splits": {"test": split}, "training_seconds": 90} | more


@pytest.mark.parametrize("path", sorted(ROOT.glob("experiments/*/results.json")), ids=lambda path: path.parent.name)
def test_every_experiment_keeps_its_results_in_the_one_form(path):
    kept = json.loads(path.read_text())
    assert kept["version"] == RESULTS_VERSION
    assert kept["kind"] in KINDS
    if kept["kind"] != "systems":
        assert "systems" not in kept
        return
    known = flatten(Experiment()).keys()
    for each in read_systems(path):
        assert {name: type(each[name]) for name in SYSTEM} == SYSTEM
        assert each.keys() - SYSTEM.keys() <= OF_SOME
        assert each["name"] == f"{each['memory']} {each['variant']}".strip()
        assert all(each["headline"] in row for row in each["splits"].values())
        task = load(ROOT / "configs" / f"{each['config']}.py").task
        fields = {*known, *(f"task.{name}" for name in vars(task))}
        assert {word.removeprefix("--") for word in each["overrides"] if word.startswith("--")} <= fields
    names = [each["name"] for each in kept["systems"]]
    assert len(set(names)) == len(names)


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
    words = {"exact_match": 0.5, "alignment": {"aer": 0.1}}
    lower = {"loss": 0.0015089, "baselines": {"bound": {"loss": 0.0051}, "constant": {"loss": 0.0338, "p10": 1.0}}}
    kept = [
        system("full", row),
        system("mean", words, "of words", headline="exact_match"),
        system("none", lower, headline="loss"),
    ]
    write_systems(tmp_path / "experiments" / "slots" / "results.json", kept)
    write_measurements(tmp_path / "experiments" / "speed" / "results.json", {"speed": {"seconds": 1}})
    assert cli.main(["results", str(tmp_path)]) == 0
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in capsys.readouterr().out.splitlines()]
    assert lines[2:] == [
        ["slots", "full", "test", "recall", "0.9900", "0.0625 (commonest)", "0.9000 (0.0625)", "1.5"],
        ["slots", "mean of words", "test", "exact_match", "0.5000", "-", "AER 0.1000", "1.5"],
        ["slots", "none", "test", "loss", "0.00151", "0.0051 (bound)", "-", "1.5"],
        ["other", "not run", "", "", "", "", "", ""],
    ]
    assert set("".join(lines[1])) == {"-"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is not JSON"),
        ('{"full": {"splits": {}}}', "has no version: it is of the first form"),
        ('{"version": 3, "kind": "systems"}', "is of version 3, but this xattn reads versions up to 2"),
        ('{"version": 2, "kind": "speed"}', "must have a kind, one of systems, measurements, alignments"),
    ],
)
def test_results_of_another_form_are_refused(tmp_path, capsys, text, message):
    (tmp_path / "configs").mkdir()
    (tmp_path / "experiments" / "slots").mkdir(parents=True)
    (tmp_path / "experiments" / "slots" / "results.json").write_text(text)
    assert cli.main(["results", str(tmp_path)]) == 2
    assert message in capsys.readouterr().err


def test_a_folder_without_experiments_is_explained(tmp_path):
    with pytest.raises(ConfigError, match="has no configs and experiments"):
        table(tmp_path)


def test_systems_are_trained_as_often_as_is_said(tmp_path, monkeypatch):
    """Run folders, arguments and what is kept; training itself is another test's."""
    trained = []

    def fake_train(config, folder, overrides):
        trained.append([str(config), str(folder), *overrides])
        run = runs.create(folder, Experiment())
        score = len(trained) / 10
        run.write_results({"headline": "recall", "splits": {"test": {"recall": score}, "long": {"recall": 0.0}}})
        run.metrics.write_text('{"step": 7, "seconds": 3}\n')

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sweeps, "train", fake_train)
    monkeypatch.setattr(sweeps, "score_splits", lambda run: {})
    systems = [
        sweeps.System(),
        sweeps.System(memory="mean", variant="a b", overrides=("--x", "1"), seeds=3),
        sweeps.System(memory="rank", variant="4", overrides=("--task.rank", "4")),
    ]
    found = sweeps.measure(Path("some.py"), systems, tmp_path / "results.json", more=lambda run: {"parameters": 5})
    assert [words[1:] for words in trained] == [
        ["runs/some"],
        ["runs/some_mean_a_b", "--model.memory", "mean", "--x", "1"],
        ["runs/some_mean_a_b_seed_1", "--model.memory", "mean", "--x", "1", "--seed", "1"],
        ["runs/some_mean_a_b_seed_2", "--model.memory", "mean", "--x", "1", "--seed", "2"],
        ["runs/some_rank_4", "--task.rank", "4"],
    ]
    assert list(found) == ["full", "mean a b", "rank 4"]
    full, mean, rank = read_systems(tmp_path / "results.json")
    assert "seeds" not in full
    assert mean["seeds"] == {"test": [0.2, 0.3, 0.4], "long": [0.0, 0.0, 0.0]}
    assert (mean["steps"], mean["splits"]["test"]["recall"], mean["parameters"]) == (7, 0.2, 5)
    assert (mean["memory"], mean["variant"], mean["config"], mean["overrides"][:2]) == (
        *("mean", "a b", "some"),
        ["--model.memory", "mean"],
    )
    assert rank["memory"] == "rank"


def test_a_mistake_in_a_sweep_is_one_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match="xattn: There is no config file"):
        sweeps.measure(Path("none.py"), [sweeps.System()], tmp_path / "results.json")


def test_the_table_of_the_readme_is_the_one_that_the_experiments_give():
    page = ROOT / "README.md"
    text = page.read_text()
    again = filled(text, short_table(ROOT), page)
    assert again == text, "README.md is out of date: run xattn results --write README.md"


def test_a_page_has_one_line_an_experiment_and_its_ablations_beside_it(tmp_path, capsys):
    def scored(value, memory, variant, **more):
        return system(memory, {"loss": value, **more}, variant, headline="loss", training_seconds=60)

    (tmp_path / "configs").mkdir()
    for name in ("ged", "later"):
        (tmp_path / "configs" / f"{name}.py").touch()
    (tmp_path / "experiments" / "ged").mkdir(parents=True)
    baselines = {"bound": {"loss": 0.0051}, "constant": {"loss": 0.0338}, "other": {"hits": 1.0}}
    systems = [
        scored(0.001409, "full", "linux", baselines=baselines, pointing={"accuracy": 0.9, "chance": 0.25}),
        scored(0.02, "mean", "linux"),
        scored(0.034, "none", "linux"),
        scored(0.0025, "full", "aids"),
        scored(0.0026, "siamese", "aids"),
        scored(0.014, "shuffle", "aids"),
    ]
    write_systems(tmp_path / "experiments" / "ged" / "results.json", systems)
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
