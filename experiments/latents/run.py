"""Trains associative recall with memories of every size, and the toy translator with two latents.

    python experiments/latents/run.py

Runs go into runs/latents* and runs/toy_en_fr_latents_2; the results and the figures beside this file are made anew.
"""

from pathlib import Path

from xattn.cli import main
from xattn.config import Recall
from xattn.runs.folder import Run, write_json
from xattn.sweeps import System, measure
from xattn.viewing.curves import frontier
from xattn.viewing.figures import render

HERE = Path(__file__).parent
CONFIG, TOY = (HERE.parents[1] / "configs" / f"{name}.py" for name in ("latents", "toy_en_fr"))
LATENTS, RANKS = (1, 2, 4, 8, 16), (1, 2, 4, 8, 16, 32)

# Latents learn slowly at first, so they get twice the steps. Without a memory the model plateaus early.
SLOW = ("--training.steps", "4000")
SHORT = ("--training.steps", "500")
SYSTEMS = [
    System(seeds=3),
    System(memory="mean"),
    System(memory="shuffle", overrides=SHORT),
    System(memory="none", overrides=SHORT),
    *(
        System(
            memory="latents",
            variant=str(n),
            overrides=("--model.latents", str(n), *SLOW),
            seeds=3 if n == max(LATENTS) else 1,
        )
        for n in LATENTS
    ),
    *(System(memory="rank", variant=str(r), overrides=("--task.rank", str(r))) for r in RANKS),
]


def memory_bytes(run: Run) -> int:
    """Bytes of the memory of an example in float32, before keys and values are made from it."""
    task, model = run.config.task, run.config.model
    assert isinstance(task, Recall), "the settings of this config"
    positions = {"full": task.pairs, "mean": 1, "latents": model.latents}[model.memory]
    return 4 * positions * (task.rank or model.width)


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
    two = System(memory="latents", variant="2", overrides=("--model.latents", "2"))
    translator = measure(TOY, [two], HERE / "toy.json")[two.name]
    picture = ["--format", "png", "--output", str(HERE / "four_tokens_two_latents.png")]
    main(["view", str(translator.folder), "the quick brown fox", *picture])
    write_json(HERE / "frontier.json", {name: {"bytes": sizes[name], "recall": recall[name]} for name in sizes})
