"""Trains a toy with its memory, its mean, another's and none, scores all, and draws exact match by length.

    python experiments/toy_en_fr/run.py
    python experiments/toy_en_fr/run.py toy_en_hi

Runs go into runs/toy_en_fr, runs/toy_en_fr_mean, ... (or toy_en_hi); results.json and the figures in the folder of
that experiment are made anew.
"""

import json
import shutil
import sys
from pathlib import Path

from xattn.cli import main
from xattn.runs.folder import Run, open_run, write_json
from xattn.translation.length_curve import length_curve
from xattn.viewing.figures import render

ROOT = Path(__file__).parents[2]
# Who sees nothing of its source soon knows all that it can.
SHORT = ("--training.steps", "1000")
SENTENCE = "the small boy who sees the brown fox did not eat the good apples"


def run(config: Path, name: str, *overrides: str) -> Run:
    """Trains and evaluates a config, unless its run folder says that this is done."""
    folder = Path("runs") / name
    for command in (["train", str(config), "--run", str(folder), *overrides], ["evaluate", str(folder)]):
        if status := main(command):
            raise SystemExit(status)
    return open_run(folder)


if __name__ == "__main__":
    toy = sys.argv[1] if len(sys.argv) > 1 else "toy_en_fr"
    folder, config = ROOT / "experiments" / toy, ROOT / "configs" / f"{toy}.py"
    runs = {
        "full memory": run(config, toy),
        "mean memory": run(config, f"{toy}_mean", "--model.memory", "mean"),
        "shuffle": run(config, f"{toy}_shuffle", "--model.memory", "shuffle", *SHORT),
        "none": run(config, f"{toy}_none", "--model.memory", "none", *SHORT),
    }
    results = {name: each.read_results() for name, each in runs.items()}
    for name, each in runs.items():
        environment = json.loads((each.folder / "environment.json").read_text())[-1]
        last = json.loads(each.metrics.read_text().splitlines()[-1])
        results[name] |= {"environment": environment, "steps": last["step"], "training_seconds": last["seconds"]}
    write_json(folder / "results.json", results)
    drawn = {name: results[name] for name in ("full memory", "mean memory")}
    (folder / "length_curve.png").write_bytes(render(length_curve(drawn, ("test", "long"), "exact match"), "png"))
    full = runs["full memory"].folder
    main(["view", str(full), SENTENCE, "--format", "png", "--output", str(folder / "attention.png")])
    for name in ("attention.png", "length_curve.png"):
        (full / "figures").mkdir(exist_ok=True)
        shutil.copy(folder / name, full / "figures" / name)
