"""The commands. Heavy imports happen inside them, so that `xattn --help` is immediate."""

import inspect
import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Literal

import tyro
from tyro.conf import Positional

from xattn import cli_alignment, process
from xattn.config import ConfigError, Experiment
from xattn.errors import UserError
from xattn.results import results

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console

    from xattn.run import Run
    from xattn.tasks.translator import Translation

PRETRAINED = Path(__file__).parent / "pretrained" / "toy_en_fr"

HELP = """usage: xattn COMMAND ...

A laboratory for cross-attention in JAX.

  train CONFIG [--run FOLDER] [OVERRIDES]   train an experiment; the same command resumes it
  evaluate RUN [--splits NAME ...]          score a run; write results.json and figures
  evaluate RUN --tune                       choose beam and length penalty on the validation split
  evaluate RUN --score [--source F --target F]   print the log-probability of given translations
  translate [RUN] [TEXT ...]                translate the texts, or standard input line by line
  view [RUN] TEXT [--format FORMAT]         show what the model looks at: --format html makes a page to explore
  align RUN --source F [--target F]         word alignments that cross-attention shows; --grid: of every head
  score --gold G LINKS ...                  alignment error rate of link files
  symmetrize FORWARD REVERSE                one alignment from two directions
  export RUN FOLDER                         copy only what using a run needs
  results [--write README.md]               the table of all experiments, from experiments/*/results.json

Without RUN, translate and view use a small English-French toy model that comes with the package.
`xattn COMMAND --help` says more."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command; a user's mistake is one line on standard error, and status 2."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if not words or words[0] in ("-h", "--help", "help"):
        print(HELP)
        return 0
    name, *rest = words
    try:
        if name == "train":
            return _train(rest)
        if name not in COMMANDS:
            raise ConfigError(f"There is no command {name!r}; there are: train, {', '.join(COMMANDS)}.")
        return tyro.cli(COMMANDS[name], args=rest, prog=f"xattn {name}")
    except UserError as error:
        print(f"xattn: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Whoever read the output has seen enough; Python must not complain when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141


def _train(arguments: list[str]) -> int:
    """usage: xattn train CONFIG [--run FOLDER] [OVERRIDES]

    Trains the experiment of a config file into a run folder: runs/NAME, after the file, unless --run names another.
    The same command resumes an interrupted run. OVERRIDES change any field: --model.layers 4 --seed 1"""
    from xattn import config_files as configs

    words = [part for word in arguments for part in (word.split("=", 1) if word.startswith("--run=") else [word])]
    if "--help" in words or "-h" in words:
        print(inspect.getdoc(_train), end="\n\n")
        configs.override(Experiment(), ["--help"])
    folder = None
    if "--run" in words:
        at = words.index("--run")
        if at + 1 == len(words):
            raise ConfigError("--run needs the name of a folder.")
        folder = words[at + 1]
        del words[at : at + 2]
    if not words or words[0].startswith("-"):
        raise ConfigError("Name a config file first: xattn train configs/toy_en_fr.py")
    path, *overrides = words
    train(Path(path), Path(folder or f"runs/{Path(path).stem}"), overrides)
    return 0


def train(path: Path, folder: Path, overrides: Sequence[str] = ()) -> None:
    """Trains the experiment of a config file into a run folder, or goes on where that folder stands."""
    from xattn import config_files as configs
    from xattn import run as runs

    config = configs.load(path, overrides)
    run = runs.create(folder, config)
    process.prepare()
    from xattn.tasks import make
    from xattn.training.loop import train as fit

    console = _console()
    console.print(f"Training {path} into {run.folder}")
    task = make(run, console)
    try:
        progress = fit(task, run, console)
    except KeyboardInterrupt:
        console.print(f"To go on: {shlex.join(['xattn', 'train', str(path), '--run', str(folder), *overrides])}")
        raise
    console.print(
        f"Trained for {progress.seconds:,.0f} s; best validation {task.score} {progress.best:.4f}. "
        f"Next: xattn evaluate {run.folder}"
    )


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
    from xattn.run import open_run

    if not score and (source or target or mean):
        raise ConfigError("--source, --target and --mean belong to --score: add it, or leave them out.")
    if (source is None) != (target is None):
        raise ConfigError("--source and --target name two files: give both, or none to read standard input.")
    if tune and (score or splits):
        raise ConfigError("--tune looks at the validation split alone: leave --score and --splits out.")
    opened = open_run(run)
    process.prepare()
    if score:
        from xattn.tasks import writing
        from xattn.tasks.translator import Translator

        pairs = writing.beside(source, target) if source and target else writing.table(sys.stdin.buffer)
        writing.write_scores(Translator.open(opened), pairs, mean=mean)
        return 0
    if tune:
        from xattn.tasks.tuning import tune as choose

        choose(opened, _console())
        return 0
    from xattn.tasks import find

    find(opened.config.task).evaluate(opened, splits, _console())
    return 0


def translate(
    words: Positional[tuple[str, ...]] = (),
    /,
    beam: int | None = None,
    n_best: int = 1,
    length_penalty: float | None = None,
    prefix: str = "",
    sample: bool = False,
    temperature: float | None = None,
    top_k: int | None = None,
    top_p: float | None = None,
    seed: int | None = None,
) -> int:
    """Translates text: one line in, one line out, and a blank line for a blank one.

    Args:
        words: The run folder, if not the toy model that comes with the package; then texts. Without texts, the lines
            of standard input are translated.
        beam: Hypotheses kept while searching; 1 is greedy. What --tune chose or the run's config says, unless this
            does.
        n_best: Translations of each line, best first. With more than one, each is written after the number of its
            line and its log-probability.
        length_penalty: Alpha of GNMT's length normalisation; 0 is none. As for --beam.
        prefix: How every translation begins: whole words, the last of which may go on ("chat" as "chats").
        sample: Draw at random instead of searching; --n-best says how many for each line.
        temperature: With --sample: below 1 for the probable, above 1 for the rare; 1 is the model's own.
        top_k: With --sample: only the most probable pieces at every step; all, unless this says how many.
        top_p: With --sample: only the fewest pieces that have this probability together (nucleus); 1 is all.
        seed: With --sample: what is drawn depends on it and the number of the line only; 0, unless given.
    """
    run, texts = _run_and_texts(words)
    given = {"--temperature": temperature, "--top-k": top_k, "--top-p": top_p, "--seed": seed}
    for name in (name for name, value in given.items() if value is not None and not sample):
        raise ConfigError(f"{name} belongs to --sample: add it, or leave {name} out.")
    for name, value in {"--beam": beam, "--length-penalty": length_penalty}.items():
        if value is not None and sample:
            raise ConfigError(f"{name} belongs to a search, but --sample draws: leave one of them out.")
    bounds = [
        ("--beam", beam, beam is None or beam >= 1, "at least 1"),
        ("--n-best", n_best, n_best >= 1, "at least 1"),
        ("--temperature", temperature, temperature is None or 0 < temperature < float("inf"), "above 0"),
        ("--top-k", top_k, top_k is None or top_k >= 1, "at least 1"),
        ("--top-p", top_p, top_p is None or 0 < top_p <= 1, "above 0 and at most 1"),
        ("--seed", seed, seed is None or 0 <= seed < 2**31, "between 0 and 2147483647"),
    ]
    for name, value, holds, wanted in bounds:
        if not holds:
            raise ConfigError(f"{name} must be {wanted}, not {value}.")
    process.prepare()
    from xattn.tasks import writing
    from xattn.tasks.translator import Translator

    model = Translator.open(run)
    width = model.config.decoding.beam if beam is None else beam
    if not sample and n_best > width:
        raise ConfigError(f"--n-best must be between 1 and the beam ({width}), not {n_best}.")
    longest = model.config.data.max_length
    if len(model.encode(prefix)) > longest:
        raise ConfigError(f"--prefix has {len(model.encode(prefix))} pieces; it may have {longest}.")

    def search(lines: list[str], first: int, done: "Callable[[], object]") -> "list[list[Translation]]":
        return model.translate(
            lines, beam=width, n_best=n_best, length_penalty=length_penalty, prefix=prefix, done=done
        )

    def draw(lines: list[str], first: int, done: "Callable[[], object]") -> "list[list[Translation]]":
        return model.sample(
            lines,
            seed=seed or 0,
            first=first,
            count=n_best,
            temperature=1.0 if temperature is None else temperature,
            top_k=top_k,
            top_p=1.0 if top_p is None else top_p,
            prefix=prefix,
            done=done,
        )

    lines = [text.encode() for text in texts] if texts else sys.stdin.buffer
    total = len(texts) if texts else _count_lines(sys.stdin.buffer)
    writing.write_translations(
        draw if sample else search, writing.readable(model, lines), total=total, numbered=n_best > 1
    )
    return 0


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
    run, texts = _run_and_texts(words)
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

    from xattn.run import open_run
    from xattn.tasks import find
    from xattn.tasks.arrays import ArrayTask
    from xattn.tasks.viewing import lines, readout, show

    # rich decides by itself on "auto": a terminal, its colours, and NO_COLOR.
    forced = {"auto": None, "always": True, "never": False}[color]
    console = Console(force_terminal=forced, no_color=True if color == "never" else None, highlight=False)
    row = find(run.config.task)
    if issubclass(row, ArrayTask):
        text = {"--target": target, "--source": source, "--gold": gold, "--rows": rows} | {
            "--against": against,
            "--steps": steps,
        }
        for name in (name for name, value in text.items() if value):
            raise ConfigError(f"{name} belongs to text, and the task {run.config.task!r} has none: leave it out.")
        row.view(run, texts, format=format, output=output, layer=layer, head=head, console=console)
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


def export(run: Positional[Path], folder: Positional[Path], /) -> int:
    """Copies what using a run needs, and no more: config, tokenizer, results, and the best weights in half precision.

    Args:
        run: The run folder.
        folder: The folder to make; a run folder itself, for evaluate, translate and view.
    """
    from xattn.run import open_run
    from xattn.tasks.translator import export as copy

    copied = copy(open_run(run), folder)
    print(f"{copied.folder}: {sum(f.stat().st_size for f in copied.folder.iterdir()) / 1e6:.2f} MB")
    return 0


COMMANDS = {
    "evaluate": evaluate,
    "translate": translate,
    "view": view,
    **cli_alignment.COMMANDS,
    "export": export,
    "results": results,
}


def _run_and_texts(words: Sequence[str]) -> "tuple[Run, list[str]]":
    """A first word that is a folder, or has a slash and no space, names a run; the others are texts."""
    from xattn.run import open_run

    if words and words[0].strip() and (Path(words[0]).is_dir() or (os.sep in words[0] and " " not in words[0])):
        return open_run(words[0]), list(words[1:])
    return open_run(PRETRAINED), list(words)


def _count_lines(stream: BinaryIO) -> int | None:
    """How many lines are left in a file; None for a pipe, which can be read once only."""
    if not stream.seekable():
        return None
    start = stream.tell()
    count = sum(1 for _ in stream)
    stream.seek(start)
    return count


def _console() -> "Console":
    from rich.console import Console

    return Console(soft_wrap=True, highlight=False)
