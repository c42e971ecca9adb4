"""Trains captions of handwritten digits with every memory; draws one picture.

    python experiments/caption_digits/run.py

Runs go into runs/caption_digits*; results.json and the picture beside this file are made anew.
"""

from pathlib import Path

from xattn.sweeps import System, measure, save_example

HERE = Path(__file__).parent
CONFIG = HERE.parents[1] / "configs" / "caption_digits.py"

# Without a picture the model learns only how captions begin and end: a few steps are enough.
FEW = ("--training.steps", "500")
SYSTEMS = [
    System(seeds=3),
    System(memory="mean"),
    System(memory="shuffle", overrides=FEW),
    System(memory="none", overrides=FEW),
]

if __name__ == "__main__":
    run = measure(CONFIG, SYSTEMS, HERE / "results.json")["full"]
    save_example(run, "test_3", 0, HERE / "digits.png")
