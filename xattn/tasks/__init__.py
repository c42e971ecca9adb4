"""Experiment rows: one file each, found by the name that a config gives."""

from xattn.tasks.frozen import translation

TASKS = {"translation": translation}
