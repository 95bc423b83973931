"""Figures of lesson 08: residual blocks, networks of different depth, whitened patches, and the ladder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import count
from string import ascii_lowercase
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, Rectangle
from matplotlib.ticker import LogLocator
from torch import Tensor

from cifar_helpers._palette import PALETTE, SIGNED
from cifar_helpers.evaluation import Gain
from cifar_helpers.figures._base import colour_of, described, draw_image, in_course_style, new_figure
from cifar_helpers.runs.ablation import Measured
from cifar_helpers.training import History

__all__ = ["accuracy_by_operations", "correlations", "ladder", "residual_blocks", "seed_curves", "whitening_kernels"]

_LINES = ("-", "--", ":", "-.")
_COLOURS = ("red", "green", "blue")
_UP, _DOWN, _UNCLEAR = "a gain", "a loss", "the interval includes 0"
_STYLES: Mapping[str, Mapping[str, Any]] = {
    _UP: {"marker": "o", "color": PALETTE[0]},
    _DOWN: {"marker": "v", "color": PALETTE[1]},
    _UNCLEAR: {"marker": "s", "color": "grey", "markerfacecolor": "white"},
}
# Columns beside the ladder: heading, where in points from the axes (negative: to their left), and alignment.
_COLUMNS = (
    ("", -212, "right"),
    ("change", -204, "left"),
    ("base", -8, "right"),
    ("accuracy (%)\n± seeds", 78, "right"),
    ("million\noperations\nper image", 142, "right"),
    ("parameters", 212, "right"),
)


@in_course_style
def residual_blocks() -> Figure:
    """Two residual blocks as diagrams: one keeps the shape, and one halves the maps and doubles their number."""
    figure, axes = new_figure(10, 4.4)
    _draw_block(axes, 2.5, "the shape is kept", "32 maps\n16 × 16", "32 maps\n16 × 16", halves=False)
    _draw_block(axes, 0.0, "the shape changes", "32 maps\n16 × 16", "64 maps\n8 × 8", halves=True)
    axes.set(xlim=(-0.5, 9.9), ylim=(-0.6, 4.3))
    axes.set_axis_off()
    return described(
        figure,
        "Two blocks. In both the input takes two paths: through two convolutions of 3 × 3, with a ReLU in between, and "
        "along a skip connection. A ReLU follows the sum. Above, the skip connection is empty, and 32 maps of 16 × 16 "
        "stay so. Below, it has a convolution of 1 × 1 with stride 2 and batch norm, the main path one of 3 × 3, and "
        "64 maps of 8 × 8 come out.",
    )


def _draw_block(axes: Axes, y: float, title: str, goes_in: str, comes_out: str, *, halves: bool) -> None:
    """One block, from left to right at height `y`, with the skip connection above the main path."""
    above, branch, plus = y + 1.05, 0.75, 7.0
    first = "3 × 3 convolution,\nstride 2; batch norm" if halves else "3 × 3 convolution,\nbatch norm"
    axes.text(-0.4, y + 1.6, title, ha="left", va="center", fontsize=11, fontweight="bold")
    for x, shape in ((0.1, goes_in), (9.4, comes_out)):
        axes.text(x, y, shape, ha="center", va="center", fontsize=10)
    skip: dict[str, Any] = {"color": PALETTE[1], "linewidth": 2.5, "solid_joinstyle": "round", "solid_capstyle": "butt"}
    axes.plot([branch, branch, plus], [y, above, above], **skip)
    _arrow(axes, (plus, above), (plus, y + 0.2), PALETTE[1], 2.5)
    if halves:
        _box(axes, 3.8, above, 1.7, "1 × 1 convolution,\nstride 2; batch norm")
    axes.text(4.9 if halves else 3.8, above + 0.12, "skip connection", ha="left", va="bottom", fontsize=10)
    edges = [0.6, 1.1, 2.8, 3.35, 4.25, 4.75, 6.45, plus - 0.2, plus + 0.2, 7.65, 8.55, 8.9]
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        _arrow(axes, (start, y), (end, y), "black", 1.2)
    _box(axes, 1.95, y, 1.7, first)
    _box(axes, 3.8, y, 0.9, "ReLU")
    _box(axes, 5.6, y, 1.7, "3 × 3 convolution,\nbatch norm")
    axes.add_patch(Circle((plus, y), 0.2, fc="white", ec="black", zorder=3))
    axes.text(plus, y, "+", ha="center", va="center", fontsize=13, zorder=4)
    _box(axes, 8.1, y, 0.9, "ReLU")


def _box(axes: Axes, x: float, y: float, width: float, text: str) -> None:
    axes.add_patch(Rectangle((x - width / 2, y - 0.3), width, 0.6, fc="white", ec="black", zorder=3))
    axes.text(x, y, text, ha="center", va="center", fontsize=9, zorder=4)


def _arrow(axes: Axes, start: tuple[float, float], end: tuple[float, float], colour: str, width: float) -> None:
    style = {"arrowstyle": "-|>", "color": colour, "linewidth": width, "shrinkA": 0, "shrinkB": 0}
    axes.annotate("", end, start, arrowprops=style)


@in_course_style
def seed_curves(networks: Mapping[str, Sequence[History]]) -> Figure:
    """Training loss and validation accuracy by epoch, with a line for each seed.

    Args:
        networks: name to the histories of its training runs, one for each seed, each with validation.
    """
    figure, axes = new_figure(10, 3.6, ncols=2)
    said = []
    for k, (name, histories) in enumerate(networks.items()):
        style: dict[str, Any] = {"color": colour_of(k), "linestyle": _LINES[k % len(_LINES)]}
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


@in_course_style
def ladder(rungs: Sequence[Measured], beside: Sequence[Measured] = ()) -> Figure:
    """The gain of each change over its base, with its 95 % interval; shape and colour say whether it excludes 0.

    Args:
        rungs: in order, numbered from 1, the first without a gain; each is compared with the one before.
        beside: others, with small letters; each is compared with one of the rungs.
    """
    numbers = {one.rung.run: number for number, one in reversed(list(enumerate(rungs, 1)))}  # the first of equal runs
    rows = [*zip(map(str, count(1)), rungs, strict=False), *zip(ascii_lowercase, beside, strict=False)]
    figure, axes = new_figure(10.5, 0.34 * len(rows) + 1.3)
    places = [-k - 0.6 * (k >= len(rungs)) for k in range(len(rows))]
    for place, (name, one) in zip(places, rows, strict=True):
        if one.gain is not None:
            _draw_gain(axes, place, one.gain)
        _write_columns(axes, place, name, one.rung.change, str(numbers.get(one.rung.base, "–")), *_figures_of(one))
    _write_columns(axes, 0.9, *(heading for heading, *_ in _COLUMNS))
    axes.axvline(0, color="black", linewidth=1)
    axes.set_yticks(places, [""] * len(places))
    axes.set_ylim(places[-1] - 0.6, 0.6)
    axes.grid(axis="y", visible=False)
    axes.set_xlabel("gain in validation accuracy (points), with its 95 % interval")
    for name, style in _STYLES.items():
        axes.plot([], [], linestyle="", label=name, **style)
    figure.legend(fontsize=9, loc="outside lower center", ncols=len(_STYLES))
    columns = "; ".join(
        f"{name} {accuracy}, {operations}, {parameters}"
        for name, (accuracy, operations, parameters) in ((name, _figures_of(one)) for name, one in rows)
    )
    words = "Accuracy (%) and its standard deviation over the seeds, million operations per image, and parameters"
    return described(figure, f"{_gains_in_words([one for _, one in rows])} {words}: {columns}.")


def _figures_of(one: Measured) -> tuple[str, str, str]:
    """Accuracy with the spread of its seeds, operations and parameters, as the columns say them."""
    accuracy = f"{100 * one.accuracy:.1f} ± {100 * one.spread:.1f}"
    return accuracy, f"{one.operations / 1e6:.0f}", f"{one.parameters:,}"


def _write_columns(axes: Axes, place: float, *texts: str) -> None:
    """Texts on both sides of the axes, in a row or above all of them."""
    for (_, at, side), text in zip(_COLUMNS, texts, strict=True):
        axes.annotate(
            text,
            (0 if at < 0 else 1, place),
            (at, 0),
            xycoords=axes.get_yaxis_transform(),
            textcoords="offset points",
            va="bottom" if place > 0 else "center",
            ha=side,
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


def _gains_in_words(measured: Sequence[Measured]) -> str:
    parts = []
    for kind in _STYLES:
        found = [f"{one.rung.change} {one.gain}" for one in measured if one.gain and _kind(one.gain) == kind]
        if found:
            parts.append(f"{kind[:1].upper()}{kind[1:]}: {'; '.join(found)}.")
    return " ".join(parts)


@in_course_style
def accuracy_by_operations(rungs: Sequence[Measured], others: Sequence[Measured]) -> Figure:
    """Validation accuracy against the operations of the whole training run, on a logarithmic scale.

    Args:
        rungs: in order, joined by a line, each marked with its number from 1.
        others: each marked with its change, its accuracy and the operations of a prediction.
    """
    figure, axes = new_figure(9, 4.4)
    groups = (("rungs of the ladder", rungs, "o", PALETTE[0]), ("other networks and recipes", others, "D", PALETTE[1]))
    for label, group, marker, colour in groups:
        at = [(one.training_operations / 1e12, 100 * one.accuracy) for one in group]
        axes.plot(*zip(*at, strict=True), marker, color=colour, markersize=7, zorder=3, label=label)
        if group is rungs:
            axes.plot(*zip(*at, strict=True), "-", color="0.7", linewidth=1, zorder=2)
        for k, (place, one) in enumerate(zip(at, group, strict=True)):
            text, (x, y), side, height = _mark(k, one, numbered=group is rungs)
            axes.annotate(text, place, (x, y), textcoords="offset points", ha=side, va=height, fontsize=9)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 3)))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.margins(y=0.12)
    axes.set_xlabel("operations of the whole training run (trillions, logarithmic scale)")
    axes.set_ylabel("validation accuracy (%)")
    axes.legend(fontsize=9, loc="lower right")
    found = [f"rung {k}: {_in_words(one)}" for k, one in enumerate(rungs, 1)]
    found += [f"{one.rung.change}: {_in_words(one)}" for one in others]
    return described(figure, f"Validation accuracy and operations of the training run. {'; '.join(found)}.")


def _mark(k: int, one: Measured, *, numbered: bool) -> tuple[str, tuple[int, int], str, str]:
    """The text beside a point, its offset in points and its alignment; neighbours take turns, to keep apart."""
    if numbered:
        return (str(k + 1), (-8, 0), "right", "center") if k in (2, 4, 6) else (str(k + 1), (8, 0), "left", "center")
    text = f"{one.rung.change}: {one.accuracy:.1%},\n{one.operations / 1e6:,.0f} million operations per prediction"
    return text, (-8, 0), "right", "bottom" if k else "top"


def _in_words(one: Measured) -> str:
    return f"{one.accuracy:.1%}, {one.training_operations / 1e12:,.0f} trillion"


@in_course_style
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
    left = f"at most {strongest:.3f}" if strongest >= 0.001 else "less than 0.001"
    return described(
        figure,
        f"Any two numbers of a patch have a correlation of at least {weakest:.2f} in size, and any two of the "
        f"{len(after)} whitened outputs of {left}.",
    )


@in_course_style
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
        draw_image(place, kernel / (2 * limit) + 0.5, _short(limit), vmin=0, vmax=1)
    for place in axes.flat[len(kernels) :]:
        place.set_axis_off()
    return described(
        figure,
        f"{len(kernels)} kernels in colour, each scaled by its own largest weight; the largest weights are from "
        f"{_short(max(largest))} down to {_short(min(largest))}.",
    )


def _short(weight: float) -> str:
    return f"{weight:.1f}" if weight >= 1 else f"{weight:.2f}"


def _off_diagonal(matrix: Tensor | npt.NDArray[Any]) -> npt.NDArray[Any]:
    values: npt.NDArray[Any] = np.abs(np.asarray(matrix))[~np.eye(len(matrix), dtype=bool)]
    return values
