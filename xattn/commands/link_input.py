"""Link files as the commands read them: their order, their base, and the lengths of their sentences."""

from pathlib import Path
from typing import TYPE_CHECKING

from xattn.commands.common import Base, Order, tell
from xattn.errors import ConfigError, UserError

if TYPE_CHECKING:
    from xattn.alignment.link_files import Lengths, LinkFile
    from xattn.alignment.links import Links


def read_turned(
    path: Path, known: "LinkFile", lengths: "Lengths | None", base: Base, order: Order
) -> "tuple[list[Links], bool]":
    """The links of a file as (source, target), and whether the file has them the other way round.

    Without a stated order, links that lie outside their sentences in one order are read in the other. Where both orders
    are possible, it is the one that agrees more with the links that are known.
    """
    from xattn.alignment.link_files import CountError, parse_file

    parsed, readings, errors = parse_file(path), {}, []
    for turned in {"auto": (False, True), "source-target": (False,), "target-source": (True,)}[order]:
        sizes = [(t, s) for s, t in lengths] if turned and lengths is not None else lengths
        try:
            readings[turned] = parsed.resolve(lengths=sizes, sentences=len(known.links), base=base)
        except CountError as error:
            if lengths is not None or known.format != "wpt":
                raise
            cure = "if the last sentences have no links in the other file, name the texts with --source and --target"
            raise CountError(f"{error} A WPT file does not say how many there are: {cure}.") from None
        except UserError as error:
            errors.append(error)
    if not readings:
        raise errors[0]
    turned = _likely(path, known, readings, errors) if order == "auto" else order == "target-source"
    for note in readings[turned].notes:
        tell(note)
    return [links.turned if turned else links for links in readings[turned].links], turned


def _likely(path: Path, known: "LinkFile", readings: "dict[bool, LinkFile]", errors: "list[UserError]") -> bool:
    """Whether a file is read as target-source, which is said, unless the order of its links is clear."""
    from xattn.alignment.symmetrization import agreement

    if len(readings) == 1:
        (turned,) = readings
        if turned:
            tell(f"{path} is read as target-source, since it cannot be source-target: {errors[0]}")
        return turned
    backwards = [links.turned for links in readings[True].links]
    ahead, back = agreement(known.links, readings[False].links), agreement(known.links, backwards)
    if back > ahead:
        tell(f"{path} is read as target-source, where it agrees more; --order source-target keeps its order.")
    elif back == ahead and backwards != readings[False].links:
        tell(f"{path} is read as source-target, though both orders agree alike; --order target-source turns it.")
    return back > ahead


def lengths_of(source: Path | None, target: Path | None) -> "Lengths | None":
    """The words of each sentence pair of two files; None without them. Notes about their spaces are printed."""
    if (source is None) != (target is None):
        raise ConfigError("--source and --target name two files: give both, or none.")
    if source is None or target is None:
        return None
    from xattn.alignment.link_files import word_counts

    lengths, notes = word_counts(source, target)
    for note in notes:
        tell(note)
    return lengths
