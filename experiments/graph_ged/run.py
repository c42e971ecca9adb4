"""Trains the similarity of LINUX and of AIDS graphs, with every memory for LINUX; draws where nodes look.

    XATTN_DATA=path python experiments/graph_ged/run.py

Runs go into runs/graph_ged_*; results.json and the pictures beside this file are made anew.
"""

import io
from pathlib import Path

import numpy as np
from rich.console import Console

from xattn.runs.folder import Run
from xattn.runs.readout import readout
from xattn.sweeps import measure
from xattn.tasks.graph_ged import GraphGedTask
from xattn.viewing.formats import png

HERE = Path(__file__).parent
CONFIG = HERE.parents[1] / "configs" / "graph_ged.py"

AIDS = ["--row.dataset", "aids"]
SYSTEMS = {
    "full": [],
    "full aids": AIDS,
    **{memory: ["--model.memory", memory] for memory in ("mean", "none", "shuffle")},
    "none aids": [*AIDS, "--model.memory", "none"],
}


def draw(run: Run, name: str) -> None:
    """Where nodes look in the first pair of the test grid with at least 9 nodes a side, and an edit or two apart."""
    task = GraphGedTask(run, Console(file=io.StringIO()))
    first, second, _ = task.examples("test")
    data = task.data
    near = (data.distances[first, second] > 0) & (data.distances[first, second] <= 2)
    large = np.minimum(data.sizes[first], data.sizes[second]) >= 9
    number = int(np.flatnonzero(near & large)[0])
    picture = png(task.attend(task.best_params(), "test", number), readout(run, None, None, None))
    (HERE / f"{name}.png").write_bytes(picture)


if __name__ == "__main__":
    runs = measure(CONFIG, SYSTEMS, HERE / "results.json")
    draw(runs["full"], "linux")
    draw(runs["full aids"], "aids")
