"""Trains both stacks at equal parameters, and the ablations of the cross one; counts what they cost; draws both kinds.

    python experiments/self_vs_cross/run.py

Runs go into runs/self_vs_cross*; results.json, costs.json and the picture beside this file are made anew. The picture
is of a model that translates to Hindi, the run of experiments/toy_en_hi, which has to be there.
"""

from pathlib import Path

from xattn.alignment.maps import MEANINGS, Readout, WordMap
from xattn.runs.folder import Run, open_run, write_json
from xattn.runs.readout import readout
from xattn.sweeps import System, measure
from xattn.tasks.self_cross import cached_bytes, score_entries
from xattn.translation.translator import Translator
from xattn.viewing.figures import render
from xattn.viewing.side_by_side import beside

HERE = Path(__file__).parent
CONFIG = HERE.parents[1] / "configs" / "self_vs_cross.py"
HINDI = Path("runs/toy_en_hi")
SENTENCE = "we are friends"
SIZES = ((16, 16), (64, 64), (512, 16), (512, 512))
"""Source and target positions that costs are counted for."""

# Without a source the model learns only what French is like: a quarter of the steps is enough.
FEW = ("--training.steps", "1000")
SYSTEMS = [
    System(),
    System(variant="self", overrides=("--task.stack", "self")),
    System(memory="mean"),
    System(memory="shuffle", overrides=FEW),
    System(memory="none", overrides=FEW),
]


def costs(run: Run) -> list[dict[str, int]]:
    """Entries of the scores of one head, and bytes cached while a target is written, for one example."""
    model = run.config.model
    return [
        {"source": source, "target": target}
        | {f"{stack}_score_entries": score_entries(stack, model.layers, source, target) for stack in ("cross", "self")}
        | {f"{stack}_cached_bytes": cached_bytes(stack, model, source, target) for stack in ("cross", "self")}
        for source, target in SIZES
    ]


def two_kinds() -> bytes:
    """Two heatmaps of a trained model: a sentence attends to itself, and its translation attends to the sentence."""
    if not HINDI.is_dir():
        raise SystemExit(f"{HINDI} is not there: python experiments/toy_en_fr/run.py toy_en_hi makes it, in minutes.")
    run = open_run(HINDI)
    model, where = Translator.open(run), readout(run, None, None, None)
    ((best,),) = model.translate([SENTENCE], return_attention=True)
    assert best.attention is not None, "translate(return_attention=True) records it"
    (among,) = model.attend_source([SENTENCE])
    own = Readout(layer=run.config.model.layers - 1, head="mean", convention="produced")
    maps: dict[str, WordMap] = {
        f"self-attention: encoder, layer {own.layer}, head {own.head}": among.to_words(own),
        f"cross-attention: decoder, layer {where.layer}, head {where.head}": best.attention.to_words(where),
    }
    notes = "a row is the word that attends, a column the word that it attends to; in percent; special: EOS\n"
    return render(beside(maps, f"{notes}at the right {MEANINGS[where.convention]}"), "png")


if __name__ == "__main__":
    picture = two_kinds()  # first, since it says what is missing
    runs = measure(CONFIG, SYSTEMS, HERE / "results.json")
    write_json(HERE / "costs.json", costs(runs["full"]))
    (HERE / "self_and_cross.png").write_bytes(picture)
