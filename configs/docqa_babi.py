"""Five bAbI tasks in one model: the words of a question look at the sentences of a story, three times.

Question: Does attention find the supporting facts, and on qa2 first who has the object, then where that person went?
Command: XATTN_DATA=path python experiments/docqa_babi/run.py
Hardware: not run yet
Time: not run yet
Score: not run yet
"""

from xattn.config import Data, Experiment, Model, Optimizer, Training
from xattn.tasks.docqa import DocQA

TASKS = (1, 2, 5, 12, 14)

config = Experiment(
    task="docqa",
    row=DocQA(tasks=TASKS, sentences=32),
    data=Data(corpus="$XATTN_DATA/babi/en-10k.tar.gz", test=tuple(f"test_qa{task}" for task in TASKS)),
    model=Model(width=64, heads=4, layers=3, mlp=128, dropout=0.0),
    optimizer=Optimizer(learning_rate=2e-3, warmup=200),
    # 128 questions a batch.
    training=Training(steps=4000, batch_tokens=128 * 40, validate_every=500),
)
