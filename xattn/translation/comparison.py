"""The sentences of a page: the maps of a model, and beside them those of other models or of its checkpoints."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from xattn.alignment.link_files import read_links
from xattn.alignment.maps import AttentionMap, Kind
from xattn.errors import ConfigError
from xattn.nn.memory_transforms import WHY_NOT_SOURCE
from xattn.runs.folder import Run, RunError
from xattn.training.checkpoint import Checkpoints
from xattn.translation.translator import Translator
from xattn.viewing.page import Sentence


def check_texts(run: Run, model: Translator, texts: Sequence[str], *, gold: bool) -> None:
    """Raises `RunError` or `ConfigError` where the maps of these texts, or their gold links, cannot be shown."""
    _check(run, model)
    if gold and not model.attends_source:
        raise ConfigError(
            f"--gold links words, but {run.folder} was trained on {WHY_NOT_SOURCE[run.config.model.memory]}."
        )
    for number, text in enumerate(texts, start=1):
        pieces, longest = len(model.encode(text)), model.settings.max_length
        if pieces > longest:
            which = "The sentence" if len(texts) == 1 else f"Sentence {number}"
            raise ConfigError(f"{which} has {pieces} pieces, but this model was trained on at most {longest}.")


def _check(run: Run, model: Translator) -> None:
    if not model.attends_source and run.config.model.memory != "latents":
        raise RunError(f"{run.folder} was trained on {WHY_NOT_SOURCE[run.config.model.memory]}.")


def open_systems(run: Run, model: Translator, against: Sequence[Run], steps: bool) -> dict[str, Translator]:
    """Opens the models to compare with, by the names that the page gives them; the model of `run` itself is the last.

    Raises `RunError` and `ConfigError` for runs whose maps cannot be shown, or have another form, or are the same.
    """
    systems: dict[str, Translator] = {}
    if steps:
        if not run.checkpoints.is_dir():
            raise RunError(f"{run.folder} has no checkpoints, only its best weights: leave --steps out.")
        kept = Checkpoints(run.checkpoints, read_only=True).steps
        systems |= {f"step {step:,}": Translator.open(run, step) for step in kept}
    names = _names([*against, run])
    for name, other in zip(names, against, strict=False):
        systems[name] = Translator.open(other)
        _check(other, systems[name])
        form, wanted = ((each.config.attention_layers, each.config.model.heads) for each in (other, run))
        if form != wanted:
            raise ConfigError(
                f"{other.folder} has {form[0]} layers of {form[1]} heads, but {run.folder} has {wanted[0]} of "
                f"{wanted[1]}; only maps of the same form can be compared."
            )
    return systems | {names[-1]: model}


def _names(runs: Sequence[Run]) -> list[str]:
    """The names of the runs' folders, or the whole paths of those that have the same name."""
    folders = [run.folder.resolve() for run in runs]
    for place, folder in enumerate(folders):
        if folder in folders[:place]:
            raise ConfigError(f"{runs[place].folder} cannot be compared with itself: name other runs with --against.")
    names = [folder.name for folder in folders]
    return [name if names.count(name) == 1 else str(folder) for name, folder in zip(names, folders, strict=True)]


def compare(
    model: Translator,
    texts: Sequence[str],
    targets: Sequence[str] | None,
    systems: Mapping[str, Translator],
    kind: Kind,
) -> list[Sentence]:
    """Every sentence with its maps, of given translations or of those that the model writes.

    A map is recorded while the model writes; of several systems, all are fed the same translation.
    """
    *_, main = systems
    if targets is None:
        own = [best[0] for best in model.translate(texts, return_attention=True)]
        targets = [best.text for best in own]
        if len(systems) == 1:
            if kind == "weights":
                looked = [_recorded(best.attention) for best in own]
            else:
                looked = model.attend_written(list(zip(texts, own, strict=True)), kind=kind)
            return [
                Sentence(maps={main: attention}, candidates=best.candidates)
                for attention, best in zip(looked, own, strict=True)
            ]
    pairs = list(zip(texts, targets, strict=True))
    maps = {name: each.attend(pairs, kind=kind) for name, each in systems.items()}
    for name, each in maps.items():
        for number, (one, first) in enumerate(zip(each, maps[main], strict=True), start=1):
            if (one.source, one.target) != (first.source, first.target):
                raise ConfigError(
                    f"{name} cuts sentence {number} into other pieces than {main}; only maps of the same pieces "
                    "can be compared."
                )
    candidates = model.candidates(pairs)
    return [
        Sentence(maps={name: each[index] for name, each in maps.items()}, candidates=candidates[index])
        for index in range(len(pairs))
    ]


def _recorded(attention: AttentionMap | None) -> AttentionMap:
    assert attention is not None, "translate(return_attention=True) records it"
    return attention


def with_gold(sentences: Sequence[Sentence], path: Path) -> list[Sentence]:
    """The sentences with the gold links of a file, one sentence a line; raises `RunError` or `ConfigError`."""
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
