"""`xattn translate`, as a user runs it on the toy model of the package."""

import io

import pytest

from xattn import cli


@pytest.fixture
def xattn(capsys):
    def run(*arguments):
        assert cli.main(list(arguments)) == 0
        out, err = capsys.readouterr()
        # The speed is told where it was slow.
        return out, [line for line in err.splitlines() if line and "a second, compilation included" not in line]

    return run


def test_words_that_the_vocabulary_lacks_are_said_once(xattn, monkeypatch):
    out, err = xattn("translate", "--model", "toy", "the fox jumps over the dog", "a cat", "the fox jumps")
    assert out.count("\n") == 3
    assert err == [
        "xattn: words that the model's vocabulary does not have: jumps, over. What becomes of them is a guess."
    ]
    assert xattn("translate", "--model", "toy", "the fox sleeps")[1] == []
    lines = "".join(f"the fox {letter}{letter}q\n" for letter in "abcdefghijkl")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(lines.encode())))
    out, err = xattn("translate", "--model", "toy", "--prefix", "le zzz")
    assert out.count("\n") == 12
    (told,) = err
    assert "have: zzz, aaq, bbq, ccq, ddq, eeq, ffq, ggq, hhq, iiq, and 3 more." in told
    (told,) = xattn("translate", "--model", "toy", "the fox \x1b[31m")[1]
    assert "\x1b" not in told
