"""Everyday sentences, English to French: the small Transformer on 161,349 pairs of Tatoeba.

Question: What does the model of Multi30k learn in ten minutes from short sentences of any kind, raw and cased?
Command: XATTN_DATA=path xattn train configs/tatoeba_en_fr.py
Hardware: 2 CPU cores
"""

from xattn.config import Data, Decoding, Experiment, Model, Optimizer, Training, Vocabulary

config = Experiment(
    # There is no test split: dev chooses the best checkpoint, and is scored.
    data=Data(corpus="$XATTN_DATA/tatoeba_en_fr", validation="dev", test=("dev",)),
    vocabulary=Vocabulary(kind="bpe", size=8000),
    model=Model(layers=4, dropout=0.1),
    optimizer=Optimizer(learning_rate=3e-3, warmup=500),
    training=Training(
        steps=4_000, batch_tokens=4096, buckets=16, ema=0.998, validate_every=1000, patience=100, stop_by="bleu"
    ),
    decoding=Decoding(beam=5),
)
