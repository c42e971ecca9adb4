"""Evaluation of array tasks: metrics, baselines, pointing accuracy against chance, and the knock-out test."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Protocol, runtime_checkable

import jax
import numpy as np
from rich.console import Console
from rich.table import Table

from xattn.alignment.maps import AttentionMap, Readout
from xattn.alignment.pointing import Pointing, point, sample_other_positions
from xattn.config import Experiment
from xattn.nn.memory_transforms import WHY_NOT_SOURCE
from xattn.runs.folder import Run
from xattn.runs.results import LOWER_IS_BETTER, short, shown
from xattn.training.losses import means
from xattn.viewing.formats import png

TRAIN, VALIDATION = "train", "validation"
"""The splits of every array task, beside those of its setting `test`."""
ALL = "all"
"""The name of all queries, among the groups of them."""


@runtime_checkable
class EvaluatedTask(Protocol):
    """The part of `xattn.tasks.array_task.ArrayTask` that evaluation uses."""

    run: Run
    headline: ClassVar[str]
    apply: Any

    @property
    def config(self) -> Experiment: ...
    @property
    def knockout_metric(self) -> str: ...
    def best_params(self) -> Any: ...
    def examples(self, split: str, /) -> Any: ...
    def batches(self, split: str) -> Any: ...
    def gold(self, examples: Any) -> np.ndarray | None: ...
    def groups(self, examples: Any) -> Mapping[str, np.ndarray]: ...
    def baselines(self, split: str) -> Mapping[str, Mapping[str, float]]: ...
    def split_metrics(self, params: Any, split: str) -> Mapping[str, float]: ...
    def readout_metrics(self, params: Any, split: str, readout: Readout) -> Mapping[str, float]: ...
    def example_map(self, params: Any, split: str, number: int) -> AttentionMap: ...


def evaluate(task: EvaluatedTask, splits: Sequence[str], console: Console) -> dict[str, Any]:
    """Scores the run of a task, keeps and returns its results, and draws an example into the run's figures.

    Layer and head are chosen by pointing accuracy on the validation split, and used on the others. `console` shows
    progress.
    """
    config, params = task.config, task.best_params()
    results = task.run.read_results() | {
        "task": config.task.kind,
        "headline": task.headline,
        "memory": config.model.memory,
        "parameters": sum(leaf.size for leaf in jax.tree.leaves(params)),
    }
    readout = None
    if has_gold_attention(task):
        with console.status("choosing layer and head on the validation split"):
            found = pointing(task, params, VALIDATION)
        readout = Readout(layer=found.best[0], head=found.best[1], convention="produced")
        at = found.at(*found.best)["accuracy"]
        results["readout"] = {
            "layer": readout.layer,
            "head": readout.head,
            "convention": readout.convention,
            "chosen_by": "pointing accuracy on validation",
            "validation_pointing": at,
        }
    results.setdefault("splits", {})
    for split in splits or config.task.test:
        with console.status(f"scoring {split}"):
            results["splits"][split] = measure(task, params, split, readout)
        task.run.write_results(results)
    draw(task, params, splits or config.task.test, readout)
    return results


def has_gold_attention(task: EvaluatedTask) -> bool:
    """Whether the task has gold attention, and its memory the source positions that the gold names."""
    first = jax.tree.map(lambda x: x[:1], task.examples(VALIDATION))
    return task.config.model.memory not in WHY_NOT_SOURCE and task.gold(first) is not None


def measure(task: EvaluatedTask, params: Any, split: str, readout: Readout | None) -> dict[str, Any]:
    """All scores of one split; see `xattn.training.task.Task`."""
    sums = [jax.device_get(task.apply(params, batch, None).sums) for batch in task.batches(split)]
    row: dict[str, Any] = {
        "examples": sum(int(batch.valid.sum()) for batch in task.batches(split)),
        "sha256": digest(task.examples(split)),
        **short(means(sums)),
        **short(task.split_metrics(params, split)),
        "baselines": {name: short(scores) for name, scores in task.baselines(split).items()},
    }
    if readout is not None:
        found = pointing_by_group(task, params, split)
        scores = {
            name: {**each.at(readout.layer, readout.head), "chance": round(each.chance / each.rows, 4)}
            for name, each in found.items()
            if each.rows
        }
        last = found[ALL].at(len(found[ALL].hits) - 1, "mean")
        more = short(task.readout_metrics(params, split, readout))
        row["pointing"] = {**scores.pop(ALL), **more, "last_layer_mean": last, **({"by": scores} if scores else {})}
        row["knock_out"] = knock_out(task, params, split)
    return row


def digest(examples: Any) -> str:
    """The first digits of the SHA-256 of all arrays of a split: runs with another were scored on other examples."""
    made = hashlib.sha256()
    for leaf in jax.tree.leaves(examples):
        made.update(np.asarray(leaf).tobytes())
    return made.hexdigest()[:16]


def pointing(task: EvaluatedTask, params: Any, split: str) -> Pointing:
    """Pointing accuracy of the queries of a split."""
    return pointing_by_group(task, params, split)[ALL]


def pointing_by_group(task: EvaluatedTask, params: Any, split: str) -> dict[str, Pointing]:
    """Pointing accuracy of all queries of a split, under the name `ALL`, and of each of the task's groups of them."""
    found: dict[str, Pointing] = {}
    for batch in task.batches(split):
        outcome = jax.device_get(task.apply(params, batch, None))
        weights, gold, visible = np.asarray(outcome.weights), _gold(task, batch), np.asarray(outcome.visible)
        groups = {name: gold & rows[..., None] for name, rows in task.groups(batch.examples).items()}
        for name, each in {ALL: gold, **groups}.items():
            scored = point(weights, each, visible)
            found[name] = found[name] + scored if name in found else scored
    assert found, "a split has a batch"
    return found


