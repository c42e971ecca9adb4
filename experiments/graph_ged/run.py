"""Trains the similarity of LINUX and of AIDS graphs, with every memory for LINUX; draws the attention of nodes.

    XATTN_DATA=path python experiments/graph_ged/run.py

Runs go into runs/graph_ged*; results.json and the pictures beside this file are made anew.
"""

from pathlib import Path

import numpy as np
from rich.console import Console

from xattn.runs.folder import Run
from xattn.sweeps import System, measure, save_example
from xattn.tasks.graph_ged import GraphGedTask

HERE = Path(__file__).parent
CONFIG = HERE.parents[1] / "configs" / "graph_ged.py"

AIDS = ("--task.dataset", "aids")
SYSTEMS = [
    System(),
    System(variant="aids", overrides=AIDS),
    *(System(memory=memory) for memory in ("mean", "none", "shuffle")),
    System(memory="none", variant="aids", overrides=AIDS),
]


def draw(run: Run, name: str) -> None:
    """Draws the first pair of the test grid with at least 9 nodes a side that are an edit or two apart."""
    task = GraphGedTask(run, Console(quiet=True))
    first, second, _ = task.examples("test")
    data = task.data
    near = (data.distances[first, second] > 0) & (data.distances[first, second] <= 2)
    large = np.minimum(data.sizes[first], data.sizes[second]) >= 9
    save_example(run, "test", int(np.flatnonzero(near & large)[0]), HERE / f"{name}.png")


if __name__ == "__main__":
    runs = measure(CONFIG, SYSTEMS, HERE / "results.json")
    draw(runs["full"], "linux")
    draw(runs["full aids"], "aids")
