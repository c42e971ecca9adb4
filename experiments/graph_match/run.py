"""Trains graph matching with every memory, and full and siamese ones with more edges moved; draws where nodes look.

    python experiments/graph_match/run.py

Runs go into runs/graph_match_*; results.json and the pictures beside this file are made anew.
"""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rich.console import Console

from xattn.runs.folder import Run
from xattn.runs.readout import readout
from xattn.sweeps import measure
from xattn.tasks.graph_match import Examples, GraphMatchTask
from xattn.viewing.formats import png

HERE = Path(__file__).parent
CONFIG = HERE.parents[1] / "configs" / "graph_match.py"

# The siamese network is the one without a memory. All train equally long: none of them only learns a prior.
SIAMESE = ["--model.memory", "none"]
MOVED = (0.1, 0.2)
SYSTEMS = {
    "full": [],
    "mean": ["--model.memory", "mean"],
    "none": SIAMESE,
    "shuffle": ["--model.memory", "shuffle"],
    **{f"full moved {share}": ["--row.moved", str(share)] for share in MOVED},
    **{f"none moved {share}": ["--row.moved", str(share), *SIAMESE] for share in MOVED},
}


class Back(GraphMatchTask):
    """The same examples with the graphs in each other's place: where the copy's nodes look."""

    def read(self, split: str) -> Examples:
        first, second, planted = super().read(split)
        return Examples(second, first, planted.argsort(axis=1).astype(np.int32))

    def labels(self, examples: Examples) -> tuple[Sequence[str], Sequence[str]]:
        source, target = super().labels(examples)
        return target, source


def draw(run: Run, number: int) -> None:
    """Where the nodes of a test example look, from the one graph and from the other."""
    where = readout(run, None, None, None)
    for name, kind in (("a_to_b", GraphMatchTask), ("b_to_a", Back)):
        task = kind(run, Console(file=io.StringIO()))
        (HERE / f"{name}.png").write_bytes(png(task.attend(task.best_params(), "test", number), where))


if __name__ == "__main__":
    runs = measure(CONFIG, SYSTEMS, HERE / "results.json", seeds={"full": 3, "none": 3})
    draw(runs["full"], 0)
