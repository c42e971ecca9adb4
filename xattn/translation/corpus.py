"""The sentence pairs of a translation run, as its model reads them."""

from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from sacrebleu.metrics import BLEU  # pyright: ignore[reportPrivateImportUsage]

from xattn.config import Experiment, Translation
from xattn.data import corpora
from xattn.data.corpora import BadLines, Pair
from xattn.data.encoded import Corpus
from xattn.data.tokenizer import normalized
from xattn.errors import ConfigError


def settings_of(config: Experiment) -> Translation:
    """The settings of a translation run. Raises `ConfigError` for a run of another task."""
    if not isinstance(config.task, Translation):
        raise ConfigError(f"The task {config.task.kind!r} does not translate.")
    return config.task


def read(settings: Translation, split: str, bad: BadLines | None = None) -> Iterator[Pair]:
    """The sentence pairs of a split, as the model reads them; `bad` counts the lines that are left out.

    Raises `DataError` for a corpus that cannot be read, and for a bad line unless `bad_lines` is `skip`.
    """
    pairs = corpora.read(
        settings.corpus,
        split,
        source=settings.source,
        target=settings.target,
        columns=settings.columns,
        cache=Path(settings.folder).expanduser(),
        bad=bad or BadLines(settings.bad_lines),
    )
    for pair in pairs:
        yield pair._replace(source=as_read(settings, pair.source), target=as_read(settings, pair.target))


def as_read(settings: Translation, text: str) -> str:
    """A text as the model reads it: normalised by the rule of the vocabulary, and lower-cased if settings say so."""
    text = normalized(text, settings.vocabulary.normalization)
    return text.lower() if settings.lowercase else text


def identity(settings: Translation, split: str) -> dict[str, str]:
    """What a split consists of, see `xattn.data.corpora.identity`."""
    return corpora.identity(
        settings.corpus,
        split,
        source=settings.source,
        target=settings.target,
        cache=Path(settings.folder).expanduser(),
    )


def load(settings: Translation, split: str, bad: BadLines | None = None) -> list[Pair]:
    """The pairs of `read`, in memory."""
    return list(read(settings, split, bad))


def counted(corpus: Corpus, doing: str, console: Console) -> Iterator[Pair]:
    """The pairs of a corpus, with a progress bar."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:,} pairs"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bars:
        yield from bars.track(corpus, total=corpus.size, description=doing)


def bleu(tokenized: bool) -> BLEU:
    """BLEU as papers report it: of tokenised text on its tokens, of other text with the tokeniser of WMT (13a)."""
    # `force` only turns off the warning about tokenised text.
    return BLEU(tokenize="none" if tokenized else "13a", force=tokenized)
