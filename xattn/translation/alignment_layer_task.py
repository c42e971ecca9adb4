"""An alignment layer on a frozen translation model: that of another run, copied, and one layer that learns links."""

import shutil
from pathlib import Path
from typing import Any

import jax
from flax import nnx
from rich.console import Console

from xattn.config import Experiment
from xattn.config import files as config_files
from xattn.data.batching import TextBatch
from xattn.data.paths import expand
from xattn.errors import ConfigError
from xattn.runs.folder import Run, open_run
from xattn.training.guided_loss import guided_loss
from xattn.training.losses import Sum, Sums
from xattn.translation.corpus import settings_of
from xattn.translation.task import TranslationTask
from xattn.translation.translator import Translator

# Pairs of the training split that choose the best layer: so many, and one in ten at most.
HELD_OUT = 1000

# What decides which text a model reads, and by which parameters.
SAME = ("model.", "task.vocabulary.", "task.source", "task.target", "task.lowercase")


class AlignmentLayerTask(TranslationTask):
    """Trains the alignment layer alone, by the links alone, without dropout (Chen et al., 2020, section 4).

    The parameters of the run that is named are copied, and never change. Validation is the links' loss on the last
    pairs of the training split, which are not trained on: only that split has links.
    """

    def __init__(self, run: Run, console: Console):
        folder = Path(expand(settings_of(run.config).guidance.run))
        self.frozen = open_run(folder)
        _check(folder, self.frozen.config, run.config)
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
        self.encoded = {name: each.encoded for name, each in self.guides.items() if each is not None}
        self.lengths = {name: each.lengths() for name, each in self.encoded.items()}

    def parameters(self) -> Any:
        """The parameters of the frozen model, and a fresh alignment layer."""
        fresh = super().parameters()
        decoder = Translator.open(self.frozen).params
        return {**decoder, "decoder": {**decoder["decoder"], "alignment": fresh["decoder"]["alignment"]}}

    def loss(self, params: Any, batch: TextBatch, step: jax.Array) -> Sums:
        """The links' loss: a target piece as "loss", which is minimised, and a linked piece as "guidance"."""
        return self.eval_step(params, batch)

    def eval_step(self, params: Any, batch: TextBatch) -> Sums:
        """The same of a validation batch."""
        model = nnx.merge(self.graph, params)
        _, weights_LBNTS = model.decode(batch.target_in, model.encode(batch.source, batch.source_mask))
        assert batch.guide is not None, "both splits have links"
        guided = guided_loss(weights_LBNTS[-1].mean(axis=1), batch.guide)
        # Target pieces, because a batch may have no links, and is divided by all the same.
        return {"loss": Sum(guided.total, batch.target_mask.sum(dtype=guided.count.dtype)), "guidance": guided}


def _check(folder: Path, frozen: Experiment, config: Experiment) -> None:
    changed = [each for each in config_files.difference(frozen, config) if each.startswith(SAME)]
    if changed:
        raise ConfigError(
            f"task.guidance.run {folder} is of another model ({'; '.join(changed)}): an alignment layer needs its "
            "model and its languages; take its config."
        )
    if frozen.alignment_layer is not None:
        raise ConfigError(f"task.guidance.run {folder} is itself an alignment layer: name the run of its model.")
