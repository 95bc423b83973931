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
from cifar_helpers.evaluation import Gain

__all__ = ["METHODS", "TASKS", "Arm", "PairedGain", "arms", "gain", "packed", "paired_gain", "recorded", "unpacked"]

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

# For 95 % intervals: Student's t for three seeds (two degrees of freedom), and the normal distribution for many images.
_SEEDS, _OF_SEEDS, _OF_IMAGES = 3, 4.303, 1.96


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
        return _half_width(self.correct.double())

    def __str__(self) -> str:
        each = f"{self.images:,} per class"
        return f"{self.method}, {each}: {100 * self.accuracy:.1f} % ± {100 * self.half_width:.1f}"


@dataclass(frozen=True)
class PairedGain(Gain):
    """By how much a method is more accurate than another that had the same images with the same seeds.

    Attributes:
        of_seeds: the difference with each seed, -1..1; their mean is `mean`.
    """

    of_seeds: tuple[float, ...]

    @property
    def seed_by_seed(self) -> str:
        """The difference with each seed, in points."""
        return ", ".join(f"{100 * one:+.1f}" for one in self.of_seeds)


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


def gain(task: str, images: int, method: str, base: str = "from scratch") -> PairedGain:
    """By how much a method is more accurate than another with the same images, see `paired_gain`.

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
    return paired_gain(found[method].correct, found[base].correct)


def paired_gain(new: Tensor, base: Tensor) -> PairedGain:
    """The gain of a method over another, with a 95 % interval, paired over images and over seeds.

    Both methods are trained on the same images with each seed and measured on the same images, so that a lucky draw
    helps both. What varies from seed to seed is therefore the difference of the two. The interval adds two parts as
    the sides of a right triangle: t times the standard error of the mean over the seeds (other training images and
    initial weights), and 1.96 times that of the mean over the measured images (other images of the same kind).

    Args:
        new: bool `(3, N)`: whether the new method's network of each seed classifies each image correctly.
        base: the same of the method that it is compared with, with the same seeds and on the same images.

    Raises:
        ValueError: if the shapes differ, or there are not three seeds and at least 2 images.
    """
    if new.shape != base.shape:
        raise ValueError(f"new and base must have the same shape, got {tuple(new.shape)} and {tuple(base.shape)}")
    difference = new.double() - base.double()
    half = _half_width(difference)
    mean = float(difference.mean())
    return PairedGain(mean, mean - half, mean + half, tuple(difference.mean(1).tolist()))


def _half_width(values: Tensor) -> float:
    """Half the width of the 95 % interval of the mean of values `(seeds, images)`: both could have been others."""
    if values.ndim != 2 or len(values) != _SEEDS or values.shape[1] < 2:
        raise ValueError(f"an interval needs {_SEEDS} seeds and at least 2 images, got {tuple(values.shape)}")
    of_seeds = float(values.mean(1).std()) / math.sqrt(values.shape[0])
    of_images = float(values.mean(0).std()) / math.sqrt(values.shape[1])
    return math.hypot(_OF_SEEDS * of_seeds, _OF_IMAGES * of_images)


def packed(correct: Tensor) -> str:
    """Booleans `(N,)` as hexadecimal text, four in each digit."""
    return np.packbits(correct.numpy()).tobytes().hex()


def unpacked(text: str, count: int) -> Tensor:
    """The first `count` booleans of a text that `packed` wrote: bool `(count,)`."""
    return torch.from_numpy(np.unpackbits(np.frombuffer(bytes.fromhex(text), np.uint8), count=count).astype(bool))
