"""One self-contained HTML file that shows attention: no request, no build step, plain JavaScript and canvas.

The page folds, reads and scores maps by itself, because its reader changes layer, head, unit and row convention. The
tests compare its results with `xattn.alignment`.
"""

from xattn.viewing.page.document import Page
from xattn.viewing.page.packing import Candidates, Sentence

__all__ = ["Candidates", "Page", "Sentence"]
