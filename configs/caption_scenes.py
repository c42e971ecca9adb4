"""Captions of drawn scenes: one to four objects with size, colour and shape, in the order of reading.

Question: Does every word of a caption look at the object that it is about?
Command: python experiments/caption_scenes/run.py
Hardware: 2 CPU cores
Time: not run yet
Score: not run yet
"""

from xattn.config import Caption, Experiment, Model, Optimizer, Training

config = Experiment(
    task=Caption(test=("test", "test_1", "test_2", "test_3", "test_4"), train_examples=20_000),
    model=Model(width=64, heads=4, mlp=128, dropout=0.0),
    optimizer=Optimizer(learning_rate=3e-3, warmup=200),
    # 64 pictures a batch.
    training=Training(steps=3500, batch_tokens=64 * 80, validate_every=500),
)
