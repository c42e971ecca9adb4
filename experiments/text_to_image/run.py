"""Trains pictures from sentences with every memory; draws one, and what changes in it with one word of its sentence.

    python experiments/text_to_image/run.py

Runs go into runs/text_to_image*; results.json and the pictures beside this file are made anew.
"""

from pathlib import Path

from xattn.runs.readout import readout
from xattn.sweeps import System, measure, save_example
from xattn.tasks import given_map
from xattn.viewing.figures import render
from xattn.viewing.layouts.cells import changes

HERE = Path(__file__).parent
CONFIG = HERE.parents[1] / "configs" / "text_to_image.py"

# Without a sentence the model learns only how full pictures are: a quarter of the steps is enough.
SHORT = ("--training.steps", "500")
SYSTEMS = [
    System(seeds=3),
    System(memory="mean"),
    System(memory="shuffle", overrides=SHORT),
    System(memory="none", overrides=SHORT),
    System(variant="chains", overrides=("--task.chains", "True")),
]
# The blue circle is said to be below the red square: both move with it.
SENTENCE = (
    "a red square in the top {}, a blue circle below it, a green star in the bottom right and a cyan cross above it"
)
BEFORE, AFTER = "left", "mid-right"

if __name__ == "__main__":
    run = measure(CONFIG, SYSTEMS, HERE / "results.json")["full"]
    save_example(run, "test", 0, HERE / "example.png")
    before, after = (given_map(run, [SENTENCE.format(word)]) for word in (BEFORE, AFTER))
    figure = changes(before, after, readout(run, None, None, None))
    (HERE / "one_word.png").write_bytes(render(figure, "png"))
