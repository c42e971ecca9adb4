"""The commands, as a user runs them: train, resume, evaluate, translate, view, export, and every kind of bad input."""

import io
import json
import random
import signal
import subprocess
import sys
from dataclasses import replace

import jax
import numpy as np
import pytest

from xattn import cli
from xattn.alignment.map_files import load_maps, save_maps
from xattn.data.toy import grammar
from xattn.runs.folder import open_run
from xattn.training import loop
from xattn.training.checkpoint import Checkpoints
from xattn.translation import tuning
from xattn.translation.corpus import load
from xattn.translation.translator import Translator

SMALL = """from xattn.config import *

config = Experiment(
    task=Translation(
        corpus={corpus!r},
        lowercase=True,
        max_length=40,
        vocabulary=Vocabulary(size=420),
        buckets=1,
        beam=2,
        decoding_batch=8,
        extra_length=2,
    ),
    model=Model(width=16, heads=2, layers=1, mlp=16, dropout=0.1, attention_dropout=0.1),
    optimizer=Optimizer(warmup=3),
    training=Training(steps=8, batch_tokens=1500, validate_every=3),
)
"""


@pytest.fixture(scope="session")
def config(tmp_path_factory):
    """A config for a corpus of text files, drawn from the toy grammar."""
    folder = tmp_path_factory.mktemp("corpus")
    draw = random.Random(0).random
    for split, size in {"train": 150, "validation": 20, "test": 11}.items():
        pairs = [grammar.sample(draw) for _ in range(size)]
        for suffix, lines in {"en": [p.english for p in pairs], "fr": [p.target for p in pairs]}.items():
            (folder / f"{split}.{suffix}").write_text("\n".join(lines) + "\n")
    path = folder / "small.py"
    path.write_text(SMALL.format(corpus=str(folder)))
    return path


@pytest.fixture(scope="session")
def run(config, tmp_path_factory):
    """A run of that config, trained without a break."""
    folder = tmp_path_factory.mktemp("runs") / "small"
    assert cli.main(["train", str(config), "--run", str(folder)]) == 0
    return folder


def newest(folder):
    checkpoints = Checkpoints(folder / "checkpoints", read_only=True)
    path = checkpoints.folder / str(checkpoints.newest) / "state"
    import orbax.checkpoint as ocp

    return checkpoints.newest, ocp.PyTreeCheckpointer().restore(path)


def test_a_run_folder_holds_everything(run):
    names = {path.name for path in run.iterdir()}
    assert {
        "config.json",
        "environment.json",
        "tokenizer.model",
        "checkpoints",
        "metrics.jsonl",
        "tensorboard",
    } <= names
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows if row["split"] == "validation"] == [3, 6, 8]
    assert any(path.name.startswith("events.out.tfevents") for path in (run / "tensorboard").iterdir())
    environment = json.loads((run / "environment.json").read_text())[0]
    assert environment["packages"]["jax"] == jax.__version__


def test_killed_and_resumed_is_uninterrupted_bit_for_bit(run, config, tmp_path, monkeypatch, capsys):
    """With dropout on, in the middle of an epoch, between validations."""
    folder = tmp_path / "again"
    stream = loop.batch_stream

    def broken(*arguments):
        for number, item in enumerate(stream(*arguments)):
            if number == 5:
                signal.raise_signal(signal.SIGTERM)
            yield item

    monkeypatch.setattr(loop, "batch_stream", broken)
    assert cli.main(["train", str(config), "--run", str(folder)]) == 130
    out = capsys.readouterr().out
    assert "Stopped at step 6, and saved." in out
    assert f"To go on: xattn train {config} --run {folder}\n" in out
    assert newest(folder)[0] == 6
    monkeypatch.setattr(loop, "batch_stream", stream)
    assert cli.main(["train", str(config), "--run", str(folder)]) == 0
    (step, whole), (again_step, again) = newest(run), newest(folder)
    assert step == again_step == 8
    for a, b in zip(jax.tree.leaves(whole), jax.tree.leaves(again), strict=True):
        np.testing.assert_array_equal(a, b)
    for name in ("exact_match", "loss"):
        rows = [[json.loads(x) for x in (f / "metrics.jsonl").read_text().splitlines()] for f in (run, folder)]
        first, second = ([row[name] for row in each if row["split"] == "validation"] for each in rows)
        assert first == second


