"""The one reader of lines: what ends a line, what is no text, and what is read only once."""

import gzip
import os
import threading

import pytest

from xattn import lines
from xattn.errors import UserError

BOM = b"\xef\xbb\xbf"
SEPARATORS = "a\u2028b\u2029c\u0085d\x0ce\x1cf\x1dg\x1eh\x0bi\rj"


def test_only_a_line_feed_ends_a_line(tmp_path):
    (tmp_path / "t").write_bytes(f"{SEPARATORS}\r\n\nlast".encode())
    assert lines.read_text(tmp_path / "t") == [SEPARATORS, "", "last"]


def test_marks_of_joined_files_are_no_text(tmp_path):
    (tmp_path / "t").write_bytes(BOM + b"one\n" + BOM + b"two\nthr" + BOM + b"ee\n" + BOM)
    assert lines.read_text(tmp_path / "t") == ["one", "two", "thr\ufeffee", ""]


@pytest.mark.parametrize("content", ["", "\n", "a", "a\n", "\n\na\n", "a\r\n\r\nb"])
def test_a_last_line_need_not_end(tmp_path, content):
    (tmp_path / "t").write_bytes(content.encode())
    assert lines.read_text(tmp_path / "t") == content.splitlines()


@pytest.mark.parametrize("name", ["t.gz", "t.txt"])
def test_a_gzipped_file_is_known_by_its_content(tmp_path, name):
    (tmp_path / name).write_bytes(gzip.compress(BOM + "é\nb\n".encode()))
    assert lines.read_text(tmp_path / name) == ["é", "b"]


@pytest.mark.parametrize("content", [b"a\nb\n", gzip.compress(b"a\nb\n")], ids=["plain", "gzipped"])
def test_a_pipe_is_read_once(tmp_path, content):
    os.mkfifo(pipe := tmp_path / "pipe")
    threading.Thread(target=lambda: pipe.write_bytes(content)).start()
    assert lines.read_text(pipe) == ["a", "b"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"fine\ncaf\xe9\n", "t, line 2 is not UTF-8 (byte 0xe9 at position 4)."),
        ("fine".encode("utf-16"), "t, line 1 is UTF-16: save the file as UTF-8."),
    ],
)
def test_a_line_that_is_no_text_is_named(tmp_path, content, message):
    (tmp_path / "t").write_bytes(content)
    with pytest.raises(UserError) as error:
        lines.read_text(tmp_path / "t")
    assert str(error.value) == f"{tmp_path}/{message}"


def test_what_cannot_be_read_is_named(tmp_path):
    whole = gzip.compress(os.urandom(1000))
    (tmp_path / "half.gz").write_bytes(whole[:500])
    (tmp_path / "damaged.gz").write_bytes(whole[:300] + bytes(100) + whole[400:])
    for name in ("half.gz", "damaged.gz", "none", "."):
        with pytest.raises(UserError, match=f"Cannot read {tmp_path / name}: "):
            list(lines.read(tmp_path / name))


def test_files_of_unlike_length_are_named_with_their_lengths(tmp_path):
    (tmp_path / "a").write_text("1\n2\n")
    (tmp_path / "b").write_text("1\n2\n3\n")
    with pytest.raises(UserError, match=r"a has 2 lines but .*b has 3"):
        lines.read_pairs(tmp_path / "a", tmp_path / "b")
