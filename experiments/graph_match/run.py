"""Trains graph matching with every memory, and full and siamese ones on more moved edges; draws node attention.

    python experiments/graph_match/run.py

Runs go into runs/graph_match*; results.json and the pictures beside this file are made anew.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from xattn.sweeps import System, measure, save_example
from xattn.tasks.graph_match import Examples, GraphMatchTask

HERE = Path(__file__).parent
CONFIG = HERE.parents[1] / "configs" / "graph_match.py"

# The siamese network is the one without a memory. All systems train equally long: each learns more than a prior.
MOVED = (0.1, 0.2)
SYSTEMS = [
    System(seeds=3),
    System(memory="mean"),
    System(memory="none", seeds=3),
    System(memory="shuffle"),
    *(
        System(memory=memory, variant=f"moved {share}", overrides=("--task.moved", str(share)))
        for memory in ("full", "none")
        for share in MOVED
    ),
]


class Back(GraphMatchTask):
    """The same examples with the two graphs exchanged: the attention of the copy's nodes."""

    def read(self, split: str) -> Examples:
        first, second, planted = super().read(split)
        return Examples(second, first, planted.argsort(axis=1).astype(np.int32))

    def labels(self, examples: Examples) -> tuple[Sequence[str], Sequence[str]]:
        source, target = super().labels(examples)
        return target, source


if __name__ == "__main__":
    run = measure(CONFIG, SYSTEMS, HERE / "results.json")["full"]
    for name, task in {"a_to_b": GraphMatchTask, "b_to_a": Back}.items():
        save_example(run, "test", 0, HERE / f"{name}.png", task=task)
