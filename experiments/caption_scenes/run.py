"""Trains captions of drawn scenes with every memory, and without self-attention among patches; draws one picture.

    python experiments/caption_scenes/run.py

Runs go into runs/caption_scenes*; results.json and the picture beside this file are made anew.
"""

from pathlib import Path

from xattn.sweeps import System, measure, save_example

HERE = Path(__file__).parent
CONFIG = HERE.parents[1] / "configs" / "caption_scenes.py"

# Without a picture the model learns only how captions begin and end: a few steps are enough.
FEW = ("--training.steps", "500")
SYSTEMS = [
    System(seeds=3),
    System(variant="no encoder layers", overrides=("--task.encoder_layers", "0")),
    System(memory="mean"),
    System(memory="shuffle", overrides=FEW),
    System(memory="none", overrides=FEW),
]

if __name__ == "__main__":
    run = measure(CONFIG, SYSTEMS, HERE / "results.json")["full"]
    save_example(run, "test_3", 0, HERE / "scene.png")
