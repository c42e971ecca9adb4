"""Where the attention of a run is read: layer, head and row convention."""

from typing import Any, Literal

from xattn.alignment.kinds import SINGLE
from xattn.alignment.maps import CONVENTIONS, Convention, Kind, Readout
from xattn.config import Experiment, Translation
from xattn.errors import ConfigError
from xattn.runs.folder import Run, RunError

CHOSEN_BY = "guided alignment"


def guided_readout(config: Experiment) -> Readout | None:
    """Where a guided model learnt to align; None if it was not guided."""
    if not isinstance(config.task, Translation) or not config.task.guidance.links:
        return None
    guidance = config.task.guidance
    if guidance.into == "layer":
        return Readout(layer=config.attention_layers - 1, head="mean", convention=guidance.rows)
    return Readout(layer=guidance.layer % config.model.layers, head=guidance.head, convention=guidance.rows)


def chosen(run: Run) -> tuple[Readout, str] | None:
    """Where evaluation chose to read, by gold on validation; else where training was guided. And by which of them."""
    results = run.read_results()
    if "readout" in results:
        return _stored(run, results["readout"])
    guided = guided_readout(run.config)
    return None if guided is None else (guided, CHOSEN_BY)


def readout(
    run: Run,
    layer: int | None,
    head: int | Literal["mean"] | None,
    convention: Convention | None,
    kind: Kind = "weights",
) -> Readout:
    """Where to read: as asked, else as chosen, else the mean of the last layer's heads."""
    if kind in SINGLE and isinstance(head, int):
        advice = ", or choose --kind head-norms" if kind == "norms" else ""
        raise ConfigError(f"--kind {kind} is of all heads together: leave --head out{advice}.")
    found = chosen(run)
    default = found[0] if found else Readout(layer=run.config.model.layers - 1, head="mean", convention="produced")
    layers, heads = run.config.attention_layers, run.config.model.heads
    if layer is not None and not 0 <= layer < layers:
        raise ConfigError(f"--layer must be between 0 and {layers - 1}, not {layer}.")
    if isinstance(head, int) and not 0 <= head < heads:
        raise ConfigError(f"--head must be between 0 and {heads - 1}, or mean, not {head}.")
    if kind == "layer-mean":
        if layer is not None:
            raise ConfigError("--kind layer-mean is the mean of all layers: leave --layer out.")
        layer = 0
    if layer is None:
        layer = default.layer
    if kind != "weights" and layer >= run.config.model.layers:
        raise ConfigError(
            f"An alignment layer ({layer} here) has weights, and no values to the decoder: name another --layer with "
            f"--kind {kind}."
        )
    return Readout(
        layer=layer,
        head="mean" if kind in SINGLE else default.head if head is None else head,
        # A gradient is that of the piece that its own step produces.
        convention=convention or ("produced" if kind == "gradients" else default.convention),
    )


def _stored(run: Run, row: Any) -> tuple[Readout, str]:
    """A readout of results.json; raises `RunError` for one that does not fit the run."""
    try:
        where, by = Readout(**{key: row[key] for key in ("layer", "head", "convention")}), row["chosen_by"]
    except (KeyError, TypeError):
        where, by = None, ""
    if where is None or where.layer not in range(run.config.attention_layers) or where.convention not in CONVENTIONS:
        raise RunError(f"{run.results} has a readout that does not fit the run: delete it and evaluate the run again.")
    return where, by
