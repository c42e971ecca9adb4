"""An experiment: everything that decides a run."""

from dataclasses import field
from typing import Annotated

from annotated_types import Ge, Lt

from xattn.config.checked import Checked, settings
from xattn.config.sections import Devices, Model, Optimizer, TaskSettings, Training
from xattn.config.translation import Translation
from xattn.errors import require


@settings("")
class Experiment(Checked):
    """Everything that decides a run."""

    replaced = dict.fromkeys(("data", "row", "vocabulary", "guidance", "decoding"), "task")

    task: TaskSettings = field(default_factory=Translation)
    """The task and the settings that only it reads: `Translation(...)`, `DocQA(...)`, ..."""
    seed: Annotated[int, Ge(0), Lt(2**31)] = 0
    """Root of the parameters, the data order and the dropout."""
    model: Model = field(default_factory=Model)
    optimizer: Optimizer = field(default_factory=Optimizer)
    training: Training = field(default_factory=Training)
    devices: Devices = field(default_factory=Devices)

    def check(self) -> None:
        require(
            self.optimizer.warmup < self.training.steps,
            f"optimizer.warmup must be below training.steps ({self.training.steps}), not {self.optimizer.warmup}.",
        )
        self.task.check_model(self.model)

    @property
    def alignment_layer(self) -> int | None:
        """The decoder layer that an alignment layer reads, counted from 0; None if there is no alignment layer."""
        if not isinstance(self.task, Translation) or self.task.guidance.into != "layer":
            return None
        return self.task.guidance.layer % self.model.layers

    @property
    def attention_layers(self) -> int:
        """Layers of an attention map: those of the decoder, and an alignment layer behind them."""
        return self.model.layers + (self.alignment_layer is not None)
