"""An alignment layer on a frozen translation model: only this layer is trained, on word links."""

import shutil
from pathlib import Path
from typing import Any

import jax
from flax import nnx
from rich.console import Console

from xattn.config import Experiment
from xattn.config.files import difference
from xattn.data.batching import TextBatch
from xattn.data.paths import expand, fingerprint
from xattn.errors import ConfigError
from xattn.runs.folder import Run, open_run
from xattn.training.guided_loss import guided_loss
from xattn.training.losses import Sum, Sums
from xattn.translation.corpus import settings_of
from xattn.translation.task import TranslationTask
from xattn.translation.translator import Translator

# Pairs of the training split that are held out for validation, at most; and at most one in ten.
HELD_OUT = 1000

# Settings that must be those of the frozen run: they decide the model and its text.
SAME = ("model.", "task.vocabulary.", "task.source", "task.target", "task.lowercase")


class AlignmentLayerTask(TranslationTask):
    """Trains the alignment layer alone, by the links alone, without dropout (Chen et al., 2020, section 4).

    The parameters of the run `guidance.run` are copied and never change. Only the training split has links, so its
    last pairs are held out, and the best checkpoint is the one with the lowest loss on them.
    """

    @classmethod
    def sources(cls, config: Experiment) -> dict[str, str]:
        """Those of a translation, and the tokenizer of the frozen model."""
        return super().sources(config) | {"task.guidance.run": fingerprint(_frozen(config).tokenizer)}

    def __init__(self, run: Run, console: Console):
        self.frozen = _frozen(run.config)
        self.decoder = Translator.open(self.frozen).params
        shutil.copyfile(self.frozen.tokenizer, run.tokenizer)
        super().__init__(run, console)
        self.selection_metric = "loss"
        guide, pairs = self.guides["train"], len(self.encoded["train"])
        first = pairs - min(HELD_OUT, pairs // 10)
        if guide is None or first == pairs:
            raise ConfigError(
                f"An alignment layer needs at least 10 pairs in {self.settings.train}: 1 of 10 validates it."
            )
        self.guides = {"train": guide.part(0, first), "validation": guide.part(first, pairs)}
        self.encoded = {name: part.encoded for name, part in self.guides.items() if part is not None}
        self.lengths = {name: encoded.lengths() for name, encoded in self.encoded.items()}

    def parameters(self) -> Any:
        """The parameters of the frozen model with a fresh alignment layer."""
        fresh = super().parameters()
        return {**self.decoder, "decoder": {**self.decoder["decoder"], "alignment": fresh["decoder"]["alignment"]}}

    def loss(self, params: Any, batch: TextBatch, step: jax.Array) -> Sums:
        """The sums of a training batch: those of `eval_step`, since nothing is dropped."""
        return self.eval_step(params, batch)

    def eval_step(self, params: Any, batch: TextBatch) -> Sums:
        """The sum of the guided loss in nats, over target pieces as "loss" and over linked pieces as "guidance"."""
        model = nnx.merge(self.graph, params)
        _, weights_LBNTS = model.decode(batch.target_in, model.encode(batch.source, batch.source_mask))
        assert batch.guide is not None, "both splits have links"
        guided = guided_loss(weights_LBNTS[-1].mean(axis=1), batch.guide)
        # The loss counts target pieces, because a batch may have no links, and the count must not be 0.
        return {"loss": Sum(guided.total, batch.target_mask.sum(dtype=guided.count.dtype)), "guidance": guided}


def _frozen(config: Experiment) -> Run:
    """The run of the frozen model. Raises `RunError` if it cannot be opened, and `ConfigError` if it does not fit."""
    folder = Path(expand(settings_of(config).guidance.run))
    run = open_run(folder)
    frozen = run.config
    changed = [change for change in difference(frozen, config) if change.startswith(SAME)]
    if changed:
        raise ConfigError(
            f"task.guidance.run {folder} is of another model ({'; '.join(changed)}): an alignment layer needs its "
            "model and its languages; take its config."
        )
    if frozen.alignment_layer is not None:
        raise ConfigError(f"task.guidance.run {folder} is itself an alignment layer: name the run of its model.")
    return run
