"""Figures of lesson 09: what each method trains, and its accuracy by the number of images."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import NullLocator

from cifar_helpers._palette import PALETTE
from cifar_helpers.evaluation import Gain
from cifar_helpers.figures._base import described, in_course_style, new_figure
from cifar_helpers.runs.transfer import Arm, paired_gain

__all__ = ["trained_parts", "transfer"]

_BASE: Final = "from scratch"
_LOOK: Final = {
    "linear probe": (0, "o"),
    "linear probe, ImageNet": (0, "o"),
    "linear probe, good-25": (3, ">"),
    "linear probe, maps": (4, "^"),
    "linear probe, places kept": (4, "^"),
    "linear probe, hidden units": (9, "v"),
    "fine-tuning": (2, "D"),
    "from scratch": (1, "s"),
}
"""Colour, as a place in `PALETTE`, and marker, by name in the legend: the same features look the same everywhere."""

_STAGES: Final = ("stem", *(f"stage{k}" for k in range(1, 8)), "head")
_NEW, _FURTHER, _FROZEN = "trained from random weights", "trained further", "frozen"
_PARTS: Final[dict[str, tuple[tuple[str, str], ...]]] = {
    "linear probe": (*((name, _FROZEN) for name in _STAGES), ("linear", _NEW)),
    "fine-tuning": (
        *((name, _FROZEN) for name in _STAGES[:-2]),
        *((name, _FURTHER) for name in (*_STAGES[-2:], "linear")),
    ),
    "from scratch": tuple((name, _NEW) for name in ("block 1", "block 2", "block 3", "linear layers")),
}
_FILLS: Final = {_FROZEN: "#dddddd", _FURTHER: PALETTE[9], _NEW: PALETTE[1]}


@in_course_style
def trained_parts() -> Figure:
    """Which parts of its network each method of lesson 09 trains, and what they begin with."""
    figure, axes = new_figure(10, 2.6)
    for row, parts in enumerate(_PARTS.values()):
        width = len(_PARTS["linear probe"]) / len(parts)
        for k, (name, state) in enumerate(parts):
            corner, fill = (k * width + 0.04, -row - 0.35), _FILLS[state]
            axes.add_patch(Rectangle(corner, width - 0.08, 0.7, facecolor=fill, edgecolor="black"))
            axes.text((k + 0.5) * width, -row, name, ha="center", va="center", fontsize=10)
    axes.set_yticks([-row for row in range(len(_PARTS))], _names_with_networks())
    axes.set_xlim(0, len(_PARTS["linear probe"]))
    axes.set_ylim(0.5 - len(_PARTS), 0.5)
    axes.set_xticks([])
    axes.grid(False)
    for spine in axes.spines.values():
        spine.set_visible(False)
    handles = [Patch(facecolor=fill, edgecolor="black", label=state) for state, fill in _FILLS.items()]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles))
    return described(figure, _parts_in_words())


def _names_with_networks() -> list[str]:
    return [f"{method}\n({'CifarCNN' if method == _BASE else 'EfficientNet-Lite0'})" for method in _PARTS]


def _parts_in_words() -> str:
    said = []
    for method, parts in _PARTS.items():
        groups: dict[str, list[str]] = {}
        for name, state in parts:
            groups.setdefault(state, []).append(name)
        said.append(f"{method}: {', '.join(f'{_joined(names)} {state}' for state, names in groups.items())}")
    return f"What each method trains. {'; '.join(said)}."


def _joined(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} to {names[-1]}"


@in_course_style
def transfer(arms: Sequence[Arm], chance: float, probe: str = "", group: str = "class") -> Figure:
    """Accuracy against the number of images, and on the right the difference from training from scratch.

    There is a marker for each number of images and method, with a 95 % interval. The axis of accuracies begins a little
    below the chance level. A hollow marker says that the interval of a difference includes 0, see `paired_gain`.

    Args:
        arms: those of a method from the fewest images to the most. Without "from scratch" there are no differences.
        chance: accuracy of guessing, 0..1.
        probe: which features `linear probe` uses, for the legend where there are several: "maps" or "good-25".
        group: what the images are counted by: "class" or "turn".
    """
    figure, (left, right) = new_figure(10, 4.2, ncols=2, gridspec_kw={"wspace": 0.12})
    names = {method: method for method in dict.fromkeys(arm.method for arm in arms)}
    if probe:
        names["linear probe"] = f"linear probe, {probe}"
    _draw_accuracies(left, arms, names)
    left.axhline(100 * chance, color="black", linestyle=":", label=f"guessing, {100 * chance:.0f} %")
    highest = max(arm.accuracy + arm.half_width for arm in arms)
    left.set_ylim(max(0, 10 * math.floor(10 * chance - 0.5)), min(100, 10 * math.ceil(10 * highest)))
    left.set_ylabel("validation accuracy (%)")
    gains = _gains(arms)
    _draw_gains(right, gains, names)
    right.axhline(0, color="black", linewidth=1)
    right.set_ylabel("difference from scratch (points)")
    if not all(gain.is_beyond_chance for gain in gains.values()):
        right.set_title("hollow: the interval includes 0", fontsize=10)
    for axes in (left, right):
        axes.set_xscale("log")
        counts = sorted({arm.images for arm in arms})
        axes.set_xticks(counts, [f"{count:,}" for count in counts])
        axes.xaxis.set_minor_locator(NullLocator())
        axes.set_xlabel(f"training images of each {group} (logarithmic)")
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return described(figure, _in_words(arms, names, chance, gains, group))


def _draw_accuracies(axes: Axes, arms: Sequence[Arm], names: Mapping[str, str]) -> None:
    step = _step([arm.images for arm in arms])
    for method, name in names.items():
        own = [arm for arm in arms if arm.method == method]
        heights, reach = [100 * arm.accuracy for arm in own], [100 * arm.half_width for arm in own]
        places = [arm.images * _apart(method, list(names), step) for arm in own]
        axes.errorbar(places, heights, yerr=reach, label=name, linestyle="-", **_style(name))


def _draw_gains(axes: Axes, gains: Mapping[tuple[str, int], Gain], names: Mapping[str, str]) -> None:
    shown = [method for method in names if method != _BASE]
    step = _step([images for _, images in gains])
    for (method, images), gain in gains.items():
        place = images * _apart(method, shown, step)
        reach = [[100 * (gain.mean - gain.low)], [100 * (gain.high - gain.mean)]]
        hollow: dict[str, Any] = {} if gain.is_beyond_chance else {"markerfacecolor": "white"}
        axes.errorbar(place, 100 * gain.mean, yerr=reach, linestyle="", **_style(names[method]), **hollow)


def _style(name: str) -> dict[str, Any]:
    colour, marker = _LOOK[name]
    return {"marker": marker, "color": PALETTE[colour], "capsize": 3, "markersize": 7}


def _step(counts: Sequence[int]) -> float:
    """The factor between neighbouring methods: a fortieth of a logarithmic axis, about the width of a marker."""
    return float((max(counts) / min(counts)) ** 0.025) if counts else 1.0


def _apart(method: str, methods: Sequence[str], step: float) -> float:
    """A factor for the number of images that sets the methods apart a little, so that no interval hides another."""
    return float(step ** (methods.index(method) - (len(methods) - 1) / 2))


def _gains(arms: Sequence[Arm]) -> dict[tuple[str, int], Gain]:
    """The difference of each method from "from scratch" with as many images, by method and number of images."""
    base = {arm.images: arm.correct for arm in arms if arm.method == _BASE}
    return {
        (arm.method, arm.images): paired_gain(arm.correct, base[arm.images])
        for arm in arms
        if arm.method != _BASE and arm.images in base
    }


def _in_words(
    arms: Sequence[Arm], names: Mapping[str, str], chance: float, gains: Mapping[tuple[str, int], Gain], group: str
) -> str:
    found, differences = [], []
    for method, name in names.items():
        own = [arm for arm in arms if arm.method == method]
        found.append(f"{name}: {', '.join(map(_measured, own))}")
        ahead = [f"{gains[method, arm.images]} with {arm.images:,}" for arm in own if (method, arm.images) in gains]
        if ahead:
            differences.append(f"{name}: {', '.join(ahead)}")
    title = f"Validation accuracy by training images of each {group}, with 95 % intervals"
    accuracies = f"{title}. {'; '.join(found)}. Guessing: {100 * chance:.0f} %."
    return (
        f"{accuracies} Difference from training from scratch: {'; '.join(differences)}." if differences else accuracies
    )


def _measured(arm: Arm) -> str:
    return f"{100 * arm.accuracy:.0f} ± {100 * arm.half_width:.0f} % with {arm.images:,}"
