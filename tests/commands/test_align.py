"""`xattn align`, `score` and `symmetrize`, as a user runs them: on the toy model of the package, and by hand."""

import itertools
import json
import random
import re

import numpy as np
import pytest

from xattn import cli
from xattn.alignment.link_files import read_links
from xattn.alignment.links import Links
from xattn.alignment.map_files import load_maps
from xattn.alignment.scores import score
from xattn.data.toy import grammar
from xattn.runs.folder import TOY as TOY_RUN
from xattn.runs.folder import open_run
from xattn.translation.translator import Translator

TOY = str(TOY_RUN)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Ten pairs of the toy language with their gold, as long as those of training; a blank one, one far too long."""
    folder = tmp_path_factory.mktemp("pairs")
    draw = random.Random(5).random
    samples = (grammar.sample(draw) for _ in itertools.count())
    drawn = list(itertools.islice((x for x in samples if x.english.count(" ") < grammar.LONGEST), 10))
    sides = {"en": [x.english for x in drawn], "fr": [x.target for x in drawn]}
    for name, lines in sides.items():
        (folder / name).write_text("\n".join([*lines, "", "fox " * 300]) + "\n")
    golds = [Links.of(x.sure, possible=x.possible) for x in drawn]
    texts = [" ".join(f"{s}{'-' if (s, t) in g.sure else 'p'}{t}" for s, t in g.possible) for g in golds]
    (folder / "gold").write_text("\n".join([*texts, "", ""]) + "\n")
    return folder, golds


@pytest.fixture
def xattn(capsys):
    def run(*arguments):
        status = cli.main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        assert status == 0, err
        return out, err

    return run


def given(folder):
    return ["--source", folder / "en", "--target", folder / "fr"]


def test_the_toy_model_aligns_the_toy_language(xattn, files, tmp_path):
    folder, golds = files
    maps = tmp_path / "deep" / "maps.npz"
    out, err = xattn("align", TOY, *given(folder), "--gold", folder / "gold", "--maps", maps)
    (tmp_path / "links").write_text(out)
    links = read_links(tmp_path / "links", sentences=12).links
    assert links[10:] == [Links.of([])] * 2
    found = score(links[:10], golds)
    assert found.aer < 0.12  # 0.054 on validation
    assert f"AER {100 * found.aer:.1f} " in err
    assert "layer 1, head mean, row convention: produced" in err
    assert re.search(r"line 12 has \d+ pieces, but this model was trained on at most", err)
    kept = load_maps(maps)
    assert len(kept) == 10
    assert kept[0].provenance["taken"] == "teacher forcing"
    assert kept[0].provenance["run"] == "toy_en_fr"
    # The other row convention is a row off, and far worse.
    _, shifted = xattn("align", TOY, *given(folder), "--gold", folder / "gold", "--rows", "read")
    assert float(re.search(r"AER ([\d.]+)", shifted)[1]) > 100 * found.aer + 30
    out, _ = xattn("align", TOY, *given(folder), "--gold", folder / "gold", "--grid")
    assert re.search(rf"│ 1 +│ mean +│ produced │ +{100 * found.aer:.1f} │", out)


def test_two_directions_are_joined_and_compared(xattn, files):
    """The same model serves as both: in its own words it finds nothing sensible, but by the same procedure."""
    folder, _ = files
    both = [TOY, *given(folder), "--reverse", TOY]
    sets = {}
    for name in ("intersection", "grow-diag", "union", "harmonic"):
        out, err = xattn("align", *both, "--symmetrize", name, "--reverse-rows", "read")
        assert f"joined by {name}" in err
        assert "target-source: attention weights, layer 1, head mean, row convention: read" in err
        sets[name] = [set(line.split()) for line in out.split("\n")]
    assert all(a <= b <= c for a, b, c in zip(*(sets[n] for n in ("intersection", "grow-diag", "union")), strict=True))
    out, _ = xattn("align", *both, "--grid")
    assert "agrees" in out
    assert out.count("\n│") == 2 * 2 * 5  # layers, conventions, four heads and their mean


def test_the_models_own_words(xattn, files, tmp_path):
    folder, _ = files
    rows = {}
    for beam, kind in ((1, "weights"), (2, "weights"), (2, "norms")):
        maps = tmp_path / f"{kind}.json"
        out, _ = xattn(
            *["align", "toy", "--source", folder / "en", "--beam", beam, "--kind", kind],
            *["--format", "json", "--maps", maps],
        )
        rows[beam, kind] = [json.loads(line) for line in out.split("\n")[:-1]]
        taken = load_maps(maps)[0].provenance["taken"]
        assert taken == ("greedy decoding" if beam == 1 else "beam search of 2")
    assert len(rows[1, "weights"]) == 12
    assert rows[2, "weights"][0]["source"] == (folder / "en").read_text().split("\n")[0].split()
    assert [row["target"] for row in rows[2, "weights"]] == [row["target"] for row in rows[2, "norms"]]
    assert load_maps(tmp_path / "norms.json")[0].weights.shape[1] == 1


def test_words_that_the_vocabulary_lacks_are_said(xattn, tmp_path):
    (tmp_path / "en").write_text("the fox jumps\nthe fox sleeps\n")
    (tmp_path / "fr").write_text("le renard saute\nle renard dort\n")
    out, err = xattn("align", TOY, *given(tmp_path))
    assert out.count("\n") == 2
    assert "words that the model's vocabulary does not have: jumps, saute. What becomes of them is a guess." in err


def test_what_was_written_is_looked_at_again_alike(files):
    folder, _ = files
    sources = (folder / "en").read_text().split("\n")[:3]
    model = Translator.open(open_run(TOY))
    written = [best for best, *_ in model.translate(sources, beam=2, return_attention=True)]
    for once, again in zip(written, model.attend_written(list(zip(sources, written, strict=True))), strict=True):
        assert once.attention.target == again.target
        np.testing.assert_allclose(again.weights, once.attention.weights, atol=1e-5)


def test_words_are_counted_at_ascii_spaces(xattn, tmp_path):
    """Before, the tokenizer's words were counted: every link after a no-break space was one off, and AER 45.5."""
    mark = {
        "en": "the fox eats : an apple\n",
        "fr": "le renard mange\u00a0: une pomme\n",
        "gold": "0-0 1-1 2-2 4-3 5-4\n",
    }
    inside = {
        "en": "the fox sleeps and the\u00a0dog eats\nthe cat\n",
        "fr": "le renard dort et le\u00a0chien mange\n\u2581 le\u3000chat\n",
        "gold": "0-0 1-1 2-2 3-3 4-4 5-5\n0-1 1-1\n",
    }
    command = ["align", TOY, *given(tmp_path), "--gold", tmp_path / "gold"]
    for texts, method in ((mark, "argmax"), (inside, "threshold")):
        for name, text in texts.items():
            (tmp_path / name).write_text(text, encoding="utf-8")
        out, err = xattn(*command, "--method", method)
        assert out == texts["gold"]
        assert "AER 0.0 " in err
    assert f"1 line of {tmp_path / 'en'} has spaces that are not ASCII (the first: line 1, U+00A0 NO-BREAK" in err
    assert f"2 lines of {tmp_path / 'fr'} have spaces that are not ASCII" in err
    out, _ = xattn(*command, "--format", "json")
    row = json.loads(out.split("\n")[0])
    assert row["target"] == ["le", "renard", "dort", "et", "le\u00a0chien", "mange"]
    # The other direction, and a page, count alike.
    out, _ = xattn(*command, "--reverse", TOY, "--symmetrize", "union", "--format", "json")
    assert json.loads(out.split("\n")[0])["source"] == ["the", "fox", "sleeps", "and", "the\u00a0dog", "eats"]
    page = tmp_path / "page.html"
    _, err = xattn("view", "--model", "toy", *given(tmp_path), "--gold", tmp_path / "gold", "--output", page)
    assert "1 line of the source has spaces that are not ASCII" in err


