"""`xattn symmetrize`: one alignment of two directions."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from tyro.conf import Positional

from xattn.commands.common import Base, Order, tell
from xattn.commands.link_input import lengths_of, read_turned

if TYPE_CHECKING:
    pass


def symmetrize(
    forward: Positional[Path],
    reverse: Positional[Path],
    /,
    method: Literal["intersection", "union", "grow-diag", "grow-diag-final", "grow-diag-final-and"] = "grow-diag",
    test: Literal["and", "or"] = "and",
    source: Path | None = None,
    target: Path | None = None,
    base: Base = "auto",
    order: Order = "auto",
    format: Literal["pharaoh", "wpt", "json"] = "pharaoh",
) -> int:
    """Makes one alignment of those of two directions, and writes it to standard output.

    Args:
        forward: Links of the source-target direction, written source-target.
        reverse: Links of the other direction.
        method: Links of both, of either, or grown from the former among the latter (see --test). "final" adds links
            that lie apart: where the test passes, or with "-and" where neither of their words is linked.
        test: A link is added where neither of its words is linked yet (and: published neural figures), or where one
            of them is not (or: Moses, atools).
        source: The sentences that the links are of; with --target, makes links outside a sentence an error.
        target: Their translations.
        base: Whether links count from 0 or from 1; looked at, unless given.
        order: Whether a link of REVERSE is written source-target or target-source; unless given, it is turned if it
            agrees more with FORWARD then.
        format: How links are written: i-j a pair, counted from 0; WPT, counted from 1; or JSON.
    """
    from xattn.alignment.link_files import lines, read_links
    from xattn.alignment.symmetrization import symmetrize as join

    lengths = lengths_of(source, target)
    ahead = read_links(forward, lengths=lengths, base=base)
    for note in ahead.notes:
        tell(note)
    back, _ = read_turned(reverse, ahead.links, lengths, base, order)
    if method.startswith("grow"):
        print(f"xattn: {method} with the test {test!r} (Moses and atools test 'or').", file=sys.stderr)
    joined = (join(a, b, method, test=test) for a, b in zip(ahead.links, back, strict=True))
    sys.stdout.writelines(lines(joined, format))
    return 0
