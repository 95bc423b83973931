"""Numbers of the questions of lesson 04: each public function is a field of `questions.md`."""

import torch

from cifar_helpers.checks.questions import MeanOfRuns
from cifar_helpers.runs import load_run
from cifar_helpers.runs.records import gain_by_seed


def momentum_speed() -> float:
    """How many times as far a step with momentum 0.9 goes as a plain one, along a constant slope."""
    return round(1 / (1 - 0.9), 9)


def good_recipe() -> float:
    """By how much the good recipe beats 100 epochs of the old one, in points of validation accuracy."""
    good, old = (load_run(name).metrics["validation"]["accuracy"] for name in ("good-25", "published-100"))
    return round(round(100 * float(good), 1) - round(100 * float(old), 1), 1)  # of the accuracies as the reply has them


def gains_of_remedies() -> tuple[float, ...]:
    """Points of validation accuracy that dropout, decay, augmentation and more images gain over `small-plain`."""
    names = ("small-dropout", "small-decay", "small-augment", "more-data")
    return tuple(MeanOfRuns(gain_by_seed(name, "small-plain")) for name in names)


def best_of_thirty() -> float:
    """Mean of the best of 30 accuracies on 1,000 images, in percent, where each prediction is correct with 80 %."""
    right = torch.rand(200, 30, 1000, generator=torch.Generator().manual_seed(0)) < 0.8
    return 100 * float(right.float().mean(2).max(1).values.mean())
