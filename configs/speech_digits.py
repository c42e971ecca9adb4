"""Spoken numbers: real recordings of digits, two to six of one speaker strung together.

Question: Does a decoder that learns words alone attend to the moment at which each word is said?
Command: XATTN_DATA=path python experiments/speech_digits/run.py; `--task.corpus tones` needs no recordings
Hardware: 2 CPU cores
Time: not measured yet
Score: not measured yet
"""

from xattn.config import Experiment, Model, Optimizer, SpeechDigits, Training

config = Experiment(
    task=SpeechDigits(corpus="$XATTN_DATA/fsdd/recordings.tar.gz", test=("test", "pauses")),
    model=Model(width=96, heads=4, layers=2, mlp=192),
    optimizer=Optimizer(learning_rate=2e-3, warmup=200),
    # 32 numbers a batch.
    training=Training(steps=1500, batch_tokens=32 * 110, validate_every=250),
)