def knock_out(task: EvaluatedTask, params: Any, split: str) -> dict[str, Any]:
    """The score of the whole memory, with gold positions masked in all heads, and with as many random ones masked.

    If the model does not find its answer by attention, both masks cost the same; if it does, gold costs much more. A
    drop is positive where the score gets worse.
    """
    generator = np.random.default_rng(0)
    sums: dict[str, list] = {"whole": [], "without_gold": [], "without_others": []}
    for batch in task.batches(split):
        gold, whole = _gold(task, batch), task.apply(params, batch, None)
        random = sample_other_positions(gold, np.asarray(whole.visible), generator)
        for name, outcome in {
            "whole": whole,
            "without_gold": task.apply(params, batch, gold),
            "without_others": task.apply(params, batch, random),
        }.items():
            sums[name].append(jax.device_get(outcome.sums))
    score = {name: means(each)[task.knockout_metric] for name, each in sums.items()}
    worse = -1 if task.knockout_metric in LOWER_IS_BETTER else 1
    drops = {name: worse * (score["whole"] - score[f"without_{name}"]) for name in ("gold", "others")}
    return {"metric": task.knockout_metric, **short(score), "drop": short(drops)}


def draw(task: EvaluatedTask, params: Any, splits: Sequence[str], readout: Readout | None) -> None:
    """Writes the first example of the first split into the run's figures."""
    where = readout or Readout(layer=task.config.model.layers - 1, head="mean", convention="produced")
    task.run.figures.mkdir(exist_ok=True)
    (task.run.figures / "example.png").write_bytes(png(task.example_map(params, splits[0], 0), where))


def table(results: dict[str, Any]) -> Table:
    """The results of all splits."""
    headline = results["headline"]
    view = Table(title=f"{headline} with a {results['memory']} memory")
    for heading in ("split", "examples", headline, "baselines", "pointing (chance)", "without gold / others"):
        view.add_column(heading, justify="left" if heading == "split" else "right")
    for name, row in results["splits"].items():
        baselines = [
            f"{who} {shown(headline, scores[headline])}"
            for who, scores in row["baselines"].items()
            if headline in scores
        ]
        looked, knocked = ("pointing" in row, "knock_out" in row)
        view.add_row(
            name,
            f"{row['examples']:,}",
            shown(headline, row[headline]),
            ", ".join(baselines) or "-",
            f"{row['pointing']['accuracy']:.4f} ({row['pointing']['chance']:.4f})" if looked else "-",
            " / ".join(shown(headline, row["knock_out"][f"without_{what}"]) for what in ("gold", "others"))
            if knocked
            else "-",
        )
    return view


def _gold(task: EvaluatedTask, batch: Any) -> np.ndarray:
    gold = task.gold(batch.examples)
    assert gold is not None, "has_gold_attention says so"
    return gold & np.asarray(batch.valid)[:, None, None]
