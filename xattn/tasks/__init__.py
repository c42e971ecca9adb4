"""Experiment rows: one file each, found by the name that a config gives."""

from xattn.tasks.translation import Translation

TASKS = {"translation": Translation}
