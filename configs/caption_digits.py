"""Captions of scenes with real handwritten digits: one to four, with size and colour, in the order of reading.

Question: Does a caption look at handwriting as it does at drawn shapes?
Command: python experiments/caption_digits/run.py
Hardware: 2 CPU cores
Time: not run yet
Score: not run yet
"""

from xattn.config import Caption, Experiment, Model, Optimizer, Training

config = Experiment(
    task=Caption(
        shapes="digits",
        side=48,
        patch=6,
        test=("test", "test_1", "test_2", "test_3", "test_4"),
        train_examples=20_000,
    ),
    model=Model(width=64, heads=4, mlp=128, dropout=0.0),
    optimizer=Optimizer(learning_rate=3e-3, warmup=200),
    # 64 pictures a batch.
    training=Training(steps=4000, batch_tokens=64 * 80, validate_every=500),
)
