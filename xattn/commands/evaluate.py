"""`xattn evaluate`: scores a run."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tyro.conf import Positional

from xattn import process
from xattn.commands import common
from xattn.errors import ConfigError

if TYPE_CHECKING:
    pass


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
        splits: The splits to score; those of data.test, unless some are named.
        score: Instead, print the log-probability of given translations, a line each: of --source and --target, or of
            source and translation, parted by a tab, on standard input.
        source: With --score: a file of sentences, one a line.
        target: With --score: a file of their translations.
        mean: With --score: also print the mean over the pieces, after a tab.
        tune: Instead, choose beam and length penalty by BLEU on the validation split; every command uses what was
            chosen from then on, unless it is told otherwise.
    """
    from xattn.runs.folder import open_run

    if not score and (source or target or mean):
        raise ConfigError("--source, --target and --mean belong to --score: add it, or leave them out.")
    if (source is None) != (target is None):
        raise ConfigError("--source and --target name two files: give both, or none to read standard input.")
    if tune and (score or splits):
        raise ConfigError("--tune looks at the validation split alone: leave --score and --splits out.")
    opened = open_run(run)
    process.prepare()
    if score:
        from xattn.commands import text_lines as writing
        from xattn.translation.translator import Translator

        pairs = writing.beside(source, target) if source and target else writing.table(sys.stdin.buffer)
        writing.write_scores(Translator.open(opened), pairs, mean=mean)
        return 0
    if tune:
        from xattn.translation.tuning import tune as choose

        choose(opened, common.console())
        return 0
    from xattn.tasks import task_class

    task_class(opened.config).evaluate(opened, splits, common.console())
    return 0
