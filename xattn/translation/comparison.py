"""`xattn view`: what every word of a translation looks at."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from xattn.alignment.link_files import read_links
from xattn.alignment.maps import AttentionMap, Kind, Readout
from xattn.errors import ConfigError
from xattn.nn.memory_transforms import WHY_NOT_SOURCE
from xattn.runs.folder import Run, RunError
from xattn.training.checkpoint import Checkpoints
from xattn.translation.translator import Translator
from xattn.viewing.formats import FORMATS
from xattn.viewing.page import Page, Sentence


def show(
    run: Run,
    texts: Sequence[str],
    *,
    targets: Sequence[str] | None,
    gold: Path | None,
    against: Sequence[Run],
    steps: bool,
    kind: Kind,
    format: str,
    output: Path | None,
    readout: Readout,
    console: Console,
) -> None:
    """Prints or writes the maps of sentences, and of their given or own translations: attention weights, or norms.

    A page shows any number of them, and beside each map those of other runs or of the run's checkpoints. Every
    other view shows one.
    """
    if format not in FORMATS:
        raise ConfigError(f"--format must be one of {', '.join(FORMATS)}, not {format!r}.")
    if format != "html" and len(texts) > 1:
        raise ConfigError(
            f"--format {format} shows one sentence, but there are {len(texts)} texts; put the sentence in quotes, or "
            "take --format html, which shows many."
        )
    if format != "html" and (against or steps):
        raise ConfigError("--against and --steps compare maps: they need --format html.")
    model = Translator.open(run)
    _check(run, model)
    if gold is not None and not model.attends_source:
        raise ConfigError(
            f"--gold links words, but {run.folder} was trained on {WHY_NOT_SOURCE[run.config.model.memory]}."
        )
    for number, text in enumerate(texts, start=1):
        pieces, longest = len(model.encode(text)), model.settings.max_length
        if pieces > longest:
            which = "The sentence" if len(texts) == 1 else f"Sentence {number}"
            raise ConfigError(f"{which} has {pieces} pieces, but this model was trained on at most {longest}.")
    sentences = _sentences(run, model, texts, targets, _others(run, against, steps), kind)
    if gold is not None:
        sentences = _with_gold(sentences, gold)
    if format == "html":
        keep(Page(sentences=sentences, readout=readout).html.encode(), format, output, console)
    else:
        (attention,) = sentences[0].maps.values()
        deliver(attention, format, output, readout, console)


def deliver(attention: AttentionMap, format: str, output: Path | None, readout: Readout, console: Console) -> None:
    """Prints one map, or writes it to a file, in any format."""
    if format not in FORMATS:
        raise ConfigError(f"--format must be one of {', '.join(FORMATS)}, not {format!r}.")
    picture = FORMATS[format](attention, readout)
    if isinstance(picture, bytes):
        keep(picture, format, output, console)
    else:
        console.print(picture)


def keep(picture: bytes, format: str, output: Path | None, console: Console) -> None:
    """Writes a picture to its file: attention.FORMAT in the current folder, unless another is named."""
    path = output or Path(f"attention.{format}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture)
    except OSError as error:
        raise RunError(f"Cannot write {path}: {error.strerror}.") from None
    console.print(f"Wrote {path}.")


def _check(run: Run, model: Translator) -> None:
    if not model.attends_source and run.config.model.memory != "latents":
        raise RunError(f"{run.folder} was trained on {WHY_NOT_SOURCE[run.config.model.memory]}.")


def _others(run: Run, against: Sequence[Run], steps: bool) -> dict[str, Translator]:
    """The models to compare with, by the names that the page gives them."""
    others: dict[str, Translator] = {}
    if steps:
        if not run.checkpoints.is_dir():
            raise RunError(f"{run.folder} has no checkpoints, only its best weights: leave --steps out.")
        kept = Checkpoints(run.checkpoints, read_only=True).steps
        others |= {f"step {step:,}": Translator.open(run, step) for step in kept}
    for other in against:
        name = other.folder.name if other.folder.name not in others else str(other.folder)
        others[name] = Translator.open(other)
        _check(other, others[name])
        form, wanted = ((each.config.attention_layers, each.config.model.heads) for each in (other, run))
        if form != wanted:
            raise ConfigError(
                f"{other.folder} has {form[0]} layers of {form[1]} heads, but {run.folder} has {wanted[0]} of "
                f"{wanted[1]}; only maps of the same form can be compared."
            )
    return others


def _sentences(
    run: Run,
    model: Translator,
    texts: Sequence[str],
    targets: Sequence[str] | None,
    others: dict[str, Translator],
    kind: Kind,
) -> list[Sentence]:
    """Every sentence with its maps; the model's own translation is shown as it was written, unless others follow it."""
    if targets is None:
        own = [best[0] for best in model.translate(texts, return_attention=True)]
        targets = [best.text for best in own]
        if not others:
            if kind == "weights":
                looked = [_found(best.attention) for best in own]
            else:
                looked = model.attend_written(list(zip(texts, own, strict=True)), kind=kind)
            return [
                Sentence(maps={run.folder.name: attention}, candidates=best.candidates)
                for attention, best in zip(looked, own, strict=True)
            ]
    pairs = list(zip(texts, targets, strict=True))
    models = {**others, "best": model} if others else {run.folder.name: model}
    maps = {name: each.attend(pairs, kind=kind) for name, each in models.items()}
    for name, each in maps.items():
        for number, (one, first) in enumerate(zip(each, next(iter(maps.values())), strict=True), start=1):
            if (one.source, one.target) != (first.source, first.target):
                raise ConfigError(
                    f"{name} cuts sentence {number} into other pieces than {run.folder}; only maps of the same pieces "
                    "can be compared."
                )
    candidates = model.candidates(pairs)
    return [
        Sentence(maps={name: each[index] for name, each in maps.items()}, candidates=candidates[index])
        for index in range(len(pairs))
    ]


def _found(attention: AttentionMap | None) -> AttentionMap:
    assert attention is not None, "translate(return_attention=True) records it"
    return attention


def _with_gold(sentences: Sequence[Sentence], path: Path) -> list[Sentence]:
    words = [next(iter(sentence.maps.values())) for sentence in sentences]
    try:
        golds = read_links(path, lengths=[(len(each.source_words), len(each.target_words)) for each in words]).links
    except OSError as error:
        raise RunError(f"Cannot read {path}: {error.strerror}.") from None
    except ValueError as error:
        raise ConfigError(str(error)) from None
    return [
        replace(sentence, maps={name: replace(each, gold=gold) for name, each in sentence.maps.items()})
        for sentence, gold in zip(sentences, golds, strict=True)
    ]


def lines(path: Path) -> list[str]:
    """The sentences of a file, one a line; none may be empty."""
    try:
        texts = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise RunError(f"Cannot read {path}: {error.strerror}.") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8 (byte {error.start + 1}).") from None
    for number, text in enumerate(texts, start=1):
        if not text.strip():
            raise ConfigError(f"{path}, line {number} is empty: every line must be a sentence.")
    return texts
