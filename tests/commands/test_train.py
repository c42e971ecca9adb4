"""The start of training: what was made before the first step is of this corpus and this config, or is made again."""

import gzip
import json
import re
from pathlib import Path

import pytest

from xattn import cli
from xattn.data.tokenizer import Tokenizer
from xattn.training import loop
from xattn.translation.task import TranslationTask

CONFIG = """from xattn.config import *

config = Experiment(
    task=Translation(corpus={corpus!r}, folder={folder!r}, vocabulary=Vocabulary(size=290), buckets=1),
    model=Model(width=4, heads=2, layers=1, mlp=4),
    optimizer=Optimizer(warmup=1),
    training=Training(steps=3, validate_every=3),
)
"""

ENGLISH = ["the cat sleeps", "a dog runs", "the fox eats", "a bird sings", "the cow waits"]
FRENCH = ["le chat dort", "un chien court", "le renard mange", "un oiseau chante", "la vache attend"]


def write(folder, split="train", source=ENGLISH, target=FRENCH):
    for suffix, lines in {"en": source, "fr": target}.items():
        (folder / f"{split}.{suffix}").write_text("".join(f"{line}\n" for line in lines))


@pytest.fixture
def corpus(tmp_path):
    folder = tmp_path / "corpus"
    folder.mkdir()
    for split in ("train", "validation", "test"):
        write(folder, split)
    return folder


@pytest.fixture
def trained(monkeypatch):
    """The tasks that were to be trained; each run has a first checkpoint afterwards."""
    tasks = []

    def train(task, run, console):
        tasks.append(task)
        (run.checkpoints / "3").mkdir(parents=True, exist_ok=True)
        return loop.RunProgress(best=0.0)

    monkeypatch.setattr(loop, "train", train)
    return tasks


@pytest.fixture
def start(corpus, tmp_path, capsys):
    """Starts a run in the same folder, with overrides: its status, and what it printed on both streams."""
    path = tmp_path / "small.py"
    path.write_text(CONFIG.format(corpus=str(corpus), folder=str(tmp_path / "cache")))

    def start(*overrides):
        status = cli.main(["train", str(path), "--run", str(tmp_path / "run"), *overrides])
        return status, *capsys.readouterr()

    return start


def one_line(err):
    assert err.startswith("xattn: ")
    assert err.count("\n") == 1
    return err


def test_the_advice_of_an_error_can_be_followed(corpus, start, trained):
    write(corpus, target=["le chat dort", "", *FRENCH[2:]])
    status, _, err = start()
    assert status == 2
    assert "train.fr, line 2" in one_line(err)
    assert start("--task.bad_lines", "skip")[0] == 0
    assert len(trained[0].encoded["train"]) == 4


