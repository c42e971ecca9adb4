"""Run folders of older forms are read, and those of a newer form are refused with what to do: on kept samples."""

import json
import shutil
from pathlib import Path

import pytest

from xattn.config import DocQA, Experiment, GraphMatch, Recall, SelfCross, Summary, Translation, Vocabulary, files
from xattn.runs.folder import RESULTS_VERSION, RunError, open_run

SAMPLES = Path(__file__).parent / "samples"
FORMS = sorted(path.stem.removeprefix("config_v1_") for path in SAMPLES.glob("config_v1_*.json"))


@pytest.fixture
def folder(tmp_path):
    """Makes a run folder of samples, with changes to its config or its results."""

    def make(form, results_sample=None, /, **changed):
        for name, sample in {"config": f"config_v1_{form}", "results": results_sample}.items():
            if sample is not None:
                shutil.copy(SAMPLES / f"{sample}.json", tmp_path / f"{name}.json")
        for name, change in changed.items():
            path = tmp_path / f"{name}.json"
            path.write_text(json.dumps(json.loads(path.read_text()) | change))
        return tmp_path

    return make


@pytest.mark.parametrize("form", FORMS)
def test_a_config_of_version_1_is_read_and_kept_in_todays_form(folder, form):
    config = open_run(folder(form)).config
    again = json.loads(json.dumps(files.to_dict(config)))
    assert again["version"] == 3
    assert files.from_dict(again) == config


TASKS = {
    "docqa_stories": DocQA(test=("test_person", "test_object", "test_before", "test_giver")),
    "graph_match": GraphMatch(),
    "latents": Recall(),
    "summarize_log": Summary(test=("test", "unseen")),
    "self_vs_cross": SelfCross(test=("test", "unseen_pairs")),
}


@pytest.mark.parametrize("form", sorted(TASKS))
def test_settings_of_another_task_end_where_they_belong(folder, form):
    """The samples have the defaults of their tasks, with the splits of their configs."""
    old = json.loads((SAMPLES / f"config_v1_{form}.json").read_text())
    config = open_run(folder(form)).config
    assert config.task == TASKS[form]
    assert (config.task.train_examples, config.task.held_out_examples) == (old["row"]["train"], old["row"]["held_out"])
    assert config.training.steps == old["training"]["steps"]
    assert config.training.stop_by == "headline"


def test_changed_numbers_of_examples_are_kept(folder):
    row = {"pairs": 16, "queries": 8, "keys": 64, "values": 64, "rank": 4, "train": 70, "held_out": 50, "seed": 3}
    task = open_run(folder("latents", config={"row": row})).config.task
    assert (task.rank, task.train_examples, task.held_out_examples, task.seed) == (4, 70, 50, 3)


@pytest.mark.parametrize("form", ["toy_en_fr", "before_guidance"])
def test_settings_of_translation_end_in_its_task(folder, form):
    """Also those of a file from before guidance, latents and kept checkpoints, which has their values of then."""
    config = open_run(folder(form)).config
    assert config.task == Translation(
        test=("test", "unseen_pairs", "long"),
        lowercase=True,
        vocabulary=Vocabulary(kind="word", size=2000),
        label_smoothing=0.0,
        beam=1,
    )
    assert (config.model.latents, config.training.keep_every) == (16, None)
    assert (config.training.steps, config.training.batch_tokens) == (200, 1280)


def test_a_config_of_a_newer_version_is_refused(folder):
    with pytest.raises(RunError, match=r"config.json cannot be read. It is of version 4, .* install a newer xattn"):
        open_run(folder("toy_en_fr", config={"version": 4}))


def test_a_config_of_version_2_has_the_values_of_then_in_new_fields(folder):
    config = open_run(folder("toy_en_fr")).config
    old = files.to_dict(config) | {"version": 2}
    old["task"] = {**old["task"], "vocabulary": {"kind": "word", "size": 2000}}
    assert files.from_dict(old) == config
    assert (config.task.vocabulary.character_coverage, config.task.vocabulary.normalization) == (1.0, "identity")
    assert files.from_dict(files.to_dict(Experiment(task=Recall())) | {"version": 2}) == Experiment(task=Recall())


def test_results_of_version_1_are_read_and_written_with_their_version(folder):
    run = open_run(folder("toy_en_fr", "results_v1"))
    old = json.loads((SAMPLES / "results_v1.json").read_text())
    assert run.read_results() == old
    run.write_results(run.read_results())
    assert json.loads(run.results.read_text()) == {"version": RESULTS_VERSION, **old}
    assert run.read_results() == old


def test_results_of_a_newer_version_or_damaged_are_refused(folder):
    run = open_run(folder("toy_en_fr", "results_v1", results={"version": 3}))
    with pytest.raises(
        RunError, match=r"results.json cannot be read. It is of version 3, .* up to 2: install a newer xattn"
    ):
        run.read_results()
    run.results.write_text("{")
    with pytest.raises(RunError, match="delete it and evaluate the run again"):
        run.read_results()
