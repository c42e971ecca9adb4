"""The figure that all pictures are drawn on; a notebook shows it as an image, whatever backend it has chosen."""

import base64
import io

import matplotlib as mpl
from matplotlib import figure

from xattn.viewing.style import STYLE

_DOTS = 120  # an inch, for the width of a notebook


class Figure(figure.Figure):
    """A figure of matplotlib that a notebook shows as the result of a cell, without `%matplotlib`."""

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        buffer = io.BytesIO()
        with mpl.rc_context(rc=STYLE):
            self.savefig(buffer, format="png", dpi=_DOTS, bbox_inches="tight")
        return {"text/plain": repr(self), "image/png": base64.b64encode(buffer.getvalue()).decode()}
