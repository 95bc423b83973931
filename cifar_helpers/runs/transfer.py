"""What transfer gains: the recorded trials of lesson 09, made by `python -m benchmarks transfer`."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor

from cifar_helpers._paths import resources
from cifar_helpers.evaluation import Gain, gain_interval

__all__ = ["METHODS", "TASKS", "Arm", "arms", "gain", "packed", "recorded", "unpacked"]

TASKS: Final = ("ten classes", "deer or horse", "quarter turns")
METHODS: Final = (
    "linear probe",
    "linear probe, hidden units",
    "linear probe, places kept",
    "linear probe, ImageNet",
    "fine-tuning",
    "from scratch",
)
"""In the order in which they are shown."""

_STUDENT: Final = 4.303  # for a 95 % interval, with two degrees of freedom: three seeds


@dataclass(frozen=True, eq=False)
class Arm:
    """One method with one number of training images, tried with three seeds and measured on the same images.

    Attributes:
        method: how the network was made.
        images: training images of each class.
        correct: bool `(3, N)`: whether the network of each seed classifies each measured image correctly.
    """

    method: str
    images: int
    correct: Tensor

    @property
    def accuracies(self) -> Tensor:
        """Accuracy of each seed, 0..1: `(3,)`."""
        return self.correct.double().mean(1)

    @property
    def accuracy(self) -> float:
        """Their mean, 0..1."""
        return float(self.accuracies.mean())

    @property
    def half_width(self) -> float:
        """Half the width of the mean's 95 % interval, 0..1: other images and other seeds both move it."""
        of_images = self.correct.double().mean(0).var() / self.correct.shape[1]
        of_seeds = self.accuracies.var() / len(self.accuracies)
        return _STUDENT * math.sqrt(float(of_images + of_seeds))

    def __str__(self) -> str:
        each = f"{self.images:,} per class"
        return f"{self.method}, {each}: {100 * self.accuracy:.1f} % ± {100 * self.half_width:.1f}"


@cache
def recorded() -> dict[str, Any]:
    """The whole record: `machine`, `settings`, and `rows`, one for each trial."""
    record: dict[str, Any] = json.loads((resources() / "transfer.json").read_text(encoding="utf-8"))
    return record


def arms(task: str) -> tuple[Arm, ...]:
    """The trials of a task, method by method, each from the fewest images to the most.

    Args:
        task: one of `TASKS`.

    Raises:
        ValueError: if there is no such task.
    """
    if task not in TASKS:
        raise ValueError(f"task must be one of {', '.join(map(repr, TASKS))}, got {task!r}")
    groups: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for row in recorded()["rows"]:
        if row["task"] == task:
            groups.setdefault((row["method"], row["images"]), []).append(row)
    ordered = sorted(groups.items(), key=lambda group: (METHODS.index(group[0][0]), group[0][1]))
    return tuple(_arm(method, images, rows) for (method, images), rows in ordered)


def _arm(method: str, images: int, rows: Sequence[dict[str, Any]]) -> Arm:
    return Arm(method, images, torch.stack([unpacked(row["correct"], row["measured"]) for row in rows]))


def gain(task: str, images: int, method: str, base: str = "from scratch") -> Gain:
    """By how much a method is more accurate than another with the same number of images, see `gain_interval`.

    Args:
        task: one of `TASKS`.
        images: training images of each class.
        method: one of `METHODS`.
        base: the method with which it is compared.

    Raises:
        ValueError: if one of the two was not recorded for this task and number of images.
    """
    found = {arm.method: arm for arm in arms(task) if arm.images == images}
    for name in (method, base):
        if name not in found:
            raise ValueError(f"{name!r} was not recorded for {task!r} with {images} images of each class")
    return gain_interval(found[method].correct, found[base].correct)


def packed(correct: Tensor) -> str:
    """Booleans `(N,)` as hexadecimal text, four in each digit."""
    return np.packbits(correct.numpy()).tobytes().hex()


def unpacked(text: str, count: int) -> Tensor:
    """The first `count` booleans of a text that `packed` wrote: bool `(count,)`."""
    return torch.from_numpy(np.unpackbits(np.frombuffer(bytes.fromhex(text), np.uint8), count=count).astype(bool))
