"""Everyday sentences, English to French: the translator that comes with the package.

Question: How good can two million parameters and less than an hour be, with a heatmap that is right?
Command: XATTN_DATA=path python experiments/everyday_en_fr/run.py, which makes the text and its links first
Hardware: 2 CPU cores
Time: 3,115 s for 6,000 steps, with much other work beside it
Score: BLEU 42.24, chrF 61.32 on dev, beam 5, weights of 8 bits; AER 20.8 on alibi_dev (dual); one seed
"""

from xattn.config import Experiment, Guidance, Model, Optimizer, Training, Translation, Vocabulary

TEXT = "runs/everyday_en_fr_text"

config = Experiment(
    # The pairs of Tatoeba, as people type them, and half of them again, joined to longer texts; dev is as it is.
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
    model=Model(layers=4, dropout=0.1),
    optimizer=Optimizer(learning_rate=3e-3, warmup=500),
    training=Training(steps=6_000, batch_tokens=4096, ema=0.998, validate_every=2_000, patience=100),
)
