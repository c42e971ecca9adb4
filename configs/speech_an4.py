"""AN4: real sentences of letters, digits and commands, from cepstra, character by character.

Question: Can a small decoder that listens read real utterances, of which there are only 948, with CTC beside it?
Command: XATTN_DATA=path python experiments/speech_an4/run.py
Hardware: 2 CPU cores
Time: not measured yet
Score: not measured yet
"""

from xattn.config import Experiment, Model, Optimizer, SpeechAn4, Training

config = Experiment(
    task=SpeechAn4(corpus="$XATTN_DATA/an4/an4_mfcc.tar.gz"),
    model=Model(width=144, heads=4, layers=2, mlp=288, dropout=0.15),
    optimizer=Optimizer(learning_rate=1.5e-3, warmup=300),
    # 24 sentences a batch: about 35 batches an epoch, and 70 epochs.
    training=Training(steps=2500, batch_tokens=24 * 218, validate_every=250, patience=20),
)
