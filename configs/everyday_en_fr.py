"""Everyday sentences, English to French: the translator that comes with the package.

Question: How good can 3 million parameters and an hour and a half on two cores be, with a heatmap that is right?
Command: XATTN_DATA=path python experiments/everyday_en_fr/run.py, which makes the text and its links first
Hardware: 2 CPU cores
Time: not run
Score: not run
"""

from xattn.config import Experiment, Guidance, Model, Optimizer, Training, Translation, Vocabulary

TEXT = "runs/everyday_en_fr_text"

config = Experiment(
    # The pairs of Tatoeba, each by itself and again joined with others to a longer text; dev is single pairs.
    task=Translation(
        corpus=TEXT,
        validation="dev",
        test=("dev",),
        vocabulary=Vocabulary(kind="bpe", size=6000),
        guidance=Guidance(links=f"{TEXT}/train.talp", base="0", words="tokens"),
        max_length=96,
        buckets=8,
        headline="bleu",
        beam=5,
    ),
    model=Model(width=160, layers=4, mlp=320, dropout=0.1),
    optimizer=Optimizer(learning_rate=3e-3, warmup=600),
    training=Training(steps=9_000, batch_tokens=4096, ema=0.998, validate_every=1_500, patience=100),
)
