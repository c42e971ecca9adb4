"""The settings of each task: a config states those of its own task, and no others."""

from dataclasses import field
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Le

from xattn.config.checked import Checked, Count, Rate, Share, settings
from xattn.config.sections import Model
from xattn.errors import require


@settings("task")
class TaskSettings(Checked):
    """Base class of the settings of a task: a subclass names itself in its field `kind`."""

    described = "the settings of a task, such as Translation(...) or DocQA(...)"

    kind: str
    """The name of the task."""
    test: tuple[str, ...] = ("test",)
    """Names of the splits that `xattn evaluate` scores."""

    def check_model(self, model: Model) -> None:
        """Raises `ConfigError` for a model that the task cannot use."""


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


@settings("task")
class Generated(TaskSettings):
    """Base class of the settings of tasks whose examples are generated."""

    train_examples: Count = 40_000
    """Examples of the training split."""
    held_out_examples: Count = 1_000
    """Examples of every other split."""
    seed: Annotated[int, Ge(0)] = 0
    """Root of the examples."""


@settings("task")
class Recall(Generated):
    """Associative recall: the stored pairs, and how many of them are asked for."""

    kind: Literal["recall"] = "recall"
    pairs: Count = 16
    """Keys with their values: slots of the memory."""
    queries: Count = 8
    """Keys that an example asks for."""
    keys: Count = 64
    """Different keys; an example has each at most once."""
    values: Count = 64
    """Different values."""
    rank: Annotated[int, Ge(0)] = 0
    """Channels that the memory is compressed to before keys and values are made from it, in the manner of multi-head
    latent attention (DeepSeek-AI, 2024), but once for all layers; 0 leaves it as wide as the model."""
    held_out_examples: Count = 2_000

    def check(self) -> None:
        require(
            self.queries <= self.pairs <= self.keys,
            f"task.queries ({self.queries}) must be at most task.pairs ({self.pairs}), and these at most task.keys "
            f"({self.keys}).",
        )


@settings("task")
class DocQA(Generated):
    """Questions about stories, which are generated or those of bAbI."""

    kind: Literal["docqa"] = "docqa"
    corpus: str = "generated"
    """`generated`, or the archive of the bAbI tasks; `$VARIABLE` and `~` are replaced."""
    tasks: tuple[int, ...] = ()
    """The bAbI tasks that are read together, by number; empty where stories are generated."""
    sentences: Count = 20
    """Slots of the memory: of a longer story the latest sentences are read."""
    told: tuple[int, int] = (6, 20)
    """Fewest and most sentences of a generated story."""
    encoder_layers: Annotated[int, Ge(0)] = 0
    """Self-attention layers among the sentences of the memory; the hops are `model.layers`."""
    tied: bool = False
    """Whether all hops are one layer, applied again and again."""
    held_out_examples: Count = 1_000
    """Generated stories of every other split; of each bAbI task, the questions at the end of its training file that
    are validation, rounded up to whole stories."""

    def check(self) -> None:
        require(
            2 <= self.told[0] <= self.told[1] and self.told[1] >= 4,
            "task.told is two numbers of sentences, the smaller first: at least 2 and at least 4, since in fewer "
            f"nobody can walk, take and give, not {self.told}.",
        )
        require(
            (self.corpus == "generated") != bool(self.tasks),
            f"task.tasks are bAbI's, and task.corpus is {self.corpus!r}: name tasks and their archive, or no tasks and "
            "'generated'.",
        )


@settings("task")
class Summary(Generated):
    """Summaries of generated reports."""

    kind: Literal["summarize"] = "summarize"
    copy: bool = True
    """Whether the decoder may copy words that it attends to; without, it writes its vocabulary alone."""
    shortest: int = 6
    """Sentences of a report, at least."""
    longest: int = 12
    """Sentences of a report, at most."""
    strange: Share = 0.5
    """Share of the names that are outside the vocabulary; in the split `unseen` all are."""
    train_examples: Count = 20_000

    def check(self) -> None:
        require(
            3 <= self.shortest <= self.longest,
            f"task.shortest ({self.shortest}) must be at least 3, a subject and two facts, and at most task.longest "
            f"({self.longest}).",
        )


