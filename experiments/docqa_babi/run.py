"""Trains a model on each of five bAbI tasks, and ablations of two; draws questions, hop by hop.

    XATTN_DATA=path python experiments/docqa_babi/run.py

Runs go into runs/docqa_babi_*; results.json and the figures beside this file are made anew.
"""

import io
from pathlib import Path

from rich.console import Console

from xattn.runs.folder import Run
from xattn.runs.readout import readout
from xattn.sweeps import measure
from xattn.tasks.docqa import DocQATask
from xattn.viewing.formats import png

HERE = Path(__file__).parent
CONFIG = HERE.parents[1] / "configs" / "docqa_babi.py"


def task(number: int, memory: str = "full", steps: int | None = None) -> list[str]:
    """The overrides of one task with one memory."""
    words = ["--row.tasks", str(number), "--data.test", f"test_qa{number}", "--model.memory", memory]
    return words if steps is None else [*words, "--training.steps", str(steps)]


# Who sees no sentence soon knows all that it can.
SYSTEMS = {
    "full": [],
    **{memory: task(2, memory, steps) for memory, steps in (("mean", 1500), ("shuffle", 500), ("none", 500))},
    **{
        f"qa{number} full": task(number, steps=steps)
        for number, steps in ((1, 1000), (5, 1500), (12, 1000), (14, 3000))
    },
    **{f"qa5 {memory}": task(5, memory, steps) for memory, steps in (("mean", 1500), ("shuffle", 500), ("none", 500))},
}
# Test questions that are drawn, by system: late ones of their stories.
DRAWN = {"full": 4, "qa5 full": 3}


def draw(run: Run, number: int) -> bytes:
    """A test question, read where two facts are found one after the other, or else where evaluation chose to read."""
    task = DocQATask(run, Console(file=io.StringIO()))
    params, (split,) = task.best_params(), run.config.data.test
    where = task.hop_readout(params, split) or readout(run, None, None, None)
    return png(task.attend(params, split, number), where)


if __name__ == "__main__":
    runs = measure(CONFIG, SYSTEMS, HERE / "results.json", seeds={"full": 3})
    for name, number in DRAWN.items():
        (HERE / f"{runs[name].config.data.test[0]}.png").write_bytes(draw(runs[name], number))
