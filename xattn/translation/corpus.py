"""The sentence pairs of a translation run, as its model reads them."""

from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from sacrebleu.metrics import BLEU  # pyright: ignore[reportPrivateImportUsage]

from xattn.config import Experiment
from xattn.data import corpora as sources
from xattn.data.corpora import BadLines, Pair
from xattn.data.encoded import Corpus


def read(config: Experiment, split: str, bad: BadLines | None = None) -> Iterator[Pair]:
    """The sentence pairs of a split, as the model will read them; `bad` counts what is left out."""
    data = config.data
    pairs = sources.read(
        data.corpus,
        split,
        source=data.source,
        target=data.target,
        columns=data.columns,
        cache=Path(data.folder).expanduser(),
        bad=bad or BadLines(data.bad_lines),
    )
    for pair in pairs:
        yield pair._replace(source=pair.source.lower(), target=pair.target.lower()) if data.lowercase else pair


def load(config: Experiment, split: str, bad: BadLines | None = None) -> list[Pair]:
    """All that `read` gives, in memory."""
    return list(read(config, split, bad))


def counted(corpus: Corpus, doing: str, console: Console) -> Iterator[Pair]:
    """The pairs of a corpus, with a progress bar while they are gone through."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:,} pairs"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bars:
        yield from bars.track(corpus, total=corpus.size, description=doing)


def bleu(tokenized: bool) -> BLEU:
    """BLEU as it is published for text of this kind: on tokens as they are, or with the tokeniser of WMT (13a)."""
    # `force` only says that tokenised text is meant to be so.
    return BLEU(tokenize="none" if tokenized else "13a", force=tokenized)