def _check_no_attention_dropout(model: Model) -> None:
    require(
        model.attention_dropout == 0,
        f"model.attention_dropout must be 0 where two graphs attend to each other, not {model.attention_dropout}: "
        "one matrix of scores serves both directions; model.dropout drops what is read.",
    )


@settings("task")
class GraphMatch(Generated):
    """Matching of a random graph with a copy whose nodes are in another order and some of whose edges are moved."""

    kind: Literal["graph_match"] = "graph_match"
    nodes: Annotated[int, Ge(2)] = 15
    """Nodes of a graph. Below 13 nodes there are so few graphs that one comes in several splits."""
    density: Annotated[float, Gt(0), Le(0.5)] = 0.25
    """Share of all pairs of nodes that have an edge."""
    moved: Share = 0.05
    """Share of a graph's edges that its copy has elsewhere, rounded to whole edges."""
    train_examples: Count = 60_000
    held_out_examples: Count = 2_000

    def check_model(self, model: Model) -> None:
        _check_no_attention_dropout(model)


@settings("task")
class GraphGed(TaskSettings):
    """Similarity of real graphs, from their graph edit distance."""

    kind: Literal["graph_ged"] = "graph_ged"
    corpus: str
    """The folder of the graphs; `$VARIABLE` and `~` are replaced."""
    dataset: Literal["linux", "aids"] = "linux"
    """LINUX, whose nodes are all alike, or AIDS700nef, whose nodes are atoms."""
    validation_graphs: Annotated[int, Ge(2)] = 80
    """Training graphs that are not trained on: the pairs of these validate."""
    seed: Annotated[int, Ge(0)] = 0
    """Root of the choice of these graphs."""

    def check_model(self, model: Model) -> None:
        _check_no_attention_dropout(model)


@settings("task")
class SelfCross(Generated):
    """The toy translation by cross-attention, or by one stack of self-attention over source and target."""

    kind: Literal["self_cross"] = "self_cross"
    stack: Literal["cross", "self"] = "cross"
    """An encoder and a cross-decoder, of `model.layers` each; or one stack of self-attention over source and target, of
    twice as many layers, whose MLPs are wider by as much as the cross-attentions cost."""

    def check_model(self, model: Model) -> None:
        require(
            self.stack == "cross" or model.memory == "full",
            f"task.stack 'self' has no memory that could be replaced: model.memory must be 'full', not "
            f"{model.memory!r}.",
        )


@settings("task")
class Scenes(Generated):
    """Base class of the settings of tasks about drawn scenes, whose pictures are cut into patches."""

    side: Annotated[int, Ge(24), Le(512)] = 32
    """Pixels of a picture, down and across."""
    patch: Count = 4
    """Pixels of a patch, down and across: a patch is a position of the memory."""
    encoder_layers: Annotated[int, Ge(0)] = 1
    """Self-attention layers among the patches; the decoder has `model.layers`."""

    def check(self) -> None:
        require(
            self.side % self.patch == 0,
            f"task.patch must divide task.side ({self.side}), and {self.patch} does not.",
        )


@settings("task")
class Caption(Scenes):
    """Captions of drawn scenes: pictures of a few objects, each with a size, a colour and a shape."""

    kind: Literal["caption"] = "caption"
    shapes: Literal["shapes", "digits"] = "shapes"
    """Drawn shapes, or the handwritten digits of scikit-learn, which needs the extra `digits`."""
    objects: tuple[int, int] = (1, 4)
    """Fewest and most objects of a scene; in a split such as `test_3` every scene has that many."""

    def check(self) -> None:
        super().check()
        few, most = self.objects
        require(
            1 <= few <= most <= 9,
            f"task.objects is two numbers of objects from 1 to 9, the smaller first, not {self.objects}.",
        )


@settings("task")
class ImageTextMatch(Scenes):
    """Whether a claim about a drawn scene is true, where false claims have the same words in another order."""

    kind: Literal["imagetext_match"] = "imagetext_match"
    model: Literal["cross", "dual"] = "cross"
    """Words that attend to the picture; or two encoders that meet in one product, as in CLIP, the baseline."""
    swaps: bool = True
    """Whether training has the swapped claims among the false ones; without, only claims of other scenes."""


