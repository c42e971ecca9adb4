"""Parallel text from files and from the generated toy: the pairs, and the errors."""

import gzip
import shutil
import sys

import pytest
import tensorflow_datasets as tfds

from xattn.data.corpora import BadLines, DataError, Pair, load, read
from xattn.data.toy import builder
from xattn.data.toy.grammar import VERSION, Sizes, generate

FEW = Sizes(train=7, validation=3, test=5, unseen_pairs=2, long=3)


def write(folder, **files):
    """Writes files given as name__ending=text or bytes."""
    for name, content in files.items():
        data = content if isinstance(content, bytes) else content.encode()
        (folder / name.replace("__", ".")).write_bytes(data)
    return str(folder)


# --- text files ---------------------------------------------------------------------------------------------


def test_a_folder_of_two_files(tmp_path):
    corpus = write(tmp_path, train__en="the cat\n a dog \r\n", train__fr="le chat\nun chien")
    assert load(corpus, "train") == [Pair("the cat", "le chat"), Pair("a dog", "un chien")]
    assert load(corpus, "train", source="fr", target="en")[1] == Pair("un chien", "a dog")


def test_only_a_line_feed_ends_a_line(tmp_path):
    corpus = write(tmp_path, test__en="\ufeffone\u2028two\x0bthree\n", test__fr="un\n")
    assert load(corpus, "test") == [Pair("one\u2028two\x0bthree", "un")]


def test_a_prefix_and_a_table(tmp_path):
    write(tmp_path, train__tok__en="yes\n", train__tok__fr="oui\n", dev__tsv="no\tnon\n")
    assert load(f"{tmp_path}/{{split}}.tok", "train") == [Pair("yes", "oui")]
    assert load(f"{tmp_path}/{{split}}.tsv", "dev") == [Pair("no", "non")]
    assert load(str(tmp_path), "dev") == [Pair("no", "non")]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"test__en": "a"}, r"no file .*train\.en; .* holds test\.en: --task\.train, .* name the splits\.$"),
        ({}, r"no file .*train\.en; .* is empty"),
        ({"train__en": "a"}, r"no file .*train\.fr; .* holds train\.en: "),
        ({"train__en": "a\nb\n", "train__fr": "a\nb\nc\n"}, r"train\.en has 2 lines but .*train\.fr has 3"),
        ({"train__en": "a\nb", "train__fr": b"a\n\xff"}, r"train\.fr, line 2: this is not UTF-8"),
        ({"train__en": "a\nb\nc", "train__fr": "a\n \nc"}, r"train\.fr, line 2: there is no text"),
        ({"train__en": "", "train__fr": ""}, r"train\.en is empty"),
        ({"train__tsv": "a\tb\nc"}, r"train\.tsv, line 2: there are fewer than 2 columns; expected .* got 'c'"),
        ({"train__tsv": "a\t"}, r"train\.tsv, line 1: there is no text"),
        ({"train__tsv": "a\tb\tc"}, r"line 1: there are more than 2 columns; name those .* --task\.columns 1 2"),
        ({"train__tsv": b"a\tb\nc\t\xe9"}, r"train\.tsv, line 2: this is not UTF-8.*--task\.bad_lines skip"),
        ({"train__en__gz": gzip.compress(b"a")}, r"no file .*train\.fr; "),
        ({"train__tsv__gz": gzip.compress(b"a\tb\n" * 99)[:-9]}, r"Cannot read .*train\.tsv\.gz: "),
    ],
)
def test_bad_text(tmp_path, files, message):
    with pytest.raises(DataError, match=message):
        load(write(tmp_path, **files), "train")


def test_gzip_reads_the_same(tmp_path):
    en, fr = "\ufeffyes\nno\n".encode(), b"oui\nnon\n"
    write(tmp_path, a__en__gz=gzip.compress(en), a__fr__gz=gzip.compress(fr), b__en=en, b__fr__gz=gzip.compress(fr))
    write(tmp_path, c__tsv__gz=gzip.compress(b"yes\toui\nno\tnon\n"))
    expected = [Pair("yes", "oui"), Pair("no", "non")]
    assert load(str(tmp_path), "a") == load(str(tmp_path), "b") == load(str(tmp_path), "c") == expected
    assert load(f"{tmp_path}/{{split}}.tsv.gz", "c") == load(f"{tmp_path}/{{split}}.tsv", "c") == expected


def test_columns_of_a_table(tmp_path):
    corpus = write(tmp_path, train__tsv="7\tyes\t11\toui\tCC-BY\n13\tno\t17\tnon\t\n")
    assert load(corpus, "train", columns=(2, 4)) == [Pair("yes", "oui"), Pair("no", "non")]
    assert load(corpus, "train", columns=(4, 2))[1] == Pair("non", "no")
    with pytest.raises(DataError, match=r"line 1: there are fewer than 6 columns; .* got '7\\tyes"):
        load(corpus, "train", columns=(2, 6))


def test_bad_lines_are_left_out_and_counted(tmp_path):
    write(tmp_path, a__en=b"a\n\xff\n\nd\n\xfe\n", a__fr="a\nb\nc\n \ne")
    bad = BadLines("skip")
    assert load(str(tmp_path), "a", bad=bad) == [Pair("a", "a")]
    assert bad.report() == [
        f"2 pairs left out: this is not UTF-8 (the first: {tmp_path}/a.en, line 2).",
        f"2 pairs left out: there is no text (the first: {tmp_path}/a.en, line 3).",
    ]
    write(tmp_path, b__tsv="a\tb\nc\nd\te\tf\ng\n")
    bad = BadLines("skip")
    assert load(str(tmp_path), "b", bad=bad) == [Pair("a", "b")]
    assert bad.counts == {"there are fewer than 2 columns": 2, "there are more than 2 columns": 1}
    # Files of different length cannot be aligned, so this is always an error.
    write(tmp_path, c__en="a\nb\nc\nd\n", c__fr="a\n")
    with pytest.raises(DataError, match=r"c\.en has 4 lines but .*c\.fr has 1:"):
        load(str(tmp_path), "c", bad=BadLines("skip"))
    write(tmp_path, d__tsv="a\n")
    with pytest.raises(DataError, match=r"split d of .* has no sentence pairs\. 1 pair left out: there are fewer"):
        load(str(tmp_path), "d", bad=BadLines("skip"))


