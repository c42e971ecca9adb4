"""Colour scales: the shade of every value of a map, the same in figures, in the terminal and in the page.

    absolute    0 to 1; of norms, 0 to the largest norm, special mass included
    row         each row from 0 to its own maximum
    map         0 to the maximum of the map
    sqrt        the square root of absolute, so that small values are visible
    difference  for B - A: symmetric about 0, as far as the largest absolute value

Maxima are those of the words' cells; a special mass beyond them has the last colour. Without a choice the scale is
`absolute`, whose pictures can be compared; where the map's maximum is below `FAINT`, the scale is `map`.
"""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from jaxtyping import Float

from xattn.alignment.maps import WordMap
from xattn.viewing.look import Scale

FAINT = 0.25  # of the absolute scale: a map without a larger value is drawn by its own maximum


@dataclass(frozen=True, kw_only=True)
class Shading:
    """A colour scale that is fitted to a map.

    `most` is the value of the last colour, for each row of `row`. `text` names the scale; every picture shows it.
    """

    name: Scale | Literal["difference"]
    most: Float[np.ndarray, "#T 1"]
    text: str

    @property
    def signed(self) -> bool:
        """Whether shades are from -1 to 1; otherwise they are from 0 to 1."""
        return self.name == "difference"

    def shades(self, values_TS: Float[np.ndarray, "T S"]) -> Float[np.ndarray, "T S"]:
        """The shade of every value, from 0 (the first colour) to 1 (the last), or from -1 to 1; NaN stays NaN."""
        shares = np.clip(values_TS / self.most, -1.0 if self.signed else 0.0, 1.0)
        return np.sqrt(shares) if self.name == "sqrt" else shares

    def ticks(self) -> list[tuple[float, str]]:
        """Shades for a colour bar, with the values that they stand for."""
        if self.name == "row":
            return [(0.0, "0"), (1.0, "row\nmax.")]
        most = float(self.most.max(initial=0)) or 1.0
        places = {"sqrt": (0.0, 0.5, 1.0), "difference": (-1.0, 0.0, 1.0)}
        shades = places[self.name] if self.name in places else (0.0, 0.5, 1.0)
        power = 2 if self.name == "sqrt" else 1
        sign = "+" if self.signed else ""
        return [(shade, f"{most * shade**power:{sign if shade else ''}.3g}") for shade in shades]


def shading(words: WordMap, scale: Scale | None = None) -> Shading:
    """The scale of a map: the given one, or by default `absolute`, or `map` where `absolute` would be nearly white.

    A difference always has the scale `difference`.
    """
    if words.difference:
        most = float(np.abs(words.weights).max(initial=0)) or 1.0
        text = f"colour scale difference: -{most:.3g} to +{most:.3g}, symmetric about 0"
        return Shading(name="difference", most=np.array([[most]]), text=text)
    highest = float(words.weights.max(initial=0))
    if scale is None and 0 < highest < FAINT * words.most:
        chosen = _fitted(words, "map")
        return replace(chosen, text=f"{chosen.text}, because no cell reaches {FAINT * words.most:.3g}")
    return _fitted(words, scale or "absolute")


def _fitted(words: WordMap, scale: Scale) -> Shading:
    highest = float(words.weights.max(initial=0)) or 1.0
    end = "1" if words.unit == "weight" else f"the largest {words.unit}, {words.most:.3g}"
    match scale:
        case "absolute":
            most, text = np.array([[words.most]]), f"0 to {end}"
        case "sqrt":
            most, text = np.array([[words.most]]), f"square root of 0 to {end}"
        case "map":
            most, text = np.array([[highest]]), f"0 to the map's maximum, {highest:.3g}"
        case "row":
            rows = words.weights.max(axis=1, initial=0, keepdims=True).astype(float)
            most, text = np.where(rows > 0, rows, 1.0), "each row from 0 to its own maximum"
    return Shading(name=scale, most=most, text=f"colour scale {scale}: {text}")
