"""Sprites: drawn shapes, or the handwritten digits of scikit-learn, as the share of each pixel that they cover."""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Literal, cast

import numpy as np
from jaxtyping import Float
from PIL import Image

from xattn.errors import UserError

Kind = Literal["shapes", "digits"]

SHAPES: dict[Kind, tuple[str, ...]] = {
    "shapes": ("circle", "square", "triangle", "cross", "star"),
    "digits": ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
}
"""The names of the shapes, for each kind."""
SIZES = {"small": (0.26, 0.28, 0.3), "big": (0.42, 0.44, 0.46)}
"""The radii of each size, as shares of a cell; one of them is drawn at random."""
PARTS = ("train", "validation", "test")
_FINE = 8  # samples of a pixel, across and down
# Of ten digits in a random order, six are of the first part and two of each other.
_SHARES = {"train": range(0, 6), "validation": range(6, 8), "test": range(8, 10)}

Sprites = Mapping[tuple[str, str, str], list[np.ndarray]]
"""The square sprites of a part, a size and a shape."""


@cache
def sprites(kind: Kind, cell: float) -> Sprites:
    """All sprites for cells of so many pixels. Those of drawn shapes are the same in all parts; no digit is in two."""
    if kind == "shapes":
        drawn = {
            (size, shape): [_shape(shape, radius * cell) for radius in radii]
            for size, radii in SIZES.items()
            for shape in SHAPES[kind]
        }
        return {(part, *key): each for part in PARTS for key, each in drawn.items()}
    found = _digits()
    return {
        (part, size, name): [
            _scaled(digit, round(2 * radius * cell)) for digit in found[part, number] for radius in radii
        ]
        for part in PARTS
        for size, radii in SIZES.items()
        for number, name in enumerate(SHAPES[kind])
    }


def _shape(name: str, radius: float) -> Float[np.ndarray, "n n"]:
    """A shape of a radius in pixels, in the middle of the smallest square of whole pixels around it."""
    pixels = int(np.ceil(2 * radius))
    fine = (np.arange(pixels * _FINE) + 0.5) / _FINE - pixels / 2
    inside = _INSIDE[name](fine[None, :] / radius, fine[:, None] / radius)
    return inside.reshape(pixels, _FINE, pixels, _FINE).mean(axis=(1, 3)).astype(np.float32)


def _star(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Five points on the unit circle, the first at the top; the corners between them are at 0.42."""
    fold = np.pi / 5
    angle = np.abs((np.arctan2(x, -y) + fold) % (2 * fold) - fold)
    away = np.hypot(x, y)
    # Below the line from the point (1, 0) to the corner between it and the next.
    corner = 0.42 * np.array([np.cos(fold), np.sin(fold)])
    return away * (np.cos(angle) * corner[1] + np.sin(angle) * (1 - corner[0])) <= corner[1]


# By name: whether points are inside the shape of radius 1; y grows downwards.
_INSIDE: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "circle": lambda x, y: np.hypot(x, y) <= 1,
    "square": lambda x, y: np.maximum(abs(x), abs(y)) <= 0.88,
    "triangle": lambda x, y: (2 * abs(x) <= y + 1) & (y <= 0.9),
    "cross": lambda x, y: (np.minimum(abs(x), abs(y)) <= 0.3) & (np.maximum(abs(x), abs(y)) <= 1),
    "star": _star,
}


def _scaled(digit: Float[np.ndarray, "8 8"], pixels: int) -> Float[np.ndarray, "n n"]:
    big = Image.fromarray(digit).resize((pixels, pixels), Image.Resampling.BICUBIC)
    return np.asarray(big).clip(0, 1)


def _digits() -> dict[tuple[str, int], list[np.ndarray]]:
    """The handwritten digits of each part and number, 8 x 8 pixels from 0 to 1."""
    try:
        from sklearn.datasets import load_digits  # pyright: ignore[reportMissingImports]
    except ImportError:
        raise UserError(
            "The handwritten digits come with scikit-learn, which is not installed: pip install 'xattn[digits]'."
        ) from None
    data = cast(Any, load_digits())
    images = (data.images / 16).astype(np.float32)
    places = np.random.default_rng(0).permutation(len(images)) % 10
    return {
        (part, number): list(images[(data.target == number) & np.isin(places, list(share))])
        for part, share in _SHARES.items()
        for number in range(10)
    }
