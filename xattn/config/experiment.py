"""What an experiment is."""

from dataclasses import dataclass, field

from xattn.config.checked import Checked, _require
from xattn.config.sections import Data, Decoding, Devices, Guidance, Model, Optimizer, Training, Vocabulary
from xattn.config.tasks import Row


@dataclass(frozen=True, kw_only=True)
class Experiment(Checked):
    """Everything that decides a run."""

    task: str = "translation"
    """A row of `xattn.tasks.TASKS`."""
    row: Row | None = None
    """The settings of that row, where it has some: the class that it names `Settings`."""
    seed: int = 0
    """Root of the parameters, the data order and the dropout."""
    data: Data = field(default_factory=Data)
    vocabulary: Vocabulary = field(default_factory=Vocabulary)
    model: Model = field(default_factory=Model)
    optimizer: Optimizer = field(default_factory=Optimizer)
    training: Training = field(default_factory=Training)
    guidance: Guidance = field(default_factory=Guidance)
    decoding: Decoding = field(default_factory=Decoding)
    devices: Devices = field(default_factory=Devices)

    def check(self) -> None:
        _require(0 <= self.seed < 2**31, f"seed must be between 0 and 2147483647, not {self.seed}.")
        _require(
            0 <= self.optimizer.warmup < self.training.steps,
            f"optimizer.warmup must be below training.steps ({self.training.steps}), not {self.optimizer.warmup}.",
        )
        if self.guidance.links:
            self._check_guidance()
        else:
            _require(self.guidance.into == "head", "guidance.into 'layer' needs guidance.links to learn from.")

    @property
    def alignment_layer(self) -> int | None:
        """The decoder layer that an alignment layer reads, counted from 0; None if there is no alignment layer."""
        return self.guidance.layer % self.model.layers if self.guidance.into == "layer" else None

    @property
    def attention_layers(self) -> int:
        """Layers of an attention map: those of the decoder, and an alignment layer behind them."""
        return self.model.layers + (self.guidance.into == "layer")

    def _check_guidance(self) -> None:
        layers, heads, guidance = self.model.layers, self.model.heads, self.guidance
        _require(
            -layers <= guidance.layer < layers,
            f"guidance.layer must be between {-layers} and {layers - 1} (model.layers is {layers}), "
            f"not {guidance.layer}.",
        )
        _require(
            guidance.head < heads,
            f"guidance.head must be below model.heads ({heads}), not {guidance.head}.",
        )
        _require(
            (guidance.into == "layer") == bool(guidance.run),
            "guidance.into 'layer' needs guidance.run, the folder of the model that it is for."
            if guidance.into == "layer"
            else "guidance.run is the model of an alignment layer: it needs guidance.into 'layer'.",
        )
        _require(
            self.model.memory == "full",
            f"guidance.links need positions to look at: model.memory must be 'full', not {self.model.memory!r}.",
        )
