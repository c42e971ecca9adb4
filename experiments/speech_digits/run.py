"""Trains numbers that are listened to: three seeds, other memories, other losses, and without one of the speakers.

    XATTN_DATA=path python experiments/speech_digits/run.py

Runs go into runs/speech_digits*; results.json and the figures beside this file are made anew.
"""

from pathlib import Path

from xattn.sweeps import System, measure, save_example
from xattn.tasks.speech_digits_examples import PAUSES, UNSEEN

HERE = Path(__file__).parent
CONFIG = HERE.parents[1] / "configs" / "speech_digits.py"
SPEAKER = "theo"

# Without a sound the decoder learns only how long numbers are: a few steps are enough.
FEW = ("--training.steps", "300", "--training.validate_every", "100")
SYSTEMS = [
    System(seeds=3),
    System(memory="mean"),
    System(memory="shuffle", overrides=FEW),
    System(memory="none", overrides=FEW),
    System(variant="ctc alone", overrides=("--task.ctc", "1.0")),
    System(variant="no ctc", overrides=("--task.ctc", "0.0")),
    System(
        variant=f"without {SPEAKER}",
        overrides=("--task.held_out_speaker", SPEAKER, "--task.test", "test", UNSEEN),
    ),
]

if __name__ == "__main__":
    runs = measure(CONFIG, SYSTEMS, HERE / "results.json")
    save_example(runs["full"], "test", 0, HERE / "test.png")
    save_example(runs["full"], PAUSES, 0, HERE / "pauses.png")
    save_example(runs[f"full without {SPEAKER}"], UNSEEN, 0, HERE / "unseen.png")