def test_environment_variables_in_a_path(tmp_path, monkeypatch):
    write(tmp_path, train__tok__en="yes\n", train__tok__fr="oui\n")
    monkeypatch.setenv("SOME_CORPORA", str(tmp_path.parent))
    for corpus in ("$SOME_CORPORA", "${SOME_CORPORA}"):
        assert load(f"{corpus}/{tmp_path.name}/{{split}}.tok", "train") == [Pair("yes", "oui")]
    with pytest.raises(DataError, match="variable NO_CORPORA, which is not set: export NO_CORPORA=FOLDER"):
        load("$NO_CORPORA/multi30k", "train")


def test_lines_are_read_lazily(tmp_path):
    corpus = write(tmp_path, train__en=b"a\n\xff", train__fr="b\nc")
    pairs = read(corpus, "train")
    assert next(pairs) == Pair("a", "b")
    with pytest.raises(DataError, match="line 2"):
        next(pairs)


def test_bad_paths(tmp_path):
    write(tmp_path, one__tsv="a\tb\n")
    with pytest.raises(DataError, match=r"no corpus nowhere: .* train\.en and train\.fr, or a path with \{split\}"):
        load("nowhere", "train")
    with pytest.raises(DataError, match=r"one\.tsv is one file: write \{split\}"):
        load(f"{tmp_path}/one.tsv", "train")
    with pytest.raises(DataError, match="nor a folder"):
        load(f"{tmp_path}/none/{{split}}.tsv", "train")
    (tmp_path / "two.tsv").mkdir()
    with pytest.raises(DataError, match=r"Cannot read .*two\.tsv"):
        load(f"{tmp_path}/{{split}}.tsv", "two")


# --- the toy ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cache")
    load("toy_en_fr", "train", cache=folder, sizes=FEW)
    return folder


def refuse(*_):
    raise AssertionError("nothing should be built")


def test_the_toy_is_the_output_of_the_grammar(cache, monkeypatch):
    monkeypatch.setattr(builder, "build", refuse)
    for split, examples in generate(FEW).items():
        expected = [Pair(e.english, e.target, e.sure, e.possible) for e in examples]
        assert load("toy_en_fr", split, cache=cache, sizes=FEW) == expected
    assert "tensorflow" not in sys.modules


def test_tensorflow_datasets_reads_the_same(cache):
    (built,) = cache.iterdir()
    records = tfds.builder_from_directory(built / "toy_en_fr" / VERSION).as_data_source("validation")  # pyright: ignore[reportCallIssue]
    pairs = load("toy_en_fr", "validation", cache=cache, sizes=FEW)
    for record, pair in zip(records, pairs, strict=True):
        assert record["english"].decode() == pair.source
        assert record["french"].decode() == pair.target
        assert record["sure"].dtype == record["possible"].dtype == "int32"
        assert tuple(map(tuple, record["sure"].tolist())) == pair.sure
        assert tuple(map(tuple, record["possible"].tolist())) == pair.possible


def test_the_toy_in_hindi(tmp_path):
    expected = [Pair(e.english, e.target, e.sure, e.possible) for e in generate(FEW, language="hi")["test"]]
    assert load("toy_en_hi", "test", cache=tmp_path, sizes=FEW) == expected
    (built,) = tmp_path.iterdir()
    record = next(iter(tfds.builder_from_directory(built / "toy_en_hi" / VERSION).as_data_source("test")))  # pyright: ignore[reportCallIssue]
    assert record["hindi"].decode() == expected[0].target
    with pytest.raises(DataError, match="toy_en_hi has no split 'dev'"):
        load("toy_en_hi", "dev", cache=tmp_path)


def test_an_interrupted_build_leaves_nothing_behind(tmp_path, monkeypatch):
    def interrupt(corpus, folder, sizes, seed):
        folder.mkdir()
        (folder / "half").touch()
        raise KeyboardInterrupt

    monkeypatch.setattr(builder, "build", interrupt)
    with pytest.raises(KeyboardInterrupt):
        load("toy_en_fr", "train", cache=tmp_path, sizes=FEW)
    assert list(tmp_path.iterdir()) == []


def test_another_process_may_build_the_same_corpus_first(cache, tmp_path, monkeypatch):
    (built,) = cache.iterdir()

    def slow_build(corpus, folder, sizes, seed):
        folder.mkdir()
        (folder / "late").touch()
        shutil.copytree(built, tmp_path / built.name)

    monkeypatch.setattr(builder, "build", slow_build)
    pairs = load("toy_en_fr", "test", cache=tmp_path, sizes=FEW)
    assert pairs == load("toy_en_fr", "test", cache=cache, sizes=FEW)
    assert [path.name for path in tmp_path.iterdir()] == [built.name]


def test_bad_toy(tmp_path):
    with pytest.raises(DataError, match="no split 'dev'; it has train, validation, test, unseen_pairs, long"):
        load("toy_en_fr", "dev", cache=tmp_path)
    with pytest.raises(DataError, match="needs a cache folder"):
        load("toy_en_fr", "train")
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(DataError, match=r"cannot be stored in the cache folder .*file"):
        load("toy_en_fr", "train", cache=file, sizes=FEW)
