"""Every committed config, made tiny: it trains, its loss falls, it is scored, and there is a picture."""

import dataclasses
import json
import os
import random
from pathlib import Path

import pytest

from xattn import cli
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
    "--training.buckets": "1",
    "--training.stop_by": "loss",
    "--training.ema": "0",
    "--vocabulary.size": "500",
    "--data.max_length": "40",
}

# Settings of rows, wherever a row has them.
SIZES = {"train": "512", "held_out": "64"}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """A few sentences of the toy grammar as text, in place of the whole corpus."""
    folder = tmp_path_factory.mktemp("corpus")
    for language in ("fr", "hi"):
        draw = random.Random(0).random  # the same English for both
        for split, size in {"train": 150, "validation": 20}.items():
            pairs = [grammar.sample(draw, language=language) for _ in range(size)]
            for suffix, lines in {"en": [p.english for p in pairs], language: [p.target for p in pairs]}.items():
                (folder / f"{split}.{suffix}").write_text("\n".join(lines) + "\n")
    return folder


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_a_config_trains(path, corpus, tmp_path):
    config, overrides, run = configs.load(path), dict(TINY), tmp_path / "run"
    if "$XATTN_DATA" in config.data.corpus:
        if "XATTN_DATA" not in os.environ:
            pytest.skip("its corpus is not here: XATTN_DATA is not set")
        # A small split is enough for everything.
        overrides |= {"--data.train": config.data.validation, "--data.test": config.data.validation}
        overrides["--vocabulary.size"] = "800"
    elif config.data.corpus in TOYS:
        overrides["--data.corpus"] = str(corpus)
    if config.row is not None:
        fields = {field.name for field in dataclasses.fields(config.row)}
        overrides |= {f"--row.{name}": size for name, size in SIZES.items() if name in fields}
    words = [word for pair in overrides.items() for word in pair]
    assert cli.main(["train", str(path), "--run", str(run), *words]) == 0
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    before, after = (row["loss"] for row in rows if row["split"] == "validation")
    assert after < before
    picture = run / "figures" / "example.png"
    if config.task == "translation":
        # Translation is scored in tests/test_commands.py: compiling its search takes longer than all of this.
        view = ["view", str(run), "the fox eats", "--target", "le renard mange", "--format", "png"]
        status = cli.main([*view, "--output", str(picture)])
        if config.model.memory != "full":
            assert status == 2  # there is nothing to look at
            return
        assert status == 0
    else:
        assert cli.main(["evaluate", str(run)]) == 0
        results = json.loads((run / "results.json").read_text())
        for row in results["splits"].values():
            assert results["headline"] in row
    assert picture.read_bytes().startswith(b"\x89PNG")
