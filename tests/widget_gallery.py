"""Every widget and every kind of card once, as a lesson shows it: for tests that hold for all of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import torch
from torch import nn

from cifar_helpers import MLP, Cifar10, CifarCNN, checks, collect_logits, load_run, widgets
from cifar_helpers._paths import resources
from cifar_helpers.checks.verdict_widget import VerdictCard
from cifar_helpers.data import BatchLoader
from cifar_helpers.roofline import layer_work
from cifar_helpers.runs import DEFAULT_RUN
from cifar_helpers.timing import recorded_curves
from cifar_helpers.widgets import CourseWidget

__all__ = ["WIDGETS"]

CURVES: Final = {
    "CNN, here": {1: 2.08, 4: 0.8, 16: 0.46, 64: 0.352, 256: 0.34},
    "MLP, here": {1: 1.9, 4: 0.52, 16: 0.15, 64: 0.0592, 256: 0.033},
}
PEAKS: Final = (400e9, 40e9)
"""Of two cores: FLOP and bytes per second."""


def _confusion(data: Cifar10) -> CourseWidget:
    some = data.split()[1].subset(slice(0, 300))
    logits = collect_logits(load_run(DEFAULT_RUN).model(), BatchLoader(some))[0]
    return widgets.confusion_explorer(some, logits)


def _photo(_: Cifar10) -> CourseWidget:
    folder = resources() / "inputs"
    return widgets.predict_photo({name: folder / f"{name}.png" for name in ("horse", "cat", "ship")})


def _verdict(_: Cifar10) -> CourseWidget:
    return VerdictCard(checks.softmax(lambda logits: torch.softmax(logits, 1)))


def _wrong_verdict(_: Cifar10) -> CourseWidget:
    return VerdictCard(checks.softmax(lambda logits: torch.softmax(2 * logits, 1)))


def _timing(_: Cifar10) -> CourseWidget:
    """As in lesson 05: curves of the reader's machine, with their bounds, and recorded ones."""

    def work(model: nn.Module) -> Callable[[int], tuple[float, float]]:
        def flop_and_bytes(batch_size: int) -> tuple[float, float]:
            layers = layer_work(model, batch_size)
            return 3 * sum(layer.flop for layer in layers), 3 * sum(layer.moved for layer in layers)

        return flop_and_bytes

    works = {"CNN, here": work(CifarCNN()), "MLP, here": work(MLP())}
    return widgets.timing_explorer({**CURVES, **recorded_curves()}, works, PEAKS)


def _picture(data: Cifar10) -> torch.Tensor:
    return data.split()[1].of_class("horse").images[0]


WIDGETS: Final[dict[str, Callable[[Cifar10], CourseWidget]]] = {
    "through_the_network": lambda data: widgets.through_the_network(),
    "image_browser": lambda data: widgets.image_browser(data.split()[1]),
    "kernel_bench": lambda data: widgets.kernel_bench(_picture(data)),
    "convolution_steps": lambda data: widgets.convolution_steps(_picture(data)),
    "receptive_field": lambda data: widgets.receptive_field(data.split()[1].subset(slice(0, 100))),
    "feature_maps": lambda data: widgets.feature_maps(data.split()[1].subset(slice(0, 8))),
    "training_through_time": lambda data: widgets.training_through_time(_picture(data)),
    "overfitting_lab": lambda data: widgets.overfitting_lab(data),
    "live_training": lambda data: widgets.live_training(*(part.subset(slice(0, 400)) for part in data.split())),
    "bug_gallery": lambda data: widgets.bug_gallery(),
    "confusion_explorer": _confusion,
    "predict_photo": _photo,
    "timing_explorer": _timing,
    "prediction": lambda data: checks.guess("remedies"),
    "number": lambda data: checks.guess("good_recipe"),
    "quiz": lambda data: checks.quiz(4),
    "verdict": _verdict,
    "wrong_verdict": _wrong_verdict,
}
"""Name to what makes one from a data set."""
