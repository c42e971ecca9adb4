"""Link files: three formats, where they count from, and every mistake by its place."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xattn.alignment.link_files import lines, read_links, word_counts, write_links
from xattn.alignment.links import Links
from xattn.errors import UserError

pairs = st.frozensets(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=7)
GOLD = [Links.of([(0, 0), (2, 1)], possible=[(1, 1)]), Links.of([]), Links.of([(0, 2)])]
TALP = "0-0 1p1 2-1\n\n0-2\n"
WPT = "1 1 1 S\n1 2 2 P\n1 3 2 S\n3 1 3 S\n"
JSON = """{"sure": [[0, 0], [2, 1]], "possible": [[1, 1]]}
{"sure": [], "possible": []}
{"sure": [[0, 2]], "possible": []}
"""


@pytest.mark.parametrize(("format", "text"), [("pharaoh", TALP), ("wpt", WPT), ("json", JSON)])
def test_a_format_by_hand(tmp_path, format, text):
    path = tmp_path / "links"
    path.write_text(text)
    read = read_links(path, lengths=[(3, 2), (1, 1), (1, 3)])
    assert (read.links, read.format, read.base, read.notes) == (GOLD, format, int(format == "wpt"), ())
    write_links(path, GOLD, format)
    assert path.read_text() == text


@settings(max_examples=10)
@given(st.lists(st.tuples(pairs, pairs), max_size=3))
def test_every_format_keeps_every_link(tmp_path_factory, corpus):
    path = tmp_path_factory.getbasetemp() / "kept"
    corpus = [Links.of(sure, possible=possible) for sure, possible in [*corpus, ({(0, 0)}, {(3, 2)})]]
    for format in ("pharaoh", "wpt", "json"):
        write_links(path, corpus, format)
        assert read_links(path).links == corpus


@pytest.mark.parametrize(
    ("text", "lengths", "base", "note"),
    [
        ("1-1 3p2\n2-2\n", [(3, 2), (2, 2)], 1, "link of sentence 1 equals the length of its side"),
        ("1-1\n2-2\n" * 5, None, 1, "none of its links is 0, in 10 sentences"),
        ("1-1\n2-2\n", None, 0, "from 0, though none of its links is 0, in 2 sentences"),
        ("1-1\n2-0\n" * 5, None, 0, None),
        ("\n" * 20, None, 0, None),
    ],
)
def test_where_a_file_counts_from_is_found_out(tmp_path, text, lengths, base, note):
    path = tmp_path / "links"
    path.write_text(text)
    read = read_links(path, lengths=lengths)
    assert read.base == base
    assert [note in each for each in read.notes] == ([True] if note else [])
    first = min(read.links[0].possible, default=None)
    assert first == (None if not text.strip() else (1 - base, 1 - base))


def test_links_to_the_empty_word_are_left_out_and_counted(tmp_path):
    (tmp_path / "gold.wa").write_text("0001 1 1 S 1\n0001 0 2 S\n0003 2 0 P 0.5\n0003 2 1\n")
    read = read_links(tmp_path / "gold.wa", sentences=5)
    assert read.links == [Links.of([(0, 0)]), Links.of([]), Links.of([(1, 0)]), Links.of([]), Links.of([])]
    assert "left out 2 links to the empty word (0)" in read.notes[0]


def test_lower_case_labels_and_confidences_of_naacl_are_read(tmp_path):
    (tmp_path / "gold").write_text("1 1 1 s\n1 2 2 p 0.5\n0002 1 1 0.25\n2 2 1\n")
    read = read_links(tmp_path / "gold")
    assert read.links == [Links.of([(0, 0)], possible=[(1, 1)]), Links.of([(0, 0), (1, 0)])]


def test_sparse_sentences_of_naacl_cost_little(tmp_path):
    (tmp_path / "gold").write_text("3 1 1 S\n999999 2 1 S\n")
    read = read_links(tmp_path / "gold")
    assert len(read.links) == 999_999
    assert [n for n, links in enumerate(read.links) if links.sure] == [2, 999_998]


def test_words_are_parted_at_ascii_spaces_only(tmp_path):
    """In French, NO-BREAK SPACE before ":"; IDEOGRAPHIC SPACE; a lone symbol of SentencePiece."""
    (tmp_path / "en").write_text("he says : yes\n a \t b\n", encoding="utf-8")
    (tmp_path / "fr").write_text("il dit\u00a0: oui\n\u2581 x\u3000y\u202fz\n", encoding="utf-8")
    lengths, notes = word_counts(tmp_path / "en", tmp_path / "fr")
    assert lengths == [(4, 3), (2, 2)]
    assert notes == [
        f"2 lines of {tmp_path / 'fr'} have spaces that are not ASCII (the first: line 1, U+00A0 NO-BREAK SPACE). "
        "Words of links are parted at ASCII spaces only."
    ]


def test_a_link_that_is_sure_and_possible_is_sure(tmp_path):
    (tmp_path / "talp").write_text("0-0 0p0 1p0\n")
    (links,) = read_links(tmp_path / "talp").links
    assert (links.sure, links.possible) == ({(0, 0)}, {(0, 0), (1, 0)})


def test_json_keeps_the_words(tmp_path):
    text = "".join(lines(GOLD[:1], "json", [(["a", "\u2028", "é"], ["x", '"'])]))
    (tmp_path / "json").write_text(text)
    assert read_links(tmp_path / "json").links == GOLD[:1]
    assert '"source": ["a", "\u2028", "é"], "target": ["x", "\\""]' in text


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("0-0\n1:1\n", {}, "line 2: '1:1' is not a link; write i-j"),
        ("0-0\n1-1 ||| -3.2\n", {}, r"line 2: '\|\|\|' is not a link"),
        ("0-0\n", {"sentences": 2}, "1 line, but the number of sentence pairs is 2"),
        ("0-0\n1-1 4p7\n", {"lengths": [(1, 1), (5, 7)]}, "sentence 2: Link 4-7 .* 5 source and 7 target words"),
        ("1-1\n0-0\n", {"base": "1"}, "sentence 2: a link has word 0, but links count from 1"),
        ("1 1 1 S\n2 5 1\n", {"sentences": 1}, "line 2: this is a link of sentence 2, but the number .* is 1"),
        ("1 1 1 S\n1 5 1\n", {"lengths": [(4, 3)]}, "sentence 1: Link 4-0 .* 4 source and 3 target"),
        ("1 1 1 S\n1 1 1 X\n", {}, "line 2: '1 1 1 X' is not a link; write: sentence i j"),
        ("-1 1 1 S\n", {}, "line 1: '-1 1 1 S' is not a link; write: sentence i j"),
        ("1 1 1 X\n", {}, "line 1: '1 1 1 X' is not a link; write: sentence i j"),
        ("1 1 1 S\n100000000 1 1 S\n", {}, "line 2: this is a link of sentence 100000000, but only 2 sentences"),
        ("100000000 1 1 S\n", {"sentences": 2}, "line 1: this is a link of sentence 100000000, but the number .* is 2"),
        (f"{5000 * '9'} 1 1 S\n", {}, "line 1: '9+[.]{3}' is not a link"),
        ("1 1 1 S\n1 1 100000000 S\n", {}, "line 2: '1 1 100000000 S' has a word from 1,000,000 on"),
        ("0-0 0-100000000\n", {}, "line 1: '0-100000000' has a word from 1,000,000 on"),
        (f"0-0 0-{5000 * '9'}\n", {}, "line 1: '0-9+[.]{3}' has a word from 1,000,000 on"),
        ('{"sure": [[0, 100000000]]}\n', {}, "line 1: these are not the links of a pair"),
        ("0 1 1 S\n", {}, "line 1: sentences count from 1"),
        ("1 1 1 S\n", {"base": "0"}, "words count from 1, and 0 is the empty word"),
        ('{"sure": [[0, 0]]}\n{"sure": [[0, -1]]}\n', {}, "line 2: these are not the links of a pair"),
        ('{"sure": [[0, 0, 1]]}\n', {}, "line 1: these are not"),
        ('{"possible": []}\n', {}, "line 1: these are not"),
        ('{"sure": [[0, 2]], "source": ["a"], "target": ["b"]}\n', {}, "Link 0-2 .* 1 source and 1 target"),
        (b"\xff\n", {}, "is not UTF-8"),
    ],
)
def test_a_mistake_is_named_by_its_place(tmp_path, text, options, message):
    path = tmp_path / "links"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(UserError, match=message) as caught:
        read_links(path, **options)
    assert str(path) in str(caught.value)


def test_a_missing_file_and_unequal_texts(tmp_path):
    with pytest.raises(UserError, match=r"Cannot read .*nothing: No such file"):
        read_links(tmp_path / "nothing")
    (tmp_path / "en").write_text("a b c\n\n")
    (tmp_path / "fr").write_text("x\ny z\n")
    assert word_counts(tmp_path / "en", tmp_path / "fr") == ([(3, 1), (0, 2)], [])
    (tmp_path / "fr").write_text("x\n")
    with pytest.raises(UserError, match=r"en has 2 lines but .*fr has 1"):
        word_counts(tmp_path / "en", tmp_path / "fr")
