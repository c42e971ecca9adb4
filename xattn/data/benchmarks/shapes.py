"""Coloured shapes as pixels: what the generated pictures of several benchmarks are drawn with."""

import numpy as np
from jaxtyping import Bool, UInt8

COLOURS = {  # Okabe and Ito's, which colour-blind readers can tell apart
    "red": (213, 94, 0),
    "green": (0, 158, 115),
    "blue": (0, 114, 178),
    "yellow": (240, 228, 66),
    "pink": (204, 121, 167),
    "black": (34, 34, 34),
}
SHAPES = ("circle", "square", "triangle", "diamond", "cross")
WHITE = 255


def stamp(shape: str, size: int) -> Bool[np.ndarray, "{size} {size}"]:
    """The pixels of a shape that fills a square of `size` pixels.

    >>> stamp("diamond", 5).astype(int)
    array([[0, 0, 1, 0, 0],
           [0, 1, 1, 1, 0],
           [1, 1, 1, 1, 1],
           [0, 1, 1, 1, 0],
           [0, 0, 1, 0, 0]])
    """
    middle = (size - 1) / 2
    y, x = np.mgrid[:size, :size]
    across, down = abs(x - middle), abs(y - middle)
    match shape:
        case "circle":
            return across**2 + down**2 <= (size / 2) ** 2
        case "square":
            return np.ones((size, size), bool)
        case "triangle":
            return across <= (y + 1) / 2
        case "diamond":
            return across + down <= middle
        case "cross":
            return np.minimum(across, down) <= size / 6
        case _:
            raise ValueError(f"A shape is one of {', '.join(SHAPES)}, not {shape!r}.")


def blank(height: int, width: int) -> UInt8[np.ndarray, "{height} {width} 3"]:
    """A white picture."""
    return np.full((height, width, 3), WHITE, np.uint8)
