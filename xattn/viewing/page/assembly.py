"""The page without its data: template, style sheet and scripts joined into one text."""

import re
from functools import cache
from importlib import resources

from rjsmin import jsmin

from xattn.alignment.layouts import LAYOUTS

# The picture beside the heatmap, by layout. Each of these scripts defines the same constant, SECOND.
_BESIDE = {"words": ["lines.js"], **{name: ["positions.js", f"{name}.js"] for name in LAYOUTS if name != "words"}}


@cache
def code(layout: str = "words", steps: bool = True) -> str:
    """The page of maps of one layout, with the comment /*DATA*/ in place of the data.

    With `steps` the page has a card that shows the decoder steps one by one.
    """
    page = _asset("template.html").replace("<!--STEPS-->\n", _asset("steps.html") if steps else "")
    # The style sheet and the template are small, and lose only their indentation.
    page = re.sub(r"\n +", "\n", page.replace("/*CSS*/", _asset("page.css")))
    return page.replace("/*SCRIPT*/", str(jsmin(script(layout, steps))))


def script(layout: str, steps: bool = True) -> str:
    """The scripts of a page, joined in one scope of their own: only `window.xattn` is visible outside.

    A template literal must not contain another one: rjsmin reads the inner one as code.
    """
    names = ["model.js", "draw.js", *_BESIDE[layout], "state.js", "page.js", *["steps.js"] * steps, "panels.js"]
    return f'"use strict";\n{{\n{"".join(map(_asset, names))}}}\n'


def _asset(name: str) -> str:
    return (resources.files("xattn.viewing.page") / "assets" / name).read_text(encoding="utf-8")
