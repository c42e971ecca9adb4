"""Questions about drawn scenes in the style of SHAPES, such as "is there a red shape above a circle".

Question: Do the words of a question attend to the objects that they mean?
Command: python experiments/vqa_shapes/run.py
Hardware: 2 CPU cores
Time: not measured yet
Score: not measured yet
"""

from xattn.config import Experiment, Model, Optimizer, Training, Vqa

config = Experiment(
    task=Vqa(relations=(0, 2), side=30, patch=10, test=("test", "test_0", "test_1", "test_2")),
    model=Model(width=64, heads=4, layers=3, mlp=128, dropout=0.0),
    optimizer=Optimizer(learning_rate=1e-3, warmup=300),
    # 64 questions a batch.
    training=Training(steps=5000, batch_tokens=64 * 25, validate_every=500),
)
