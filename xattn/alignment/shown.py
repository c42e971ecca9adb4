"""Values that notebooks show as pictures."""

from typing import Any, cast


class Shown:
    """What a notebook shows as pictures: a page, an image and text, see `xattn.viewing.notebook`.

    The public face of the package finds who draws, so that maps need no drawing.
    """

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        import xattn

        return xattn.mimebundle(cast(Any, self))
