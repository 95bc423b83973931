"""The figure of lesson 09: accuracy by the number of images, and the lead over training from scratch."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from cifar_helpers.evaluation import Gain, gain_interval
from cifar_helpers.figures._base import PALETTE, described, new_figure
from cifar_helpers.runs.transfer import METHODS, Arm

__all__ = ["transfer"]

_BASE: Final = "from scratch"
_LOOK: Final = dict(zip(METHODS, [(0, "o"), (9, "v"), (4, "^"), (3, ">"), (2, "D"), (1, "s")], strict=True))
"""Colour, as a place in `PALETTE`, and marker of each method: the same in every figure."""


def transfer(arms: Sequence[Arm], chance: float, probe: str = "") -> Figure:
    """Accuracy against the number of images, and on the right the difference from training from scratch.

    There is a line for each method, with 95 % intervals. The axis of accuracies begins a little below the chance level.
    A hollow marker says that the interval of a difference, measured on the same images, includes 0.

    Args:
        arms: those of a method from the fewest images to the most. Without "from scratch" there are no differences.
        chance: accuracy of guessing, 0..1.
        probe: which features `linear probe` uses, for the legend where there are several.
    """
    figure, (left, right) = new_figure(10, 4.2, ncols=2)
    names = {method: method for method in dict.fromkeys(arm.method for arm in arms)}
    if probe:
        names["linear probe"] = f"linear probe, {probe}"
    _draw_accuracies(left, arms, names)
    left.axhline(100 * chance, color="black", linestyle=":", label=f"guessing, {100 * chance:.0f} %")
    highest = max(arm.accuracy + arm.half_width for arm in arms)
    left.set_ylim(max(0, 10 * math.floor(10 * chance - 0.5)), min(100, 10 * math.ceil(10 * highest)))
    left.set_ylabel("validation accuracy (%)")
    gains = _gains(arms)
    _draw_gains(right, gains, list(names))
    right.axhline(0, color="black", linewidth=1)
    right.set_ylabel("difference from scratch (points)")
    right.set_title("hollow: the interval includes 0", fontsize=10)
    for axes in (left, right):
        axes.set_xscale("log")
        counts = sorted({arm.images for arm in arms})
        axes.set_xticks(counts, [f"{count:,}" for count in counts])
        axes.xaxis.set_minor_locator(NullLocator())
        axes.set_xlabel("training images of each class (logarithmic)")
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return described(figure, _in_words(arms, names, chance, gains))


def _draw_accuracies(axes: Axes, arms: Sequence[Arm], names: Mapping[str, str]) -> None:
    for method, name in names.items():
        own = [arm for arm in arms if arm.method == method]
        heights, reach = [100 * arm.accuracy for arm in own], [100 * arm.half_width for arm in own]
        places = [arm.images * _apart(method, list(names)) for arm in own]
        axes.errorbar(places, heights, yerr=reach, label=name, **_style(method))


def _draw_gains(axes: Axes, gains: Mapping[tuple[str, int], Gain], methods: Sequence[str]) -> None:
    for method in methods:
        own = {images: gain for (name, images), gain in gains.items() if name == method}
        places = {images: images * _apart(method, methods) for images in own}
        axes.plot(list(places.values()), [100 * gain.mean for gain in own.values()], color=_style(method)["color"])
        for images, gain in own.items():
            reach = [[100 * (gain.mean - gain.low)], [100 * (gain.high - gain.mean)]]
            hollow: dict[str, Any] = {} if gain.is_beyond_chance else {"markerfacecolor": "white"}
            axes.errorbar(places[images], 100 * gain.mean, yerr=reach, **_style(method), **hollow)


def _style(method: str) -> dict[str, Any]:
    colour, marker = _LOOK[method]
    return {"fmt": f"{marker}-", "color": PALETTE[colour], "capsize": 3, "markersize": 7}


def _apart(method: str, methods: Sequence[str]) -> float:
    """A factor for the number of images that sets the methods apart a little, so that no interval hides another."""
    return float(1.1 ** (methods.index(method) - (len(methods) - 1) / 2))


def _gains(arms: Sequence[Arm]) -> dict[tuple[str, int], Gain]:
    """The difference of each method from "from scratch" with as many images, by method and number of images."""
    base = {arm.images: arm.correct for arm in arms if arm.method == _BASE}
    return {
        (arm.method, arm.images): gain_interval(arm.correct, base[arm.images])
        for arm in arms
        if arm.method != _BASE and arm.images in base
    }


def _in_words(
    arms: Sequence[Arm], names: Mapping[str, str], chance: float, gains: Mapping[tuple[str, int], Gain]
) -> str:
    found, differences = [], []
    for method, name in names.items():
        own = [arm for arm in arms if arm.method == method]
        found.append(f"{name}: {', '.join(map(_measured, own))}")
        ahead = [f"{gains[method, arm.images]} with {arm.images:,}" for arm in own if (method, arm.images) in gains]
        if ahead:
            differences.append(f"{name}: {', '.join(ahead)}")
    title = "Validation accuracy by training images of each class, with 95 % intervals"
    accuracies = f"{title}. {'; '.join(found)}. Guessing: {100 * chance:.0f} %."
    return (
        f"{accuracies} Difference from training from scratch: {'; '.join(differences)}." if differences else accuracies
    )


def _measured(arm: Arm) -> str:
    return f"{100 * arm.accuracy:.0f} ± {100 * arm.half_width:.0f} % with {arm.images:,}"
