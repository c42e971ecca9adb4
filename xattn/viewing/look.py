"""How a picture is drawn: choices of figures and of the terminal, which are options of `xattn view` too."""

from dataclasses import dataclass
from typing import Literal

Scale = Literal["absolute", "row", "map", "sqrt"]


@dataclass(frozen=True, kw_only=True)
class Look:
    """How a picture is drawn.

    Attributes:
        scale: The colour scale: absolute (0 to 1), row (each row to its own maximum), map (0 to the map's maximum) or
            sqrt (the square root of absolute). By default absolute, or map where absolute would be nearly white.
    """

    scale: Scale | None = None


DEFAULT = Look()
