"""Every committed config, made tiny: it trains, it is scored, there is a picture, and all of its settings are read."""

import json
import os
import random
import sys
from pathlib import Path

import pytest

from xattn import cli
from xattn.config import Checked, SpeechAn4, SpeechDigits, Translation
from xattn.config import files as configs
from xattn.data.corpora import TOYS
from xattn.data.toy import grammar

CONFIGS = sorted(Path(__file__).parents[1].glob("configs/*.py"))

TINY = {
    "--model.width": "16",
    "--model.heads": "2",
    "--model.layers": "1",
    "--model.mlp": "16",
    "--model.latents": "3",
    "--optimizer.warmup": "3",
    "--optimizer.learning_rate": "0.01",
    "--training.steps": "40",
    "--training.validate_every": "20",
    "--training.batch_tokens": "400",
    "--training.stop_by": "loss",
    "--training.ema": "0",
}

# Settings of tasks, wherever a task has them.
SETTINGS = {"train_examples": "512", "held_out_examples": "64", "buckets": "1", "max_length": "40"}

# Settings of a task that another config of it, or another test, reads: the model of an alignment layer is read in
# tests/translation/test_guides.py; stories are either generated or bAbI's.
ELSEWHERE = {
    "toy_en_fr": {"task.guidance.run"},
    "docqa_stories": {"task.tasks"},
    "docqa_babi": {"task.told", "task.train_examples", "task.seed"},
}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """A few sentences of the toy grammar as text, in place of the whole corpus."""
    folder = tmp_path_factory.mktemp("corpus")
    for language in ("fr", "hi"):
        draw = random.Random(0).random  # the same English for both
        for split, size in {"train": 150, "validation": 20}.items():
            pairs = [grammar.sample(draw, language=language) for _ in range(size)]
            links = [" ".join(f"{i}-{j}" for i, j in pair.sure) for pair in pairs]
            texts = {"en": [p.english for p in pairs], language: [p.target for p in pairs], f"{language}.links": links}
            for suffix, lines in texts.items():
                (folder / f"{split}.{suffix}").write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture
def read(monkeypatch):
    """The settings that are read, by their full names; reading by the configs themselves does not count."""
    names = set()

    def record(settings, name):
        reader = sys._getframe(1).f_globals["__name__"]
        if not reader.startswith(("xattn.config", "dataclasses", "pydantic")):
            names.add(f"{object.__getattribute__(settings, 'section')}{name}")
        return object.__getattribute__(settings, name)

    monkeypatch.setattr(Checked, "__getattribute__", record, raising=False)
    return names


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_a_config_trains_and_all_its_settings_are_read(path, corpus, an4_files, archived, tmp_path, read):
    config, overrides, run = configs.load(path), dict(TINY), tmp_path / "run"
    fields = {name: value for name, value in vars(config.task).items() if not name.startswith("_")}
    overrides |= {f"--task.{name}": size for name, size in SETTINGS.items() if name in fields}
    if isinstance(config.task, SpeechDigits):  # recordings are tested where they are read
        overrides |= {"--task.corpus": "tones", "--task.seconds": "2.0"}
    elif isinstance(config.task, SpeechAn4):  # likewise
        overrides |= {"--task.corpus": str(archived(an4_files)), "--task.encoder_layers": "1"}
        overrides |= {"--task.held_out_speakers": "1"}
    elif "corpus" in fields and "$XATTN_DATA" in fields["corpus"] and "XATTN_DATA" not in os.environ:
        pytest.skip("its corpus is not here: XATTN_DATA is not set")
    if "shapes" in fields and fields["shapes"] == "digits":
        pytest.importorskip("sklearn", reason="the handwritten digits are not here: pip install '.[test]'")
    if isinstance(config.task, Translation):
        made = fields["corpus"] in TOYS or fields["corpus"].startswith("runs/")  # the latter by an experiment
        overrides["--task.vocabulary.size"] = "500" if made else "800"
        if made:
            overrides |= {
                "--task.corpus": str(corpus),
                "--task.validation": "validation",
                "--task.test": "validation",
                "--task.guidance.links": f"{corpus}/train.{fields['target']}.links",
                "--task.guidance.words": "spaces",
                "--task.guidance.layer": "-1",
            }
        else:  # a small split is enough for everything
            overrides |= {"--task.train": fields["validation"], "--task.test": fields["validation"]}
    words = [word for pair in overrides.items() for word in pair]
    assert cli.main(["train", str(path), "--run", str(run), *words]) == 0
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    before, after = (row["loss"] for row in rows if row["split"] == "validation")
    assert after < before
    picture = run / "figures" / "example.png"
    if isinstance(config.task, Translation):
        view = ["view", str(run), "the fox eats", "--target", "le renard mange", "--format", "png"]
        status = cli.main([*view, "--output", str(picture)])
        assert status == 0
    # Scoring of one translator is enough: compiling its search takes longer than all of this.
    if not isinstance(config.task, Translation) or path.stem == "toy_en_fr":
        assert cli.main(["evaluate", str(run)]) == 0
        results = json.loads((run / "results.json").read_text())
        for row in results["splits"].values():
            assert results["headline"] in row
        unread = set(configs.flatten(config)) - read
        assert unread == (ELSEWHERE[path.stem] if path.stem in ELSEWHERE else set())
    assert picture.read_bytes().startswith(b"\x89PNG")
