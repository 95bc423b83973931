"""Figures of lesson 08: the ladder, and what whitening does to patches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure
from torch import Tensor

from cifar_helpers.figures._base import PALETTE, SIGNED, new_figure
from cifar_helpers.ladder import Measured

__all__ = ["correlations", "ladder"]


def ladder(rungs: Sequence[Measured], beside: Sequence[Measured] = ()) -> Figure:
    """Accuracy against training time: a numbered dot for each rung, with the spread of its seeds.

    Args:
        rungs: at least one, in order; a line joins them.
        beside: others, drawn as open squares with letters.
    """
    figure, axes = new_figure(10, 5)
    places = [(one.seconds / 60, 100 * one.accuracy) for one in rungs]
    axes.plot(*zip(*places, strict=True), color="grey", linewidth=1, zorder=1)
    for group, marker, names in ((rungs, "o", "123456789"), (beside, "s", "abcdefgh")):
        for one, name in zip(group, names, strict=False):
            colour = PALETTE[0] if group is rungs else PALETTE[1]
            at, height = one.seconds / 60, 100 * one.accuracy
            label = f"{name}  {one.rung.change}, {one.accuracy:.1%}"
            fill = colour if group is rungs else "white"
            axes.errorbar(at, height, yerr=100 * one.spread, color=colour, capsize=3, zorder=2)
            axes.plot(at, height, marker, color=colour, markerfacecolor=fill, label=label, zorder=3)
            axes.annotate(name, (at, height), xytext=(6, 5), textcoords="offset points", fontsize=10)
    axes.set_xlabel("training time on two processor cores (minutes)")
    axes.set_ylabel("validation accuracy (%), mean of three seeds")
    axes.set_xlim(left=0)
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), handletextpad=0.3)
    return figure


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
