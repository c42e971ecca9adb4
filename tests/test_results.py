"""The table of all experiments: what is kept is printed, and what was not run is said to be so."""

import json

import pytest

from xattn import cli
from xattn.config import ConfigError
from xattn.results import table


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
    old = {"splits": {"test": {"exact_match": 0.5, "alignment": {"aer": 0.1}}}}
    (tmp_path / "experiments" / "slots" / "results.json").write_text(json.dumps({"full": system, "old": old}))
    (tmp_path / "experiments" / "speed" / "results.json").write_text(json.dumps({"speed": {"seconds": 1}}))
    assert cli.main(["results", str(tmp_path)]) == 0
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in capsys.readouterr().out.splitlines()]
    assert lines[2:] == [
        ["slots", "full", "test", "recall", "0.9900", "0.0625 (commonest)", "0.9000 (0.0625)", "1.5"],
        ["slots", "old", "test", "exact_match", "0.5000", "-", "AER 0.1000", "-"],
        ["other", "not run", "", "", "", "", "", ""],
    ]
    assert set("".join(lines[1])) == {"-"}


def test_a_folder_without_experiments_is_explained(tmp_path):
    with pytest.raises(ConfigError, match="has no configs and experiments"):
        table(tmp_path)
