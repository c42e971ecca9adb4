"""What an experiment is: frozen settings classes and their defaults. Nothing here imports jax.

from xattn.config import Experiment, Model, Translation

config = Experiment(task=Translation(corpus="my/folder"), model=Model(layers=4))
"""

from xattn.config.checked import Checked, describe, settings
from xattn.config.experiment import Experiment
from xattn.config.sections import Devices, Model, Optimizer, TaskSettings, Training
from xattn.config.tasks import (
    SETTINGS,
    Caption,
    DocQA,
    Generated,
    GraphGed,
    GraphMatch,
    Recall,
    Scenes,
    SelfCross,
    SpeechAn4,
    SpeechDigits,
    Summary,
    TextToImage,
)
from xattn.config.translation import Guidance, Translation, Vocabulary
from xattn.errors import ConfigError

__all__ = [
    "SETTINGS",
    "Caption",
    "Checked",
    "ConfigError",
    "Devices",
    "DocQA",
    "Experiment",
    "Generated",
    "GraphGed",
    "GraphMatch",
    "Guidance",
    "Model",
    "Optimizer",
    "Recall",
    "Scenes",
    "SelfCross",
    "SpeechAn4",
    "SpeechDigits",
    "Summary",
    "TaskSettings",
    "TextToImage",
    "Training",
    "Translation",
    "Vocabulary",
    "describe",
    "settings",
]
