"""The ablation of Multi30k: the same network, whose decoder sees only the mean of the source.

Question: How much of the translation of image captions needs positions to look at, and how does it depend on length?
Command: XATTN_DATA=path python experiments/multi30k_en_fr/run.py
Hardware: 2 CPU cores
"""

from xattn.config import Data, Decoding, Experiment, Model, Optimizer, Training, Vocabulary

config = Experiment(
    data=Data(
        corpus="$XATTN_DATA/multi30k/{split}.lc.norm.tok",
        validation="val",
        test=("test_2016_flickr",),
        lowercase=True,
        tokenized=True,
    ),
    vocabulary=Vocabulary(kind="bpe", size=6000),
    model=Model(layers=4, dropout=0.3, memory="mean"),
    optimizer=Optimizer(learning_rate=3e-3, warmup=1000),
    training=Training(
        steps=6_000, batch_tokens=4096, buckets=22, ema=0.999, validate_every=1000, patience=100, stop_by="bleu"
    ),
    decoding=Decoding(beam=5),
)
