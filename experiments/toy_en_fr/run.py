"""Trains a toy with its memory, its mean, that of another sentence and none; scores all, draws exact match by length.

    python experiments/toy_en_fr/run.py
    python experiments/toy_en_fr/run.py toy_en_hi

Runs go into runs/toy_en_fr, runs/toy_en_fr_mean, ... (or toy_en_hi); results.json and the figures in the folder of
that experiment are made anew.
"""

import shutil
import sys
from pathlib import Path

from xattn.cli import main
from xattn.sweeps import System, measure
from xattn.translation.length_curve import length_curve
from xattn.viewing.figures import render

ROOT = Path(__file__).parents[2]
# Without a source the model plateaus early, so these ablations train for fewer steps.
SHORT = ("--training.steps", "1000")
SYSTEMS = [
    System(),
    System(memory="mean"),
    System(memory="shuffle", overrides=SHORT),
    System(memory="none", overrides=SHORT),
]
SENTENCE = "the small boy who sees the brown fox did not eat the good apples"

if __name__ == "__main__":
    toy = sys.argv[1] if len(sys.argv) > 1 else "toy_en_fr"
    folder = ROOT / "experiments" / toy
    runs = measure(ROOT / "configs" / f"{toy}.py", SYSTEMS, folder / "results.json")
    drawn = {f"{name} memory": runs[name].read_results() for name in ("full", "mean")}
    (folder / "length_curve.png").write_bytes(render(length_curve(drawn, ("test", "long"), "exact match"), "png"))
    full = runs["full"]
    main(["view", str(full.folder), SENTENCE, "--format", "png", "--output", str(folder / "attention.png")])
    for name in ("attention.png", "length_curve.png"):
        full.figures.mkdir(exist_ok=True)
        shutil.copy(folder / name, full.figures / name)
