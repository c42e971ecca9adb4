"""Claims about drawn scenes, true or with their words swapped: words attend to patches.

Question: Does "red" in "red square" look at the square and not at another red object?
Command: python experiments/imagetext_match/run.py
Hardware: 2 CPU cores
Time: not run yet
Score: not run yet
"""

from xattn.config import Experiment, ImageTextMatch, Model, Optimizer, Training

config = Experiment(
    task=ImageTextMatch(test=("test", "test_decoy"), train_examples=20_000),
    model=Model(width=64, heads=4, layers=3, mlp=128, dropout=0.0),
    optimizer=Optimizer(learning_rate=2e-3, warmup=200),
    # 64 pictures a batch, of four claims each.
    training=Training(steps=3000, batch_tokens=64 * 88, validate_every=500),
)
