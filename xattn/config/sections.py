"""The sections of an experiment."""

import dataclasses
from dataclasses import dataclass
from typing import Literal

from xattn.config.checked import Checked, _require


@dataclass(frozen=True, kw_only=True)
class Data(Checked):
    """Where the sentence pairs come from."""

    section = "data."

    corpus: str = "toy_en_fr"
    """`toy_en_fr` or `toy_en_hi`; a folder with `train.en` and `train.fr`, or `train.tsv`; a path with `{split}` in
    it, for any other naming; or `tfds:` and the name of a TFDS data set. Files may be gzipped, and `$VARIABLE` and
    `~` are replaced."""
    source: str = "en"
    """Source language: the suffix of the text files, or a feature or language of a TFDS data set."""
    target: str = "fr"
    """Target language, likewise."""
    columns: tuple[int, int] | None = None
    """Columns of a table that hold source and target, counted from 1; None if it has these two only, in that order."""
    train: str = "train"
    """Name of the split that is trained on; of a TFDS data set also an expression, such as `train[2%:]`."""
    validation: str = "validation"
    """Name of the split that every choice is made on, likewise."""
    test: tuple[str, ...] = ("test",)
    """Names of the splits that `xattn evaluate` scores."""
    bad_lines: Literal["error", "skip"] = "error"
    """What becomes of lines that are no sentence pair: the first is an error, or they are left out and counted."""
    lowercase: bool = False
    """Whether text is lower-cased before it is read, in training and in use."""
    tokenized: bool = False
    """Whether the text is tokenised already: BLEU is then computed with sacreBLEU's `--tokenize none`."""
    folder: str = "~/.cache/xattn"
    """Where generated, downloaded and large encoded corpora are kept between runs."""
    max_length: int = 64
    """Longest sentence in training, in sub-word pieces; longer ones are left out, and counted."""

    def check(self) -> None:
        _require(self.max_length >= 2, f"data.max_length must be at least 2, not {self.max_length}.")
        _require(
            self.columns is None or min(self.columns) > 0,
            f"data.columns are counted from 1: {self.columns} are no two columns.",
        )


@dataclass(frozen=True, kw_only=True)
class Vocabulary(Checked):
    """The joint SentencePiece vocabulary of both languages, trained on the training split."""

    section = "vocabulary."

    kind: Literal["unigram", "bpe", "word"] = "unigram"
    """SentencePiece's algorithm; `word` keeps whole words, and spells others in bytes."""
    size: int = 800
    """Pieces, the special ones included."""


@dataclass(frozen=True, kw_only=True)
class Model(Checked):
    """A pre-norm Transformer encoder, its memory, and a cross-attending decoder."""

    section = "model."

    width: int = 128
    """Width of the residual stream (D)."""
    heads: int = 4
    """Attention heads (N); must divide the width."""
    layers: int = 2
    """Layers of the encoder, and as many of the decoder."""
    mlp: int = 256
    """Width of the MLP's hidden layer (F)."""
    memory: Literal["full", "mean", "latents", "shuffle", "none"] = "full"
    """What the decoder sees: every source position; only their mean (the ablation without attention); some learned
    latents that looked at them; the memory of another row of the batch (the test for leaks); or nothing."""
    latents: int = 16
    """How many latents there are, where the memory is `latents`."""
    compute: Literal["float32", "bfloat16"] = "float32"
    """What the products of the layers are taken in; parameters, norms, softmax and loss are always in float32."""
    dropout: float = 0.1
    """Dropout rate after the embedding and every sub-layer."""
    attention_dropout: float = 0.0
    """Dropout rate of the attention weights."""

    def check(self) -> None:
        for name in ("width", "heads", "layers", "mlp", "latents"):
            _require(getattr(self, name) > 0, f"model.{name} must be positive, not {getattr(self, name)}.")
        near = [h for h in range(1, self.width + 1) if self.width % h == 0]
        near.sort(key=lambda h: abs(h - self.heads))
        _require(
            self.width % self.heads == 0,
            f"model.heads must divide model.width, but {self.heads} does not divide {self.width}; "
            f"{' or '.join(str(h) for h in sorted(near[:2]))} would.",
        )
        _require(
            self.width // self.heads % 2 == 0,
            f"model.width / model.heads must be even, for rotary positions, not {self.width // self.heads}.",
        )
        for name in ("dropout", "attention_dropout"):
            rate = getattr(self, name)
            _require(0 <= rate < 1, f"model.{name} must be at least 0 and below 1, not {rate}.")


@dataclass(frozen=True, kw_only=True)
class Optimizer(Checked):
    """AdamW, with a linear warm-up and a decay by name."""

    section = "optimizer."

    learning_rate: float = 2e-3
    """Peak of the schedule."""
    schedule: Literal["cosine", "linear", "inverse_sqrt", "constant"] = "cosine"
    """What follows the warm-up: a decay to zero at the last step, one with the square root of the step, or none."""
    warmup: int = 200
    """Steps from zero to the peak."""
    beta1: float = 0.9
    """Decay of AdamW's mean of gradients."""
    beta2: float = 0.98
    """Decay of AdamW's mean of squared gradients."""
    weight_decay: float = 0.01
    """Decay of the matrices; biases and norms are left alone."""
    clip: float = 1.0
    """Largest global norm of a gradient."""

    def check(self) -> None:
        for name in ("learning_rate", "clip"):
            _require(getattr(self, name) > 0, f"optimizer.{name} must be positive, not {getattr(self, name)}.")


