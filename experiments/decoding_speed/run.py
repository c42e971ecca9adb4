"""Speed of beam search beside that of CTranslate2, on the same weights: both sides are timed in turn in one process.

    pip install -e '.[bench]'
    python experiments/decoding_speed/run.py RUN SOURCES

RUN is a run folder, SOURCES a file of sentences, of which the first 1,000 are translated. Adds its measurements,
under the name of the run, to results.json beside this file.
"""

import argparse
import os
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

# Threads of one side must not spin while the other is timed.
os.environ["OMP_WAIT_POLICY"] = "PASSIVE"

import ctranslate2
from ctranslate2_model import convert
from rich.console import Console

from xattn.runs.environment import environment
from xattn.runs.folder import TOY, open_run
from xattn.runs.results import read_measurements, write_measurements
from xattn.translation.translator import Translation, Translator

HERE = Path(__file__).parent
SENTENCES = 1_000
BEAM = 5
ROUNDS = 7
# CTranslate2 divides scores by length ** alpha, and xattn by ((5 + length) / 6) ** alpha: only 0 is the same in both.
LENGTH_PENALTY = 0.0
# Tried for CTranslate2 as powers of two; it gets the fastest.
BATCHES = (16, 32, 64, 128)
# Scores of equal hypotheses may differ by as much, by the order of sums in float32.
TIE = 1e-3


def theirs(model: ctranslate2.Translator, sources: list[list[str]], batch: int) -> list[Any]:
    """CTranslate2's best translations; it sorts by length by itself."""
    return model.translate_batch(
        sources,
        beam_size=BEAM,
        max_batch_size=batch,
        length_penalty=LENGTH_PENALTY,
        patience=1,
        return_scores=True,
        max_decoding_length=256,
    )


def seconds(run: Callable[[], object]) -> float:
    """How long it takes, once."""
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def compare(model: Translator, ours: list[Translation], other: list[Any]) -> dict[str, Any]:
    """Translations that differ, each with the score that its own side gave it."""
    ids = {piece: number for number, piece in enumerate(model.tokenizer.pieces(range(model.tokenizer.size)))}
    rows, largest = [], 0.0
    for line, (mine, each) in enumerate(zip(ours, other, strict=True), start=1):
        text, score = model.tokenizer.decode([ids[piece] for piece in each.hypotheses[0]]), each.scores[0]
        if text == mine.text:
            largest = max(largest, abs(score - mine.score))
        else:
            scores = {"our score": round(mine.score, 4), "their score": round(score, 4)}
            rows.append({"line": line, "ours": mine.text, "theirs": text} | scores)
    gaps = [row["our score"] - row["their score"] for row in rows]
    return {
        "different": len(rows),
        "of these ties": sum(abs(gap) < TIE for gap in gaps),
        "of these ours more probable": sum(gap >= TIE for gap in gaps),
        "of these theirs more probable": sum(gap <= -TIE for gap in gaps),
        "largest difference of scores where equal": float(f"{largest:.2g}"),
        "rows": rows,
    }


def measure(model: Translator, texts: list[str], threads: int, console: Console) -> dict[str, Any]:
    """Medians over the rounds, and what differs."""
    other = convert(model, threads)
    sources = [model.tokenizer.pieces(model.encode(text)) for text in texts]

    def ours() -> list[Translation]:
        return [best[0] for best in model.translate(texts, beam=BEAM, length_penalty=LENGTH_PENALTY)]

    first = seconds(ours)
    tried = {batch: min(seconds(partial(theirs, other, sources, batch)) for _ in range(2)) for batch in BATCHES}
    fastest = min(tried, key=lambda batch: tried[batch])
    sides = {"xattn": ours, "CTranslate2": partial(theirs, other, sources, fastest)}
    rounds = []
    for _ in range(ROUNDS):
        rounds.append({name: seconds(run) for name, run in sides.items()})
        console.print({name: f"{len(texts) / each:.0f} sentences/s" for name, each in rounds[-1].items()})
    found = ours()
    pieces = sum(each.pieces for each in found)

    def median(value: Callable[[dict[str, float]], float]) -> float:
        return float(f"{statistics.median(map(value, rounds)):.4g}")

    return {
        "sentences": len(texts),
        "target pieces": pieces,
        "ended by themselves": sum(each.finished for each in found),
        "sentences a second": {name: median(lambda row, name=name: len(texts) / row[name]) for name in sides},
        "target pieces a second": {name: median(lambda row, name=name: pieces / row[name]) for name in sides},
        "ratio of throughput": median(lambda row: row["CTranslate2"] / row["xattn"]),
        "seconds of the first time, compilation included": float(f"{first:.3g}"),
        "batch of CTranslate2": fastest,
        "outputs": compare(model, found, theirs(other, sources, fastest)),
    }


def main() -> None:
    """Measures one run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("run", type=Path, nargs="?", default=TOY)
    parser.add_argument("sources", type=Path)
    arguments = parser.parse_args()
    console = Console(soft_wrap=True, highlight=False)
    model = Translator.open(open_run(arguments.run))
    texts = [line for line in arguments.sources.read_text().splitlines() if line.strip()][:SENTENCES]
    threads = len(os.sched_getaffinity(0))
    here = environment() | {
        "command": "python experiments/decoding_speed/run.py RUN SOURCES",
        "ctranslate2": ctranslate2.__version__,
        "threads": threads,
    }
    settings = {"beam": BEAM, "length_penalty": LENGTH_PENALTY, "model": vars(model.config.model)}
    row = {"environment": here, "settings": settings, **measure(model, texts, threads, console)}
    console.print({name: value for name, value in row.items() if name not in ("environment", "settings")})
    file = HERE / "results.json"
    write_measurements(file, read_measurements(file) | {arguments.run.name: row})


if __name__ == "__main__":
    main()
