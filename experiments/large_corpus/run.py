"""Memory and time of five million sentence pairs, at every step from text files to batches.

    /usr/bin/time -v python experiments/large_corpus/run.py FOLDER

FOLDER, which may be new, gets a corpus of 0.9 GB, made of words with Zipf's frequencies, and the cache of its
encoded form; delete it afterwards. Writes results.json beside this file.
"""

import argparse
import contextlib
import itertools
import multiprocessing
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from rich.console import Console

from xattn.config import Experiment, Training, Translation, Vocabulary
from xattn.data import batching
from xattn.runs.environment import environment
from xattn.runs.folder import create
from xattn.runs.results import write_measurements
from xattn.translation.task import TranslationTask

HERE = Path(__file__).parent
PAIRS, WORDS, BATCHES = 5_000_000, 200_000, 200


def words() -> list[str]:
    """Distinct words of 1 to 3 syllables, the frequent ones short."""
    syllables = [consonant + vowel for consonant in "bcdfglmnprstv" for vowel in "aeioué"]
    lengths = (itertools.product(syllables, repeat=length) for length in (1, 2, 3))
    return ["".join(word) for word in itertools.islice(itertools.chain.from_iterable(lengths), WORDS)]


def make(folder: Path, pairs: int) -> None:
    """Writes train.en, train.fr and a small validation split: sentences of about 18 words, targets a little longer."""
    generator = np.random.default_rng(0)
    lexicon = np.array(words(), object)
    ranks = 1 / np.arange(1, WORDS + 1)
    steps = ranks.cumsum() / ranks.sum()
    folder.mkdir(parents=True, exist_ok=True)
    for split, count in {"validation": 1000, "train": pairs}.items():
        with contextlib.ExitStack() as stack:
            files = [stack.enter_context((folder / f"{split}.{side}").open("w")) for side in ("en", "fr")]
            for first in range(0, count, 10_000):
                rows = min(10_000, count - first)
                common = generator.normal(size=rows)
                for file, mean in zip(files, (2.75, 2.85), strict=True):
                    lengths = np.exp(mean + 0.4 * common + 0.15 * generator.normal(size=rows)).astype(int).clip(1, 60)
                    drawn = lexicon[np.searchsorted(steps, generator.random(lengths.sum())).clip(0, WORDS - 1)]
                    for sentence in np.split(drawn, lengths.cumsum()[:-1]):
                        file.write(" ".join(sentence) + "\n")


@contextlib.contextmanager
def measured(rows: dict[str, dict[str, float]], name: str) -> Iterator[None]:
    """Notes the seconds of a step, and the peak memory of this process so far."""
    began = time.monotonic()
    yield
    scale = 1 if sys.platform == "darwin" else 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * scale
    rows[name] = {"seconds": round(time.monotonic() - began, 1), "peak_gib": round(peak / 2**30, 2)}
    print(name, rows[name], flush=True)


def main() -> None:
    """Makes the corpus in another process, so that its memory does not count, and measures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pairs", type=int, default=PAIRS)
    arguments = parser.parse_args()
    corpus = arguments.folder / "corpus"
    if not corpus.exists():
        maker = multiprocessing.get_context("spawn").Process(target=make, args=(corpus, arguments.pairs))
        maker.start()
        maker.join()
    config = Experiment(
        task=Translation(
            corpus=str(corpus),
            folder=str(arguments.folder / "cache"),
            vocabulary=Vocabulary(kind="bpe", size=16_000),
            buckets=16,
        ),
        training=Training(batch_tokens=8192),
    )
    rows: dict[str, dict[str, float]] = {}
    with measured(rows, "imports"):
        console = Console()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as scratch:
        run = create(Path(scratch, "first"), config)
        with measured(rows, "reading, vocabulary, encoding"):
            task = TranslationTask(run, console)
        with measured(rows, "shapes"):
            shapes = task.shapes(1)
        with measured(rows, "plan of an epoch"):
            plan = batching.plan_epoch(*task.lengths["train"], shapes, seed=0, epoch=0)
        batches = task.train_batches(0, 1)
        with measured(rows, f"{BATCHES} batches"):
            for number in range(BATCHES):
                _ = batches[number]
        with measured(rows, "the same run again"):
            TranslationTask(run, console)
    examples = sum(len(planned.examples) for planned in plan)
    pieces = sum(int((side - 1).sum()) for side in task.lengths["train"])
    write_measurements(
        HERE / "results.json",
        {
            "pairs": examples,
            "pieces": pieces,
            "corpus_bytes": sum(path.stat().st_size for path in corpus.glob("train.*")),
            "encoded_bytes": sum(
                path.stat().st_size for path in (arguments.folder / "cache").rglob("*") if path.is_file()
            ),
            "batches": len(plan),
            "efficiency": round(batching.efficiency(plan, *task.lengths["train"]), 4),
            "steps": rows,
            "environment": environment() | {"command": "python experiments/large_corpus/run.py FOLDER"},
        },
    )


if __name__ == "__main__":
    main()
