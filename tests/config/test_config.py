"""Configs: what differs is kept, and every mistake is one sentence that says what would be right."""

import dataclasses
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from xattn.config import (
    SETTINGS,
    DocQA,
    Experiment,
    GraphGed,
    Guidance,
    Model,
    Recall,
    SpeechAn4,
    Summary,
    TaskSettings,
    Training,
    Translation,
    Vocabulary,
)
from xattn.config import files as configs
from xattn.config.checked import Checked, describe, hints
from xattn.errors import ConfigError

CONFIGS = sorted(Path(__file__).parents[2].glob("configs/*.py"))


def test_overrides_change_the_named_fields_only():
    changed = configs.override(Experiment(), ["--model.layers", "5", "--devices.strategy=pmap", "--seed", "7"])
    assert configs.difference(Experiment(), changed) == [
        "seed: 0 -> 7",
        "model.layers: 2 -> 5",
        'devices.strategy: "single" -> "pmap"',
    ]


def test_a_field_with_several_values_takes_the_words_up_to_the_next_name():
    arguments = ["--task.test", "test_2016", "test_2017", "--task.columns", "2", "4", "--seed", "7"]
    changed = configs.override(Experiment(), arguments)
    assert (changed.task.test, changed.task.columns, changed.seed) == (("test_2016", "test_2017"), (2, 4), 7)
    assert configs.override(changed, ["--task.columns", "None"]).task.columns is None
    assert configs.from_dict(json.loads(json.dumps(configs.to_dict(changed)))) == changed


def test_nested_settings_and_every_type_of_value_can_be_overridden():
    arguments = "--task.vocabulary.size 1_000 --task.guidance.layer -1 --task.lowercase True --model.dropout 1e-1"
    changed = configs.override(Experiment(), [*arguments.split(), "--training.keep_every", "400"])
    assert (changed.task.vocabulary.size, changed.task.guidance.layer) == (1000, -1)
    assert (changed.task.lowercase, changed.model.dropout, changed.training.keep_every) == (True, 0.1, 400)
    assert configs.override(changed, ["--training.keep-every", "None"]).training.keep_every is None


def test_fields_that_depend_on_each_other_are_checked_together():
    # Neither 96 over 4 heads nor 128 over 6 heads is asked for: only their combination counts.
    changed = configs.override(Experiment(), ["--model.heads", "6", "--model.width", "96"])
    assert (changed.model.heads, changed.model.width) == (6, 96)


TRANSLATION, QUESTIONS = Experiment(), Experiment(task=DocQA())


