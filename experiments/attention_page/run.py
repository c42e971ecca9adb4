"""Takes the README's picture of the page, and measures how soon a large one is open.

    python experiments/attention_page/run.py

Needs Debian's chromium and the extra `test`; page.png and results.json beside this file are made anew.
"""

import platform
import random
import shutil
import statistics
import tempfile
from importlib.metadata import version
from pathlib import Path

import numpy as np
from playwright.sync_api import Browser, sync_playwright

from xattn.alignment.maps import AttentionMap, Readout
from xattn.cli import main
from xattn.data.toy import grammar
from xattn.runs.results import write_measurements
from xattn.viewing.page import Page, Sentence
from xattn.viewing.page.assembly import code

HERE = Path(__file__).parent
SENTENCES, TIMES = 60, 7
LAYERS, HEADS, LENGTH = 6, 8, 256


def toy(folder: Path) -> Path:
    """The page of sentences of the toy grammar with their gold links, read by the model that comes with the package."""
    draw = random.Random(7).random
    examples = [grammar.sample(draw) for _ in range(SENTENCES)]
    links = [
        " ".join(f"{s}{'-' if (s, t) in each.sure else 'p'}{t}" for s, t in sorted(each.possible)) for each in examples
    ]
    columns = {"en": [each.english for each in examples], "fr": [each.target for each in examples], "gold": links}
    for name, lines in columns.items():
        (folder / name).write_text("".join(line + "\n" for line in lines))
    path = folder / "toy.html"
    files = ["--source", str(folder / "en"), "--target", str(folder / "fr"), "--gold", str(folder / "gold")]
    if status := main(["view", *files, "--format", "html", "--output", str(path)]):
        raise SystemExit(status)
    return path


def large(folder: Path) -> Path:
    """A page of one map of 256 x 256 x 48 random weights, most of them on few pieces, as in real maps."""
    weights = np.random.default_rng(0).dirichlet(np.full(LENGTH, 0.05), (LAYERS, HEADS, LENGTH)).astype(np.float32)
    words = [f"w{i}" for i in range(LENGTH)]
    attention = AttentionMap(
        weights=weights,
        source=words,
        target=words,
        source_word_ids=range(LENGTH),
        target_word_ids=range(LENGTH),
        source_words=words,
        target_words=words,
    )
    readout = Readout(layer=LAYERS - 1, head=0, convention="produced")
    path = folder / "large.html"
    path.write_text(Page(sentences=[Sentence(maps={"random": attention})], readout=readout).html)
    return path


def seconds_to_open(browser: Browser, path: Path) -> float:
    """From the start of the navigation until everything is drawn, in a window of 1400 x 900."""
    tab = browser.new_page(viewport={"width": 1400, "height": 900})
    tab.goto(path.as_uri())
    milliseconds = tab.evaluate("xattn.settled().then(() => performance.now())")
    tab.close()
    return milliseconds / 1000


def photograph(browser: Browser, path: Path) -> None:
    tab = browser.new_page(viewport={"width": 1400, "height": 850}, reduced_motion="reduce")
    tab.goto(path.as_uri())
    tab.evaluate("""async () => {
        const long = (each) => each.sourceWords.length > 8 && each.targetWords.length > 9;
        await xattn.set({ sentence: xattn.data.sentences.findIndex(long), sort: "-aer" });
        await xattn.set({ step: 3, pin: { row: 3, column: null } });
    }""")
    tab.screenshot(path=HERE / "page.png")
    tab.close()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        executable = shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox", "--disable-gpu"])
        pages = {"toy": toy(folder), "large": large(folder)}
        photograph(browser, pages["toy"])
        results = {
            "code_bytes": len(code().encode()),
            "chromium": browser.version,
            "processor": platform.processor() or platform.machine(),
            "numpy": version("numpy"),
        }
        for kind, path in pages.items():
            times = [seconds_to_open(browser, path) for _ in range(TIMES)]
            results[kind] = {
                "file_bytes": path.stat().st_size,
                "seconds_median": round(statistics.median(times), 3),
                "seconds_worst": round(max(times), 3),
            }
        write_measurements(HERE / "results.json", results)
        browser.close()
