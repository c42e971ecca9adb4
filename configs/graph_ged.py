"""Similarity of real graphs: LINUX, and AIDS with `--row.dataset aids`, from exact graph edit distances.

Question: Do looks at each other's nodes find the similarity of two graphs better than SimGNN, and than no looks?
Command: XATTN_DATA=path python experiments/graph_ged/run.py
Hardware: not run yet
Time: not run yet
Score: not run yet
"""

from xattn.config import Data, Experiment, Model, Optimizer, Training
from xattn.tasks.graph_ged import GraphGed

config = Experiment(
    task="graph_ged",
    row=GraphGed(dataset="linux"),
    data=Data(corpus="$XATTN_DATA/ged"),
    model=Model(width=64, heads=4, layers=3, mlp=128, dropout=0.0),
    optimizer=Optimizer(learning_rate=2e-3, warmup=200),
    # 128 pairs of graphs of 10 nodes a batch.
    training=Training(steps=2500, batch_tokens=2560, validate_every=500),
)