def test_a_finished_run_is_left_alone(run, config, capsys):
    before = (run / "metrics.jsonl").read_text()
    assert cli.main(["train", str(config), "--run", str(run)]) == 0
    assert (run / "metrics.jsonl").read_text() == before
    assert "Resuming" in capsys.readouterr().out


def test_evaluate_writes_scores_with_their_signatures(run, capsys):
    assert cli.main(["evaluate", str(run)]) == 0
    row = json.loads((run / "results.json").read_text())["splits"]["test"]
    assert row["sentences"] == sum(each["count"] for each in row["by_length"].values()) == 11
    assert "tok:" in row["bleu_signature"]
    assert "exact match" in capsys.readouterr().out


def test_translate_keeps_lines_in_their_places(run, capsys, monkeypatch):
    long = " ".join(["fox"] * 200)
    lines = ["the fox sits", "", "the cat sits", long, "\xff\xfe", "   ", "the fox sits", "ſ 中 \u202e"]
    data = "\n".join(lines).encode().replace("\xff\xfe".encode(), b"\xff\xfe")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))
    assert cli.main(["translate", str(run)]) == 0
    out, err = capsys.readouterr()
    got = out.split("\n")
    assert len(got) == len(lines) + 1
    assert [bool(line) for line in got] == [True, False, True, False, False, False, True, True, False]
    assert got[0] == got[6]
    assert "xattn: line 4 has 800 pieces, but this model was trained on at most 40; it is left blank." in err
    assert "line 5 is not UTF-8 (byte 0xff at position 1)" in err


def test_translate_gives_alone_what_it_gives_together(run, capsys):
    texts = ["the fox sits", "i see him", "the small cat that sleeps does not eat the good apples"]
    assert cli.main(["translate", str(run), *texts]) == 0
    together = capsys.readouterr().out.splitlines()
    alone = []
    for text in texts:
        assert cli.main(["translate", str(run), text]) == 0
        alone += capsys.readouterr().out.splitlines()
    assert together == alone


def test_n_best_is_ordered_and_numbered(run, capsys):
    assert cli.main(["translate", str(run), "the fox sits", "i see him", "--n-best", "2"]) == 0
    rows = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert [row[0] for row in rows] == ["1", "1", "2", "2"]


def test_samples_depend_on_the_seed_and_the_line_only(run, capsys):
    def drawn(*arguments):
        assert cli.main(["translate", str(run), *arguments, "--sample", "--seed", "5"]) == 0
        return capsys.readouterr().out.splitlines()

    together = drawn("the fox sits", "i see him", "the small cat that sleeps does not eat the good apples")
    assert drawn("the dog sits", "i see him")[1] == together[1]
    assert drawn("the fox sits", "i see him", "--temperature", "0.1")[1] != together[1]


def test_translations_begin_with_the_prefix(run, capsys):
    for arguments in (["--beam", "1"], ["--beam", "2"], ["--sample", "--top-k", "3"]):
        texts = ["the fox sits", "", "i see him"]
        assert cli.main(["translate", str(run), *texts, "--prefix", "Le renard", *arguments]) == 0
        got = capsys.readouterr().out.split("\n")
        assert got[0].startswith("le renard")
        assert got[1] == ""
        assert got[2].startswith("le renard")


def test_tuning_chooses_on_validation_and_is_used_from_then_on(run, tmp_path, capsys, monkeypatch):
    folder = tmp_path / "tuned"
    assert cli.main(["export", str(run), str(folder)]) == 0
    read, named = [], json.loads((folder / "config.json").read_text())
    named["task"]["validation"] = "val"
    (folder / "config.json").write_text(json.dumps(named))
    monkeypatch.setattr(tuning, "load", lambda config, split: read.append(split) or load(config, "validation")[:5])
    monkeypatch.setattr(tuning, "BEAMS", (1, 3))
    monkeypatch.setattr(tuning, "LENGTH_PENALTIES", (0.0, 1.0))
    # Whatever this model writes, the second length penalty is the best.
    scores = iter([1.0, 2.0, 3.0])
    made_up = {"exact_match": 0.0, "chrf": 0.0, "bleu_signature": "none"}
    monkeypatch.setattr(tuning, "score_text", lambda *_, tokenized: made_up | {"bleu": next(scores)})
    assert cli.main(["evaluate", str(folder), "--tune"]) == 0
    assert read == ["val"]
    tuned = json.loads((folder / "results.json").read_text())["tuned"]
    assert (tuned["beam"], tuned["length_penalty"]) == (3, 1.0)
    assert [(row["beam"], row["length_penalty"]) for row in tuned["table"]] == [(1, 0.0), (3, 0.0), (3, 1.0)]
    decoding = Translator.open(open_run(folder)).settings
    assert (decoding.beam, decoding.length_penalty) == (3, 1.0)


