"""Figures of lesson 07: scores of classes, intervals, people beside the network, calibration, where it looked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from cifar_helpers.data import CLASSES
from cifar_helpers.evaluation import Metrics, Reliability
from cifar_helpers.evaluation.attribution import WITHOUT_SIGN
from cifar_helpers.figures._base import PALETTE, SIGNED, draw_image, new_figure
from cifar_helpers.figures.inference import draw_confusion

__all__ = ["accuracies", "attributions", "class_scores", "confusions", "mistakes_compared", "reliability_diagram"]


def class_scores(metrics: Metrics) -> Figure:
    """Precision, recall and F1 of each class, the lowest F1 at the top."""
    figure, axes = new_figure(8.5, 3.9)
    precision, recall, f1 = (100 * np.asarray(scores) for scores in (metrics.precision, metrics.recall, metrics.f1))
    order = np.argsort(-f1, kind="stable")
    places = range(len(order))
    axes.hlines(places, precision[order], recall[order], color="0.7", zorder=1)
    for scores, marker, colour, name in ((precision, "s", 0, "precision"), (recall, "o", 1, "recall")):
        axes.plot(scores[order], places, marker, color=PALETTE[colour], markersize=8, label=name, zorder=2)
    axes.plot(f1[order], places, "|", color="black", markersize=14, markeredgewidth=2, label="F1", zorder=3)
    axes.set_yticks(places, [CLASSES[k] for k in order])
    axes.set_xlabel("% of the images")
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure


def accuracies(
    measured: Mapping[str, tuple[float, float, float]], confidences: Mapping[str, float] | None = None
) -> Figure:
    """Accuracies with their intervals, one below the other, and how sure the network was on average.

    Args:
        measured: name to accuracy, lower and upper end of its interval, each 0..1.
        confidences: the same names to the mean probability of the answers, 0..1; a line joins it to the accuracy.
    """
    figure, axes = new_figure(8.5, 0.42 * len(measured) + (1.2 if confidences else 0.9))
    for place, (name, ends) in zip(range(len(measured) - 1, -1, -1), measured.items(), strict=True):
        share, low, high = (100 * end for end in ends)
        first = place == 0
        if confidences:
            sure = 100 * confidences[name]
            axes.hlines(place, min(share, sure), max(share, sure), color="0.75", linewidth=1, zorder=1)
            label = "mean confidence" if first else None
            axes.plot(sure, place, "D", color=PALETTE[1], markersize=7, label=label, zorder=2)
        reach = [[share - low], [high - share]]
        label = "accuracy, 95 % interval" if first else None
        axes.errorbar(share, place, xerr=reach, fmt="o", color=PALETTE[0], capsize=4, label=label, zorder=3)
    axes.set_yticks(range(len(measured)), list(measured)[::-1])
    axes.set_ylim(-0.6, len(measured) - 0.4)
    axes.set_xlabel("% of the images" if confidences else "accuracy (%)")
    if confidences:
        axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
    return figure


def confusions(matrices: Mapping[str, Tensor]) -> Figure:
    """Confusion matrices side by side, in per cent of each row.

    Args:
        matrices: name to counts or shares `(10, 10)`, rows true, columns answered.
    """
    figure, axes = new_figure(5.6 * len(matrices), 5.1, ncols=len(matrices), sharey=True, squeeze=False)
    for place, (name, matrix) in zip(axes[0], matrices.items(), strict=True):
        draw_confusion(place, matrix, bar=False)
        place.set_title(name)
        place.set_xlabel("answer")
        place.label_outer()
    return figure


def mistakes_compared(network: Tensor, people: Tensor, count: int = 14) -> Figure:
    """How often a network and people take one class for another, the mistakes that either makes most often.

    Args:
        network: counts or shares `(10, 10)`, rows true, columns answered.
        people: the same, of people.
        count: how many mistakes are shown.
    """
    figure, axes = new_figure(8.5, 0.3 * count + 0.9)
    shares = [100 * np.asarray(matrix / matrix.sum(1, keepdim=True)) for matrix in (network, people)]
    for matrix in shares:
        np.fill_diagonal(matrix, 0)
    most = np.maximum(*shares)
    chosen = np.argsort(-most, axis=None, kind="stable")[:count][::-1]
    places = range(count)
    of_network, of_people = (matrix.flatten()[chosen] for matrix in shares)
    axes.hlines(places, of_people, of_network, color="0.75", zorder=1)
    axes.plot(of_network, places, "o", color=PALETTE[0], markersize=7, label="the network", zorder=2)
    axes.plot(of_people, places, "^", color=PALETTE[1], markersize=7, label="people", zorder=3)
    names = [f"{CLASSES[k // len(CLASSES)]} called {CLASSES[k % len(CLASSES)]}" for k in chosen]
    axes.set_yticks(places, names)
    axes.set_xlim(left=0)
    axes.set_xlabel("% of the true class")
    axes.legend(loc="lower right")
    return figure


def reliability_diagram(measurements: Mapping[str, Reliability]) -> Figure:
    """Accuracy against confidence, bin by bin, above how many answers are in each bin.

    Args:
        measurements: name to reliability; all with the same bins.
    """
    figure, (above, below) = new_figure(6.4, 5.4, nrows=2, sharex=True, gridspec_kw={"height_ratios": [3, 1]})
    above.plot([0, 1], [0, 1], ":", color="black", label="as sure as right")
    for k, (name, found) in enumerate(measurements.items()):
        bins, count = len(found.counts), len(measurements)
        there = found.counts > 0
        label = f"{name}, error {found.error:.1%}"
        line = ("o-", "s--", "^:")[k % 3]
        above.plot(found.confidence[there], found.accuracy[there], line, color=PALETTE[k], label=label)
        width = 0.8 / bins / count
        middles = (np.arange(bins) + 0.5) / bins + (k - (count - 1) / 2) * width
        shares = 100 * np.asarray(found.counts / found.counts.sum())
        below.bar(middles, shares, width, color=PALETTE[k], edgecolor="black", linewidth=0.5)
    above.set(xlim=(0, 1), ylim=(0, 1), ylabel="accuracy in the bin")
    above.legend(loc="upper left")
    below.set_xlabel("confidence: probability of the answer")
    below.set_ylabel("% of answers")
    return figure


def attributions(rows: Mapping[str, tuple[Tensor, Mapping[str, npt.NDArray[Any]]]]) -> Figure:
    """Pictures, each with maps of where a network looked; all rows have the same methods.

    Maps with a sign are purple below zero, white at zero, orange above; the others brighter where they are larger.

    Args:
        rows: a line of text to a picture uint8 `(3, H, W)` and its maps `(H, W)` by method.
    """
    columns = 1 + len(next(iter(rows.values()))[1])
    figure, axes = new_figure(
        1.6 * columns + 1.6, 1.55 * len(rows) + 0.3, nrows=len(rows), ncols=columns, squeeze=False
    )
    for row, (name, (picture, maps)) in zip(axes, rows.items(), strict=True):
        draw_image(row[0], picture)
        row[0].text(-0.08, 0.5, name, transform=row[0].transAxes, ha="right", va="center", fontsize=10)
        for place, (method, values) in zip(row[1:], maps.items(), strict=True):
            _draw_map(place, values, method)
    for place, method in zip(axes[0][1:], maps, strict=True):
        place.set_title(method.replace(" ", "\n"), fontsize=10)
    return figure


def _draw_map(axes: Axes, values: npt.NDArray[Any], method: str) -> None:
    limit = max(float(np.abs(values).max()), 1e-9)
    if method in WITHOUT_SIGN:
        # A few extreme pixels would leave all others black.
        draw_image(axes, values, cmap="gray", vmin=0, vmax=max(float(np.quantile(values, 0.99)), 1e-9))
    else:
        draw_image(axes, values, cmap=SIGNED, vmin=-limit, vmax=limit)
        axes.set_axis_on()  # a thin frame: the border of a map that is white at its edge would be lost
        axes.set_xticks([])
        axes.set_yticks([])
