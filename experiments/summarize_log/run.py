"""Trains summaries of reports with and without the copy switch, and with every other memory; draws one report.

    python experiments/summarize_log/run.py

Runs go into runs/summarize_log*; results.json and the picture beside this file are made anew.
"""

from pathlib import Path

from xattn.sweeps import System, measure, save_example
from xattn.tasks.summarize import UNSEEN_NAMES

HERE = Path(__file__).parent
CONFIG = HERE.parents[1] / "configs" / "summarize_log.py"

# Without a report the model learns only how summaries begin and end: a quarter of the steps is enough.
FEW = ("--training.steps", "500")
SYSTEMS = [
    System(),
    System(variant="no copy", overrides=("--task.copy", "False")),
    System(memory="mean"),
    System(memory="shuffle", overrides=FEW),
    System(memory="none", overrides=FEW),
]

if __name__ == "__main__":
    run = measure(CONFIG, SYSTEMS, HERE / "results.json")["full"]
    # All names of this report are outside the vocabulary; its words are tinted by the attention of the summary.
    save_example(run, UNSEEN_NAMES, 0, HERE / "report.png")
