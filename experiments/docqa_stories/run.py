"""Trains a reader of generated stories, and its ablations; draws questions that need two and three facts, hop by hop.

    python experiments/docqa_stories/run.py

Runs go into runs/docqa_stories_*; results.json and the figures beside this file are made anew.
"""

import io
from pathlib import Path

from rich.console import Console

from xattn.alignment.maps import Readout
from xattn.results import measure
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
# Questions of each kind that are drawn, by their numbers in its test split.
DRAWN = {"object": 0, "before": 0}

if __name__ == "__main__":
    runs = measure(CONFIG, SYSTEMS, HERE / "results.json")
    task = DocQATask(runs["full"], Console(file=io.StringIO()))
    params, layers = task.trained(), runs["full"].config.model.layers
    for name, number in DRAWN.items():
        attention = task.attend(params, f"test_{name}", number)
        picture = png(attention, Readout(layer=layers - 1, head="mean", convention="produced"))
        (HERE / f"{name}.png").write_bytes(picture)
