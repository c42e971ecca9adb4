"""Trains Multi30k with its memory and with its mean, and draws learning curves and BLEU by length.

    XATTN_DATA=path python experiments/multi30k_en_fr/run.py

Runs go into runs/multi30k_en_fr and runs/multi30k_en_fr_mean; results.json and the figures beside this file are made
anew. The test split is scored last, with the beam and the length penalty that were chosen on validation. Beside the
published convention there is cased BLEU against the raw references: sacremoses (the extra `bench`) detokenises the same
translations, and the first letter of each is made a capital.
"""

import json
import os
from pathlib import Path
from typing import Any

from sacremoses import MosesDetokenizer

from xattn.cli import main
from xattn.data import corpora
from xattn.runs.folder import Run
from xattn.sweeps import System, measure
from xattn.translation.corpus import bleu, load
from xattn.translation.length_curve import length_curve
from xattn.translation.translator import Translator
from xattn.viewing.curves import learning_curve
from xattn.viewing.figures import render

HERE = Path(__file__).parent
CONFIG = HERE.parents[1] / "configs" / "multi30k_en_fr.py"
SYSTEMS = [System(), System(memory="mean")]
SENTENCE = "a young girl in a red dress is playing with her brown dog on the beach ."
TEST = "test_2016_flickr"


def raw_cased(run: Run) -> dict[str, float | str]:
    """BLEU of the test translations as text, against the references with their case and without tokenisation."""
    model = Translator.open(run)
    found = model.translate([pair.source for pair in load(model.settings, TEST)])
    detokenizer = MosesDetokenizer("fr")
    texts = [detokenizer.detokenize(best.text.split()) for best, *_ in found]
    references = [pair.target for pair in corpora.load(os.path.expandvars("$XATTN_DATA/multi30k"), TEST)]
    metric = bleu(tokenized=False)
    score = metric.corpus_score([text[:1].upper() + text[1:] for text in texts], [references]).score
    return {"bleu": round(score, 2), "bleu_signature": str(metric.get_signature())}


def history(run: Run) -> list[dict[str, Any]]:
    """The validation rows of a run's metrics."""
    return [row for row in map(json.loads, run.metrics.read_text().splitlines()) if row["split"] == "validation"]


def more(run: Run) -> dict[str, Any]:
    """Results beside those of `xattn evaluate`."""
    kept = ("step", "loss", "bleu", "seconds")
    return {
        "raw_cased": {TEST: raw_cased(run)},
        "validation": [{key: row[key] for key in kept} for row in history(run)],
    }


if __name__ == "__main__":
    measured = measure(CONFIG, SYSTEMS, HERE / "results.json", tune=True, more=more)
    runs = {f"{name} memory": run for name, run in measured.items()}
    curves = {name: [(row["step"], row["bleu"]) for row in history(run)] for name, run in runs.items()}
    (HERE / "learning_curve.png").write_bytes(render(learning_curve(curves, metric="BLEU on validation"), "png"))
    results = {name: run.read_results() for name, run in runs.items()}
    (HERE / "length_curve.png").write_bytes(render(length_curve(results, [TEST], "BLEU"), "png"))
    main(["view", "runs/multi30k_en_fr", SENTENCE, "--format", "png", "--output", str(HERE / "attention.png")])
