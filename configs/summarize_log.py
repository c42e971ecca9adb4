"""Summaries of generated machine reports, with a switch that copies words which the decoder looks at.

Question: Can a decoder find what is said of a report's subject, and write names that no vocabulary has?
Command: python experiments/summarize_log/run.py
Hardware: not run yet
Time: not run yet
Score: not run yet
"""

from xattn.config import Data, Experiment, Model, Optimizer, Training
from xattn.tasks.summarize import Summary

config = Experiment(
    task="summarize",
    row=Summary(),
    data=Data(corpus="generated", test=("test", "unseen")),
    model=Model(width=64, heads=4, mlp=128, dropout=0.0),
    optimizer=Optimizer(learning_rate=3e-3, warmup=100),
    # 64 reports a batch.
    training=Training(steps=2000, batch_tokens=5312, validate_every=500),
)
