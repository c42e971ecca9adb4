"""The parameters of a run in one NumPy file: in half precision, or in 8 bits."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Float, Float32

Precision = Literal["float16", "int8"]

_SCALE = ":scale"  # what the name of a matrix's scales adds to the name of the matrix


def write_weights(path: Path, arrays: Mapping[str, Float[np.ndarray, "..."]], precision: Precision) -> None:
    """Writes parameters by their names.

    In int8 every row of a matrix has a scale of its own: its largest magnitude becomes 127. Vectors stay in float16.
    """
    stored: dict[str, np.ndarray] = {}
    for name, array in arrays.items():
        if precision == "int8" and array.ndim > 1:
            largest = np.abs(array).max(axis=-1, keepdims=True)
            scale = (np.where(largest > 0, largest, 1) / 127).astype(np.float32)
            stored[name], stored[name + _SCALE] = np.rint(array / scale).astype(np.int8), scale
        else:
            stored[name] = array.astype(np.float16)
    np.savez_compressed(path, **stored)  # pyright: ignore[reportArgumentType]: names are no parameters of savez


def read_weights(path: Path) -> dict[str, Float32[np.ndarray, "..."]]:
    """The parameters by their names. Raises what `numpy.load` raises for a damaged file."""
    with np.load(path) as stored:
        return {
            name: stored[name].astype(np.float32) * (stored[name + _SCALE] if name + _SCALE in stored else 1)
            for name in stored
            if not name.endswith(_SCALE)
        }
