"""bAbI task 2, two supporting facts: a question attends to the sentences of a story in three hops.

Question: Does attention find the supporting facts in order: who has the object, then where that person went?
Command: XATTN_DATA=path python experiments/docqa_babi/run.py
Hardware: 2 CPU cores
Time: 68 s; 7 min for all five tasks and the ablations
Score: 0.987 on test_qa2 (bar 0.95; other seeds 0.985, 0.980); 0.926 point to one fact after the other (chance 0.012)
"""

from xattn.config import DocQA, Experiment, Model, Optimizer, Training

config = Experiment(
    # No supporting fact is further back.
    task=DocQA(corpus="$XATTN_DATA/babi/en-10k.tar.gz", tasks=(2,), sentences=32, test=("test_qa2",)),
    model=Model(width=64, heads=4, layers=3, mlp=128),
    optimizer=Optimizer(learning_rate=2e-3, warmup=200),
    # 128 questions a batch.
    training=Training(steps=3000, batch_tokens=128 * 37, validate_every=250),
)
