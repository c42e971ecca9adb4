"""`xattn view`: attention as a picture."""

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from tyro.conf import Positional

from xattn import process
from xattn.commands.common import run_and_texts
from xattn.errors import ConfigError

if TYPE_CHECKING:
    pass


def view(
    words: Positional[tuple[str, ...]],
    /,
    target: str | None = None,
    source: Path | None = None,
    gold: Path | None = None,
    against: tuple[Path, ...] = (),
    steps: bool = False,
    format: str = "terminal",
    output: Path | None = None,
    layer: int | None = None,
    head: int | Literal["mean"] | None = None,
    rows: Literal["produced", "read"] | None = None,
    kind: Literal["weights", "norms", "head-norms"] = "weights",
    color: Literal["auto", "always", "never"] = "auto",
) -> int:
    """Shows what every word of a translation looks at.

    Args:
        words: The run folder, if not the toy model that comes with the package; then one text, or with --format html
            any number of them. Of a task without text: the number of an example of its first test split.
        target: A translation to follow, instead of the model's own. With --source: a file of them, one a line.
        source: A file of sentences, one a line, instead of texts.
        gold: A file of gold links, one sentence a line: i-j for a sure link and ipj for a possible one, counted from 0.
        against: With --format html: other runs, whose maps are compared with those of the first.
        steps: With --format html: also the maps of all checkpoints that the run keeps.
        format: A view: terminal, png, svg, pdf, or html: a page with every layer and head, which needs no network.
        output: The file to write; attention.FORMAT in the current folder, unless this names another.
        layer: The layer, counted from 0. Layer, head and rows are those chosen on validation, unless given.
        head: The head, counted from 0, or the mean of all.
        rows: Whether a word's row is the step that produced it, or the step that had read it.
        kind: Attention weights; or norms of what they bring, of all heads together or of each.
        color: Whether the terminal view is coloured.
    """
    run, texts = run_and_texts(words)
    if source is not None and texts:
        raise ConfigError("--source names a file of sentences: leave the texts out, or --source.")
    if source is None and not (texts and all(text.strip() for text in texts)):
        raise ConfigError('There is nothing to view: give a sentence, such as "the quick brown fox".')
    if source is None and target is not None and not target.strip():
        raise ConfigError("--target is empty: give a translation to follow, or leave it out.")
    if source is None and target is not None and len(texts) > 1:
        raise ConfigError(f"--target is one translation, but there are {len(texts)} texts: give files, with --source.")
    process.prepare()
    from rich.console import Console

    from xattn.runs.folder import open_run
    from xattn.runs.readout import readout
    from xattn.tasks import task_class
    from xattn.tasks.array_task import ArrayTask
    from xattn.translation.comparison import deliver, lines, show

    # rich decides by itself on "auto": a terminal, its colours, and NO_COLOR.
    forced = {"auto": None, "always": True, "never": False}[color]
    console = Console(force_terminal=forced, no_color=True if color == "never" else None, highlight=False)
    task = task_class(run.config)
    if issubclass(task, ArrayTask):
        text = {"--target": target, "--source": source, "--gold": gold, "--rows": rows} | {
            "--against": against,
            "--steps": steps,
        }
        for name in (name for name, value in text.items() if value):
            raise ConfigError(f"{name} belongs to text, and the task {run.config.task.kind!r} has none: leave it out.")
        if len(texts) != 1 or not texts[0].isdecimal():
            raise ConfigError(f"The task {run.config.task.kind!r} has no text to view: give the number of an example.")
        made, where = task(run, console), readout(run, layer, head, None)
        picture = made.example_map(made.best_params(), run.config.task.test[0], int(texts[0]))
        deliver(picture, format, output, where, console)
        return 0
    targets = None if target is None else [target]
    if source is not None:
        texts, targets = lines(source), None if target is None else lines(Path(target))
        if targets is not None and len(texts) != len(targets):
            raise ConfigError(f"{source} has {len(texts)} lines but {target} has {len(targets)}; they must be pairs.")
        if not texts:
            raise ConfigError(f"There is nothing to view: {source} is empty.")
    where = readout(run, layer, head, rows, kind)
    show(
        run,
        texts,
        targets=targets,
        gold=gold,
        against=[open_run(folder) for folder in against],
        steps=steps,
        kind=kind,
        format=format,
        output=output,
        readout=where,
        console=console,
    )
    return 0
