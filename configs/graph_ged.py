"""Similarity of real graphs: LINUX, and AIDS with `--task.dataset aids`, from exact graph edit distances.

Question: Does attention between two graphs estimate their similarity better than SimGNN, and than no attention?
Command: XATTN_DATA=path python experiments/graph_ged/run.py
Hardware: 2 CPU cores
Time: a minute for 2,500 steps
Score: MSE 0.135e-3 on LINUX and 1.319e-3 on AIDS (SimGNN 1.509e-3 and 1.189e-3); 0.172e-3 and 1.364e-3 siamese
"""

from xattn.config import Experiment, GraphGed, Model, Optimizer, Training

config = Experiment(
    task=GraphGed(corpus="$XATTN_DATA/ged", dataset="linux"),
    model=Model(width=64, heads=4, layers=3, mlp=128, dropout=0.0),
    optimizer=Optimizer(learning_rate=2e-3, warmup=200),
    # 128 pairs of graphs of 10 nodes a batch.
    training=Training(steps=2500, batch_tokens=2560, validate_every=500),
)