@pytest.mark.parametrize(
    ("config", "arguments", "message"),
    [
        (TRANSLATION, ["--model.layer", "4"], "There is no field --model.layer. Did you mean --model.layers?"),
        (TRANSLATION, ["--layers", "4"], "There is no field --layers. Did you mean --model.layers?"),
        (TRANSLATION, ["--data.corpus", "x"], "There is no field --data.corpus: it is --task.corpus now."),
        (TRANSLATION, ["--decoding.beam", "4"], "There is no field --decoding.beam: it is --task.beam now."),
        (TRANSLATION, ["--zzz", "4"], "There is no field --zzz. The nearest are --"),
        (TRANSLATION, ["--task", "docqa"], "--task cannot be overridden: the task is what a config is about"),
        (TRANSLATION, ["--model.layers", "four"], "--model.layers must be a whole number above 0, not 'four'."),
        (TRANSLATION, ["--model.layers"], "--model.layers needs a value: a whole number above 0, such as 2."),
        (TRANSLATION, ["--model.memory", "men"], "one of 'full', 'mean', 'latents', 'shuffle', 'none', not 'men'."),
        (TRANSLATION, ["--optimizer.learning_rate", "fast"], "learning_rate must be a number above 0, not 'fast'."),
        (TRANSLATION, ["--optimizer.learning_rate", "nan"], "learning_rate must be a number above 0, not 'nan'."),
        (
            TRANSLATION,
            ["--task.length_penalty", "nan"],
            "--task.length_penalty must be a number of at least -10 and of at most 10, not 'nan'.",
        ),
        (TRANSLATION, ["layers", "4"], "Cannot read 'layers'; overrides look like --model.layers 4."),
        (TRANSLATION, ["--model.layers", "4", "5"], "Cannot read '5'; overrides look like --model.layers 4."),
        (
            TRANSLATION,
            ["--model.heads", "3"],
            "model.heads must divide model.width, but 3 does not divide 128; 2 or 4 would.",
        ),
        (TRANSLATION, ["--task.columns", "2"], "--task.columns must be (a whole number, a whole number) or None"),
        (TRANSLATION, ["--task.columns", "0", "1"], "task.columns are counted from 1, so they cannot be (0, 1)."),
        (TRANSLATION, ["--training.steps", "0"], "--training.steps must be a whole number above 0, not '0'."),
        (
            TRANSLATION,
            ["--training.keep_every", "300"],
            "training.keep_every must be a multiple of training.validate_every (200), not 300.",
        ),
        (TRANSLATION, ["--training.keep_every", "0"], "not '0'."),
        # A setting of another task is refused with its owner; before, it was recorded and ignored.
        (QUESTIONS, ["--task.r_drop", "5"], "The task docqa has no field task.r_drop, which belongs to translation."),
        (QUESTIONS, ["--training.r_drop", "5"], "There is no field --training.r_drop."),
        (QUESTIONS, ["--row.train", "5"], "There is no field --row.train: it is --task.train_examples now."),
        (
            TRANSLATION,
            ["--decoding.batch", "5"],
            "There is no field --decoding.batch: it is --task.decoding_batch now.",
        ),
        (QUESTIONS, ["--task.guidance.links", "f"], "has no field task.guidance, which belongs to translation."),
        (QUESTIONS, ["--guidance.links", "f"], "The task docqa has no field task.guidance, which belongs to"),
        (
            QUESTIONS,
            ["--task.sentence", "5"],
            "no field --task.sentence. Did you mean --task.sentences?",
        ),
    ],
)
def test_a_wrong_override_is_explained(config, arguments, message):
    with pytest.raises(ConfigError, match=re.escape(message)):
        configs.override(config, arguments)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: DocQA(r_drop=5.0), "The task docqa has no field task.r_drop, which belongs to translation."),
        (
            lambda: DocQA(guidance=Guidance()),
            "The task docqa has no field task.guidance, which belongs to translation.",
        ),
        (lambda: Recall(corpus="x"), "The task recall has no field task.corpus, which belongs to translation, docqa"),
        (lambda: Vocabulary(sise=5), "There is no field task.vocabulary.sise. Did you mean task.vocabulary.size?"),
        (lambda: Model(3), "Model takes its fields by name, such as width=..., not 3 alone."),
        (lambda: GraphGed(), "task.corpus is missing: it must be a text."),
        (
            lambda: Experiment(task="docqa"),
            "task must be the settings of a task, such as Translation(...) or DocQA(...)",
        ),
        (
            lambda: Experiment(data=3),
            "There is no field data: its settings are in task now, as in task=Translation(...).",
        ),
        (
            lambda: Translation(columns=(1, "2")),
            "(a whole number, a whole number) or None, but one of its values is '2'.",
        ),
        (lambda: Translation(columns=(1,)), "task.columns must be (a whole number, a whole number) or None, not (1,)."),
        (lambda: Translation(columns=(1, 2, 3)), "(a whole number, a whole number) or None, not (1, 2, 3)."),
        (lambda: Model(dropout=1), "model.dropout must be a number of at least 0 and below 1, not 1."),
        (lambda: dataclasses.replace(Model(), layers=-1), "model.layers must be a whole number above 0, not -1."),
    ],
)
def test_wrong_settings_are_explained(make, message):
    with pytest.raises(ConfigError) as caught:
        make()
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_settings_are_frozen_and_keep_their_types():
    config = Experiment(model=Model(dropout=0))
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.seed = 1
    assert isinstance(config.model.dropout, float)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (
            "config = Experiment(model=Model(layer=4))",
            "line 4: There is no field model.layer. Did you mean model.layers?",
        ),
        (
            "config = Experiment(model=Model(layers='4'))",
            "line 4: model.layers must be a whole number above 0, not '4'.",
        ),
        (
            "config = Experiment(seed=True)",
            "line 4: seed must be a whole number of at least 0 and below 2147483648, not",
        ),
        ("config = Experiment(", "line 4: this is not Python"),
        ("config = 1 / 0", "line 4: ZeroDivisionError: division by zero"),
        ("from xattn.config import Data", "line 4: cannot import name 'Data'"),
        ("settings = Experiment()", "must define `config = Experiment(...)`."),
    ],
)
def test_a_wrong_file_is_explained_with_its_line(tmp_path, source, message):
    path = tmp_path / "wrong.py"
    path.write_text(f'"""A record."""\nfrom xattn.config import Experiment, Model\n\n{source}\n')
    with pytest.raises(ConfigError, match=re.escape(message)) as caught:
        configs.load(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_suggests_its_neighbour(tmp_path):
    (tmp_path / "toy_en_fr.py").touch()
    with pytest.raises(ConfigError, match=r"There is no config file .*Did you mean .*toy_en_fr\.py\?"):
        configs.load(tmp_path / "toy_enfr.py")


def test_json_keeps_a_config_and_refuses_another():
    config = Experiment(seed=3, model=Model(layers=5))
    values = json.loads(json.dumps(configs.to_dict(config)))
    assert configs.from_dict(values) == config
    values["model"]["layer"] = values["model"].pop("layers")
    with pytest.raises(ConfigError, match=r"There is no field model\.layer\. Did you mean model\.layers\?"):
        configs.from_dict(values)
    del values["model"]["layer"]
    with pytest.raises(ConfigError, match=r"The field model\.layers is missing: it is a whole number above 0\."):
        configs.from_dict(values)
    values["model"]["layers"] = "5"
    with pytest.raises(ConfigError, match=r"model\.layers must be a whole number above 0, not '5'\."):
        configs.from_dict(values)
    values["model"] = 5
    with pytest.raises(ConfigError, match=r"model must be a table of fields, not 5\."):
        configs.from_dict(values)
    with pytest.raises(ConfigError, match=r"The field model is missing"):
        configs.from_dict({name: value for name, value in values.items() if name != "model"})
    values["task"]["kind"] = "translating"
    with pytest.raises(ConfigError, match=r"task\.kind must be one of 'translation', 'recall'.*, not 'translating'"):
        configs.from_dict(values)


def test_a_newer_version_is_refused_and_no_config_is_told_apart():
    values = configs.to_dict(Experiment())
    with pytest.raises(
        ConfigError, match=r"It is of version 4, but this xattn reads versions up to 3: install a newer"
    ):
        configs.from_dict({**values, "version": 4})
    with pytest.raises(ConfigError, match="it is no config of xattn"):
        configs.from_dict({"task": "translation"})


def leaves(kind, prefix=""):
    """Every field of a settings class that has a value of its own, with its type."""
    for name, hint in hints(kind).items():
        inner = isinstance(hint, type) and issubclass(hint, Checked)
        yield from leaves(hint, f"{prefix}{name}.") if inner else [(f"{prefix}{name}", hint)]


@pytest.mark.parametrize("task", SETTINGS.values(), ids=SETTINGS)
def test_every_difference_is_seen(task):
    """One field at a time, of every task, through the command line and back."""
    named = {"corpus": "x"} if task in (GraphGed, SpeechAn4) else {}
    config = Experiment(task=task(**named), training=Training(steps=5_000))
    values = {"model.heads": "2", "model.width": "256", "training.keep_every": "400", "task.columns": "2 1"}
    values |= {"task.told": "7 21", "task.guidance.into": None, "task.guidance.run": None, "task.queries": "7"}
    values |= {"model.attention_dropout": None if task.__name__.startswith("Graph") else "0.25", "task.pairs": "15"}
    values |= {"task.shortest": "5", "task.longest": "13", "task.guidance.links": "links", "task.kind": None}
    values |= {"task.nodes": "16", "task.density": "0.125", "seed": "1", "task.tasks": "2", "task.stack": "self"}
    values |= {"task.vocabulary.size": "500", "task.vocabulary.character_coverage": "0.9995"}
    values |= {"task.digits": "1 3", "task.noise": "10 25", "task.seconds": "5", "task.things": "2 5"}
    values |= {"task.objects": "2 3", "task.relative": "0.5"}
    if task is DocQA:
        values |= {"task.corpus": None, "task.tasks": None}
    names = [f"task.{name}" for name, _ in leaves(task)] + [name for name, _ in leaves(Experiment) if name != "task"]
    assert set(names) == set(configs.flatten(config))
    for name in names:
        old, value = configs.flatten(config)[name], values[name] if name in values else ""
        if value is None:
            continue  # not without other fields, or the task itself
        if not value:
            hint = dict([*leaves(Experiment), *((f"task.{each}", kind) for each, kind in leaves(task))])[name]
            choices = [each for each in re.findall(r"'(\w+)'", describe(hint)) if each != old]
            doubled = str(old * 2) if old else "3" if isinstance(old, int) else "0.5"
            value = choices[0] if choices else str(not old) if isinstance(old, bool) else doubled
            value = f"{value}x" if isinstance(old, str) and not choices else value
            value = "x y" if isinstance(old, tuple) else value
            value = "0.25" if isinstance(old, float) else value
        different = configs.override(config, [f"--{name}", *value.split()])
        assert [each.split(":")[0] for each in configs.difference(config, different)] == [name]
        assert configs.from_dict(json.loads(json.dumps(configs.to_dict(different)))) == different


def test_each_task_names_itself():
    for name, task in SETTINGS.items():
        assert issubclass(task, TaskSettings)
        assert {field.name: field.default for field in dataclasses.fields(task)}["kind"] == name


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_committed_configs_load_and_have_a_record(path):
    assert isinstance(configs.load(path), Experiment)
    assert path.read_text().startswith('"""')
    for word in ("Question", "Command", "Hardware", "Time", "Score"):
        assert f"{word}:" in path.read_text(), f"{path.name} has no {word} in its record"


def test_configs_need_no_jax():
    code = f"import sys; from xattn.config import files; [files.load(each) for each in {list(map(str, CONFIGS))}]; "
    code += "print(sorted({'jax', 'flax', 'numpy'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_help_lists_the_fields_of_a_config(capsys):
    with pytest.raises(SystemExit):
        configs.show_help(Experiment(task=Summary()))
    printed = capsys.readouterr().out
    assert "--task.strange" in printed
    assert "--task.beam" not in printed
