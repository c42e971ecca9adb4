"""The settings of translation, with those of its vocabulary and of guided alignment."""

from dataclasses import field
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Le

from xattn.config.checked import Checked, Count, Rate, settings
from xattn.config.sections import Model, TaskSettings
from xattn.errors import require


@settings("task.vocabulary")
class Vocabulary(Checked):
    """The joint SentencePiece vocabulary of both languages, trained on the training split."""

    kind: Literal["unigram", "bpe", "word"] = "unigram"
    """SentencePiece's algorithm; `word` keeps whole words, and spells others in bytes."""
    size: Annotated[int, Le(1_000_000)] | None = None
    """Pieces, the special ones included; None is a size that fits the text: its characters, and a piece for every 500
    characters of text, up to 8,000 in all."""
    character_coverage: Annotated[float, Ge(0.98), Le(1)] = 1.0
    """Share of the text whose characters are pieces; the rarest characters are spelt in bytes. 0.9995 is common for
    Chinese and Japanese."""
    normalization: Literal["identity", "nfkc", "nfkc_cf", "nmt_nfkc", "nmt_nfkc_cf"] = "identity"
    """SentencePiece's rule for all text, in training and in use, also for references: compatible characters as one
    (`nfkc`), also without control characters (`nmt_nfkc`), and case folded (`_cf`). The composed form (NFC) and single
    spaces are always made, also by `identity`."""


@settings("task.guidance")
class Guidance(Checked):
    """Guided alignment: attention learns given word links (Garg et al., 2019; Chen et al., 2020)."""

    links: str = ""
    """A file of the training split's links, source-target, in a format of `xattn score`: a line for every line of the
    split, also for those that training leaves out. `$VARIABLE` and `~` are replaced; empty is no guidance."""
    base: Literal["auto", "0", "1"] = "auto"
    """Whether links count from 0 or from 1; `auto` detects it."""
    words: Literal["spaces", "tokens"] = "spaces"
    """What the links count: words between spaces; or tokens, where every punctuation mark is a word of its own too, as
    `xattn.data.tokenizer.tokens` cuts them."""
    into: Literal["head", "layer"] = "head"
    """The part that learns the links: a head of the cross-attention, together with the model; or an alignment layer of
    its own, all heads together, on the frozen model of `run`. The last thousand pairs of training choose the best
    such layer."""
    run: str = ""
    """The run folder of the frozen model, copied into the new run; `$VARIABLE` and `~` are replaced."""
    weight: Annotated[float, Gt(0)] = 0.05
    """Weight of the links' loss beside that of the vocabulary; an alignment layer has no other."""
    layer: int = -2
    """The decoder layer that is guided, or whose output the alignment layer reads, counted from 0, or from the end: -1
    is the last."""
    head: Annotated[int, Ge(0)] = 0
    """The head that is guided, counted from 0."""
    rows: Literal["read", "produced"] = "read"
    """The decoder step that learns a piece's links: the one that has just read it, or the one that produces it."""


@settings("task")
class Translation(TaskSettings):
    """Translation of sentence pairs."""

    kind: Literal["translation"] = "translation"
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
    """Name of the training split; of a TFDS data set also an expression, such as `train[2%:]`."""
    validation: str = "validation"
    """Name of the split that every choice is made on, likewise."""
    bad_lines: Literal["error", "skip"] = "error"
    """Lines that are no sentence pair: the first is an error, or they are left out and counted."""
    lowercase: bool = False
    """Whether text is lower-cased before it is read, in training and in use."""
    tokenized: bool = False
    """Whether the text is tokenised already: BLEU is then computed with sacreBLEU's `--tokenize none`."""
    folder: str = "~/.cache/xattn"
    """Where generated, downloaded and large encoded corpora are kept between runs."""
    max_length: Annotated[int, Ge(2)] = 64
    """Longest sentence in training, in sub-word pieces; longer ones are left out, and counted."""
    vocabulary: Vocabulary = field(default_factory=Vocabulary)
    buckets: Count = 3
    """Batch shapes at most; each is compiled once."""
    label_smoothing: Rate = 0.1
    """Probability spread over the vocabulary in the target distribution."""
    r_drop: Annotated[float, Ge(0)] = 0.0
    """Weight of the divergence between two passes with unlike dropout (R-Drop, Liang et al., 2021); 0 is one pass."""
    guidance: Guidance = field(default_factory=Guidance)
    headline: Literal["exact_match", "bleu"] = "exact_match"
    """The score that the run is about: exact match is for text whose one translation a grammar decides. In validation
    both are those of greedy decoding."""
    bleu_sentences: Count = 1000
    """Validation sentences that are decoded for BLEU, where it is the headline: the first so many."""
    beam: Count = 4
    """Hypotheses kept a sentence; 1 is greedy."""
    length_penalty: Annotated[float, Ge(-10), Le(10)] = 0.6
    """Alpha of GNMT's length normalisation (Wu et al., 2016); 0 is none."""
    extra_length: Count = 10
    """An output may be as long as twice its input plus this many pieces."""
    decoding_batch: Count = 128
    """Hypotheses decoded together: sentences times beam. A processor's caches hold few; an accelerator wants many."""

    def check(self) -> None:
        require(
            self.columns is None or min(self.columns) > 0,
            f"task.columns are counted from 1, so they cannot be {self.columns}.",
        )
        guidance = self.guidance
        require(
            guidance.words == "spaces" or self.vocabulary.normalization == "identity",
            "task.guidance.words 'tokens' counts the marks of the text as it is: task.vocabulary.normalization must be "
            f"'identity', not {self.vocabulary.normalization!r}.",
        )
        require(
            bool(guidance.links) or guidance.into == "head",
            "task.guidance.into 'layer' needs task.guidance.links to learn from.",
        )
        require(
            (guidance.into == "layer") == bool(guidance.run),
            "task.guidance.into 'layer' needs task.guidance.run, the folder of the model that it is for."
            if guidance.into == "layer"
            else "task.guidance.run is the model of an alignment layer: it needs task.guidance.into 'layer'.",
        )
        require(
            guidance.into == "head" or self.r_drop == 0,
            f"task.r_drop must be 0 with task.guidance.into 'layer', which trains without dropout, not {self.r_drop}.",
        )

    def check_model(self, model: Model) -> None:
        guidance = self.guidance
        if not guidance.links:
            return
        require(
            -model.layers <= guidance.layer < model.layers,
            f"task.guidance.layer must be between {-model.layers} and {model.layers - 1} (model.layers is "
            f"{model.layers}), not {guidance.layer}.",
        )
        require(
            guidance.head < model.heads,
            f"task.guidance.head must be below model.heads ({model.heads}), not {guidance.head}.",
        )
        require(
            model.memory == "full",
            f"task.guidance.links need source positions: model.memory must be 'full', not {model.memory!r}.",
        )
