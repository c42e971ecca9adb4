"""What an experiment is: frozen dataclasses, and their defaults, here and nowhere else."""

from xattn.config.checked import Checked, ConfigError, describe
from xattn.config.experiment import Experiment
from xattn.config.sections import Data, Decoding, Devices, Guidance, Model, Optimizer, Training, Vocabulary
from xattn.config.tasks import DocQA, GraphGed, GraphMatch, Recall, Row, SelfCross, Summary

__all__ = [
    "Checked",
    "ConfigError",
    "Data",
    "Decoding",
    "Devices",
    "DocQA",
    "Experiment",
    "GraphGed",
    "GraphMatch",
    "Guidance",
    "Model",
    "Optimizer",
    "Recall",
    "Row",
    "SelfCross",
    "Summary",
    "Training",
    "Vocabulary",
    "describe",
]
