"""Trains associative recall with memories of every size, and the toy translator with two latents.

    python experiments/latents/run.py

Runs go into runs/latents_* and runs/toy_en_fr_latents_2; the results and the figures beside this file are made anew.
"""

from pathlib import Path

from xattn.cli import main
from xattn.config import Recall
from xattn.runs.folder import Run, write_json
from xattn.sweeps import measure
from xattn.viewing.curves import frontier
from xattn.viewing.figures import render

HERE = Path(__file__).parent
CONFIG, TOY = (HERE.parents[1] / "configs" / f"{name}.py" for name in ("latents", "toy_en_fr"))
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


if __name__ == "__main__":
    runs = measure(CONFIG, SYSTEMS, HERE / "results.json", seeds={"full": 3, "latents 16": 3})
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
    translator = measure(TOY, {"latents 2": ["--model.memory", "latents", "--model.latents", "2"]}, HERE / "toy.json")
    picture = ["--format", "png", "--output", str(HERE / "four_tokens_two_latents.png")]
    main(["view", str(translator["latents 2"].folder), "the quick brown fox", *picture])
    write_json(HERE / "frontier.json", {name: {"bytes": sizes[name], "recall": recall[name]} for name in sizes})
