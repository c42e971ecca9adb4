"""Multi30k image captions, English to French: a Transformer of 2 M parameters.

Question: How far does a tiny Transformer come on Multi30k in an hour on a CPU?
Command: XATTN_DATA=path python experiments/multi30k_en_fr/run.py
Hardware: 2 CPU cores
Time: 66 min for 16,000 steps, with other work beside it
Score: BLEU 62.85 on test_2016_flickr, lower-cased and tokenised as published; 61.35 on validation, which chose beam 4
"""

from xattn.config import Experiment, Model, Optimizer, Training, Translation, Vocabulary

config = Experiment(
    task=Translation(
        corpus="$XATTN_DATA/multi30k/{split}.lc.norm.tok",
        validation="val",
        test=("test_2016_flickr",),
        lowercase=True,
        tokenized=True,
        vocabulary=Vocabulary(kind="bpe", size=6000),
        buckets=22,
        headline="bleu",
        beam=5,
    ),
    model=Model(layers=4, dropout=0.3),
    optimizer=Optimizer(learning_rate=3e-3, warmup=1000),
    training=Training(steps=16_000, batch_tokens=4096, ema=0.999, validate_every=1000, patience=100),
)
