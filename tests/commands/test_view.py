"""`xattn view`, as a user runs it on the toy model of the package: files, colours, and strange terminals."""

import os
import re
import shutil
from importlib import resources

import pytest

from xattn import cli

FOX = ("view", "--model", "toy", "the fox sleeps")


@pytest.fixture
def xattn(capsys):
    def run(*arguments, status=0):
        assert cli.main([str(argument) for argument in arguments]) == status
        return capsys.readouterr()

    return run


@pytest.mark.parametrize(
    ("name", "start"),
    [
        ("b.png", b"\x89PNG"),
        ("b.SVG", b"<?xml"),
        ("b.pdf", b"%PDF"),
        ("b.html", b"<!"),
        ("b.txt", b"attention weights"),
    ],
)
def test_the_suffix_decides_what_is_written(xattn, tmp_path, name, start):
    path = tmp_path / "deep" / name
    out, err = xattn(*FOX, "--output", path)
    assert path.read_bytes().startswith(start)
    assert (out, err) == ("", f"xattn: wrote {path}.\n")


def test_a_suffix_of_html_takes_many_texts(xattn, tmp_path):
    xattn(*FOX, "a cat", "--output", tmp_path / "b.html")
    assert '"sourceWords": ["a", "cat"]' in (tmp_path / "b.html").read_text()


def test_a_file_that_cannot_be_written_is_said_before_any_work(xattn, tmp_path, monkeypatch):
    monkeypatch.setattr("xattn.process.prepare", lambda: pytest.fail("work began"))
    (tmp_path / "file").touch()
    (tmp_path / "folder.png").mkdir()
    monkeypatch.chdir("/proc")
    for output, message in {
        "/proc/none/b.png": "Cannot write /proc/none/b.png: No such file or directory.",
        tmp_path / "file" / "b.png": f"{tmp_path / 'file'} is a file, not a folder.",
        tmp_path / "folder.png": "Is a directory.",
        tmp_path / f"{300 * 'b'}.png": "File name too long.",
        tmp_path / "b.jpg": "not '.jpg'.",
    }.items():
        out, err = xattn(*FOX, "--output", output, status=2)
        assert out == ""
        assert err.startswith("xattn: ")
        assert err.endswith(f"{message}\n")
        assert err.count("\n") == 1
    (tmp_path / "en").write_text("a fox\n")
    command = ["align", "toy/run", "--source", tmp_path / "en", "--maps", tmp_path / "file" / "maps.npz"]
    assert "is a file, not a folder" in xattn(*command, status=2).err


