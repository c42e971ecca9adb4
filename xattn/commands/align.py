"""`xattn align`: word alignments of text, read from cross-attention."""

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from tyro.conf import Positional

from xattn import process
from xattn.commands.common import Base, Head, Rows
from xattn.errors import ConfigError

if TYPE_CHECKING:
    pass


def align(
    run: Positional[Path],
    /,
    source: Path,
    target: Path | None = None,
    gold: Path | None = None,
    gold_base: Base = "auto",
    grid: bool = False,
    reverse: Path | None = None,
    symmetrize: Literal[
        "intersection", "union", "grow-diag", "grow-diag-final", "grow-diag-final-and", "product", "harmonic"
    ] = "grow-diag",
    test: Literal["and", "or"] = "and",
    layer: int | None = None,
    head: Head | None = None,
    rows: Rows | None = None,
    reverse_layer: int | None = None,
    reverse_head: Head | None = None,
    reverse_rows: Rows | None = None,
    method: Literal["argmax", "threshold", "mutual", "top-k"] = "argmax",
    level: float = 0.2,
    k: int = 2,
    null: Literal["mask", "drop"] = "mask",
    kind: Literal["weights", "norms", "head-norms"] = "weights",
    beam: int | None = None,
    format: Literal["pharaoh", "wpt", "json"] = "pharaoh",
    maps: Path | None = None,
) -> int:
    """Writes the word alignment of sentence pairs, as a model's cross-attention shows it, to standard output.

    Args:
        run: The run folder.
        source: A file of sentences, one a line.
        target: A file of their translations. Without it, the model translates, and its own words are aligned; links
            are counted by them, so that --format json, which holds the words, is the one to choose.
        gold: A file of gold links: scores are written to standard error.
        gold_base: Whether the gold counts from 0 or from 1; looked at, unless given.
        grid: Instead of links, print a table of every layer, head and row convention: the AER of each, with --gold, or
            with --reverse, how much it agrees with the best of the other direction.
        reverse: The run folder of a model that translates the target into the source: both are looked at.
        symmetrize: With --reverse, how two sets of links become one; by product or harmonic mean, two matrices do.
        test: When growing: a link is added where neither (and), or only one (or), of its words is linked yet.
        layer: The layer, counted from 0. Layer, head and rows are those chosen on validation, unless given; or those
            that were guided, where nothing was chosen.
        head: The head, counted from 0, or the mean of all.
        rows: Whether a word's row is the step that produced it, or the step that had read it. "read", where nothing
            was chosen on validation.
        reverse_layer: The layer of the other direction, and so on.
        reverse_head: The head of the other direction.
        reverse_rows: The rows of the other direction.
        method: How links are read: the largest weight of a row, all above a level, the largest of both row and column,
            or the k largest of a row.
        level: With --method threshold: the lowest weight that makes a link.
        k: With --method top-k: links of a word.
        null: EOS is masked before links are read (mask), or a word that looks at it most has no link (drop).
        kind: Attention weights; or norms of what they bring, of all heads together or of each.
        beam: Without --target: hypotheses kept while translating; 1 is greedy. As tuned or configured, unless given.
        format: How links are written: i-j a pair, counted from 0; WPT, counted from 1; or JSON with the words.
        maps: A file to keep the attention maps in: .npz or .json.
    """
    if gold is not None and target is None:
        raise ConfigError("--gold is of given translations: name their file with --target.")
    if beam is not None and target is not None:
        raise ConfigError("--beam is for translating, but --target gives the translations: leave one of them out.")
    if beam is not None and beam < 1:
        raise ConfigError(f"--beam must be at least 1, not {beam}.")
    if grid and (gold is None) == (reverse is None):
        raise ConfigError("--grid needs either --gold, for AER, or --reverse, for the agreement of both directions.")
    if reverse is None and any(x is not None for x in (reverse_layer, reverse_head, reverse_rows)):
        raise ConfigError("--reverse-layer, --reverse-head and --reverse-rows belong to --reverse: name a run there.")
    if kind != "weights" and method == "threshold":
        raise ConfigError("--method threshold is a level of weights; norms have no scale of their own. Choose another.")
    if k < 1:
        raise ConfigError(f"--k must be at least 1, not {k}.")
    if not 0 < level <= 1:
        raise ConfigError(f"--level must be above 0 and at most 1, not {level}.")
    from xattn.alignment.links import method as named
    from xattn.alignment.map_files import check_suffix
    from xattn.runs.folder import open_run

    if maps is not None:
        check_suffix(maps)
    ahead, back = open_run(run), None if reverse is None else open_run(reverse)
    process.prepare()
    from xattn.translation import aligning

    directions = [aligning.direction(ahead, layer, head, rows, kind)]
    if back is not None:
        directions.append(aligning.direction(back, reverse_layer, reverse_head, reverse_rows, kind))
    reading = aligning.Reading(method=named(method, level=level, k=k), null=null, combine=symmetrize, test=test)
    texts = aligning.Texts(source=source, target=target, gold=gold, gold_base=gold_base, beam=beam)
    if grid:
        aligning.grid(directions, texts, reading, maps)
    else:
        aligning.align(directions, texts, reading, format, maps)
    return 0