@settings("task")
class SpeechDigits(Generated):
    """Numbers that one speaker said, strung together from recordings of single digits."""

    kind: Literal["speech_digits"] = "speech_digits"
    corpus: str = "tones"
    """`tones`, synthetic ones in place of recordings, or the archive of the Free Spoken Digit Dataset; `$VARIABLE` and
    `~` are replaced."""
    held_out_speaker: str = ""
    """The speaker of the split `unseen`, who is in no other split; empty is nobody."""
    digits: tuple[Count, Count] = (2, 6)
    """Fewest and most digits of a number."""
    seconds: Annotated[float, Gt(0), Le(60)] = 4.0
    """Length of the longest number: one that would be longer loses its last digits."""
    gap: Annotated[float, Ge(0)] = 0.2
    """The longest pause before, between and after digits, in seconds."""
    long_gap: Annotated[float, Ge(0)] = 0.6
    """The same in the split `pauses`."""
    noise: tuple[float, float] = (20.0, 30.0)
    """Least and greatest distance of the sound from white noise, in dB."""
    ctc: Share = 0.3
    """Weight of the CTC loss of the encoder (Graves et al., 2006); the decoder's loss has the rest. With 1 there is CTC
    alone, which also writes, and the decoder is left as it is."""
    train_examples: Count = 6_000

    def check(self) -> None:
        require(
            self.digits[0] <= self.digits[1],
            f"task.digits is two numbers of digits, the smaller first, not {self.digits}.",
        )
        require(
            self.digits[0] <= self.seconds,
            f"task.seconds ({self.seconds:g}) must be at least {self.digits[0]}: a second for each of the fewest "
            "digits of task.digits.",
        )
        require(
            self.noise[0] <= self.noise[1],
            f"task.noise is two distances in dB, the smaller first, not {self.noise}.",
        )


@settings("task")
class SpeechAn4(TaskSettings):
    """The spoken letters, digits and commands of AN4."""

    kind: Literal["speech_an4"] = "speech_an4"
    corpus: str
    """The archive of the cepstra; `$VARIABLE` and `~` are replaced."""
    held_out_speakers: Count = 8
    """Speakers of training, the last ones, whose sentences validate."""
    encoder_layers: Annotated[int, Ge(0)] = 4
    """Self-attention layers of the encoder; the decoder has `model.layers`."""
    ctc: Share = 0.3
    """Weight of the CTC loss of the encoder, as in `SpeechDigits`."""
    masks: Annotated[int, Ge(0)] = 2
    """Runs of bands, and as many runs of frames, that training hides (SpecAugment, Park et al., 2019)."""


@settings("task")
class TextToImage(Generated):
    """Pictures of cells from a sentence that says what is in them."""

    kind: Literal["text_to_image"] = "text_to_image"
    things: tuple[int, int] = (1, 8)
    """Fewest and most things in a picture."""
    relative: Share = 0.25
    """Probability that a thing stands next to the one before, and is said to ("below it"), where there is room."""
    chains: bool = False
    """Whether that one may itself be said to stand next to another."""
    held_out_examples: Count = 2_000

    def check(self) -> None:
        require(
            1 <= self.things[0] <= self.things[1] <= 16,
            f"task.things is two numbers of things, the smaller first, from 1 to 16 (the cells), not {self.things}.",
        )


@settings("task")
class Vqa(Scenes):
    """Questions about drawn scenes, with the answers yes and no."""

    kind: Literal["vqa"] = "vqa"
    relations: tuple[int, int] = (0, 2)
    """Fewest and most relations of a question; in a split such as `test_1` every question has that many."""

    def check(self) -> None:
        super().check()
        require(
            0 <= self.relations[0] <= self.relations[1] <= 4,
            f"task.relations is two numbers of relations from 0 to 4, the smaller first, not {self.relations}.",
        )


SETTINGS: dict[str, type[TaskSettings]] = {
    "translation": Translation,
    "recall": Recall,
    "docqa": DocQA,
    "summarize": Summary,
    "self_cross": SelfCross,
    "graph_match": GraphMatch,
    "graph_ged": GraphGed,
    "caption": Caption,
    "imagetext_match": ImageTextMatch,
    "speech_digits": SpeechDigits,
    "speech_an4": SpeechAn4,
    "text_to_image": TextToImage,
    "vqa": Vqa,
}
"""The settings class of every task, by its name."""
