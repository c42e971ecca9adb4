"""Scores of given translations, against what decoding reports for its own."""

import io

import pytest

from xattn import cli
from xattn.runs.folder import TOY, open_run
from xattn.translation.translator import Translator

SOURCES = ["the quick brown fox", "i like eating ice cream", "the small boys who see the old fox do not eat it"]


@pytest.fixture(scope="module")
def model():
    return Translator.open(open_run(TOY))


@pytest.mark.parametrize(("beam", "n_best"), [(3, 3), (1, 1)])
def test_the_score_of_a_translation_is_what_decoding_reported(model, beam, n_best):
    found = [
        (source, each) for source, many in zip(SOURCES, model.translate(SOURCES, beam=beam, n_best=n_best), strict=True)
        for each in many if each.finished
    ]  # fmt: skip
    assert len(found) == len(SOURCES) * n_best
    scores = model.score([(source, each.text) for source, each in found])
    for (_, each), score in zip(found, scores, strict=True):
        assert score.pieces == len(model.encode(each.text)) + 1
        assert score.logp == pytest.approx(each.score, abs=2e-4)


def test_scores_keep_their_lines(capsys, monkeypatch, tmp_path):
    pairs = [("the quick brown fox", "le renard brun rapide"), ("", ""), ("a fox", ""), ("he sleeps", "il dort")]
    data = "\n".join("\t".join(pair) for pair in pairs).encode() + b"\nno tab\n\xff\tx\n"
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))
    assert cli.main(["evaluate", str(TOY), "--score", "--mean"]) == 0
    out, err = capsys.readouterr()
    rows = [line.split("\t") for line in out.split("\n")]
    assert [len(row) for row in rows] == [2, 1, 1, 2, 1, 1, 1]
    for row, pieces in ((rows[0], 5), (rows[3], 3)):
        assert -0.1 < float(row[0]) < 0
        assert float(row[1]) == pytest.approx(float(row[0]) / pieces, abs=1e-4)
    assert sorted(err.splitlines()) == [
        "xattn: line 3 has no translation; it is left blank.",
        "xattn: line 5 has 1 column, not a source, a tab and a translation; it is left blank.",
        "xattn: line 6 is not UTF-8 (byte 0xff at position 1); it is left blank.",
    ]
    for name, side in zip(("en", "fr"), zip(*pairs, strict=True), strict=True):
        (tmp_path / name).write_text("\n".join(side) + "\n")
    files = ["--source", str(tmp_path / "en"), "--target", str(tmp_path / "fr")]
    assert cli.main(["evaluate", str(TOY), "--score", *files]) == 0
    assert capsys.readouterr().out.split("\n") == [*(row[0] for row in rows[:4]), ""]
    (tmp_path / "fr").write_text("le\n")
    assert cli.main(["evaluate", str(TOY), "--score", *files]) == 2
    assert "has 4 lines but" in capsys.readouterr().err
