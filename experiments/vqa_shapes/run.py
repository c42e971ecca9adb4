"""Trains answers to questions about drawn scenes with every memory; draws a question with the patches that it means.

    python experiments/vqa_shapes/run.py

Runs go into runs/vqa_shapes*; results.json and the picture beside this file are made anew.
"""

from pathlib import Path

from xattn.sweeps import System, measure, save_example

HERE = Path(__file__).parent
CONFIG = HERE.parents[1] / "configs" / "vqa_shapes.py"

# Without a picture there is nothing to learn but the share of yes: a few steps are enough.
SHORT = ("--training.steps", "500")
SYSTEMS = [
    System(seeds=3),
    System(memory="mean"),
    System(memory="shuffle", overrides=SHORT),
    System(memory="none", overrides=SHORT),
]
# A test question with one relation whose answer is yes.
SPLIT, DRAWN = "test_1", 4

if __name__ == "__main__":
    run = measure(CONFIG, SYSTEMS, HERE / "results.json")["full"]
    save_example(run, SPLIT, DRAWN, HERE / "question.png")
