"""Pictures of 4 x 4 cells from sentences that say what is where.

Question: Does every cell attend to the words that say what it holds?
Command: python experiments/text_to_image/run.py
Hardware: 2 CPU cores
Time: not measured yet
Score: not measured yet
"""

from xattn.config import Experiment, Model, Optimizer, TextToImage, Training

config = Experiment(
    task=TextToImage(things=(1, 8), relative=0.25),
    model=Model(width=64, heads=4, mlp=128, dropout=0.0),
    optimizer=Optimizer(learning_rate=2e-3, warmup=200),
    # 64 sentences a batch.
    training=Training(steps=2000, batch_tokens=64 * 79, validate_every=500),
)