def test_colours_obey_the_option_before_the_environment(xattn, monkeypatch):
    for names in ({"TERM": "dumb"}, {"NO_COLOR": "1"}, {"TERM": "xterm"}):
        with monkeypatch.context() as context:
            for name, value in names.items():
                context.setenv(name, value)
            assert "\x1b[2;38;5;" in xattn(*FOX, "--color", "always").out
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b[" in xattn(*FOX).out
    assert "\x1b[" not in xattn(*FOX, "--color", "never").out


@pytest.mark.parametrize("columns", ["0", "-3", "7", "wide", "", "\u00b2", 5000 * "9"])
def test_nonsense_in_columns_is_not_the_width(xattn, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", columns)
    xattn("configs")
    assert "COLUMNS" not in os.environ


def test_nothing_is_lost_in_zero_columns(xattn, monkeypatch):
    monkeypatch.setenv("COLUMNS", "0")
    assert "\nrenard    .  100 " in xattn(*FOX).out


def test_words_that_the_vocabulary_lacks_are_marked(xattn):
    out, err = xattn("view", "--model", "toy", "the fox jumps over the lazy dog")
    assert "jumps*" in out
    assert "over*" in out
    assert "fox*" not in out
    assert "\n*: a word that the model's vocabulary does not have\n" in out
    assert err == ""


def test_options_of_figures_reach_the_figure(xattn, tmp_path):
    path = tmp_path / "a.svg"
    xattn(*FOX, "--output", path, "--picture", "lines", "--title", "Ours", "--no-notes", "--scale", "sqrt")
    assert "Ours" in path.read_text()
    assert "colour scale" not in path.read_text()
    xattn(*FOX, "--output", path, "--picture", "heads", "--width", "3.3", "--font-size", "7")
    assert "all layers and heads" in " ".join(path.read_text().split())
    (width,) = re.findall(r'width="([\d.]+)pt"', path.read_text())
    assert float(width) / 72 == pytest.approx(3.3, abs=0.05)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--picture", "lines"], "--picture belongs to png, svg, pdf, not to terminal"),
        (["--font-size", "0", "--output", "a.png"], "--font-size is in points, 1 to 100, not 0.0."),
        (["--width", "nan", "--output", "a.png"], "--width is in inches, 1 to 100, not nan."),
        (["--dpi", "300", "--output", "a.pdf"], "--dpi belongs to png, not to pdf"),
        (["--width", "1", "--output", "a.png"], "A width of 1 inches has no room for the picture"),
    ],
)
def test_options_that_a_picture_cannot_have_are_one_line(xattn, tmp_path, monkeypatch, options, message):
    monkeypatch.chdir(tmp_path)
    _, err = xattn(*FOX, *options, status=2)
    assert err.startswith(f"xattn: {message}")
    assert err.count("\n") == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("kind", "title"),
    [
        ("layer-mean", "attention weights, mean of layers, head"),
        ("rollout", "attention rollout, layer 1, all heads"),
        ("gradients", "attention times gradient, layer 1, head"),
        ("value-zeroing", "value zeroing, layer 1, all heads"),
    ],
)
def test_every_attribution_is_named(xattn, tmp_path, kind, title):
    out, _ = xattn(*FOX, "--kind", kind)
    assert out.startswith(title)
    assert ("largest value" in out) == (kind == "gradients")
    assert "norm" not in out
    xattn(*FOX, "--kind", kind, "--output", tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert f'"title": "{title.partition(", layer")[0].partition(", head")[0]}"' in page


def test_a_value_whose_loss_turns_the_layer_is_that_of_the_words_translation(xattn):
    out, _ = xattn(*FOX, "--kind", "value-zeroing")
    rows = {line.split()[0]: line.split()[1:] for line in out.splitlines() if line.startswith(("    le", "renard"))}
    assert max(range(3), key=lambda n: float(rows["le"][n].replace(".", "0"))) == 0
    assert max(range(3), key=lambda n: float(rows["renard"][n].replace(".", "0"))) == 1


def test_self_attention_of_both_sides(xattn, tmp_path):
    out, _ = xattn(*FOX, "--attention", "encoder")
    assert "encoder self-attention" in " ".join(out.split())
    assert {line.split()[0] for line in out.splitlines() if line.strip()} >= {"the", "fox", "sleeps"}
    out, _ = xattn(*FOX, "--attention", "decoder", "--layer", "0")
    assert "decoder self-attention" in " ".join(out.split())
    rows = [line.split() for line in out.splitlines() if line.split()[:1] in (["le"], ["renard"])]
    assert rows[-2][-1] == "100"  # the first word can attend to BOS alone
    xattn(*FOX, "--attention", "decoder", "--output", tmp_path / "page.html")
    assert '"decoder self-attention"' in (tmp_path / "page.html").read_text()
    _, err = xattn(*FOX, "--attention", "encoder", "--kind", "norms", status=2)
    assert err == "xattn: --kind is of cross-attention: leave it out, or --attention encoder.\n"


def test_special_pieces_are_left_out(xattn, tmp_path):
    at = ("--layer", "0", "--head", "0", "--rows", "produced")
    whole, left = (xattn(*FOX, *at, *more).out for more in ((), ("--drop-special",)))
    assert "without special pieces" in " ".join(left.split())
    assert "without special" not in " ".join(whole.split())
    (row,) = (line.split()[1:] for line in left.splitlines() if line.startswith("renard"))
    assert row[-1] == "."
    assert sum(int(each) for each in row if each.isdecimal()) in range(97, 104)
    xattn(*FOX, *at, "--drop-special", "--output", tmp_path / "page.html")
    assert "attention weights, without special pieces" in (tmp_path / "page.html").read_text()


def test_two_runs_have_a_difference_in_the_terminal_and_in_a_figure(xattn, tmp_path):
    """The other run is the same model, so that every difference is 0."""
    toy = resources.files("xattn") / "pretrained" / "toy_en_fr"
    shutil.copytree(str(toy), tmp_path / "other")
    out, _ = xattn("view", toy, "the fox sleeps", "--against", tmp_path / "other", "--color", "never")
    assert out.startswith("toy_en_fr - other, attention weights, ")
    assert not re.search(r"\d\d", out.split("\n\n")[1])
    xattn("view", toy, "the fox sleeps", "--against", tmp_path / "other", "--output", tmp_path / "a.svg")
    assert "toy_en_fr - other" in (tmp_path / "a.svg").read_text()
    both = ("view", toy, "the fox sleeps", "--against", tmp_path / "other")
    assert "leave --scale and --picture heads out" in xattn(*both, "--scale", "map", status=2).err
