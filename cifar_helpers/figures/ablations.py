"""Figures of lesson 08: networks of different depth, what whitening does to patches, and the ladder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import count
from string import ascii_lowercase
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from cifar_helpers.evaluation import Gain
from cifar_helpers.figures._base import PALETTE, SIGNED, described, draw_image, new_figure
from cifar_helpers.runs.ablation import Measured
from cifar_helpers.training import History

__all__ = ["correlations", "ladder", "seed_curves", "whitening_kernels"]

_LINES = ("-", "--", ":", "-.")
_COLOURS = ("red", "green", "blue")
_UP, _DOWN, _UNCLEAR = "a gain", "a loss", "the interval includes 0"
_STYLES: Mapping[str, Mapping[str, Any]] = {
    _UP: {"marker": "o", "color": PALETTE[0]},
    _DOWN: {"marker": "v", "color": PALETTE[1]},
    _UNCLEAR: {"marker": "s", "color": "grey", "markerfacecolor": "white"},
}


def seed_curves(networks: Mapping[str, Sequence[History]]) -> Figure:
    """Training loss and validation accuracy by epoch, with a line for each seed.

    Args:
        networks: name to the histories of its training runs, one for each seed, each with validation.
    """
    figure, axes = new_figure(10, 3.6, ncols=2)
    said = []
    for k, (name, histories) in enumerate(networks.items()):
        style: dict[str, Any] = {"color": PALETTE[k], "linestyle": _LINES[k % len(_LINES)]}
        for number, history in enumerate(histories):
            label = name if number == 0 else None
            axes[0].plot(history["epoch"], history["train_loss"], label=label, **style)
            axes[1].plot(history["epoch"], 100 * np.array(history["validation_accuracy"]), **style)
        losses = [history.rows[-1].train_loss for history in histories]
        accuracies = [history.rows[-1].validation_accuracy for history in histories]
        said.append(f"{name}, training loss {_range(losses, '.2f')}, validation accuracy {_range(accuracies, '.1%')}")
    axes[0].set_ylabel("training loss (nats)")
    axes[1].set_ylabel("validation accuracy (%)")
    axes[0].legend()
    for place in axes:
        place.set_xlabel("epoch")
        place.xaxis.get_major_locator().set_params(integer=True)
    return described(figure, f"In the last epoch: {'; '.join(said)}.")


def _range(values: Sequence[float], form: str) -> str:
    lowest, highest = format(min(values), form), format(max(values), form)
    return lowest if lowest == highest else f"{lowest} to {highest}"


def ladder(rungs: Sequence[Measured], beside: Sequence[Measured] = ()) -> Figure:
    """The gain of each change over its base, with its 95 % interval; shape and colour say whether it excludes 0.

    Args:
        rungs: in order, numbered from 1, the first without a gain; each is compared with the one before.
        beside: others, with small letters; each is compared with one of the rungs.
    """
    numbers = {one.rung.run: number for number, one in reversed(list(enumerate(rungs, 1)))}  # the first of equal runs
    rows = [*zip(map(str, count(1)), rungs, strict=False), *zip(ascii_lowercase, beside, strict=False)]
    figure, axes = new_figure(9, 0.34 * len(rows) + 1.0)
    places = [-k - 0.6 * (k >= len(rungs)) for k in range(len(rows))]
    for place, (_, one) in zip(places, rows, strict=True):
        if one.gain is not None:
            _draw_gain(axes, place, one.gain)
        _write_columns(axes, place, f"{one.accuracy:.1%}", f"{one.operations / 1e6:.0f}")
    _write_columns(axes, 0.9, "accuracy", "million\noperations\nper image")
    axes.axvline(0, color="black", linewidth=1)
    axes.set_yticks(places, [_row(name, one, numbers.get(one.rung.base)) for name, one in rows])
    axes.set_ylim(places[-1] - 0.6, 0.6)
    axes.grid(axis="y", visible=False)
    axes.set_xlabel("gain in validation accuracy (points), with its 95 % interval")
    for name, style in _STYLES.items():
        axes.plot([], [], linestyle="", label=name, **style)
    figure.legend(fontsize=9, loc="outside lower center", ncols=len(_STYLES))
    return described(figure, _gains_in_words([one for _, one in rows]))


def _write_columns(axes: Axes, place: float, *texts: str) -> None:
    """Texts to the right of the axes, beside a row or above all of them."""
    for at, text in zip((1.14, 1.32), texts, strict=True):
        axes.text(
            at,
            place,
            text,
            transform=axes.get_yaxis_transform(),
            va="bottom" if place > 0 else "center",
            ha="right",
            fontsize=10,
        )


def _draw_gain(axes: Axes, place: float, gain: Gain) -> None:
    style = _STYLES[_kind(gain)]
    axes.plot([100 * gain.low, 100 * gain.high], [place, place], color=style["color"], linewidth=2, zorder=2)
    axes.plot(100 * gain.mean, place, linestyle="", markersize=7, zorder=3, **style)


def _kind(gain: Gain) -> str:
    if not gain.is_beyond_chance:
        return _UNCLEAR
    return _UP if gain.mean > 0 else _DOWN


def _row(name: str, one: Measured, base: int | None) -> str:
    return f"{name}  {one.rung.change}" if base is None else f"{name}  {one.rung.change} (against {base})"


def _gains_in_words(measured: Sequence[Measured]) -> str:
    parts = []
    for kind in _STYLES:
        found = [f"{one.rung.change} {one.gain}" for one in measured if one.gain and _kind(one.gain) == kind]
        if found:
            parts.append(f"{kind[:1].upper()}{kind[1:]}: {'; '.join(found)}.")
    return " ".join(parts)


def correlations(before: Tensor | npt.NDArray[Any], after: Tensor | npt.NDArray[Any]) -> Figure:
    """Two matrices of correlations side by side, from −1 (purple) to 1 (orange).

    Args:
        before: `(N, N)`, of the numbers of a patch: a third of them red, then green, then blue.
        after: `(M, M)`, of the outputs of a layer.
    """
    figure, axes = new_figure(8, 3.6, ncols=2)
    for place, matrix, title in zip(axes, (before, after), ("numbers of a patch", "whitened"), strict=True):
        drawn = place.imshow(np.asarray(matrix), cmap=SIGNED, vmin=-1, vmax=1, interpolation="nearest")
        place.set_title(title, fontsize=10)
        place.grid(False)
    third = len(before) / 3
    middles = [(k + 0.5) * third - 0.5 for k in range(3)]
    axes[0].set_xticks(middles, _COLOURS)
    axes[0].set_yticks(middles, _COLOURS, rotation=90, va="center")
    for border in (third - 0.5, 2 * third - 0.5):
        axes[0].axvline(border, color="black", linewidth=0.8)
        axes[0].axhline(border, color="black", linewidth=0.8)
    axes[0].set_xlabel("pixels of each channel")
    axes[0].set_ylabel("pixels of each channel")
    axes[1].set_xlabel("output")
    axes[1].set_ylabel("output")
    figure.colorbar(drawn, ax=list(axes), label="correlation")
    weakest, strongest = _off_diagonal(before).min(), _off_diagonal(after).max()
    return described(
        figure,
        f"Any two numbers of a patch have a correlation of at least {weakest:.2f} in size, and any two of the "
        f"{len(after)} whitened outputs of at most {strongest:.3f}.",
    )


def whitening_kernels(weights: Tensor, columns: int = 12) -> Figure:
    """Kernels as colour pictures, each scaled by its own largest weight, which is its title; grey is zero.

    Args:
        weights: float `(N, 3, k, k)`.
        columns: kernels in a row.
    """
    kernels = weights.detach()
    rows = -(-len(kernels) // columns)
    figure, axes = new_figure(0.8 * columns, 1.15 * rows, nrows=rows, ncols=columns, squeeze=False)
    largest = [float(kernel.abs().max()) for kernel in kernels]
    for place, kernel, limit in zip(axes.flat, kernels, largest, strict=False):
        draw_image(place, kernel / (2 * limit) + 0.5, f"{limit:.1f}", vmin=0, vmax=1)
    for place in axes.flat[len(kernels) :]:
        place.set_axis_off()
    return described(
        figure,
        f"{len(kernels)} kernels in colour, each scaled by its own largest weight; the largest weights are from "
        f"{max(largest):.1f} down to {min(largest):.1f}.",
    )


def _off_diagonal(matrix: Tensor | npt.NDArray[Any]) -> npt.NDArray[Any]:
    values: npt.NDArray[Any] = np.abs(np.asarray(matrix))[~np.eye(len(matrix), dtype=bool)]
    return values
