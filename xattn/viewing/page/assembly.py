"""The page without its data: template, style sheet and scripts joined into one text."""

import re
from functools import cache
from importlib import resources

from rjsmin import jsmin

from xattn.alignment.layouts import LAYOUTS

# The picture beside the heatmap, by layout. Each of these scripts defines the same constant, SECOND.
_BESIDE = {"words": ["lines.js"], **{name: ["positions.js", f"{name}.js"] for name in LAYOUTS if name != "words"}}


@cache
def code(layout: str = "words", steps: bool = True, sound: bool = False) -> str:
    """The page of maps of one layout, with the comment /*DATA*/ in place of the data.

    With `steps` the page has a card that shows the decoder steps one by one, with `sound` a player of what is heard.
    """
    page = _asset("template.html")
    for name, wanted in {"steps": steps, "sound": sound}.items():
        page = page.replace(f"<!--{name.upper()}-->\n", _asset(f"{name}.html") if wanted else "")
    # The style sheet loses the spaces beside its marks, and the template its indentation.
    style = re.sub(r"(?<=[:;,{]) | (?=[{}])|;(?= })", "", _asset("page.css"))
    page = re.sub(r"\n +", "\n", page.replace("/*CSS*/", style))
    return page.replace("/*SCRIPT*/", str(jsmin(script(layout, steps, sound))))


def script(layout: str, steps: bool = True, sound: bool = False) -> str:
    """The scripts of a page, joined in one scope of their own: only `window.xattn` is visible outside.

    A template literal must not contain another one: rjsmin reads the inner one as code.
    """
    more = [name for name, wanted in {"steps.js": steps, "sound.js": sound}.items() if wanted]
    names = ["model.js", "draw.js", *_BESIDE[layout], "state.js", "page.js", *more, "panels.js"]
    return f'"use strict";\n{{\n{"".join(map(_asset, names))}}}\n'


def _asset(name: str) -> str:
    return (resources.files("xattn.viewing.page") / "assets" / name).read_text(encoding="utf-8")
