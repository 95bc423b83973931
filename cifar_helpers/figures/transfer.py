"""The figure of lesson 09: accuracy of several methods against the number of images of each class."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from cifar_helpers.figures._base import PALETTE, described, new_figure
from cifar_helpers.runs.transfer import METHODS, Arm

__all__ = ["transfer"]

_LOOK: Final = dict(zip(METHODS, [(0, "o"), (9, "v"), (4, "P"), (3, "X"), (2, "D"), (1, "s")], strict=True))
"""Colour, as a place in `PALETTE`, and marker of each method: the same in every figure."""


def transfer(arms: Sequence[Arm], chance: float) -> Figure:
    """Accuracy against the number of images, a line for each method, with 95 % intervals and the chance level.

    The axis of accuracies begins a little below the chance level.

    Args:
        arms: at least one; those of a method from the fewest images to the most.
        chance: accuracy of guessing, 0..1.
    """
    figure, axes = new_figure(7, 3.8)
    methods = list(dict.fromkeys(arm.method for arm in arms))
    for k, method in enumerate(methods):
        colour, marker = _LOOK[method]
        own = [arm for arm in arms if arm.method == method]
        # Set apart a little, so that no interval hides another.
        places = [arm.images * 1.06 ** (k - (len(methods) - 1) / 2) for arm in own]
        heights, reach = [100 * arm.accuracy for arm in own], [100 * arm.half_width for arm in own]
        axes.errorbar(
            places, heights, yerr=reach, fmt=f"{marker}-", color=PALETTE[colour], capsize=3, markersize=5, label=method
        )
    axes.axhline(100 * chance, color="black", linestyle=":", label=f"guessing, {chance:.0%}".replace("%", " %"))
    axes.set_xscale("log")
    counts = sorted({arm.images for arm in arms})
    axes.set_xticks(counts, [f"{count:,}" for count in counts])
    axes.xaxis.set_minor_locator(NullLocator())
    highest = max(arm.accuracy + arm.half_width for arm in arms)
    axes.set_ylim(max(0, 10 * math.floor(10 * chance - 0.5)), min(100, 10 * math.ceil(10 * highest)))
    axes.set_xlabel("training images of each class (logarithmic)")
    axes.set_ylabel("validation accuracy (%)")
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    return described(figure, _in_words(arms, methods, chance))


def _in_words(arms: Sequence[Arm], methods: Sequence[str], chance: float) -> str:
    found = []
    for method in methods:
        own = [f"{100 * arm.accuracy:.0f} % with {arm.images:,}" for arm in arms if arm.method == method]
        found.append(f"{method}: {', '.join(own)}")
    return f"Validation accuracy by training images of each class. {'; '.join(found)}. Guessing: {100 * chance:.0f} %."