def test_a_reverse_run_of_the_same_direction_is_noticed(xattn, files):
    folder, _ = files
    _, err = xattn("align", TOY, *given(folder), "--reverse", TOY)
    assert f"--reverse {TOY} translates en into fr, as {TOY} does: name a run that translates fr into en." in err


GOLD = "0-0 1p1 2-1\n2-0 0-2\n"
FORWARD, REVERSE = "0-0 1-1\n0-2 1-1\n", "0-0 1-2\n0-2 2-0 1-0\n"  # the latter are target-source


@pytest.fixture
def links(tmp_path):
    for name, text in {"gold": GOLD, "forward": FORWARD, "reverse": REVERSE}.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "en").write_text("a b c\nd e f\n")
    (tmp_path / "fr").write_text("x y\nx y z\n")
    return tmp_path


def test_scores_by_hand(xattn, links):
    """Forward: |A| 4, |S| 4, |A∩S| 2, |A∩P| 3; reverse, turned: 0-0 2-1 | 2-0 0-2 0-1: |A| 5, |A∩S| 4, |A∩P| 4."""
    texts = ["--source", links / "en", "--target", links / "fr"]
    out, err = xattn("score", "--gold", links / "gold", links / "forward", links / "reverse", *texts)
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in out.split("\n") if line.startswith("│")]
    assert [(row[1], row[2], *row[4:]) for row in rows] == [
        ("source-target", "37.5", "75.0", "50.0", "60.0", "4"),
        ("target-source", "11.1", "80.0", "100.0", "88.9", "5"),
    ]
    assert rows[0][0] == str(links / "forward")
    assert "reverse is read as target-source" in err
    assert "2 sentences, 4 sure of 5 possible links" in out
    out, _ = xattn("score", "--gold", links / "gold", links / "forward", "--format", "json")
    (file,) = json.loads(out)["files"]
    assert (file["aer"], file["sentences"][1]["aer"]) == (0.375, 0.5)
    out, _ = xattn("score", "--gold", links / "gold", links / "forward", "--format", "sentences")
    assert out.split("\n")[2].split("\t")[1:] == ["2", "0.5000", "0.5000", "0.5000", "0.5000", "2", "2"]
    out, _ = xattn("score", "--gold", links / "gold", links / "reverse", "--order", "source-target")
    assert "source-target" in out


