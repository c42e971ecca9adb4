"""Experiment rows: one file each, found by the name that a config gives."""

from rich.console import Console

from xattn.config import ConfigError
from xattn.runs.folder import Run
from xattn.tasks.docqa import DocQATask
from xattn.tasks.graph_ged import GraphGedTask
from xattn.tasks.graph_match import GraphMatchTask
from xattn.tasks.recall import RecallTask
from xattn.tasks.self_cross import SelfCrossTask
from xattn.tasks.summarize import SummarizeTask
from xattn.tasks.task import Task
from xattn.translation.alignment_layer_task import AlignmentLayerTask
from xattn.translation.task import TranslationTask

TASKS: dict[str, type[Task]] = {
    "translation": TranslationTask,
    "recall": RecallTask,
    "docqa": DocQATask,
    "summarize": SummarizeTask,
    "self_cross": SelfCrossTask,
    "graph_match": GraphMatchTask,
    "graph_ged": GraphGedTask,
}


def find(name: str) -> type[Task]:
    """The row of that name."""
    if name not in TASKS:
        raise ConfigError(f"task must be one of {', '.join(map(repr, TASKS))}, not {name!r}.")
    return TASKS[name]


def make(run: Run, console: Console) -> Task:
    """The row of a run, for training."""
    row = find(run.config.task) if run.config.alignment_layer is None else AlignmentLayerTask
    return row(run, console)