def test_view_prints_words_and_names_layer_head_and_rows(run, capsys):
    assert cli.main(["view", str(run), "The Fox sits", "--target", "le renard est assis", "--layer", "0"]) == 0
    out = capsys.readouterr().out
    assert "layer 0" in out
    assert "head" in out
    assert "produces the word" in out
    for word in ["the", "fox", "sits", "le", "renard", "est", "assis"]:
        assert word in out
    assert "\x1b[" not in out


@pytest.mark.parametrize("format", ["png", "svg", "pdf"])
def test_view_writes_figures(run, tmp_path, format):
    path = tmp_path / "deep" / f"fox.{format}"
    assert cli.main(["view", str(run), "the fox sits", "--format", format, "--output", str(path)]) == 0
    start = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}[format]
    assert path.read_bytes().startswith(start)


def test_view_writes_a_page_of_many_sentences_maps_and_gold(run, tmp_path):
    files = {
        "en": "the fox sits\nThe dogs eat\n",
        "fr": "le renard est assis\nles chiens mangent\n",
        "gold": "0-0 1-1 2p2\n2-2\n",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    assert cli.main(["export", str(run), str(tmp_path / "small")]) == 0
    page = tmp_path / "page.html"
    command = ["view", str(run), "--format", "html", "--output", str(page), "--source", str(tmp_path / "en")]
    command += ["--target", str(tmp_path / "fr"), "--gold", str(tmp_path / "gold")]
    assert cli.main(["export", str(run), str(tmp_path / "other")]) == 0
    assert cli.main([*command, "--steps", "--against", str(tmp_path / "small"), str(tmp_path / "other")]) == 0
    data = json.loads(page.read_text().split('id="data">')[1].split("</script>")[0])
    # Two folders have the same name.
    assert data["names"][-3:] == [str(tmp_path / "small"), "other", str(run)]
    assert data["names"][0].startswith("step ")
    first, second = data["sentences"]
    assert (first["sourceWords"], second["targetWords"]) == (["the", "fox", "sits"], ["les", "chiens", "mangent"])
    assert (first["gold"], second["gold"]) == ({"0-0": "sure", "1-1": "sure", "2-2": "possible"}, {"2-2": "sure"})
    assert len(first["candidates"]) == len(first["target"])
    options = ["--format", "html", "--output", str(tmp_path / "own.html")]
    assert cli.main(["view", str(run), "a fox", "the dogs", *options]) == 0
    assert '"sourceWords": ["the", "dogs"]' in (tmp_path / "own.html").read_text()


@pytest.fixture(scope="session")
def maps(run, tmp_path_factory):
    """A file of the maps of three translations, as `xattn align --maps` writes it."""
    folder = tmp_path_factory.mktemp("maps")
    (folder / "en").write_text("the fox sits\nthe dogs eat\na cat\n")
    (folder / "fr").write_text("le renard est assis\nles chiens mangent\nun chat\n")
    command = ["align", str(run), "--source", str(folder / "en"), "--target", str(folder / "fr")]
    assert cli.main([*command, "--maps", str(folder / "maps.npz")]) == 0
    return folder / "maps.npz"


def test_view_shows_a_map_of_a_file_as_it_shows_the_map_of_the_model(run, maps, capsys):
    capsys.readouterr()
    at = ["--layer", "0", "--head", "1", "--rows", "read"]
    pairs = {(): ("the fox sits", "le renard est assis"), ("2",): ("a cat", "un chat")}
    for number, (source, target) in pairs.items():
        assert cli.main(["view", *number, "--maps", str(maps), *at]) == 0
        kept = capsys.readouterr().out
        assert cli.main(["view", str(run), source, "--target", target, *at]) == 0
        assert capsys.readouterr().out == kept
    assert cli.main(["view", "--maps", str(maps)]) == 0
    assert "layer 0, head mean, row convention: produced" in capsys.readouterr().out


def test_view_writes_a_page_of_all_maps_of_a_file_or_a_figure_of_one(maps, tmp_path):
    page = tmp_path / "page.html"
    command = ["view", "--maps", str(maps), "--output", str(page), "--format", "html"]
    assert cli.main(command) == 0
    data = json.loads(page.read_text().split('id="data">')[1].split("</script>")[0])
    assert [each["targetWords"][-1] for each in data["sentences"]] == ["assis", "mangent", "chat"]
    assert cli.main([*command, "1"]) == 0
    data = json.loads(page.read_text().split('id="data">')[1].split("</script>")[0])
    assert [each["targetWords"][-1] for each in data["sentences"]] == ["mangent"]
    picture = tmp_path / "map.png"
    assert cli.main(["view", "1", "--maps", str(maps), "--format", "png", "--output", str(picture)]) == 0
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_maps_that_are_not_alike_are_shown_one_by_one(maps, tmp_path, capsys):
    one, two, _ = load_maps(maps)
    mixed = tmp_path / "mixed.json"
    save_maps(mixed, [one, replace(two, weights=np.concatenate([two.weights, two.weights]))])
    command = ["view", "--maps", str(mixed), "--format", "html", "--output", str(tmp_path / "page.html")]
    assert cli.main(command) == 2
    assert f"show one map, such as `xattn view 1 --maps {mixed}" in capsys.readouterr().err
    assert cli.main([*command, "1"]) == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["3"], "There is no map 3: {maps} has 3, counted from 0"),
        (["1", "2"], "give one number, and no run or text"),
        (["a fox"], "give one number, and no run or text"),
        (["--target", "un"], "--target needs a model, but --maps shows maps that are in a file"),
        (["--against", "{maps}"], "--against needs a model"),
        (["--kind", "norms"], "--kind needs a model"),
        (["--layer", "1"], "--layer must be between 0 and 0, not 1"),
        (["--head", "2"], "--head must be between 0 and 1, or mean, not 2"),
        (["--format", "gif"], "one of terminal, png, svg, pdf, html, not 'gif'"),
        (["--maps", "{maps}.txt"], ".npz or .json files"),
        (["--maps", "{empty}"], "There is nothing to view: {empty} has no maps"),
        (["--maps", "{maps}.npz"], "Cannot read {maps}.npz"),
    ],
)
def test_a_mistake_with_maps_is_one_line(maps, tmp_path, capsys, arguments, message):
    places = {"maps": maps, "empty": tmp_path / "empty.json"}
    save_maps(places["empty"], [])
    given = [argument.format(**places) for argument in arguments]
    assert cli.main(["view", *given, *([] if "--maps" in arguments else ["--maps", str(maps)])]) == 2
    err = capsys.readouterr().err
    assert message.format(**places) in err
    assert err.startswith("xattn: ")
    assert err.count("\n") == 1


