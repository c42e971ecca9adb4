"""Trains associative recall with memories of every size; draws recall by bytes, and four tokens that see two latents.

    python experiments/latents/run.py

Runs go into runs/latents_*; results.json and the figures beside this file are made anew.
"""

import io
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from xattn.alignment.maps import Readout
from xattn.results import measure
from xattn.run import Run, write_json
from xattn.tasks.recall import Recall, RecallTask
from xattn.viewing.figures import frontier, heatmap, render

HERE = Path(__file__).parent
CONFIG = HERE.parents[1] / "configs" / "latents.py"
LATENTS, RANKS = (1, 2, 4, 8, 16), (1, 2, 4, 8, 16, 32)

# Latents start slowly, so they get twice the steps; who sees nothing soon knows all that it can.
SLOW = ["--training.steps", "4000"]
SHORT = ["--training.steps", "500"]
SYSTEMS = {
    "full": [],
    "mean": ["--model.memory", "mean"],
    "shuffle": ["--model.memory", "shuffle", *SHORT],
    "none": ["--model.memory", "none", *SHORT],
    **{f"latents {n}": ["--model.memory", "latents", "--model.latents", str(n), *SLOW] for n in LATENTS},
    **{f"rank {r}": ["--row.rank", str(r)] for r in RANKS},
}


def memory_bytes(run: Run) -> int:
    """What a decoder keeps of a source between its looks, before keys and values are made of it, in float32."""
    row, model = run.config.row, run.config.model
    assert isinstance(row, Recall), "the settings of this row"
    positions = {"full": row.pairs, "mean": 1, "latents": model.latents}[model.memory]
    return 4 * positions * (row.rank or model.width)


def four_tokens_two_latents(run: Run) -> bytes:
    """The picture of the founding documents, from a trained model: four queries of a test example, two latents."""
    task = RecallTask(run, Console(file=io.StringIO()))
    words = task.attend(task.trained(), "test", 0).to_words(
        Readout(layer=run.config.model.layers - 1, head="mean", convention="produced")
    )
    four = replace(words, weights=words.weights[:4], special=words.special[:4], target=words.target[:4])
    return render(heatmap(four), "png")


if __name__ == "__main__":
    runs = measure(CONFIG, SYSTEMS, HERE / "results.json")
    kept = {name: each.read_results() for name, each in runs.items()}
    recall = {name: each["splits"]["test"]["recall"] for name, each in kept.items()}
    sizes = {name: memory_bytes(each) for name, each in runs.items() if name not in ("shuffle", "none")}
    lines = {
        "fewer positions: latents": [f"latents {n}" for n in LATENTS],
        "fewer channels: rank": [*(f"rank {r}" for r in RANKS), "full"],
        "mean": ["mean"],
    }
    figure = frontier(
        {line: [(sizes[name], recall[name]) for name in names] for line, names in lines.items()},
        size="bytes of memory an example",
        score="recall on test",
    )
    (HERE / "frontier.png").write_bytes(render(figure, "png"))
    (HERE / "four_tokens_two_latents.png").write_bytes(four_tokens_two_latents(runs["latents 2"]))
    write_json(HERE / "frontier.json", {name: {"bytes": sizes[name], "recall": recall[name]} for name in sizes})