@dataclass(frozen=True, kw_only=True)
class Training(Checked):
    """How long, how much at a time, and when to look."""

    section = "training."

    steps: int = 2000
    """Updates of the parameters."""
    batch_tokens: int = 4096
    """Source plus target positions of a batch, padding included."""
    accumulate: int = 1
    """Batches an update: their sums are added, and divided once, as if they were one."""
    buckets: int = 3
    """Batch shapes at most; each is compiled once."""
    label_smoothing: float = 0.1
    """Probability spread over the vocabulary in the target distribution."""
    r_drop: float = 0.0
    """Weight of the divergence between two passes with unlike dropout (R-Drop, Liang et al., 2021); 0 is one pass."""
    ema: float = 0.0
    """Decay of a moving average of the parameters, which is validated and used in their place; 0 is none."""
    average: int = 1
    """Checkpoints at validations, the last so many, whose mean is validated and used; 1 is none."""
    validate_every: int = 200
    """Steps between validations; each saves a checkpoint."""
    keep_every: int | None = None
    """Steps between checkpoints that are kept, a multiple of `validate_every`; None keeps newest and best alone."""
    patience: int = 10
    """Validations without a better score after which training stops."""
    stop_by: Literal["exact_match", "loss", "bleu"] = "exact_match"
    """What validation chooses the best checkpoint by, and patience waits for; BLEU is that of greedy decoding. Rows
    that do not write text have a score of their own in place of the exact match."""
    bleu_sentences: int = 1000
    """Validation sentences that are decoded for BLEU: the first so many, where `stop_by` is `bleu`."""

    def check(self) -> None:
        for each in dataclasses.fields(self):
            value = getattr(self, each.name)
            # Whole numbers are counts here, all of them.
            _require(each.type is not int or value > 0, f"training.{each.name} must be positive, not {value}.")
        _require(
            self.keep_every is None or (self.keep_every > 0 and self.keep_every % self.validate_every == 0),
            f"training.keep_every must be a multiple of training.validate_every ({self.validate_every}), "
            f"not {self.keep_every}.",
        )
        _require(
            0 <= self.label_smoothing < 1,
            f"training.label_smoothing must be at least 0 and below 1, not {self.label_smoothing}.",
        )
        _require(self.r_drop >= 0, f"training.r_drop must be at least 0, not {self.r_drop}.")
        _require(0 <= self.ema < 1, f"training.ema must be at least 0 and below 1, not {self.ema}.")


@dataclass(frozen=True, kw_only=True)
class Guidance(Checked):
    """Guided alignment: attention learns given word links (Garg et al., 2019; Chen et al., 2020)."""

    section = "guidance."

    links: str = ""
    """A file of the training split's links, source-target, in a format of `xattn score`: a line for every line of the
    split, those that are left out in training too. `$VARIABLE` and `~` are replaced; nothing is no guidance."""
    base: Literal["auto", "0", "1"] = "auto"
    """Whether links count from 0 or from 1; looked at, unless given."""
    into: Literal["head", "layer"] = "head"
    """What learns them: a head of the cross-attention, together with the model; or an alignment layer of its own, all
    heads together, on the frozen model of `run`. The last thousand pairs of training choose the best such layer."""
    run: str = ""
    """The run folder of the frozen model, copied into the new run; `$VARIABLE` and `~` are replaced."""
    weight: float = 0.05
    """Weight of the links' loss beside that of the vocabulary; an alignment layer has no other."""
    layer: int = -2
    """The decoder layer that is guided, or whose output the alignment layer reads, counted from 0, or from the end: -1
    is the last."""
    head: int = 0
    """The head that is guided, counted from 0."""
    rows: Literal["read", "produced"] = "read"
    """Which step of the decoder learns a piece's links: the one that has just read it, or the one that produces it."""

    def check(self) -> None:
        _require(self.weight > 0, f"guidance.weight must be positive, not {self.weight}; no links are no guidance.")
        _require(self.head >= 0, f"guidance.head counts from 0, and cannot be {self.head}.")


@dataclass(frozen=True, kw_only=True)
class Decoding(Checked):
    """How a trained model writes."""

    section = "decoding."

    beam: int = 4
    """Hypotheses kept a sentence; 1 is greedy."""
    length_penalty: float = 0.6
    """Alpha of GNMT's length normalisation (Wu et al., 2016); 0 is none."""
    extra_length: int = 10
    """An output may be as long as twice its input plus this many pieces."""
    batch: int = 128
    """Hypotheses decoded together: sentences times beam. A processor's caches hold few; an accelerator wants many."""

    def check(self) -> None:
        for name in ("beam", "batch", "extra_length"):
            _require(getattr(self, name) > 0, f"decoding.{name} must be positive, not {getattr(self, name)}.")


@dataclass(frozen=True, kw_only=True)
class Devices(Checked):
    """Which devices train, and how the work is laid on them."""

    section = "devices."

    strategy: Literal["single", "jit", "pmap"] = "single"
    """One device; all of them through a sharded `jit`; or all of them through `pmap`."""
