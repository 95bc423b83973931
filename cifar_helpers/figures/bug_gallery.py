"""The figure of the gallery of bugs in lesson 04: nine sick trainings beside the sound one."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from cifar_helpers.bug_gallery.inject import Symptoms
from cifar_helpers.figures._base import TRAIN_COLOUR, VALIDATION_COLOUR, new_figure

__all__ = ["bug_cases"]

_TOP = 4.0  # nats; ln 10 is 2.3


def bug_cases(cases: Sequence[Symptoms], sound: Symptoms) -> Figure:
    """Losses of trainings by epoch, without the names of their bugs.

    A loss above 4 nats stands at the upper edge, and one that is not a number nowhere; the title of a case tells how
    many validation images are right at its end.

    Args:
        cases: the sick trainings, in order.
        sound: the one without a bug, whose validation loss is drawn in each picture.
    """
    rows = -(-len(cases) // 3)
    figure, axes = new_figure(10, 2 * rows + 0.4, nrows=rows, ncols=3, sharex=True, sharey=True, squeeze=False)
    epochs = range(1, len(sound.train_loss) + 1)
    for number, (place, seen) in enumerate(zip(axes.flat, cases, strict=False), start=1):
        place.plot(epochs, sound.validation_loss, ":", color="grey", label="validation, sound run")
        place.plot(epochs, np.minimum(seen.train_loss, _TOP), "--", color=TRAIN_COLOUR, label="training")
        place.plot(epochs, np.minimum(seen.validation_loss, _TOP), "-", color=VALIDATION_COLOUR, label="validation")
        if any(map(math.isnan, seen.train_loss)):
            place.text(0.5, 0.85, "loss: not a number", ha="center", va="top", transform=place.transAxes)
        place.set_title(f"case {number} · {seen.validation_accuracy[-1]:.0%} right", fontsize=10)
        place.set_ylim(0, 1.03 * _TOP)
    for place in axes[:, 0]:
        place.set_ylabel("loss (nats)")
    for place in axes[-1]:
        place.set_xlabel("epoch")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
    return figure
