"""Which words of a command name a run, and which are texts."""

import pytest

from xattn.commands.common import run_and_texts
from xattn.errors import UserError
from xattn.runs.folder import DEFAULT, PRETRAINED, TOY

FILES = "write < {file}"


def split(*words, model=None):
    run, texts = run_and_texts(words, model, files=FILES)
    return run.folder, texts


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("text", ["क" * 85, "a" * 5000, "न" * 90 + " " + "म" * 90, "the fox", "fox", "a\0b", "", " "])
def test_a_text_is_a_text_however_long(text):
    assert split(text) == (PRETRAINED[DEFAULT], [text])
    assert split(str(TOY), text) == (TOY, [text])


def test_a_folder_is_a_run_but_words_with_spaces_are_a_text(here):
    (here / "the fox").mkdir()
    assert split("the fox") == (PRETRAINED[DEFAULT], ["the fox"])
    (here / "run").symlink_to(TOY)
    assert split("run", "the fox")[1] == ["the fox"]
    (here / "my run").symlink_to(TOY)
    assert split("the fox", model="my run")[1] == ["the fox"]


def test_names_of_pretrained_models():
    assert split("the fox", model="toy") == (TOY, ["the fox"])
    with pytest.raises(UserError, match="There is no run folder othr"):
        split("the fox", model="othr")
    with pytest.raises(UserError, match="both name a run"):
        split(str(TOY), "the fox", model="toy")


@pytest.mark.parametrize("words", [("corpus.txt",), (str(TOY), "corpus.txt"), ("./corpus.txt",), ("corpus",)])
def test_the_name_of_a_file_is_no_text(here, words):
    for name in ("corpus.txt", "corpus"):
        (here / name).write_text("the fox\n")
    with pytest.raises(UserError) as error:
        split(*words)
    assert str(error.value) == f"{words[-1]} is a file, not a run folder or a text: write < {words[-1]}."
