"""Trains one model on five bAbI tasks, and its ablations; draws a question that needs two facts, hop by hop.

    XATTN_DATA=path python experiments/docqa_babi/run.py

Runs go into runs/docqa_babi_*; results.json and the figures beside this file are made anew.
"""

import io
from pathlib import Path

from rich.console import Console

from xattn.alignment.maps import Readout
from xattn.results import measure
from xattn.tasks.docqa import DocQATask
from xattn.viewing.formats import png

HERE = Path(__file__).parent
CONFIG = HERE.parents[1] / "configs" / "docqa_babi.py"

# Who sees no sentence soon knows all that it can.
SHORT = ["--training.steps", "1000"]
SYSTEMS = {
    "full": [],
    "mean": ["--model.memory", "mean", "--training.steps", "4000"],
    "shuffle": ["--model.memory", "shuffle", *SHORT],
    "none": ["--model.memory", "none", *SHORT],
}
# Questions of each task's test that are drawn, by their numbers.
DRAWN = {"qa2": 0, "qa5": 0}

if __name__ == "__main__":
    runs = measure(CONFIG, SYSTEMS, HERE / "results.json")
    task = DocQATask(runs["full"], Console(file=io.StringIO()))
    params, layers = task.trained(), runs["full"].config.model.layers
    for name, number in DRAWN.items():
        attention = task.attend(params, f"test_{name}", number)
        picture = png(attention, Readout(layer=layers - 1, head="mean", convention="produced"))
        (HERE / f"{name}.png").write_bytes(picture)
