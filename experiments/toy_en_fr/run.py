"""Trains the toy with its memory and with its mean, scores both, and draws exact match by length.

    python experiments/toy_en_fr/run.py

Runs go into runs/toy_en_fr and runs/toy_en_fr_mean; results.json and the figures beside this file are made anew.
"""

import json
import shutil
from pathlib import Path

from xattn.cli import main
from xattn.run import Run, open_run, write_json
from xattn.tasks.evaluation import length_curve
from xattn.viewing.figures import render

HERE = Path(__file__).parent
SENTENCE = "the small boy who sees the brown fox did not eat the good apples"


def run(name: str) -> Run:
    """Trains and evaluates a config, unless its run folder says that this is done."""
    config, folder = HERE.parents[1] / "configs" / f"{name}.py", Path("runs") / name
    for command in (["train", str(config), "--run", str(folder)], ["evaluate", str(folder)]):
        if status := main(command):
            raise SystemExit(status)
    return open_run(folder)


if __name__ == "__main__":
    runs = {"full memory": run("toy_en_fr"), "mean memory": run("toy_en_fr_mean")}
    results = {name: each.read_results() for name, each in runs.items()}
    for name, each in runs.items():
        environment = json.loads((each.folder / "environment.json").read_text())[-1]
        last = json.loads(each.metrics.read_text().splitlines()[-1])
        results[name] |= {"environment": environment, "steps": last["step"], "training_seconds": last["seconds"]}
    write_json(HERE / "results.json", results)
    (HERE / "length_curve.png").write_bytes(render(length_curve(results, ("test", "long"), "exact match"), "png"))
    full = runs["full memory"].folder
    main(["view", str(full), SENTENCE, "--format", "png", "--output", str(HERE / "attention.png")])
    for name in ("attention.png", "length_curve.png"):
        (full / "figures").mkdir(exist_ok=True)
        shutil.copy(HERE / name, full / "figures" / name)
