"""Trains a model on each of five bAbI tasks, and ablations of two; draws questions, hop by hop.

    XATTN_DATA=path python experiments/docqa_babi/run.py

Runs go into runs/docqa_babi*; results.json and the figures beside this file are made anew.
"""

from pathlib import Path

from rich.console import Console

from xattn.runs.folder import Run
from xattn.sweeps import System, measure, save_example
from xattn.tasks.docqa import DocQATask

HERE = Path(__file__).parent
CONFIG = HERE.parents[1] / "configs" / "docqa_babi.py"


def system(number: int, variant: str, memory: str, steps: int) -> System:
    """One bAbI task with one memory."""
    words = ("--task.tasks", str(number), "--task.test", f"test_qa{number}", "--training.steps", str(steps))
    return System(memory=memory, variant=variant, overrides=words)


# Without its sentences the model plateaus early, so these ablations train for fewer steps.
ABLATIONS = (("mean", 1500), ("shuffle", 500), ("none", 500))
SYSTEMS = [
    System(seeds=3),
    *(system(2, "", memory, steps) for memory, steps in ABLATIONS),
    *(system(number, f"qa{number}", "full", steps) for number, steps in ((1, 1000), (5, 1500), (12, 1000), (14, 3000))),
    *(system(5, "qa5", memory, steps) for memory, steps in ABLATIONS),
]
# Test questions that are drawn, by system: late ones of their stories.
DRAWN = {"full": 4, "full qa5": 3}


def draw(run: Run, number: int) -> None:
    """Draws a test question, read where two facts are found in turn, or else where evaluation chose to read."""
    (split,) = run.config.task.test
    task = DocQATask(run, Console(quiet=True))
    save_example(run, split, number, HERE / f"{split}.png", where=task.hop_readout(task.best_params(), split))


if __name__ == "__main__":
    runs = measure(CONFIG, SYSTEMS, HERE / "results.json")
    for name, number in DRAWN.items():
        draw(runs[name], number)
