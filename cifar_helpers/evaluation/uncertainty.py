"""How far to trust a network: confidence intervals, calibration, and people for comparison."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from cifar_helpers._numbers import whole_number
from cifar_helpers._paths import resources
from cifar_helpers.data import CLASSES

__all__ = [
    "Gain",
    "Reliability",
    "bootstrap_interval",
    "fit_temperature",
    "gain_interval",
    "human_confusion",
    "reliability",
]

# Student's t for a 95 % interval, by degrees of freedom (two recipes with 2 to 5 seeds each have 2, 4, 6 or 8).
_STUDENT: Final = {2: 4.303, 4: 2.776, 6: 2.447, 8: 2.306}

_TEMPERATURES: Final = (0.01, 100.0)
_HALVINGS: Final = 60  # leaves an interval far below the precision of float64


def bootstrap_interval(values: Tensor, level: float = 0.95, draws: int = 2000, seed: int = 0) -> tuple[float, float]:
    """A confidence interval of a mean over images: how much it would vary with other images of the same kind.

    Draws as many values as there are, with replacement, and takes their mean; the interval contains the middle of many
    such means (percentile bootstrap; Efron, 1979).

    Args:
        values: `(N,)`, one per image: correct or not for an accuracy, differences for a gain.
        level: share of the means inside the interval, between 0 and 1.
        draws: number of means, at least 1.
        seed: the same seed gives the same interval.

    Returns:
        Lower and upper end.

    Raises:
        TypeError: if `seed` is not a whole number.
        ValueError: if there are no values, they are not one per image, or `level` or `draws` is out of range.
    """
    if values.ndim != 1 or not len(values):
        raise ValueError(f"values must be (N,), one per image, got shape {tuple(values.shape)}")
    if not 0 < level < 1 or draws < 1:
        raise ValueError(f"level must be between 0 and 1, and draws at least 1, got {level} and {draws}")
    generator = torch.Generator().manual_seed(whole_number("seed", seed))
    numbers, count = values.double(), len(values)
    means = [numbers[torch.randint(count, (count,), generator=generator, device="cpu")].mean() for _ in range(draws)]
    outside = torch.tensor([(1 - level) / 2, (1 + level) / 2], dtype=torch.float64, device=values.device)
    low, high = torch.stack(means).quantile(outside).tolist()
    return low, high


@dataclass(frozen=True)
class Gain:
    """By how much one recipe is more accurate than another, with its 95 % interval; all in -1..1."""

    mean: float
    low: float
    high: float

    @property
    def is_beyond_chance(self) -> bool:
        """Whether the interval excludes 0."""
        return self.low > 0 or self.high < 0

    def __str__(self) -> str:
        return f"{100 * self.mean:+.1f} points ({100 * self.low:+.1f} to {100 * self.high:+.1f})"


def gain_interval(new: Tensor, base: Tensor) -> Gain:
    """The gain of a recipe over another, with an interval that takes both chances into account: images and seeds.

    The two are compared on the same images, and the gain is the mean over the seeds. Its variance is the sum of two
    parts: that of the mean over the images of the per-image difference (other images of the same kind), and those of
    the two means over seeds (other trainings). The interval is Student's, with the degrees of freedom of the seeds,
    as if the seeds of both recipes spread alike.

    Args:
        new: bool `(seeds, N)`: whether the new recipe's network of each seed classifies each image correctly.
        base: the same of the recipe that it is compared with, on the same images, with as many seeds.

    Raises:
        ValueError: if the shapes differ, or there are fewer than 2 or more than 5 seeds or fewer than 2 images.
    """
    if new.ndim != 2 or new.shape != base.shape:
        raise ValueError(f"new and base must both be (seeds, N), got {tuple(new.shape)} and {tuple(base.shape)}")
    seeds, images = new.shape
    if 2 * (seeds - 1) not in _STUDENT or images < 2:
        raise ValueError(f"a gain needs 2 to 5 seeds and at least 2 images, got {seeds} seeds and {images} images")
    one, other = new.double(), base.double()
    difference = (one - other).mean(0)
    of_images = difference.var() / images
    of_seeds = (one.mean(1).var() + other.mean(1).var()) / seeds
    mean = float(difference.mean())
    half = _STUDENT[2 * (seeds - 1)] * float(of_images + of_seeds) ** 0.5
    return Gain(mean, mean - half, mean + half)


@dataclass(frozen=True, eq=False)
class Reliability:
    """How well a network's probabilities match its accuracy, in bins of equal width between 0 and 1.

    Attributes:
        counts: int64 `(bins,)`: predictions with a probability in that bin.
        confidence: float64 `(bins,)`: their mean probability; NaN if there are none.
        accuracy: float64 `(bins,)`: the share of them that is correct; NaN if there are none.
    """

    counts: Tensor
    confidence: Tensor
    accuracy: Tensor

    @property
    def error(self) -> float:
        """Expected calibration error: the mean distance of accuracy from confidence over the predictions, 0..1."""
        gaps = (self.accuracy - self.confidence).abs().nan_to_num()
        return float((gaps * self.counts).sum() / self.counts.sum())


def reliability(probabilities: Tensor, labels: Tensor, bins: int = 10) -> Reliability:
    """Compare how confident a network is with how often it is correct (Guo and others, 2017).

    Args:
        probabilities: float `(N, classes)`, as softmax gives them.
        labels: int64 `(N,)`.
        bins: their number, at least 1; a probability on the border of two counts in the lower one.

    Raises:
        ValueError: if there are no images or bins, the shapes do not fit, or the numbers are not probabilities.
    """
    if bins < 1:
        raise ValueError(f"bins must be at least 1, got {bins}")
    _check_shapes("reliability needs probabilities", probabilities, labels)
    if not torch.allclose(probabilities.sum(1), torch.ones(len(labels), dtype=probabilities.dtype), atol=1e-3):
        raise ValueError("the probabilities of an image must add up to 1: give logits.softmax(1), not logits")
    confidence, predictions = probabilities.max(1)
    place = ((confidence * bins).ceil().long() - 1).clamp(0, bins - 1)
    right = predictions == labels
    counts = torch.bincount(place, minlength=bins)
    sums = (torch.bincount(place, weights=values.double(), minlength=bins) for values in (confidence, right))
    mean_confidence, accuracy = (total / counts for total in sums)
    return Reliability(counts, mean_confidence, accuracy)


def fit_temperature(logits: Tensor, labels: Tensor) -> float:
    """The number by which logits are divided so that cross-entropy is lowest (Guo and others, 2017).

    It does not change the order of the classes, and so no prediction. Above 1 it makes the network less confident,
    below 1 more confident.

    Args:
        logits: float `(N, classes)`, of images that the network did not learn from.
        labels: int64 `(N,)`.

    Raises:
        ValueError: if the shapes do not fit, or there is no minimum between 0.01 and 100: all images are classified
            correctly, so that more confidence is always better, or no better than by guessing.
    """
    _check_shapes("fit_temperature needs logits", logits, labels)
    numbers = logits.double()
    wanted = numbers.gather(1, labels[:, None]).mean()

    def slope(inverse: float) -> float:
        """Derivative of the cross-entropy by the inverse temperature; it rises with the latter."""
        shares = (inverse * numbers).softmax(1)
        return float((shares * numbers).sum(1).mean() - wanted)

    low, high = 1 / _TEMPERATURES[1], 1 / _TEMPERATURES[0]
    if not slope(low) < 0 < slope(high):
        raise ValueError(
            f"no temperature from {_TEMPERATURES[0]} to {_TEMPERATURES[1]} makes the cross-entropy of these "
            f"{len(labels):,} images lowest: pass more images, most of them classified correctly and some not"
        )
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if slope(middle) < 0 else (low, middle)
    return 2 / (low + high)


def _check_shapes(needs: str, rows: Tensor, labels: Tensor) -> None:
    if rows.ndim != 2 or not len(labels) or labels.shape != rows.shape[:1]:
        raise ValueError(
            f"{needs} (N, classes) and labels (N,) of at least one image, "
            f"got {tuple(rows.shape)} and {tuple(labels.shape)}"
        )


def human_confusion() -> Tensor:
    """How people classify the test images of CIFAR-10: float64 `(10, 10)`, rows true, each adding up to 1.

    Means over the 10,000 images and about 50 people per image (CIFAR-10H; Peterson and others, 2019).
    """
    path = resources() / "human_confusion.csv"
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    rows = {row["true"]: [float(row[name]) for name in CLASSES] for row in csv.DictReader(lines)}
    return torch.tensor([rows[name] for name in CLASSES], dtype=torch.float64)
