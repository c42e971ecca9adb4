"""The settings of each task."""

from dataclasses import dataclass
from typing import Literal

from xattn.config.checked import Checked, ConfigError, _require


@dataclass(frozen=True, kw_only=True)
class Row(Checked):
    """What one experiment row alone decides: a subclass in its file in `xattn.tasks`."""

    section = "row."

    def positive(self, *names: str) -> None:
        """Raises a `ConfigError` for the first of these fields that is not positive."""
        for name in names:
            _require(getattr(self, name) > 0, f"row.{name} must be positive, not {getattr(self, name)}.")


@dataclass(frozen=True, kw_only=True)
class Recall(Row):
    """What is remembered, and how much of it is asked."""

    pairs: int = 16
    """Keys with their values: slots of the memory."""
    queries: int = 8
    """Keys that are asked for, in one example."""
    keys: int = 64
    """Different keys that there are; an example has each at most once."""
    values: int = 64
    """Different values that there are."""
    rank: int = 0
    """Channels that the memory is compressed to before keys and values are made from it, in the manner of multi-head
    latent attention (DeepSeek-AI, 2024), but once for all layers; 0 leaves it as wide as the model."""
    train: int = 40_000
    """Examples of the training split."""
    held_out: int = 2_000
    """Examples of every other split."""
    seed: int = 0
    """Root of the examples."""

    def check(self) -> None:
        self.positive("pairs", "queries", "keys", "values", "train", "held_out")
        if not self.queries <= self.pairs <= self.keys:
            raise ConfigError(
                f"row.queries ({self.queries}) must be at most row.pairs ({self.pairs}), and these at most row.keys "
                f"({self.keys})."
            )
        if self.rank < 0:
            raise ConfigError(f"row.rank must be at least 0, not {self.rank}.")


@dataclass(frozen=True, kw_only=True)
class DocQA(Row):
    """What is read, and how. `data.corpus` is `generated`, or the archive of the bAbI tasks."""

    tasks: tuple[int, ...] = ()
    """The bAbI tasks that are read together, by number; none where stories are generated."""
    sentences: int = 20
    """Slots of the memory: of a longer story the latest sentences are read."""
    told: tuple[int, int] = (6, 20)
    """Fewest and most sentences of a generated story."""
    encoder_layers: int = 0
    """Self-attention layers among the sentences before they are looked at; the hops are `model.layers`."""
    tied: bool = False
    """Whether all hops are one layer, applied again and again."""
    train: int = 40_000
    """Generated stories for training."""
    held_out: int = 1_000
    """Generated stories of every other split; of each bAbI task, the questions at the end of its training file that
    are validation, rounded up to whole stories."""
    seed: int = 0
    """Root of the generated stories."""

    def check(self) -> None:
        self.positive("sentences", "train", "held_out")
        if not 2 <= self.told[0] <= self.told[1]:
            raise ConfigError(f"row.told is two numbers of sentences, 2 at least, the smaller first, not {self.told}.")
        if self.encoder_layers < 0:
            raise ConfigError(f"row.encoder_layers must be at least 0, not {self.encoder_layers}.")


@dataclass(frozen=True, kw_only=True)
class Summary(Row):
    """What reports are like, and whether words can be copied from them."""

    copy: bool = True
    """Whether the decoder may copy words that it looks at; without, it writes its vocabulary alone."""
    shortest: int = 6
    """Sentences of a report, at least."""
    longest: int = 12
    """Sentences of a report, at most."""
    strange: float = 0.5
    """How many of the names are outside the vocabulary, from 0 to 1; in the split `unseen` all are."""
    train: int = 20_000
    """Reports of the training split."""
    held_out: int = 1_000
    """Reports of every other split."""
    seed: int = 0
    """Root of the reports."""

    def check(self) -> None:
        if not 3 <= self.shortest <= self.longest:
            raise ConfigError(
                f"row.shortest ({self.shortest}) must be at least 3, a subject and two facts, and at most row.longest "
                f"({self.longest})."
            )
        if not 0 <= self.strange <= 1:
            raise ConfigError(f"row.strange must be between 0 and 1, not {self.strange}.")
        self.positive("train", "held_out")


@dataclass(frozen=True, kw_only=True)
class GraphMatch(Row):
    """Which graphs are drawn, and how far copies are from them."""

    nodes: int = 15
    """Nodes of a graph. Of few nodes there are few graphs, which then come in several splits: below 13, look."""
    density: float = 0.25
    """Share of all pairs of nodes that have an edge."""
    moved: float = 0.05
    """Share of a graph's edges that its copy has elsewhere, rounded to whole edges."""
    train: int = 60_000
    """Examples of the training split."""
    held_out: int = 2_000
    """Examples of every other split."""
    seed: int = 0
    """Root of the examples."""

    def check(self) -> None:
        self.positive("train", "held_out")
        if self.nodes < 2:
            raise ConfigError(f"row.nodes must be at least 2, not {self.nodes}.")
        if not 0 < self.density <= 0.5:
            raise ConfigError(f"row.density must be above 0 and at most 0.5, not {self.density}.")
        if not 0 <= self.moved <= 1:
            raise ConfigError(f"row.moved must be between 0 and 1, not {self.moved}.")


@dataclass(frozen=True, kw_only=True)
class GraphGed(Row):
    """Which graphs are compared."""

    dataset: Literal["linux", "aids"] = "linux"
    """LINUX, whose nodes are all alike, or AIDS700nef, whose nodes are atoms."""
    held_out: int = 80
    """Training graphs that are not trained on: the pairs of these validate."""
    seed: int = 0
    """Which graphs these are."""

    def check(self) -> None:
        if self.held_out < 2:
            raise ConfigError(f"row.held_out must be at least 2, which are a pair, not {self.held_out}.")


@dataclass(frozen=True, kw_only=True)
class SelfCross(Row):
    """Which of the two it is, and how many sentences of the toy grammar there are."""

    stack: Literal["cross", "self"] = "cross"
    """An encoder and a cross-decoder, of `model.layers` each; or one stack of self-attention over source and target, of
    twice as many layers, whose MLPs are wider by as much as the cross-attentions cost."""
    train: int = 40_000
    """Sentence pairs of the training split."""
    held_out: int = 1_000
    """Sentence pairs of every other split."""
    seed: int = 0
    """Root of the sentences."""

    def check(self) -> None:
        self.positive("train", "held_out")


SETTINGS: dict[str, type[Row] | None] = {
    "translation": None,
    "recall": Recall,
    "docqa": DocQA,
    "summarize": Summary,
    "self_cross": SelfCross,
    "graph_match": GraphMatch,
    "graph_ged": GraphGed,
}
"""The settings class of every task."""
