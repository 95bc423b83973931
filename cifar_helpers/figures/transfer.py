"""The figure of lesson 09: accuracy of several methods against the number of images of each class."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final

from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from cifar_helpers.figures._base import PALETTE, described, new_figure
from cifar_helpers.runs.transfer import METHODS, Arm

__all__ = ["transfer"]

_LOOK: Final = dict(zip(METHODS, [(0, "o"), (9, "v"), (4, "P"), (3, "X"), (2, "D"), (1, "s")], strict=True))
"""Colour, as a place in `PALETTE`, and marker of each method: the same in every figure."""


def transfer(arms: Sequence[Arm], chance: float, probe: str = "") -> Figure:
    """Accuracy against the number of images, a line for each method, with 95 % intervals and the chance level.

    The axis of accuracies begins a little below the chance level.

    Args:
        arms: at least one; those of a method from the fewest images to the most.
        chance: accuracy of guessing, 0..1.
        probe: which features `linear probe` uses, for the legend where there are several.
    """
    figure, axes = new_figure(7, 3.8)
    methods = list(dict.fromkeys(arm.method for arm in arms))
    names = {method: method for method in methods}
    if probe:
        names["linear probe"] = f"linear probe, {probe}"
    for k, method in enumerate(methods):
        colour, marker = _LOOK[method]
        own = [arm for arm in arms if arm.method == method]
        # Set apart a little, so that no interval hides another.
        places = [arm.images * 1.1 ** (k - (len(methods) - 1) / 2) for arm in own]
        heights, reach = [100 * arm.accuracy for arm in own], [100 * arm.half_width for arm in own]
        look = {"fmt": f"{marker}-", "color": PALETTE[colour], "capsize": 3, "markersize": 5}
        axes.errorbar(places, heights, yerr=reach, label=names[method], **look)
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
    return described(figure, _in_words(arms, names, chance))


def _in_words(arms: Sequence[Arm], names: Mapping[str, str], chance: float) -> str:
    found = []
    for method, name in names.items():
        own = [_measured(arm) for arm in arms if arm.method == method]
        found.append(f"{name}: {', '.join(own)}")
    title = "Validation accuracy by training images of each class, with 95 % intervals"
    return f"{title}. {'; '.join(found)}. Guessing: {100 * chance:.0f} %."


def _measured(arm: Arm) -> str:
    return f"{100 * arm.accuracy:.0f} ± {100 * arm.half_width:.0f} % with {arm.images:,}"
