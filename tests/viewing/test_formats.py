"""Which format a view has: by name, by the suffix of its file, or by both if they agree."""

from pathlib import Path

import pytest

from xattn.errors import ConfigError
from xattn.viewing.formats import FORMATS, SUFFIXES, format_of


def test_every_format_has_a_suffix():
    assert set(SUFFIXES.values()) == set(FORMATS)


@pytest.mark.parametrize(
    ("format", "output", "expected"),
    [
        (None, None, "terminal"),
        ("png", None, "png"),
        *[(None, f"deep/b{suffix}", format) for suffix, format in SUFFIXES.items()],
        (None, "b.v2.PNG", "png"),
        ("pdf", "b.pdf", "pdf"),
        ("svg", "/dev/stdout", "svg"),
    ],
)
def test_the_suffix_decides(format, output, expected):
    assert format_of(format, output and Path(output)) == expected


@pytest.mark.parametrize(
    ("format", "output", "message"),
    [
        ("gif", None, "--format must be one of terminal, png, svg, pdf, html, not 'gif'"),
        ("png", "a.pdf", "--format png contradicts the suffix of --output a.pdf"),
        ("terminal", "a.png", "--format terminal contradicts"),
        (None, "a.jpg", "must be one of .png, .svg, .pdf, .html, .txt, not '.jpg'"),
        ("png", "a.jpg", "not '.jpg'"),
        (None, "a", "not ''"),
        (None, ".png", "not ''"),
    ],
)
def test_a_contradiction_is_an_error(format, output, message):
    with pytest.raises(ConfigError, match=message):
        format_of(format, output and Path(output))
