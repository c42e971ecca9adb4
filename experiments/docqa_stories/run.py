"""Trains a reader of generated stories, and its ablations; draws questions that need two and three facts, hop by hop.

    python experiments/docqa_stories/run.py

Runs go into runs/docqa_stories*; results.json and the figures beside this file are made anew.
"""

from pathlib import Path

from rich.console import Console

from xattn.sweeps import System, measure, save_example
from xattn.tasks.docqa import DocQATask

HERE = Path(__file__).parent
CONFIG = HERE.parents[1] / "configs" / "docqa_stories.py"

# Without its sentences the model plateaus early, so these ablations train for fewer steps.
SHORT = ("--training.steps", "1000")
SYSTEMS = [
    System(),
    System(memory="mean", overrides=("--training.steps", "4000")),
    System(memory="shuffle", overrides=SHORT),
    System(memory="none", overrides=SHORT),
]
# Test questions that are drawn, by their kinds: read where two facts are found in turn.
DRAWN = {"object": 0, "before": 0}

if __name__ == "__main__":
    run = measure(CONFIG, SYSTEMS, HERE / "results.json")["full"]
    task = DocQATask(run, Console(quiet=True))
    params = task.best_params()
    for kind, number in DRAWN.items():
        split = f"test_{kind}"
        save_example(run, split, number, HERE / f"{kind}.png", where=task.hop_readout(params, split))
