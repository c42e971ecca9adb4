"""Trains Multi30k with its memory and with its mean, and draws learning curves and BLEU by length.

    XATTN_DATA=path python experiments/multi30k_en_fr/run.py

Runs go into runs/multi30k_en_fr and runs/multi30k_en_fr_mean; results.json and the figures beside this file are made
anew. The test split is scored last, once, with the beam and the length penalty that were chosen on validation.
Beside the published convention, cased BLEU against the raw references: sacremoses (the extra `bench`) puts the words of
the same translations together again, and the first letter of each is made a capital.
"""

import json
import os
from pathlib import Path

from sacremoses import MosesDetokenizer

from xattn.cli import main
from xattn.data import corpora as sources
from xattn.runs.folder import Run, open_run, write_json
from xattn.translation.corpus import bleu, load
from xattn.translation.length_curve import length_curve
from xattn.translation.translator import Translator
from xattn.viewing.curves import learning_curve
from xattn.viewing.figures import render

HERE = Path(__file__).parent
SENTENCE = "a young girl in a red dress is playing with her brown dog on the beach ."
TEST = "test_2016_flickr"


def run(name: str, *overrides: str) -> Run:
    """Trains, tunes and evaluates the config; what the run folder says is done, is not done again."""
    config, folder = HERE.parents[1] / "configs" / "multi30k_en_fr.py", Path("runs") / name
    commands = [["train", str(config), *overrides, "--run", str(folder)]]
    results = open_run(folder).read_results() if folder.exists() else {}
    if "tuned" not in results:
        commands.append(["evaluate", str(folder), "--tune"])
    if "splits" not in results:
        commands.append(["evaluate", str(folder)])
    for command in commands:
        if status := main(command):
            raise SystemExit(status)
    return open_run(folder)


def raw_cased(run: Run) -> dict[str, float | str]:
    """BLEU of the test translations as text, against the references that nobody lower-cased or tokenised."""
    pairs = load(run.config, TEST)
    found = Translator.open(run).translate([pair.source for pair in pairs])
    whole = MosesDetokenizer("fr")
    texts = [whole.detokenize(best.text.split()) for best, *_ in found]
    references = [pair.target for pair in sources.load(os.path.expandvars("$XATTN_DATA/multi30k"), TEST)]
    metric = bleu(tokenized=False)
    score = metric.corpus_score([text[:1].upper() + text[1:] for text in texts], [references]).score
    return {"bleu": round(score, 2), "bleu_signature": str(metric.get_signature())}


def history(run: Run, split: str) -> list[dict]:
    """The rows of a split in a run's metrics."""
    return [row for row in map(json.loads, run.metrics.read_text().splitlines()) if row["split"] == split]


if __name__ == "__main__":
    runs = {
        "full memory": run("multi30k_en_fr"),
        "mean memory": run("multi30k_en_fr_mean", "--model.memory", "mean"),
    }
    results = {name: each.read_results() for name, each in runs.items()}
    for name, each in runs.items():
        environment = json.loads((each.folder / "environment.json").read_text())[0]
        rows = history(each, "validation")
        results[name] |= {
            "environment": environment,
            "steps": rows[-1]["step"],
            "training_seconds": rows[-1]["seconds"],
            "raw_cased": {TEST: raw_cased(each)},
            "validation": [{key: row[key] for key in ("step", "loss", "bleu", "seconds")} for row in rows],
        }
    write_json(HERE / "results.json", results)
    curves = {name: [(row["step"], row["bleu"]) for row in history(each, "validation")] for name, each in runs.items()}
    (HERE / "learning_curve.png").write_bytes(render(learning_curve(curves, metric="BLEU on validation"), "png"))
    (HERE / "length_curve.png").write_bytes(render(length_curve(results, [TEST], "BLEU"), "png"))
    main(["view", "runs/multi30k_en_fr", SENTENCE, "--format", "png", "--output", str(HERE / "attention.png")])