@pytest.mark.parametrize(
    ("forward", "reverse", "out", "note"),
    [
        # As target-source, which agrees more, 0-4 would be outside: only one order is possible.
        ("0-1", "1-0 0-4", "0-1 0-4 1-0", None),
        ("0-4", "4-0 3-1", "0-4 1-3", "read as target-source, since it cannot be source-target: "),
        ("0-1", "1-0", "0-1", "read as target-source, where it agrees more; --order source-target keeps"),
        ("1-1", "0-1", "0-1 1-1", "read as source-target, though both orders agree alike; --order target-source turns"),
        ("1-1", "1-1 0-0", "0-0 1-1", None),
    ],
)
def test_a_legal_file_is_read_in_a_possible_order(xattn, tmp_path, forward, reverse, out, note):
    for name, text in {"en": "a b", "fr": "v w x y z", "forward": forward, "reverse": reverse}.items():
        (tmp_path / name).write_text(f"{text}\n")
    files = [tmp_path / "forward", tmp_path / "reverse"]
    found, err = xattn("symmetrize", *files, *given(tmp_path), "--method", "union")
    assert found == f"{out}\n"
    notes = [line for line in err.splitlines() if " read as " in line]
    assert [note in each for each in notes] == ([True] if note else [])


def test_links_of_one_direction_are_not_joined_silently(xattn, tmp_path):
    (tmp_path / "forward").write_text("0-0 0-1 1-2\n")
    (tmp_path / "again").write_text("0-0 1-1 1-2\n")
    (tmp_path / "reverse").write_text("0-0 1-0 1-1\n")
    for name, said in {"forward": True, "again": True, "reverse": False}.items():
        _, err = xattn("symmetrize", tmp_path / "forward", tmp_path / name, "--order", "source-target")
        assert ("seem to be of one direction" in err) == said