def test_a_run_without_a_step_is_made_anew_with_any_config(corpus, start, tmp_path, trained, monkeypatch):
    monkeypatch.setattr(loop, "train", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        start()
    (tmp_path / "run" / "notes.txt").write_text("mine")
    before = (tmp_path / "run" / "tokenizer.model").read_bytes()
    monkeypatch.undo()
    monkeypatch.setattr(loop, "train", lambda task, run, console: loop.RunProgress(best=0.0))
    assert start("--task.vocabulary.kind", "bpe")[0] == 0
    assert (tmp_path / "run" / "tokenizer.model").read_bytes() != before
    assert json.loads((tmp_path / "run" / "config.json").read_text())["task"]["vocabulary"]["kind"] == "bpe"
    assert (tmp_path / "run" / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("sign", ["checkpoint", "metrics", "weights"])
def test_a_run_with_a_step_is_refused_with_another_config(start, tmp_path, trained, sign):
    assert start()[0] == 0
    run = tmp_path / "run"
    (run / "checkpoints" / "3").rmdir()
    if sign == "checkpoint":
        (run / "checkpoints" / "3").mkdir()
    else:
        (run / {"metrics": "metrics.jsonl", "weights": "weights.npz"}[sign]).write_text('{"step": 20}\n')
    kept = (run / "tokenizer.model").read_bytes()
    status, _, err = start("--seed", "1")
    assert status == 2
    assert "was made with another config (seed: 0 -> 1)" in one_line(err)
    assert (run / "tokenizer.model").read_bytes() == kept


@pytest.mark.parametrize("kind", ["unigram", "bpe", "word"])
def test_the_vocabulary_is_of_the_corpus_that_trains(corpus, start, tmp_path, trained, kind):
    """A wrong corpus, an error after its vocabulary was learnt, the right corpus."""
    other = ["zzz qqq xxx"] * 5
    write(corpus, "train", other, other)
    (corpus / "validation.fr").write_text("one line\n")
    status, _, err = start("--task.vocabulary.kind", kind)
    assert status == 2
    assert "validation.en has 5 lines" in one_line(err)
    write(corpus, "train")
    write(corpus, "validation")
    assert start("--task.vocabulary.kind", kind)[0] == 0
    lines = [text for pair in zip(ENGLISH, FRENCH, strict=True) for text in pair]
    wanted = Tokenizer.train(lines, vocabulary=290, kind=kind)
    assert trained[0].tokenizer.model == wanted.model
    assert (tmp_path / "run" / "tokenizer.model").read_bytes() == wanted.model


def test_a_vocabulary_without_a_record_is_made_again(corpus, start, tmp_path, trained):
    """As an older version left it behind."""
    assert start()[0] == 0
    run = tmp_path / "run"
    (run / "checkpoints" / "3").rmdir()
    (run / "origin.json").unlink()
    Tokenizer.train(["zzz qqq xxx"], vocabulary=270).save(run / "tokenizer.model")
    assert start()[0] == 0
    assert trained[1].tokenizer.model == trained[0].tokenizer.model


def chinese(lines):
    return [" ".join(chr(0x4E00 + (7 * line + place) % 701) for place in range(20)) for line in range(lines)]


@pytest.mark.parametrize("size", ["100", "0", "-5", "300"])
def test_a_vocabulary_that_is_too_small_is_one_line(start, trained, size):
    """Its least size is the number of characters, 256 bytes and 4 special pieces; that size works."""
    characters = len(set("".join([*ENGLISH, *FRENCH])))  # the space among them
    status, _, err = start("--task.vocabulary.size", size)
    if size == "300":
        assert status == 0
    else:
        assert status == 2
        assert f"task.vocabulary.size must be at least {260 + characters} for this corpus, not {size}" in one_line(err)
        assert start("--task.vocabulary.size", str(260 + characters))[0] == 0


@pytest.mark.parametrize("kind", ["unigram", "bpe", "word"])
def test_the_default_size_fits_the_text(corpus, start, trained, kind):
    """700 Chinese characters need more than the 800 pieces of before."""
    for split in ("train", "validation"):
        write(corpus, split, ["the cat"] * 40, chinese(40))
    words = ("--task.vocabulary.kind", kind)
    status, out, _ = start("--task.vocabulary.size", "None", *words)
    assert status == 0
    assert f"A vocabulary of {trained[0].tokenizer.size:,} pieces fits train." in out


def test_long_lines_and_one_sentence(corpus, start, trained):
    """No line fits task.max_length: the error names the least that works, and that works."""
    for split in ("train", "validation"):
        write(corpus, split, ["the cat sleeps " * 300] * 2, ["le chat dort " * 300] * 2)
    status, _, err = start()
    assert status == 2
    least = re.search(r"task\.max_length must be at least ([\d,]+), or the lines", one_line(err))[1].replace(",", "")
    fitting = ("--task.max_length", least, "--training.batch_tokens", "20000")
    assert start(*fitting)[0] == 0
    assert len(trained[0].encoded["train"]) > 0


def test_one_sentence_is_a_corpus(corpus, start, trained):
    for split in ("train", "validation"):
        write(corpus, split, ["the cat"], ["le chat"])
    assert start("--task.vocabulary.size", "None")[0] == 0


@pytest.mark.parametrize(
    ("lines", "named"),
    [([], "train.en is empty"), (["", ""], "train.en, line 1: there is no text"), ([" ", "\t"], "train.en, line 1: ")],
)
def test_a_corpus_without_text_is_one_line(corpus, start, trained, lines, named):
    write(corpus, "train", lines, lines)
    status, _, err = start()
    assert status == 2
    assert named in one_line(err)
    assert start("--task.bad_lines", "skip")[0] == 2


def test_normalisation_is_that_of_training_and_of_use(corpus, start, tmp_path, trained):
    write(corpus, "train", ["The ＣＡＴ sleeps", *ENGLISH[1:]], FRENCH)
    assert start("--task.vocabulary.normalization", "nmt_nfkc_cf")[0] == 0
    (task,) = trained
    source = task.encoded["train"][0][0].tolist()
    assert task.tokenizer.decode(source) == "the cat sleeps"
    assert task.translator.encode("ＴＨＥ Cat\u200b sleeps") == source
    stored = json.loads((tmp_path / "run" / "config.json").read_text())["task"]["vocabulary"]
    assert (stored["normalization"], stored["character_coverage"]) == ("nmt_nfkc_cf", 1.0)
    assert "task.vocabulary.character_coverage must be" in one_line(
        start("--task.vocabulary.character_coverage", "0.5")[2]
    )
    assert "task.vocabulary.normalization must be one of" in one_line(start("--task.vocabulary.normalization", "x")[2])


def reverse(corpus):
    write(corpus, "train", ENGLISH[::-1], FRENCH[::-1])


def halve(corpus):
    write(corpus, "train", ENGLISH[:3], FRENCH[:3])


def replace_line(corpus):
    write(corpus, "train", ["the dog sleeps", *ENGLISH[1:]])


def other_validation(corpus):
    write(corpus, "validation", ENGLISH[:4], FRENCH[:4])


def table(corpus):
    rows = "".join(f"{one}\t{other}\n" for one, other in zip(ENGLISH[:4], FRENCH[:4], strict=True))
    (corpus / "train.tsv").write_text(rows)
    (corpus / "train.en").unlink()
    (corpus / "train.fr").unlink()


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (reverse, "train: train.en: "),
        (halve, r"train: train.en: \d+ bytes, blake2b [0-9a-f]{16} -> \d+ bytes, blake2b "),
        (replace_line, "train: train.en: "),
        (other_validation, "validation: validation.en: "),
        (table, "train: train.en: .* -> absent.* train: train.tsv: absent -> "),
    ],
)
def test_resuming_on_a_changed_corpus_is_refused(corpus, start, tmp_path, trained, change, named):
    assert start()[0] == 0
    (corpus / "train.fr").touch()  # only the content counts
    assert start()[0] == 0
    run = tmp_path / "run"
    kept = {path: path.read_bytes() for path in run.iterdir() if path.is_file()}
    change(corpus)
    status, _, err = start()
    assert status == 2
    assert "was trained on other data" in one_line(err)
    assert "put them back to resume, or name another folder with --run." in err
    assert re.search(named, err)
    assert len(trained) == 2
    assert {path: path.read_bytes() for path in run.iterdir() if path.is_file()} == kept
    for split in ("train", "validation"):
        write(corpus, split)
    (corpus / "train.tsv").unlink(missing_ok=True)
    assert start()[0] == 0


