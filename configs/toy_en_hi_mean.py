"""The ablation of the Hindi toy: the same network, whose decoder sees only the mean of the source.

Question: What is left of the Hindi toy without positions to look at, and how does it depend on length?
Command: python experiments/toy_en_fr/run.py toy_en_hi
Hardware: 2 CPU cores
"""

from xattn.config import Data, Decoding, Experiment, Model, Optimizer, Training, Vocabulary

config = Experiment(
    data=Data(corpus="toy_en_hi", target="hi", lowercase=True, test=("test", "unseen_pairs", "long")),
    vocabulary=Vocabulary(kind="word", size=2000),
    model=Model(memory="mean", dropout=0.0),
    optimizer=Optimizer(learning_rate=3e-3),
    training=Training(steps=4000, batch_tokens=1280, validate_every=500, label_smoothing=0.0),
    decoding=Decoding(beam=1),
)
