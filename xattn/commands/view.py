"""`xattn view`: attention as a picture."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from tyro.conf import Positional, arg

from xattn import process
from xattn.alignment.kinds import Kind
from xattn.commands.common import Head, Rows, check_writable, run_and_texts, tell, text_of
from xattn.errors import ConfigError, UserError, quantity, require
from xattn.viewing.look import DEFAULT, Look

if TYPE_CHECKING:
    from rich.console import Console

    from xattn.alignment.maps import AttentionMap, Readout
    from xattn.runs.folder import Run
    from xattn.translation.translator import Translator
    from xattn.viewing.page import Sentence

_OF_DIFFERENCES = [(None, None), (None, "heatmap"), (None, "lines")]  # the scales and pictures of a difference


@dataclass(frozen=True, kw_only=True)
class Options:
    """The options of `xattn view`.

    Attributes:
        words: A run folder, if it is not a model of the package; then one text, or with --format html any number of
            texts. For a task that does not translate: the number of an example of its first test split, counted from
            0; or an example of your own, if the task reads one: a sentence, or a file, such as a picture, and a text if
            it needs one. With --maps: the number of a map, counted from 0.
        model: The model: everyday or toy, which come with the package, or a run folder.
        target: A translation to follow, instead of the model's own. With --source: a file of translations, one a line.
        source: A file of sentences, one a line, instead of texts.
        gold: A file of gold links, one sentence a line: i-j for a sure link and ipj for a possible one, counted from 0.
        against: Another run: the picture is the map of the first run minus that of the other. With --format html: other
            runs, whose maps are compared with those of the first.
        steps: With --format html: also the maps of all checkpoints that the run keeps.
        maps: A file of maps, .npz or .json, such as `xattn align --maps` writes: show map NUMBER of it, the first by
            default; with --format html all of them.
        format: A view: terminal, png, svg, pdf, or html: a page with every layer and head, which needs no network. By
            default, the suffix of --output decides, and without it the view is printed.
        output: The file to write: .png, .svg, .pdf, .html, or .txt for the terminal view. By default it is
            attention.FORMAT in the current folder.
        layer: The layer, counted from 0. By default, layer, head and rows are those chosen on validation; of --maps,
            the mean of the last layer's heads.
        head: The head, counted from 0, or the mean of all.
        rows: Whether the row of a word is the step that produced it or the step that has read it.
        kind: Attention weights; norms of the weighted values, of all heads together or of each head (head-norms); the
            layer-mean of weights; rollout through all layers; gradients times weights; or value-zeroing.
        attention: The decoder's cross-attention to the source; or the self-attention of the encoder or of the decoder.
        drop_special: Leave special source pieces, such as EOS, out, and divide each row by the rest.
        color: Whether the terminal view is coloured; "always" and "never" also overrule NO_COLOR and TERM.
        look: The appearance of the picture.
    """

    words: Positional[tuple[str, ...]] = ()
    model: str | None = None
    target: str | None = None
    source: Path | None = None
    gold: Path | None = None
    against: tuple[str, ...] = ()
    steps: bool = False
    maps: Path | None = None
    format: str | None = None
    output: Path | None = None
    layer: int | None = None
    head: Head | None = None
    rows: Rows | None = None
    kind: Kind = "weights"
    attention: Literal["cross", "encoder", "decoder"] = "cross"
    drop_special: bool = False
    color: Literal["auto", "always", "never"] = "auto"
    look: Annotated[Look, arg(name="")] = DEFAULT

    def of_text(self) -> dict[str, object]:
        """The options that only text has, by name."""
        return {
            "--target": self.target,
            "--source": self.source,
            "--gold": self.gold,
            "--against": self.against,
            "--steps": self.steps,
            "--attention": self.attention != "cross",
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

    def check_self_attention(self) -> None:
        """Raises `ConfigError` for options that say nothing about the self-attention of an encoder or a decoder."""
        given = {
            "--gold": self.gold,
            "--against": self.against,
            "--steps": self.steps,
            "--rows": self.rows,
            "--kind": self.kind != "weights",
        }
        for name in (name for name, value in given.items() if value):
            raise ConfigError(f"{name} is of cross-attention: leave it out, or --attention {self.attention}.")

    def check_count(self, count: int) -> None:
        """Raises `ConfigError` for a format that cannot show as many sentences, or comparisons."""
        require(
            self.format == "html" or count == 1,
            f"--format {self.format} shows one sentence, but there are {count} texts; put the sentence in quotes, or "
            "take --format html, which shows many.",
        )
        require(
            self.format == "html" or not (self.steps or len(self.against) > 1),
            "Several runs of --against, and --steps, compare maps on a page: they need --format html.",
        )
        require(
            self.format == "html" or not self.against or (self.look.scale, self.look.picture) in _OF_DIFFERENCES,
            "A difference of two runs has a colour scale of its own, and is a heatmap or lines: leave --scale and "
            "--picture heads out.",
        )


def view(options: Annotated[Options, arg(name="")]) -> int:
    """Shows the attention of every word of a translation, or of an example of another task."""
    from xattn.viewing.formats import format_of

    format = format_of(options.format, options.output)
    path = options.output or (None if format == "terminal" else Path(f"attention.{format}"))
    options = replace(options, format=format, output=path)
    options.look.check(format)
    if path is not None:
        check_writable(path)
    if options.maps is not None:
        _view_maps(options, options.maps)
        return 0
    run, texts = run_and_texts(
        options.words, options.model, files="to view its lines, write --source {file}", reads_files=_is_of_examples
    )
    options.check_texts(texts)
    if _is_of_examples(run):
        _view_example(options, run, texts)
    else:
        _view_texts(options, run, texts)
    return 0


def _is_of_examples(run: "Run") -> bool:
    """Whether the task of a run has examples, and perhaps files, instead of text."""
    process.prepare()
    from xattn.tasks import task_class

    return not task_class(run.config).takes_text


def _view_texts(options: Options, run: "Run", texts: list[str]) -> None:
    """Shows texts and their given or own translations, beside the maps of other runs and of checkpoints."""
    from xattn.alignment.words import OtherSpaces
    from xattn.commands.text_lines import read_sentences
    from xattn.runs.folder import open_named
    from xattn.runs.readout import readout
    from xattn.translation import comparison
    from xattn.translation.translator import Translator

    targets = None if options.target is None else [text_of(options.target, "--target")]
    if options.source is not None:
        texts, targets = read_sentences(options.source), None
        if options.target is not None:
            targets = read_sentences(Path(options.target))
            require(
                len(texts) == len(targets),
                f"{options.source} has {quantity(len(texts), 'line')} but {options.target} has {len(targets):,}; they "
                "must be pairs.",
            )
        require(bool(texts), f"There is nothing to view: {options.source} is empty.")
    if options.attention != "cross":
        _view_self_attention(options, Translator.open(run), texts, targets)
        return
    where = readout(run, options.layer, options.head, options.rows, options.kind)
    against = [open_named(folder) for folder in options.against]
    options.check_count(len(texts))
    model = Translator.open(run)
    comparison.check_texts(run, model, texts, gold=options.gold is not None)
    systems = comparison.open_systems(run, model, against, options.steps)
    sentences = comparison.compare(model, texts, targets, systems, options.kind)
    if options.gold is not None:
        sentences = comparison.with_gold(sentences, options.gold)
        for side, lines in (("source", texts), ("target", targets or ())):
            for note in OtherSpaces.of(f"the {side}", lines).notes:
                tell(note)
    _deliver(sentences, options, where)


def _view_self_attention(
    options: Options, model: "Translator", texts: list[str], targets: Sequence[str] | None
) -> None:
    """Shows how the encoder attends to each text, or the decoder to given or own translations."""
    from xattn.viewing.page import Sentence

    options.check_self_attention()
    options.check_count(len(texts))
    if options.attention == "encoder":
        maps = model.attend_source(texts)
    else:
        targets = targets or [best.text for best, *_ in model.translate(texts)]
        maps = model.attend_target(list(zip(texts, targets, strict=True)))
    name = f"{options.attention} self-attention"
    maps = [replace(attention, note=name) for attention in maps]
    _deliver([Sentence(maps={name: each}) for each in maps], options, _readout_of(options, maps[0]))


def _view_example(options: Options, run: "Run", words: list[str]) -> None:
    """Shows a numbered example of a task that does not translate, or one of the user."""
    from xattn.runs.readout import readout
    from xattn.tasks import example_map, given_map
    from xattn.viewing.page import Sentence

    kind = run.config.task.kind
    for name in (name for name, value in {**options.of_text(), "--rows": options.rows}.items() if value):
        raise ConfigError(f"{name} belongs to text, and the task {kind!r} has none: leave it out.")
    number = words[0].isdecimal()
    require(
        not number or len(words) == 1, f"The task {kind!r} shows one example at a time: give one number, or one file."
    )
    where = readout(run, options.layer, options.head, None)
    attention = example_map(run, run.config.task.test[0], int(words[0])) if number else given_map(run, words)
    _deliver([Sentence(maps={"attention": attention})], options, where)


def _view_maps(options: Options, path: Path) -> None:
    """Shows maps of a file: one of them, or on a page all."""
    from xattn.alignment.map_files import load_maps
    from xattn.viewing.page import Sentence

    for name in (name for name, value in {**options.of_text(), "--kind": options.kind != "weights"}.items() if value):
        raise ConfigError(f"{name} needs a model, but --maps shows maps that are in a file: leave one of them out.")
    if len(options.words) > 1 or not all(word.isdecimal() for word in options.words):
        raise ConfigError("--maps shows the map of a number, counted from 0: give one number, and no run or text.")
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
    _deliver(sentences, options, _readout_of(options, shown[0]))


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


def _deliver(sentences: "Sequence[Sentence]", options: Options, readout: "Readout") -> None:
    """Prints one map, or writes it to a file, in any format; in html, all of them."""
    from xattn.viewing.formats import FORMATS, difference
    from xattn.viewing.page import Page

    if options.drop_special:
        from xattn.alignment.specials import without_specials

        sentences = [
            replace(each, maps={name: without_specials(attention) for name, attention in each.maps.items()})
            for each in sentences
        ]
    if options.format == "html":
        picture = Page(sentences=sentences, readout=readout, scale=options.look.scale).html.encode()
    else:
        format, maps = options.format or "terminal", sentences[0].maps
        if len(maps) > 1:
            picture = difference(maps, readout, format, options.look)
        else:
            (attention,) = maps.values()
            picture = FORMATS[format](attention, readout, options.look)
    path = options.output
    if path is None:
        _console(options.color).print(picture)
        return
    if not isinstance(picture, bytes):
        text = StringIO()
        _console(options.color, text).print(picture)
        picture = text.getvalue().encode()
    try:
        path.write_bytes(picture)
    except OSError as error:
        raise UserError(f"Cannot write {path}: {error.strerror}.") from None
    tell(f"wrote {path}.")


def _console(color: Literal["auto", "always", "never"], file: StringIO | None = None) -> "Console":
    """The console that prints the terminal view to standard output, or to a file."""
    from rich.console import Console

    if color == "auto":  # rich asks the terminal, TERM and NO_COLOR
        return Console(file=file, highlight=False)
    if color == "never":
        return Console(file=file, highlight=False, color_system=None)
    system = "truecolor" if os.environ.get("COLORTERM") in ("truecolor", "24bit") else "256"
    return Console(file=file, highlight=False, force_terminal=True, no_color=False, color_system=system)
