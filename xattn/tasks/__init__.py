"""All tasks: the class of each, by the class of its settings."""

from collections.abc import Sequence

from rich.console import Console

from xattn.alignment.maps import AttentionMap
from xattn.config import (
    Caption,
    DocQA,
    Experiment,
    GraphGed,
    GraphMatch,
    Recall,
    SelfCross,
    SpeechAn4,
    SpeechDigits,
    Summary,
    TaskSettings,
    TextToImage,
    Translation,
)
from xattn.errors import ConfigError
from xattn.runs.folder import Run
from xattn.runs.origin import settle
from xattn.tasks.array_task import ArrayTask
from xattn.tasks.caption import CaptionTask
from xattn.tasks.docqa import DocQATask
from xattn.tasks.graph_ged import GraphGedTask
from xattn.tasks.graph_match import GraphMatchTask
from xattn.tasks.recall import RecallTask
from xattn.tasks.self_cross import SelfCrossTask
from xattn.tasks.speech_an4 import SpeechAn4Task
from xattn.tasks.speech_digits import SpeechDigitsTask
from xattn.tasks.summarize import SummarizeTask
from xattn.tasks.text_to_image import TextToImageTask
from xattn.training.task import Task
from xattn.translation.alignment_layer_task import AlignmentLayerTask
from xattn.translation.task import TranslationTask

TASKS: dict[type[TaskSettings], type[Task]] = {
    Translation: TranslationTask,
    Recall: RecallTask,
    DocQA: DocQATask,
    Summary: SummarizeTask,
    SelfCross: SelfCrossTask,
    GraphMatch: GraphMatchTask,
    GraphGed: GraphGedTask,
    Caption: CaptionTask,
    SpeechDigits: SpeechDigitsTask,
    SpeechAn4: SpeechAn4Task,
    TextToImage: TextToImageTask,
}


def task_class(config: Experiment) -> type[Task]:
    """The class of a config's task."""
    if config.alignment_layer is not None:
        return AlignmentLayerTask
    kind = type(config.task)
    if kind not in TASKS:
        raise ConfigError(f"The settings {kind.__name__} belong to no task: xattn.tasks.TASKS must name its class.")
    return TASKS[kind]


def make(run: Run, console: Console) -> Task:
    """The task of a run, for training. Raises `RunError` for a run with steps whose data have changed since."""
    kind = task_class(run.config)
    if note := settle(run, kind.sources(run.config)):
        console.print(note, markup=False)
    return kind(run, console)


def example_map(run: Run, split: str, number: int, kind: type[ArrayTask] | None = None) -> AttentionMap:
    """The attention of the best checkpoint in one example, counted from 0, read by the task of the run or by `kind`.

    Raises `ConfigError` for a task that takes text, for a split that it does not have, and for a number that the split
    does not have.
    """
    task = _array_task(run, kind)
    return task.example_map(task.best_params(), split, number)


def given_map(run: Run, words: Sequence[str]) -> AttentionMap:
    """The attention of the best checkpoint in an example of the user; see `ArrayTask.given_map`.

    Raises `UserError` for a task that reads none, and for one that it cannot use.
    """
    task = _array_task(run, None)
    return task.given_map(task.best_params(), words)


def _array_task(run: Run, kind: type[ArrayTask] | None) -> ArrayTask:
    task = (kind or task_class(run.config))(run, Console(quiet=True))
    if not isinstance(task, ArrayTask):
        raise ConfigError(f"The task {run.config.task.kind!r} takes text: it has no numbered examples.")
    return task