def test_a_corpus_may_move_and_a_gzipped_one_is_compared_too(corpus, start, tmp_path, trained, monkeypatch):
    monkeypatch.setenv("CORPORA", str(corpus))
    assert start("--task.corpus", "$CORPORA")[0] == 0
    moved = corpus.rename(tmp_path / "moved")
    monkeypatch.setenv("CORPORA", str(moved))
    assert start("--task.corpus", "$CORPORA")[0] == 0
    path = moved / "train.fr"
    (moved / "train.fr.gz").write_bytes(gzip.compress(path.read_bytes()))
    path.unlink()
    assert "train.fr.gz: absent -> " in one_line(start("--task.corpus", "$CORPORA")[2])


def test_a_run_of_an_older_version_goes_on_and_says_so_once(corpus, start, tmp_path, trained):
    assert start()[0] == 0
    (tmp_path / "run" / "origin.json").unlink()
    assert "has no digest of its data" in start()[1]
    assert "has no digest of its data" not in start()[1]
    halve(corpus)
    assert "was trained on other data" in one_line(start()[2])


@pytest.mark.parametrize("content", ["", "[]", '{"version": 9, "sources": {}}', '{"version": 1, "sources": 3}'])
def test_a_damaged_record_is_one_line(start, tmp_path, trained, content):
    assert start()[0] == 0
    (tmp_path / "run" / "origin.json").write_text(content)
    status, _, err = start()
    assert status == 2
    assert "origin.json" in one_line(err)


