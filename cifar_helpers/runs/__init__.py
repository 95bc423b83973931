"""Recorded runs: training runs that take too long for a lesson, kept with everything needed to repeat them."""

from cifar_helpers.runs.recipes import SHORT, Plan, Recipe, prepare
from cifar_helpers.runs.records import BEST_RUN, DEFAULT_RUN, Run, load_run, record, run_names, train_by
from cifar_helpers.runs.weights import load_weights, save_weights

__all__ = [
    "BEST_RUN",
    "DEFAULT_RUN",
    "SHORT",
    "Plan",
    "Recipe",
    "Run",
    "load_run",
    "load_weights",
    "prepare",
    "record",
    "run_names",
    "save_weights",
    "train_by",
]
