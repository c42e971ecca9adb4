"""The settings of each task: a config states those of its own task, and no others."""

from typing import Annotated, Literal

from annotated_types import Ge, Gt, Le

from xattn.config.checked import Count, Share, settings
from xattn.config.sections import Model, TaskSettings
from xattn.config.translation import Translation
from xattn.errors import require


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


SETTINGS: dict[str, type[TaskSettings]] = {
    "translation": Translation,
    "recall": Recall,
    "docqa": DocQA,
    "summarize": Summary,
    "self_cross": SelfCross,
    "graph_match": GraphMatch,
    "graph_ged": GraphGed,
    "caption": Caption,
    "speech_digits": SpeechDigits,
    "speech_an4": SpeechAn4,
    "text_to_image": TextToImage,
}
"""The settings class of every task, by its name."""
