"""`xattn view`: what every word of a translation looks at."""

from pathlib import Path
from typing import Literal

from rich.console import Console

from xattn.alignment.maps import Convention, Readout
from xattn.config import ConfigError
from xattn.run import Run, RunError
from xattn.tasks.translator import Translator
from xattn.viewing.formats import FORMATS


def readout(run: Run, layer: int | None, head: int | Literal["mean"] | None, convention: Convention | None) -> Readout:
    """Where to read: as asked, else as evaluation chose on validation, else the mean of the last layer's heads."""
    results = run.read_results()
    if "readout" in results:
        chosen = Readout(**{key: results["readout"][key] for key in ("layer", "head", "convention")})
    else:
        chosen = Readout(layer=run.config.model.layers - 1, head="mean", convention="produced")
    layers, heads = run.config.model.layers, run.config.model.heads
    if layer is not None and not 0 <= layer < layers:
        raise ConfigError(f"--layer must be between 0 and {layers - 1}, not {layer}.")
    if isinstance(head, int) and not 0 <= head < heads:
        raise ConfigError(f"--head must be between 0 and {heads - 1}, or mean, not {head}.")
    return Readout(
        layer=chosen.layer if layer is None else layer,
        head=chosen.head if head is None else head,
        convention=chosen.convention if convention is None else convention,
    )


def show(
    run: Run,
    text: str,
    *,
    target: str | None,
    format: str,
    output: Path | None,
    readout: Readout,
    console: Console,
) -> None:
    """Prints or writes the attention map of one sentence, and of its given or own translation."""
    if format not in FORMATS:
        raise ConfigError(f"--format must be one of {', '.join(FORMATS)}, not {format!r}.")
    if target is not None and not target.strip():
        raise ConfigError("--target is empty: give a translation to follow, or leave it out.")
    model = Translator.open(run)
    if not model.looks:
        raise RunError(f"{run.folder} was trained on a mean memory: it has one position, and nothing to look at.")
    pieces, longest = len(model.encode(text)), model.config.data.max_length
    if pieces > longest:
        raise ConfigError(f"The sentence has {pieces} pieces, but this model was trained on at most {longest}.")
    if target is None:
        attention = model.translate([text], look=True)[0][0].attention
        assert attention is not None
    else:
        attention = model.attend([(text, target)])[0]
    picture = FORMATS[format](attention, readout)
    if not isinstance(picture, bytes):
        console.print(picture)
        return
    path = output or Path(f"attention.{format}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture)
    except OSError as error:
        raise RunError(f"Cannot write {path}: {error.strerror}.") from None
    console.print(f"Wrote {path}.")
