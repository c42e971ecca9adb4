"""`xattn evaluate`: scores a run, tunes its decoding, or scores given translations."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tyro.conf import Positional

from xattn import lines, process
from xattn.commands import common
from xattn.errors import require

if TYPE_CHECKING:
    from xattn.runs.folder import Run


def evaluate(
    run: Positional[Path],
    /,
    splits: tuple[str, ...] = (),
    score: bool = False,
    source: Path | None = None,
    target: Path | None = None,
    mean: bool = False,
    tune: bool = False,
) -> int:
    """Scores the best checkpoint of a run; writes results.json and figures into its folder.

    Args:
        run: The run folder.
        splits: The splits to score; by default those of task.test.
        score: Instead, print the log-probability of given translations, one a line: of --source and --target, or of
            source and translation, separated by a tab, on standard input.
        source: With --score: a file of sentences, one a line.
        target: With --score: a file of their translations.
        mean: With --score: also print the mean over the pieces, after a tab.
        tune: Instead, choose beam and length penalty by BLEU on the validation split. Every command then uses this
            choice, unless its options name others.
    """
    from xattn.runs.folder import open_run

    require(
        score or not (source or target or mean),
        "--source, --target and --mean belong to --score: add it, or leave them out.",
    )
    require(
        (source is None) == (target is None),
        "--source and --target name two files: give both, or none to read standard input.",
    )
    require(
        not (tune and (score or splits)),
        "--tune looks at the validation split alone: leave --score and --splits out.",
    )
    opened = open_run(run)
    if score:
        score_pairs(opened, source, target, mean=mean)
    elif tune:
        tune_decoding(opened)
    else:
        score_splits(opened, splits)
    return 0


def score_splits(run: "Run", splits: Sequence[str] = ()) -> dict[str, Any]:
    """Scores a run on splits, those of task.test unless some are named; prints, keeps and returns the results."""
    process.prepare()
    from xattn.tasks import task_class

    console, task = common.console(), task_class(run.config)
    results = task.evaluate(run, splits, console)
    if "readout" in results:
        at = results["readout"]
        place = f"layer {at['layer']}, head {at['head']}, row convention: {at['convention']}"
        score = "".join(f" ({at[name]:.4f})" for name in ("validation_aer", "validation_pointing") if name in at)
        console.print(f"Attention is read at {place}; chosen by {at['chosen_by']}{score}.")
    for name, row in results["splits"].items():
        for line in row["left_out"] if "left_out" in row else ():
            console.print(f"{name}: {line}")
    console.print(task.table(results))
    return results


def tune_decoding(run: "Run") -> dict[str, Any]:
    """Chooses beam and length penalty on the validation split; prints, keeps and returns the choice."""
    process.prepare()
    from xattn.translation import tuning

    console = common.console()
    tuned = tuning.tune(run, console)
    console.print(tuning.table(tuned))
    return tuned


def score_pairs(run: "Run", source: Path | None, target: Path | None, *, mean: bool) -> None:
    """Prints the log-probability of the translations of two files, or of the table on standard input."""
    process.prepare()
    from xattn.commands import text_lines
    from xattn.translation.translator import Translator

    pairs = lines.read_pairs(source, target) if source and target else text_lines.table(lines.read_input())
    text_lines.write_scores(Translator.open(run), pairs, mean=mean)
