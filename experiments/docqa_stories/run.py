"""Trains a reader of generated stories, and its ablations; draws questions that need two and three facts, hop by hop.

    python experiments/docqa_stories/run.py

Runs go into runs/docqa_stories_*; results.json and the figures beside this file are made anew.
"""

import io
from pathlib import Path

from rich.console import Console

from xattn.runs.readout import readout
from xattn.sweeps import measure
from xattn.tasks.docqa import DocQATask
from xattn.viewing.formats import png

HERE = Path(__file__).parent
CONFIG = HERE.parents[1] / "configs" / "docqa_stories.py"

# Who sees no sentence soon knows all that it can.
SHORT = ["--training.steps", "1000"]
SYSTEMS = {
    "full": [],
    "mean": ["--model.memory", "mean", "--training.steps", "4000"],
    "shuffle": ["--model.memory", "shuffle", *SHORT],
    "none": ["--model.memory", "none", *SHORT],
}
# Test questions that are drawn, by their kinds: read where two facts are found one after the other.
DRAWN = {"object": 0, "before": 0}

if __name__ == "__main__":
    runs = measure(CONFIG, SYSTEMS, HERE / "results.json")
    task = DocQATask(runs["full"], Console(file=io.StringIO()))
    params = task.best_params()
    for kind, number in DRAWN.items():
        split = f"test_{kind}"
        where = task.hop_readout(params, split) or readout(runs["full"], None, None, None)
        (HERE / f"{kind}.png").write_bytes(png(task.attend(params, split, number), where))
