"""Trains the sentences of AN4 with CTC and a decoder together, with CTC alone, and with the decoder alone.

    XATTN_DATA=path python experiments/speech_an4/run.py

Runs go into runs/speech_an4*; results.json and the figure beside this file are made anew.
"""

from pathlib import Path

from xattn.sweeps import System, measure, save_example

HERE = Path(__file__).parent
CONFIG = HERE.parents[1] / "configs" / "speech_an4.py"

# Without a sound the decoder learns only how sentences begin: a few steps are enough.
FEW = ("--training.steps", "400", "--training.validate_every", "200")
SYSTEMS = [
    System(seeds=3),
    System(variant="ctc alone", overrides=("--task.ctc", "1.0")),
    System(variant="no ctc", overrides=("--task.ctc", "0.0")),
    System(memory="shuffle", overrides=FEW),
    System(memory="none", overrides=FEW),
]

if __name__ == "__main__":
    run = measure(CONFIG, SYSTEMS, HERE / "results.json")["full"]
    save_example(run, "test", 0, HERE / "test.png")
