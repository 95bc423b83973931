"""The figure of the gallery of bugs in lesson 04: nine faulty training runs beside a healthy one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cifar_helpers.bug_gallery.inject import Symptoms
from cifar_helpers.figures._base import TRAIN_COLOUR, VALIDATION_COLOUR, described, in_course_style, new_figure

__all__ = ["bug_cases"]

_TOP = 4.0  # nats; ln 10 is 2.3


@in_course_style
def bug_cases(cases: Sequence[Symptoms], healthy: Symptoms) -> Figure:
    """Losses of training runs by epoch, without the names of their bugs.

    A loss that rises above 4 nats leaves the chart, and a triangle marks the epoch; one that is not a number is not
    drawn. The title of a case gives the share of the validation images that it classifies correctly at its end.

    Args:
        cases: the faulty runs, in order.
        healthy: the one without a bug, whose validation loss is drawn in each picture.
    """
    rows = -(-len(cases) // 3)
    figure, axes = new_figure(10, 2 * rows + 0.4, nrows=rows, ncols=3, sharex=True, sharey=True, squeeze=False)
    epochs = range(1, len(healthy.train_loss) + 1)
    for number, (place, seen) in enumerate(zip(axes.flat, cases, strict=False), start=1):
        place.plot(epochs, healthy.validation_loss, ":", color="grey", label="validation, healthy run")
        _draw(place, seen.train_loss, "-", TRAIN_COLOUR, "training")
        _draw(place, seen.validation_loss, "--", VALIDATION_COLOUR, "validation")
        if np.isnan(seen.train_loss).any():
            place.text(0.5, 0.85, "loss: not a number", ha="center", va="top", transform=place.transAxes)
        place.set_title(f"case {number} · {seen.validation_accuracy[-1]:.0%} correct", fontsize=10)
        place.set_ylim(0, 1.06 * _TOP)
    for place in axes[:, 0]:
        place.set_ylabel("loss (nats)")
    for place in axes[-1]:
        place.set_xlabel("epoch")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
    ends = "; ".join(f"case {number} {_end(seen)}" for number, seen in enumerate(cases, start=1))
    return described(figure, f"Validation loss in the last epoch: healthy run {_end(healthy)}; {ends}.")


def _draw(place: Axes, losses: Sequence[float], style: str, colour: str, label: str) -> None:
    """A loss by epoch, and a triangle where it first leaves the chart."""
    place.plot(range(1, len(losses) + 1), losses, style, color=colour, label=label)
    above = [epoch for epoch, loss in enumerate(losses, start=1) if loss > _TOP]
    if above:
        place.plot(above[0], _TOP, "^", color=colour)


def _end(seen: Symptoms) -> str:
    last = seen.validation_loss[-1]
    if np.isnan(last):
        return "not a number"
    return "above the chart" if last > _TOP else f"{last:.2f}"
