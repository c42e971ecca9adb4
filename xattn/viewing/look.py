"""How a picture is drawn: choices of figures and of the terminal, which are options of `xattn view` too."""

from dataclasses import dataclass, fields
from typing import Literal

from xattn.errors import ConfigError, require

Scale = Literal["absolute", "row", "map", "sqrt"]


@dataclass(frozen=True, kw_only=True)
class Look:
    """How a picture is drawn.

    Attributes:
        scale: The colour scale: absolute (0 to 1), row (each row to its own maximum), map (0 to the map's maximum) or
            sqrt (the square root of absolute). By default absolute, or map where absolute would be nearly white.
        picture: What png, svg and pdf show: the heatmap, lines between the words, or the heatmaps of all layers and
            heads. By default the picture of the map's layout, which for words is the heatmap.
        title: The title of a figure, instead of its layer and head; "" for none.
        width: The width of a figure in inches, text included; by default cells have a fixed size.
        font_size: The size of words in points.
        dpi: The dots per inch of a png. By default 200, or fewer so that no side has more than 4,000 pixels.
        axis_names: Whether the axes of a figure are named source and target.
        color_bar: Whether a figure has a colour bar.
        notes: Whether a figure has notes below that say how to read it.
    """

    scale: Scale | None = None
    picture: Literal["heatmap", "lines", "heads"] | None = None
    title: str | None = None
    width: float | None = None
    font_size: float = 9.0
    dpi: int | None = None
    axis_names: bool = True
    color_bar: bool = True
    notes: bool = True

    def check(self, format: str) -> None:
        """Raises `ConfigError` for values that no picture can have, and for choices that a format does not show."""
        require(self.width is None or 1 <= self.width <= 100, f"--width is in inches, 1 to 100, not {self.width}.")
        require(1 <= self.font_size <= 100, f"--font-size is in points, 1 to 100, not {self.font_size}.")
        require(self.dpi is None or 10 <= self.dpi <= 2400, f"--dpi is 10 to 2400, not {self.dpi}.")
        shown = {"png": {each.name for each in fields(self)}, "terminal": {"scale"}, "html": {"scale"}}
        shown["svg"] = shown["pdf"] = shown["png"] - {"dpi"}
        for each in fields(self):
            if getattr(self, each.name) != each.default and each.name not in shown[format]:
                formats = ", ".join(name for name, known in shown.items() if each.name in known)
                option = each.name.replace("_", "-")
                raise ConfigError(f"--{option} belongs to {formats}, not to {format}: choose one, or leave it out.")

    def points(self, size: float | int) -> float:
        """A font size for words of 9 points as one for words of `font_size`."""
        return size * self.font_size / 9


DEFAULT = Look()