def test_gold_whose_last_sentences_have_no_links_is_read_with_the_texts(xattn, links, capsys):
    (links / "gold.wa").write_text("1 1 1 S\n")
    command = ["score", "--gold", links / "gold.wa", links / "forward"]
    assert cli.main(list(map(str, command))) == 2
    err = capsys.readouterr().err
    assert "forward has 2 lines, but the number of sentence pairs is 1" in err
    assert err.endswith("in the other file, name the texts with --source and --target.\n")
    out, _ = xattn(*command, *given(links))
    assert "2 sentences, 1 sure of 1 possible link" in out
    xattn("symmetrize", links / "gold.wa", links / "forward", *given(links))


def test_symmetrized_by_hand(xattn, links):
    """Turned, the reverse is 0-0 2-1 | 2-0 0-2 0-1. In the first pair 1-1 touches 0-0, and 2-1 touches 1-1."""
    expected = {
        ("intersection", "and"): "0-0\n0-2\n",
        ("union", "and"): "0-0 1-1 2-1\n0-1 0-2 1-1 2-0\n",
        ("grow-diag", "and"): "0-0 1-1\n0-2 1-1 2-0\n",
        ("grow-diag", "or"): "0-0 1-1 2-1\n0-1 0-2 1-1 2-0\n",
    }
    command = ["symmetrize", links / "forward", links / "reverse", "--order", "target-source"]
    for (method, test), text in expected.items():
        out, err = xattn(*command, "--method", method, "--test", test)
        assert out == text
        assert (f"with the test '{test}'" in err) == method.startswith("grow")
    out, _ = xattn(*command, "--method", "intersection", "--format", "wpt")
    assert out == "1 1 1 S\n2 1 3 S\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["score", "--gold", "{gold}"], "There is nothing to score"),
        (["score", "--gold", "{gold}", "{gold}", "--source", "{en}"], "give both, or none"),
        (["score", "--gold", "{none}", "{gold}"], "Cannot read"),
        (["score", "--gold", "{gold}", "{far}"], "far has 1 line, but the number of sentence pairs is 2"),
        (["symmetrize", "{gold}", "{far}"], "far has 1 line, but the number of sentence pairs is 2"),
        (
            ["score", "--gold", "{out}", "{gold}", "--source", "{en}", "--target", "{fr}"],
            "sentence 2: Link 3-0 (source-target, counted from 0) lies outside a pair of 3 source and 3 target words.",
        ),
        (["align", TOY, "--source", "{en}", "--gold", "{gold}"], "name their file with --target"),
        (["align", TOY, "--source", "{en}", "--grid"], "needs either --gold"),
        (["align", TOY, "--source", "{en}", "--target", "{far}"], "has 2 lines but"),
        (["align", TOY, "--source", "{none}"], "Cannot read"),
        (["align", TOY, "--source", "{en}", "--target", "{fr}", "--beam", "2"], "leave one of them out"),
        (["align", TOY, "--source", "{en}", "--reverse-layer", "1"], "belong to --reverse"),
        (["align", TOY, "--source", "{en}", "--method", "threshold", "--kind", "norms"], "norms have no scale"),
        (["align", TOY, "--source", "{en}", "--level", "0"], "--level must be above 0"),
        (["align", TOY, "--source", "{en}", "--k", "0"], "--k must be at least 1"),
        (["align", TOY, "--source", "{en}", "--maps", "{en}"], ".npz or .json files"),
        (["align", TOY, "--source", "{en}", "--kind", "norms", "--head", "1"], "leave --head out"),
        (["align", TOY, "--source", "{en}", "--layer", "9"], "--layer must be between"),
        (["align", "{none}", "--source", "{en}"], "There is no run folder"),
    ],
)
def test_a_mistake_is_one_line(links, capsys, arguments, message):
    (links / "far").write_text("0-0\n")
    (links / "out").write_text("0-0\n3-0\n")
    places = {name: links / name for name in ("gold", "en", "fr", "far", "out", "none")}
    assert cli.main([argument.format(**places) for argument in arguments]) == 2
    out, err = capsys.readouterr()
    # Where links will be read is said before files are.
    assert message in err.splitlines()[-1]
    assert all(line.startswith("xattn: ") for line in err.splitlines())
    assert out == ""
