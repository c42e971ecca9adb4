"""Configs: what differs is kept, and every mistake is one sentence that says what would be right."""

import dataclasses
import json
import re
from pathlib import Path

import pytest

from xattn.config import Experiment, Model, Training
from xattn.config import files as configs
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
    arguments = ["--data.test", "test_2016", "test_2017", "--data.columns", "2", "4", "--seed", "7"]
    changed = configs.override(Experiment(), arguments)
    assert (changed.data.test, changed.data.columns, changed.seed) == (("test_2016", "test_2017"), (2, 4), 7)
    assert configs.override(changed, ["--data.columns", "None"]).data.columns is None
    assert configs.from_dict(json.loads(json.dumps(configs.to_dict(changed)))) == changed


def test_fields_that_depend_on_each_other_are_checked_together():
    # Neither 96 over 4 heads nor 128 over 6 heads is asked for: only their combination counts.
    changed = configs.override(Experiment(), ["--model.heads", "6", "--model.width", "96"])
    assert (changed.model.heads, changed.model.width) == (6, 96)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--model.layer", "4"], "There is no field --model.layer. Did you mean --model.layers?"),
        (["--layers", "4"], "There is no field --layers. Did you mean --model.layers?"),
        (["--model.layers", "four"], "--model.layers must be a whole number, not 'four'."),
        (["--model.layers"], "--model.layers needs a value: a whole number, such as 2."),
        (["--model.memory", "men"], "must be one of 'full', 'mean', 'latents', 'shuffle', 'none', not 'men'."),
        (["--optimizer.learning_rate", "fast"], "--optimizer.learning_rate must be a number, not 'fast'."),
        (["layers", "4"], "Cannot read 'layers'; overrides look like --model.layers 4."),
        (
            ["--model.heads", "3"],
            "model.heads must divide model.width, but 3 does not divide 128; 2 or 4 would.",
        ),
        (["--data.columns", "2"], "--data.columns must be (a whole number, a whole number) or None, not '2'."),
        (["--data.columns", "0", "1"], "data.columns are counted from 1: (0, 1) are no two columns."),
        (["--training.steps", "0"], "training.steps must be positive, not 0."),
        (
            ["--training.keep_every", "300"],
            "training.keep_every must be a multiple of training.validate_every (200), not 300.",
        ),
        (["--training.keep_every", "0"], "not 0."),
    ],
)
def test_a_wrong_override_is_explained(arguments, message):
    with pytest.raises(ConfigError, match=re.escape(message)):
        configs.override(Experiment(), arguments)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("config = Experiment(model=Model(layer=4))", "line 4: Model has no field 'layer'. Did you mean layers?"),
        ("config = Experiment(model=Model(layers='4'))", "line 4: model.layers must be a whole number, not '4'."),
        ("config = Experiment(seed=True)", "line 4: seed must be a whole number, not True."),
        ("config = Experiment(", "line 4: this is not Python"),
        ("config = 1 / 0", "line 4: ZeroDivisionError: division by zero"),
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
    with pytest.raises(ConfigError, match=r"There is no field model\.layer\. Did you mean layers\?"):
        configs.from_dict(values)
    del values["model"]["layer"]
    with pytest.raises(ConfigError, match=r"The field model\.layers is missing\. Its default is 2\."):
        configs.from_dict(values)
    del values["guidance"]
    with pytest.raises(ConfigError, match=r'The field guidance is missing\. Its default is \{"links": "", '):
        configs.from_dict(values)


def test_every_difference_is_seen():
    for name, value in configs.flatten(Experiment()).items():
        other = {
            int: lambda v: v + 2,
            float: lambda v: v / 2 + 0.01,
            bool: lambda v: not v,
            tuple: lambda v: (*v, "x"),
            type(None): lambda v: (2, 1),
        }
        choices = {
            "memory": "mean",
            "kind": "bpe",
            "strategy": "jit",
            "bad_lines": "skip",
            "schedule": "linear",
            "stop_by": "bleu",
            "compute": "bfloat16",
            "base": "1",
            "rows": "produced",
            "keep_every": 400,
        }
        section, _, key = name.rpartition(".")
        if name in ("row", "guidance.into"):
            continue  # whose fields are the task's own; not without other fields
        if key in choices:
            changed = choices[key]
        elif isinstance(value, str):
            changed = value + "x"
        else:
            changed = other[type(value)](value)
        outer = Experiment(training=Training(steps=5_000))
        inner = getattr(outer, section) if section else outer
        if key in ("heads", "width"):
            changed = value * 2
        replaced = dataclasses.replace(inner, **{key: changed})
        different = dataclasses.replace(outer, **{section: replaced}) if section else replaced
        assert [each.split(":")[0] for each in configs.difference(outer, different)] == [name]


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_committed_configs_load_and_have_a_record(path):
    assert isinstance(configs.load(path), Experiment)
    assert path.read_text().startswith('"""')
    for word in ("Question", "Command", "Hardware", "Time", "Score"):
        assert f"{word}:" in path.read_text(), f"{path.name} has no {word} in its record"
