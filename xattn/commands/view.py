"""`xattn view`: attention as a picture."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from tyro.conf import Positional, arg

from xattn import process
from xattn.commands.common import Head, Rows, run_and_texts
from xattn.errors import ConfigError, UserError, require

if TYPE_CHECKING:
    from rich.console import Console

    from xattn.alignment.maps import AttentionMap, Readout
    from xattn.runs.folder import Run
    from xattn.viewing.page import Sentence


@dataclass(frozen=True, kw_only=True)
class Options:
    """The options of `xattn view`.

    Attributes:
        words: The run folder, by default the toy model of the package; then one text, or with --format html any number
            of texts. For a task without text: the number of an example of its first test split, counted from 0. With
            --maps: the number of a map, counted from 0.
        target: A translation to follow, instead of the model's own. With --source: a file of translations, one a line.
        source: A file of sentences, one a line, instead of texts.
        gold: A file of gold links, one sentence a line: i-j for a sure link and ipj for a possible one, counted from 0.
        against: With --format html: other runs, whose maps are compared with those of the first.
        steps: With --format html: also the maps of all checkpoints that the run keeps.
        maps: A file of maps, .npz or .json, such as `xattn align --maps` writes: show map NUMBER of it, the first by
            default; with --format html all of them.
        format: A view: terminal, png, svg, pdf, or html: a page with every layer and head, which needs no network.
        output: The file to write; by default attention.FORMAT in the current folder.
        layer: The layer, counted from 0. By default, layer, head and rows are those chosen on validation; of --maps,
            the mean of the last layer's heads.
        head: The head, counted from 0, or the mean of all.
        rows: Whether the row of a word is the step that produced it or the step that has read it.
        kind: Attention weights; or norms of the weighted values, of all heads together or of each head.
        color: Whether the terminal view is coloured.
    """

    words: Positional[tuple[str, ...]] = ()
    target: str | None = None
    source: Path | None = None
    gold: Path | None = None
    against: tuple[Path, ...] = ()
    steps: bool = False
    maps: Path | None = None
    format: str = "terminal"
    output: Path | None = None
    layer: int | None = None
    head: Head | None = None
    rows: Rows | None = None
    kind: Literal["weights", "norms", "head-norms"] = "weights"
    color: Literal["auto", "always", "never"] = "auto"

    def of_text(self) -> dict[str, object]:
        """The options that only text has, by name."""
        return {
            "--target": self.target,
            "--source": self.source,
            "--gold": self.gold,
            "--against": self.against,
            "--steps": self.steps,
        }

    def check_texts(self, texts: Sequence[str]) -> None:
        """Raises `ConfigError` for texts and translations that are missing, or do not go together."""
        files, target = self.source is not None, self.target
        require(not (files and texts), "--source names a file of sentences: leave the texts out, or --source.")
        require(
            files or bool(texts and all(text.strip() for text in texts)),
            'There is nothing to view: give a sentence, such as "the quick brown fox".',
        )
        require(
            files or target is None or bool(target.strip()),
            "--target is empty: give a translation to follow, or leave it out.",
        )
        require(
            files or target is None or len(texts) == 1,
            f"--target is one translation, but there are {len(texts)} texts: give files, with --source.",
        )

    def check_format(self, count: int) -> None:
        """Raises `ConfigError` for a format that does not exist, or cannot show as many sentences, or comparisons."""
        _check_format(self.format)
        require(
            self.format == "html" or count == 1,
            f"--format {self.format} shows one sentence, but there are {count} texts; put the sentence in quotes, or "
            "take --format html, which shows many.",
        )
        require(
            self.format == "html" or not (self.against or self.steps),
            "--against and --steps compare maps: they need --format html.",
        )


def view(options: Annotated[Options, arg(name="")]) -> int:
    """Shows the attention of every word of a translation, or of an example of another task."""
    from rich.console import Console

    # rich decides by itself on "auto": a terminal, its colours, and NO_COLOR.
    forced = {"auto": None, "always": True, "never": False}[options.color]
    no_color = True if options.color == "never" else None
    console = Console(force_terminal=forced, no_color=no_color, highlight=False)
    if options.maps is not None:
        _view_maps(options, options.maps, console)
        return 0
    run, texts = run_and_texts(options.words)
    options.check_texts(texts)
    process.prepare()
    from xattn.tasks import task_class

    if task_class(run.config).takes_text:
        _view_texts(options, run, texts, console)
    else:
        _view_example(options, run, texts, console)
    return 0


def _view_texts(options: Options, run: "Run", texts: list[str], console: "Console") -> None:
    """Shows texts and their given or own translations, beside the maps of other runs and of checkpoints."""
    from xattn.commands.text_lines import read_sentences
    from xattn.runs.folder import open_run
    from xattn.runs.readout import readout
    from xattn.translation import comparison
    from xattn.translation.translator import Translator

    targets = None if options.target is None else [options.target]
    if options.source is not None:
        texts, targets = read_sentences(options.source), None
        if options.target is not None:
            targets = read_sentences(Path(options.target))
            require(
                len(texts) == len(targets),
                f"{options.source} has {len(texts)} lines but {options.target} has {len(targets)}; they must be pairs.",
            )
        require(bool(texts), f"There is nothing to view: {options.source} is empty.")
    where = readout(run, options.layer, options.head, options.rows, options.kind)
    against = [open_run(folder) for folder in options.against]
    options.check_format(len(texts))
    model = Translator.open(run)
    comparison.check_texts(run, model, texts, gold=options.gold is not None)
    others = comparison.open_others(run, against, options.steps)
    sentences = comparison.compare(run, model, texts, targets, others, options.kind)
    if options.gold is not None:
        sentences = comparison.with_gold(sentences, options.gold)
    _deliver(sentences, options, where, console)


def _view_example(options: Options, run: "Run", words: list[str], console: "Console") -> None:
    """Shows a numbered example of a task without text."""
    from xattn.runs.readout import readout
    from xattn.tasks import example_map
    from xattn.viewing.page import Sentence

    kind = run.config.task.kind
    for name in (name for name, value in {**options.of_text(), "--rows": options.rows}.items() if value):
        raise ConfigError(f"{name} belongs to text, and the task {kind!r} has none: leave it out.")
    if len(words) != 1 or not words[0].isdecimal():
        raise ConfigError(f"The task {kind!r} has no text to view: give the number of an example.")
    _check_format(options.format)
    where = readout(run, options.layer, options.head, None)
    attention = example_map(run, run.config.task.test[0], int(words[0]))
    _deliver([Sentence(maps={"attention": attention})], options, where, console)


def _view_maps(options: Options, path: Path, console: "Console") -> None:
    """Shows maps of a file: one of them, or on a page all."""
    from xattn.alignment.map_files import load_maps
    from xattn.viewing.page import Sentence

    for name in (name for name, value in {**options.of_text(), "--kind": options.kind != "weights"}.items() if value):
        raise ConfigError(f"{name} needs a model, but --maps shows maps that are in a file: leave one of them out.")
    if len(options.words) > 1 or not all(word.isdecimal() for word in options.words):
        raise ConfigError("--maps shows the map of a number, counted from 0: give one number, and no run or text.")
    _check_format(options.format)
    maps = load_maps(path)
    require(bool(maps), f"There is nothing to view: {path} has no maps.")
    number = int(options.words[0]) if options.words else 0
    require(number < len(maps), f"There is no map {number}: {path} has {len(maps)}, counted from 0.")
    shown = maps if options.format == "html" and not options.words else [maps[number]]
    form = shown[0].weights.shape[:2]
    for place, each in enumerate(shown):
        if (each.weights.shape[:2], each.kind, each.layout.name) != (form, shown[0].kind, shown[0].layout.name):
            raise UserError(
                f"Map {place} of {path} is not of the same layers, heads, kind and layout as map 0, and a page shows "
                f"maps that are alike: show one map, such as `xattn view {place} --maps {path} --format html`."
            )
    sentences = [Sentence(maps={"attention": each}) for each in shown]
    _deliver(sentences, options, _readout_of(options, shown[0]), console)


def _readout_of(options: Options, attention: "AttentionMap") -> "Readout":
    """The readout that the options ask for: by default, the mean of the last layer's heads."""
    from xattn.alignment.maps import Readout

    layers, heads = attention.weights.shape[:2]
    layer, head = layers - 1 if options.layer is None else options.layer, options.head
    require(0 <= layer < layers, f"--layer must be between 0 and {layers - 1}, not {layer}.")
    require(
        not isinstance(head, int) or 0 <= head < heads,
        f"--head must be between 0 and {heads - 1}, or mean, not {head}.",
    )
    return Readout(layer=layer, head="mean" if head is None else head, convention=options.rows or "produced")


def _check_format(format: str) -> None:
    from xattn.viewing.formats import FORMATS

    require(format in FORMATS, f"--format must be one of {', '.join(FORMATS)}, not {format!r}.")


def _deliver(sentences: "Sequence[Sentence]", options: Options, readout: "Readout", console: "Console") -> None:
    """Prints one map, or writes it to a file, in any format; in html, all of them."""
    from xattn.runs.folder import RunError
    from xattn.viewing.formats import FORMATS
    from xattn.viewing.page import Page

    if options.format == "html":
        picture = Page(sentences=sentences, readout=readout).html.encode()
    else:
        (attention,) = sentences[0].maps.values()
        picture = FORMATS[options.format](attention, readout)
    if not isinstance(picture, bytes):
        console.print(picture)
        return
    path = options.output or Path(f"attention.{options.format}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture)
    except OSError as error:
        raise RunError(f"Cannot write {path}: {error.strerror}.") from None
    console.print(f"Wrote {path}.")
