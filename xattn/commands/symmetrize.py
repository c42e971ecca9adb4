"""`xattn symmetrize`: one alignment of two directions."""

import sys
from pathlib import Path
from typing import Literal

from tyro.conf import Positional

from xattn.commands.common import Base, Order, tell
from xattn.commands.link_input import lengths_of, read_turned


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
    """Joins the alignments of two directions into one, and writes it to standard output.

    Args:
        forward: Links of the source-target direction, written source-target.
        reverse: Links of the other direction.
        method: The links that both directions have, those of either, or the intersection grown within the union (see
            --test). "final" also adds links that touch no other: where the test passes, or with "-and" where both
            their words are unlinked.
        test: Add a link if both its words are unlinked (and: published neural figures), or if at least one is (or:
            Moses, atools).
        source: The sentences that the links are of; with --target, makes links outside a sentence an error.
        target: Their translations.
        base: Whether links count from 0 or from 1; detected by default.
        order: Whether a link of REVERSE is written source-target or target-source; by default, the file is turned if
            it then agrees more with FORWARD.
        format: How links are written: i-j a pair, counted from 0; WPT, counted from 1; or JSON.
    """
    from xattn.alignment.link_files import lines, read_links
    from xattn.alignment.symmetrization import same_direction
    from xattn.alignment.symmetrization import symmetrize as join

    lengths = lengths_of(source, target)
    ahead = read_links(forward, lengths=lengths, base=base)
    for note in ahead.notes:
        tell(note)
    back, _ = read_turned(reverse, ahead, lengths, base, order)
    if same_direction(ahead.links, back):
        alike = "hold the same links" if ahead.links == back else "link the words of the same side once at most"
        tell(
            f"{forward} and {reverse} seem to be of one direction, since both {alike}: REVERSE is to hold the links of "
            "the other direction."
        )
    if method.startswith("grow"):
        tell(f"{method} with the test {test!r} (Moses and atools test 'or').")
    joined = (join(a, b, method, test=test) for a, b in zip(ahead.links, back, strict=True))
    sys.stdout.writelines(lines(joined, format))
    return 0
