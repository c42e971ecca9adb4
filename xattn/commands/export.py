"""`xattn export`: copies what using a run needs."""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from tyro.conf import Positional

if TYPE_CHECKING:
    from xattn.runs.folder import Run
    from xattn.runs.weights import Precision


def export_run(run: "Run", folder: Path, precision: "Precision" = "float16") -> "Run":
    """Copies the config, the tokenizer, the results and the best weights, in few bits, into a new run folder.

    Raises `RunError` where the folder is not empty or cannot be written.
    """
    import jax
    import numpy as np

    from xattn.config.files import to_dict
    from xattn.runs.folder import Run, RunError, write_json
    from xattn.runs.weights import write_weights
    from xattn.training.checkpoint import parameter_name
    from xattn.translation.translator import Translator

    model = Translator.open(run)
    if folder.exists() and any(folder.iterdir()):
        raise RunError(f"{folder} is not empty; name a new folder.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(f"Cannot write {folder}: {error.strerror}.") from None
    copied = Run(folder, run.config)
    flat = jax.tree_util.tree_leaves_with_path(model.params)
    write_weights(copied.weights, {parameter_name(path): np.asarray(x) for path, x in flat}, precision)
    write_json(folder / "config.json", to_dict(run.config))
    for name in ("environment.json", run.tokenizer.name, run.results.name):
        if (run.folder / name).exists():
            shutil.copy(run.folder / name, folder / name)
    return copied


def export(
    run: Positional[Path], folder: Positional[Path], /, *, precision: Literal["float16", "int8"] = "float16"
) -> int:
    """Copies what using a run needs, and no more: config, tokenizer, results, and the best weights.

    Args:
        run: The run folder.
        folder: The folder to make: a run folder, which evaluate, translate, align and view can use.
        precision: Of the weights: half precision, or 8 bits with a scale for every row of a matrix.
    """
    from xattn.runs.folder import open_run

    copied = export_run(open_run(run), folder, precision)
    print(f"{copied.folder}: {sum(f.stat().st_size for f in copied.folder.iterdir()) / 1e6:.2f} MB")
    return 0
