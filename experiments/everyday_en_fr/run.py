"""Trains the translator of everyday sentences, scores it, aligns two gold sets, and makes the model of the package.

    XATTN_DATA=path python experiments/everyday_en_fr/run.py

It needs the extra `bench`. Text and run go into runs/everyday_en_fr_text and runs/everyday_en_fr. What is scored is the
model of the package: its weights have 8 bits. results.json beside this file and xattn/pretrained/everyday_en_fr are
made anew.
"""

import os
import shutil
from pathlib import Path

import jax
import numpy as np
import text
from gold import Gold

from xattn.alignment.links import Links, argmax, dual, mutual
from xattn.commands.evaluate import score_splits
from xattn.commands.export import export_run
from xattn.commands.train import train
from xattn.runs.folder import EVERYDAY, Run, open_run
from xattn.runs.readout import readout
from xattn.runs.results import collect, write_systems
from xattn.translation.translator import Translator
from xattn.viewing.formats import png

HERE = Path(__file__).parent
CONFIG = HERE.parents[1] / "configs" / "everyday_en_fr.py"
TEXT, FOLDER = Path("runs/everyday_en_fr_text"), Path("runs/everyday_en_fr")
GOLD = Path(os.path.expandvars("$XATTN_DATA/alignment_gold"))
READINGS = {"argmax": argmax, "mutual": mutual, "dual": dual}
SENTENCE = "My sister lives in London, but her children go to school in Paris."
LICENCE = """The weights of this model were trained on sentence pairs of Tatoeba (https://tatoeba.org), by its authors,
selected by ManyThings.org (https://www.manythings.org/anki), under CC BY 2.0 FR
(https://creativecommons.org/licenses/by/2.0/fr/). experiments/everyday_en_fr makes the model.
"""


def ship(run: Run) -> Run:
    """Puts a run into the package, with weights of 8 bits."""
    shutil.rmtree(EVERYDAY, ignore_errors=True)
    shipped = export_run(run, EVERYDAY, "int8")
    shipped.results.unlink(missing_ok=True)
    (EVERYDAY / "LICENCE.txt").write_text(LICENCE)
    return shipped


def align(run: Run) -> dict[str, dict]:
    """AER of every gold set by every way to read links from the guided head."""
    model, where, found = Translator.open(run), readout(run, None, None, None), {}
    for name in ("alibi_dev", "hansards_dev"):
        gold = Gold.read(GOLD / name)
        maps = gold.maps(model)
        found[name] = {
            reading: gold.aer(maps, where, lambda words, method=method: Links.from_matrix(method(words.weights)))
            for reading, method in READINGS.items()
        }
        print(name, {reading: row["aer"] for reading, row in found[name].items()})
    return found


if __name__ == "__main__":
    if not (TEXT / "train.talp").exists():
        text.write(TEXT)
    train(CONFIG, FOLDER, [])
    run = ship(open_run(FOLDER))
    score_splits(run)
    row = {"name": "full", "memory": "full", "variant": "", "config": CONFIG.stem, "overrides": []}
    size = sum(path.stat().st_size for path in EVERYDAY.iterdir())
    parameters = sum(np.size(leaf) for leaf in jax.tree.leaves(Translator.open(run).params))
    found = collect(open_run(FOLDER)) | run.read_results()
    measured = {"bytes": size, "parameters": parameters, "alignments": align(run)}
    write_systems(HERE / "results.json", [{**row, **found, **measured}])
    [[best]] = Translator.open(run).translate([SENTENCE], return_attention=True)
    assert best.attention is not None
    (HERE / "attention.png").write_bytes(png(best.attention, readout(run, None, None, None)))