@pytest.mark.parametrize("kind", ["norms", "head-norms"])
def test_view_shows_norms_of_a_given_and_of_an_own_translation(run, tmp_path, capsys, kind):
    given = ["view", str(run), "the fox sits", "--kind", kind, "--target", "le renard est assis"]
    assert cli.main(given) == 0
    assert capsys.readouterr().out.startswith(f"attention {kind}, layer 0, head")
    page = tmp_path / "page.html"
    assert cli.main(["view", str(run), "the fox sits", "--kind", kind, "--format", "html", "--output", str(page)]) == 0
    data = json.loads(page.read_text().split('id="data">')[1].split("</script>")[0])
    assert data["kind"] == kind
    assert data["sentences"][0]["heads"] == (1 if kind == "norms" else 2)


def test_an_exported_run_translates_alike(run, tmp_path, capsys):
    assert cli.main(["export", str(run), str(tmp_path / "small")]) == 0
    assert {p.name for p in (tmp_path / "small").iterdir()} >= {"config.json", "tokenizer.model", "weights.npz"}
    capsys.readouterr()
    outs = []
    for folder in (run, tmp_path / "small"):
        assert cli.main(["view", str(folder), "the fox sits", "--target", "le renard est assis", "--layer", "0"]) == 0
        outs.append(capsys.readouterr().out)
    assert outs[0].splitlines()[0] == outs[1].splitlines()[0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], ""),
        (["trian"], "There is no command 'trian'; there are: train, evaluate"),
        (["train"], "Name a config first"),
        (["train", "{corpus}/nothing.py"], "There is no config file"),
        (["train", "{config}", "--model.layer", "3"], "Did you mean --model.layers?"),
        (["train", "{config}", "--model.layers", "two"], "--model.layers must be a whole number above 0, not 'two'."),
        (["train", "{config}", "--model.heads", "3"], "3 does not divide 16; 2 or 4 would"),
        (["train", "{config}", "--run", "{config}/below"], "Cannot write the run folder"),
        (["train", "{config}", "--run", "{corpus}"], "is not empty and holds no run"),
        (["train", "{config}", "--run", "{run}", "--seed", "1"], "made with another config (seed: 0 -> 1)"),
        (["train", "{config}", "--run", "{new}", "--task.corpus", "{corpus}/nowhere"], "nowhere"),
        (["train", "{config}", "--run", "{new}", "--task.target", "de"], "train.de"),
        (["evaluate", "{corpus}"], "is not a run: it has no config.json"),
        (["evaluate", "{corpus}/nothing"], "There is no run folder"),
        (["evaluate", "{untrained}"], "has no checkpoint yet: train it first"),
        (["evaluate", "{run}", "--splits", "tset"], "tset"),
        (["translate", "{untrained}", "a fox"], "has no checkpoint yet: train it first"),
        (["translate", "{run}", "a fox", "--beam", "0"], "--beam must be at least 1"),
        (["translate", "{run}", "a fox", "--n-best", "3"], "--n-best must be between 1 and the beam (2), not 3"),
        (["translate", "{run}", "a fox", "--top-p", "0.5"], "--top-p belongs to --sample"),
        (
            ["translate", "{run}", "a fox", "--sample", "--top-p", "1.5"],
            "--top-p must be above 0 and at most 1, not 1.5",
        ),
        (["translate", "{run}", "a fox", "--sample", "--beam", "2"], "--beam belongs to a search"),
        (["evaluate", "{run}", "--mean"], "belong to --score"),
        (["evaluate", "{run}", "--score", "--source", "a"], "give both, or none"),
        (["evaluate", "{run}", "--tune", "--splits", "test"], "--tune looks at the validation split alone"),
        (["view", "{run}", ""], "There is nothing to view"),
        (["view", "{run}", "  "], "There is nothing to view"),
        (["view", "{run}"], "There is nothing to view"),
        (["view", ""], "There is nothing to view"),
        (["view", "{run}", "a", "fox"], "put the sentence in quotes"),
        (["view", "{run}", "a fox", "--format", "gif"], "one of terminal, png, svg, pdf, html, not 'gif'"),
        (
            ["view", "{run}", "a", "b", "--format", "html", "--target", "x"],
            "give files, with --source",
        ),
        (["view", "{run}", "a fox", "--steps"], "they need --format html"),
        (["view", "{run}", "a fox", "--output", "{new}.html", "--against", "{run}/."], "compared with itself"),
        (["view", "{run}", "a fox", "--source", "{config}"], "leave the texts out, or --source"),
        (["view", "{run}", "--source", "{corpus}/none.en"], "Cannot read"),
        (["view", "{run}", "--source", "{corpus}/test.en", "--target", "{corpus}/train.fr"], "they must be pairs"),
        (["view", "{run}", "a fox", "--gold", "{config}"], "line 1: 'from' is not a link"),
        (["view", "{run}", "a fox", "--layer", "1"], "--layer must be between 0 and 0, not 1"),
        (["view", "{run}", "a fox", "--head", "2"], "--head must be between 0 and 1, or mean, not 2"),
        (["view", "{run}", "a fox", "--kind", "norms", "--head", "1"], "leave --head out, or choose --kind head-norms"),
        (["view", "{run}", "a fox", "--target", " "], "--target is empty"),
        (["export", "{run}", "{corpus}"], "is not empty"),
    ],
)
def test_a_mistake_is_one_line_that_says_what_would_be_right(config, run, tmp_path, capsys, arguments, message):
    places = {"config": config, "corpus": config.parent, "run": run, "new": tmp_path / "new"}
    places["untrained"] = tmp_path / "untrained"
    places["untrained"].mkdir()
    for name in ("config.json", "tokenizer.model"):
        (places["untrained"] / name).write_bytes((run / name).read_bytes())
    status = cli.main([argument.format(**places) for argument in arguments])
    out, err = capsys.readouterr()
    if not arguments:
        assert status == 0
        assert "usage: xattn" in out
        return
    assert status == 2
    assert message in err
    assert err.startswith("xattn: ")
    assert err.count("\n") == 1


def test_help_needs_no_jax():
    """What makes `xattn --help` immediate: nothing heavy is imported for it."""
    look = "print(sorted({'jax', 'flax', 'numpy', 'pydantic'} & set(sys.modules)))"
    code = f"import sys; from xattn import cli; cli.main(['--help']); {look}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
