"""Trains summaries of reports with and without the copy switch, and with every other memory; draws one report.

    python experiments/summarize_log/run.py

Runs go into runs/summarize_log_*; results.json and the picture beside this file are made anew.
"""

import io
from pathlib import Path

from rich.console import Console

from xattn.runs.folder import Run
from xattn.runs.readout import readout
from xattn.sweeps import measure
from xattn.tasks.summarize import UNSEEN_NAMES, SummarizeTask
from xattn.viewing.formats import png

HERE = Path(__file__).parent
CONFIG = HERE.parents[1] / "configs" / "summarize_log.py"

# What has nothing to look at learns only how summaries begin and end: a quarter of the steps is enough.
FEW = ["--training.steps", "500"]
SYSTEMS = {
    "full": [],
    "full no copy": ["--row.copy", "False"],
    "mean": ["--model.memory", "mean"],
    "shuffle": ["--model.memory", "shuffle", *FEW],
    "none": ["--model.memory", "none", *FEW],
}


def picture(run: Run, number: int) -> bytes:
    """A report whose names are all strange, tinted by what its written summary looked at."""
    task = SummarizeTask(run, Console(file=io.StringIO()))
    return png(task.attend(task.best_params(), UNSEEN_NAMES, number), readout(run, None, None, None))


if __name__ == "__main__":
    runs = measure(CONFIG, SYSTEMS, HERE / "results.json")
    (HERE / "report.png").write_bytes(picture(runs["full"], 0))
