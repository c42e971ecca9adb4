"""Link files as the commands read them: their order, their base, and the lengths of their sentences."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from xattn.commands.common import Base, Order, tell
from xattn.errors import ConfigError

if TYPE_CHECKING:
    from xattn.alignment.link_files import Lengths
    from xattn.alignment.links import Links


def read_turned(
    path: Path, others: "Sequence[Links]", lengths: "Lengths | None", base: Base, order: Order
) -> "tuple[list[Links], bool]":
    """The links of a file as (source, target), and whether the file has them the other way round."""
    from xattn.alignment.link_files import read_links
    from xattn.alignment.symmetrization import reversed_order

    turned = order == "target-source"
    if order == "auto":
        turned = reversed_order(others, read_links(path, sentences=len(others), base=base).links)
        if turned:
            tell(f"{path} is read as target-source, where it agrees more; --order source-target keeps its order.")
    swapped = [(t, s) for s, t in lengths] if turned and lengths is not None else lengths
    read = read_links(path, lengths=swapped, sentences=len(others), base=base)
    for note in read.notes:
        tell(note)
    return [links.turned if turned else links for links in read.links], turned


def lengths_of(source: Path | None, target: Path | None) -> "Lengths | None":
    """The words of each sentence pair of two files; None without them."""
    if (source is None) != (target is None):
        raise ConfigError("--source and --target name two files: give both, or none.")
    if source is None or target is None:
        return None
    from xattn.alignment.link_files import word_counts

    return word_counts(source, target)
