"""Trains claims about pictures by cross-attention with every memory, and by two encoders; draws one picture.

    python experiments/imagetext_match/run.py

Runs go into runs/imagetext_match*; results.json and the picture beside this file are made anew.
"""

from pathlib import Path

from xattn.sweeps import System, measure, save_example

HERE = Path(__file__).parent
CONFIG = HERE.parents[1] / "configs" / "imagetext_match.py"

# Without a picture there is nothing to learn: a few steps are enough.
FEW = ("--training.steps", "500")
DUAL = ("--task.matcher", "dual")
SYSTEMS = [
    System(seeds=3),
    System(memory="mean"),
    System(memory="shuffle", overrides=FEW),
    System(memory="none", overrides=FEW),
    System(variant="dual", overrides=DUAL),
    System(variant="dual no swaps", overrides=(*DUAL, "--task.swaps", "False")),
    System(variant="no swaps", overrides=("--task.swaps", "False")),
]

if __name__ == "__main__":
    run = measure(CONFIG, SYSTEMS, HERE / "results.json")["full"]
    save_example(run, "test_decoy", 0, HERE / "decoy.png")
