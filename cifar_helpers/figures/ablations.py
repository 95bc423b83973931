"""Figures of lesson 08: the ladder, and what whitening does to patches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import count
from string import ascii_lowercase, ascii_uppercase
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullFormatter
from torch import Tensor

from cifar_helpers.figures._base import PALETTE, SIGNED, new_figure
from cifar_helpers.runs.ablation import Measured

__all__ = ["ablation", "correlations"]

_STEPS = ((10, 6), (-10, 6), (10, -6), (-10, -6), (0, 12), (0, -12), (20, 4), (-20, 4), (20, -8), (-20, -8), (28, 0))
"""Where a name may stand beside its mark, in points, the best first."""


def ablation(rungs: Sequence[Measured], beside: Sequence[Measured] = (), fast: Sequence[Measured] = ()) -> Figure:
    """Accuracy against training time, on a logarithmic axis: a mark for each training, with the spread of its seeds.

    Args:
        rungs: at least one, in order: numbered dots, joined by a line.
        beside: others, drawn as open squares with small letters.
        fast: further ones, drawn as diamonds with capital letters.
    """
    figure, axes = new_figure(10, 5.5)
    places = [(one.seconds / 60, 100 * one.accuracy) for one in rungs]
    axes.plot(*zip(*places, strict=True), color="grey", linewidth=1, zorder=1)
    groups = (
        (rungs, "o", map(str, count(1)), PALETTE[0], True),
        (beside, "s", ascii_lowercase, PALETTE[1], False),
        (fast, "D", ascii_uppercase, PALETTE[2], True),
    )
    marks: dict[str, tuple[float, float]] = {}
    for group, marker, names, colour, filled in groups:
        for one, name in zip(group, names, strict=False):
            at, height = one.seconds / 60, 100 * one.accuracy
            label = f"{name}  {one.rung.change}, {one.accuracy:.1%}"
            if len(one.accuracies) > 1:
                axes.errorbar(at, height, yerr=100 * one.spread, color=colour, capsize=3, zorder=2)
            fill = colour if filled else "white"
            axes.plot(at, height, marker, color=colour, markerfacecolor=fill, label=label, zorder=3)
            marks[name] = (at, height)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(FixedLocator([0.5, 1, 2, 5, 10, 20, 60]))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("training time on two processor cores (minutes)")
    axes.set_ylabel("validation accuracy (%), mean of the seeds")
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), handletextpad=0.3)
    _write_names(figure, axes, marks)
    return figure


def _write_names(figure: Figure, axes: Axes, marks: Mapping[str, tuple[float, float]]) -> None:
    """Write each name beside its mark, where neither another mark nor a name stands."""
    figure.draw_without_rendering()  # only now are the marks where they will stay
    taken = np.asarray([axes.transData.transform(place) for place in marks.values()]) * 72 / figure.dpi
    for name, at in zip(marks, taken[: len(marks)].copy(), strict=True):
        room = [np.abs(taken - at - step).max(1).min() for step in _STEPS]
        step = next((step for step, free in zip(_STEPS, room, strict=True) if free >= 9), _STEPS[int(np.argmax(room))])
        axes.annotate(name, marks[name], xytext=step, textcoords="offset points", fontsize=10, ha="center", va="center")
        taken = np.vstack([taken, at + step])


def correlations(before: Tensor | npt.NDArray[Any], after: Tensor | npt.NDArray[Any]) -> Figure:
    """Two matrices of correlations side by side, from −1 (purple) to 1 (orange).

    Args:
        before: `(N, N)`, of the numbers of a patch.
        after: `(M, M)`, of the outputs of a layer.
    """
    figure, axes = new_figure(8, 3.6, ncols=2)
    for place, matrix, title in zip(axes, (before, after), ("numbers of a patch", "whitened"), strict=True):
        drawn = place.imshow(np.asarray(matrix), cmap=SIGNED, vmin=-1, vmax=1, interpolation="nearest")
        place.set_title(title, fontsize=10)
        place.set_xlabel("number")
        place.set_ylabel("number")
        place.grid(False)
    figure.colorbar(drawn, ax=list(axes), label="correlation")
    return figure