def test_a_run_that_lost_its_tokenizer_is_not_given_another(start, tmp_path, trained):
    assert start()[0] == 0
    (tmp_path / "run" / "tokenizer.model").unlink()
    assert "has lost its tokenizer.model" in one_line(start()[2])


def test_the_links_of_guidance_are_part_of_the_data(corpus, start, trained):
    links = corpus / "train.links"
    links.write_text("0-0 1-1 2-2\n" * 5)
    guided = ("--task.guidance.links", str(links), "--task.guidance.layer", "-1")
    assert start(*guided)[0] == 0
    links.write_text("2-0 1-1 0-2\n" * 5)
    assert "task.guidance.links: 60 bytes" in one_line(start(*guided)[2])


def test_a_split_that_is_not_there_is_found_before_any_work(corpus, start, tmp_path, trained, monkeypatch):
    monkeypatch.setattr(TranslationTask, "__init__", lambda *_: 1 / 0)
    (corpus / "validation.fr").unlink()
    assert "There is no file" in one_line(start()[2])
    assert "has no split 'tset'" in one_line(start("--task.corpus", "toy_en_fr", "--task.validation", "tset")[2])
    assert Path(corpus / "train.fr").exists()


@pytest.mark.parametrize(
    ("overrides", "named"),
    [
        (["--training.batch_tokens", "10"], "training.batch_tokens must be at least 130, not 10"),
        (["--training.batch_tokens", "129"], "training.batch_tokens must be at least 130, not 129"),
        (
            ["--training.batch_tokens", "1000", "--devices.strategy", "pmap"],
            "training.batch_tokens must be at least 1,040, not 1,000: .*, one for each of 8 devices.",
        ),
        (["--task.guidance.links", "nowhere", "--task.guidance.layer", "-1"], "There is no file nowhere"),
        (["--task.guidance.links", "/dev/null", "--task.guidance.layer", "-1"], "/dev/null is not a file on disk"),
        (["--task.guidance.links", "{corpus}/bad.links", "--task.guidance.layer", "-1"], "bad.links, sentence 2: "),
        (["--task.validation", "bad"], "bad.fr, line 2: there is no text"),
        (["--task.validation", "short"], "short.en has 5 lines but .*short.fr has 1"),
        (["--task.corpus", "nowhere"], "There is no corpus nowhere"),
        (["--task.source", "de"], "There is no file .*train.de"),
    ],
)
def test_what_can_be_checked_is_checked_before_any_work(corpus, start, trained, overrides, named, monkeypatch):
    write(corpus, "bad", target=["le chat", " ", *FRENCH[2:]])
    write(corpus, "short", target=["le chat"])
    (corpus / "bad.links").write_text("0-0\n0-9\n0-0\n0-0\n0-0\n")
    for work in ("xattn.data.tokenizer.Tokenizer.train", "xattn.translation.task.encode"):
        monkeypatch.setattr(work, lambda *_, **__: 1 / 0)
    status, _, err = start(*(word.format(corpus=corpus) for word in overrides))
    assert status == 2
    assert re.search(named, one_line(err))


def test_a_batch_of_the_longest_pair_is_enough(start, trained):
    assert start("--training.batch_tokens", "130")[0] == 0


def test_a_test_split_that_is_not_there_is_said_before_training(corpus, start, trained):
    (corpus / "test.fr").unlink()
    status, out, _ = start()
    assert status == 0
    assert "Note: xattn evaluate will not find test, which task.test names. There is no file" in out


@pytest.mark.parametrize("place", ["file", "file/run", "read-only"])
def test_a_run_folder_that_cannot_be_written_is_one_line(start, tmp_path, trained, place, monkeypatch):
    (tmp_path / "file").touch()
    if place == "read-only":

        def refuse(*_):
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(Path, "write_text", refuse)
    else:
        (tmp_path / "run").symlink_to(tmp_path / place)
    status, _, err = start()
    assert status == 2
    assert "Cannot write the run folder" in one_line(err)
