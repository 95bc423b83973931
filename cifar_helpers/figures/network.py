"""Figures of lesson 03: the network, activations, feature maps, what each kind of layer is worth, probabilities."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final, Protocol

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import LogLocator, NullFormatter
from torch import Tensor

from cifar_helpers._palette import PALETTE, SIGNED
from cifar_helpers.data import CLASSES, ImageSet
from cifar_helpers.figures._base import colour_of, described, draw_image, in_course_style, new_figure

__all__ = [
    "activation_spread",
    "bars",
    "channel_ranges",
    "exciting_pictures",
    "feature_maps",
    "network_shapes",
    "probability_bars",
    "without_each_part",
]

_FIELDS: Final = {"block 1, ReLU": (3, 1, -1), "block 2, ReLU": (8, 2, -3), "block 3, ReLU": (18, 4, -7)}
"""Receptive fields of `CifarCNN` in pixels: the side, the step from unit to unit, and where that of unit 0 begins."""


@in_course_style
def feature_maps(image: Tensor, maps: Mapping[str, Tensor], count: int = 8) -> Figure:
    """A picture, and the first maps of several layers: purple below zero, white at zero, orange above.

    Each map has its own scale, so that a weak pattern is as visible as a strong one.

    Args:
        image: uint8 `(3, H, W)`.
        maps: name of the layer to float `(channels, h, w)`.
        count: maps shown per layer; fewer where a layer has fewer.
    """
    rows, heights = _rows(list(maps))
    figure, axes = new_figure(
        count + 3.1,
        sum(heights) + 0.1,
        nrows=len(heights),
        ncols=count + 1,
        squeeze=False,
        gridspec_kw={"height_ratios": heights},
    )
    for place in axes.flat:
        place.set_axis_off()
    for gap in set(range(len(heights))) - set(rows):
        for place in axes[gap]:
            place.remove()
    axes = axes[rows]
    draw_image(axes[0, 0], image)
    for row, (name, values) in zip(axes, maps.items(), strict=True):
        for place, plane in zip(row[1:], values.detach().cpu(), strict=False):
            limit = max(float(plane.abs().max()), 1e-9)  # a map of zeros stays white
            draw_image(place, plane, cmap=SIGNED, vmin=-limit, vmax=limit)
            _frame(place)
        row[1].set_ylabel(f"{name}\n{_shown(values, count)}", rotation=0, ha="right", va="center", fontsize=9)
    _signed_key(figure, axes[:, 1:])
    shares = (
        f"{name}: {_size(values)}, {_percent(values < 0)} of the numbers below zero and {_percent(values == 0)} zero"
        for name, values in maps.items()
    )
    return described(figure, f"A picture and its feature maps. {'; '.join(shares)}.")


def _rows(names: list[str]) -> tuple[list[int], list[float]]:
    """Rows of the layers and heights of all rows, with a low one between blocks ("block 2, ReLU" names its block)."""
    rows: list[int] = []
    heights: list[float] = []
    for k, name in enumerate(names):
        if k and "," in name and name.split(",")[0] != names[k - 1].split(",")[0]:
            heights.append(0.35)
        rows.append(len(heights))
        heights.append(1.0)
    return rows, heights


def _shown(values: Tensor, count: int) -> str:
    """Which maps a row shows, and their size: "first 8 of 64 maps, 8 × 8"."""
    part = f"first {count} of " if count < values.shape[0] else ""
    return part + _size(values)


def _size(values: Tensor) -> str:
    return f"{values.shape[0]} maps, {values.shape[1]} × {values.shape[2]}"


def _percent(chosen: Tensor) -> str:
    return f"{100 * float(chosen.float().mean()):.0f} %"


def _signed_key(figure: Figure, axes: np.ndarray) -> None:
    """What the colours mean: every map has its own scale, so the key has no numbers but zero."""
    key = figure.colorbar(ScalarMappable(cmap=SIGNED), ax=axes, shrink=0.5, aspect=25, pad=0.015)
    key.set_ticks([0, 0.5, 1], labels=["below 0", "0", "above 0"], fontsize=8)
    key.set_label("each map has its own scale", fontsize=8)


def _frame(axes: Axes) -> None:
    """A thin frame: the border of a map that is white at its edge would be lost."""
    axes.set_axis_on()
    axes.set_xticks([])
    axes.set_yticks([])


@in_course_style
def network_shapes(names: Sequence[str], shapes: Sequence[tuple[int, ...]]) -> Figure:
    """What a picture becomes on its way through a network, stage by stage.

    Maps are a box: as high as a map's side, as wide as there are channels. A row of numbers is a thin bar, as high as
    it is long; both kinds have a scale of their own.

    Args:
        names: of the stages.
        shapes: `(C, H, W)` or `(n,)` for each stage.

    Raises:
        ValueError: if there is not one shape for each name.
    """
    if len(names) != len(shapes):
        raise ValueError(f"{len(names)} names for {len(shapes)} shapes")
    figure, axes = new_figure(1.25 * len(names), 2.6)
    axes.set_axis_off()
    side = max((shape[1] for shape in shapes if len(shape) == 3), default=1)
    channels = max((shape[0] for shape in shapes if len(shape) == 3), default=1)
    longest = max((shape[0] for shape in shapes if len(shape) == 1), default=1)
    for k, (name, shape) in enumerate(zip(names, shapes, strict=True)):
        is_maps = len(shape) == 3
        width, height = (0.06 + 0.6 * shape[0] / channels, shape[1] / side) if is_maps else (0.05, shape[0] / longest)
        height = max(height, 0.015)  # ten numbers stay visible
        axes.add_patch(
            Rectangle(
                (k - width / 2, -height / 2), width, height, color=PALETTE[0] if is_maps else PALETTE[1], alpha=0.8
            )
        )
        if k:
            axes.annotate("", (k - 0.38, 0), (k - 0.62, 0), arrowprops={"arrowstyle": "->", "color": "grey"})
        axes.text(k, 0.6, name, ha="center", va="bottom", fontsize=9)
        axes.text(k, -0.6, _words(shape), ha="center", va="top", fontsize=9)
    axes.set_xlim(-0.6, len(names) - 0.4)
    axes.set_ylim(-0.95, 0.8)
    stages = (f"{name} {_words(shape)}" for name, shape in zip(names, shapes, strict=True))
    return described(figure, f"Stages of a network: {', '.join(stages)}.".replace("\n", " of "))


def _words(shape: tuple[int, ...]) -> str:
    """A shape on two lines: "64 maps" and "8 × 8", or the length of a row of numbers."""
    return f"{shape[0]} maps\n{shape[1]} × {shape[2]}" if len(shape) == 3 else f"{shape[0]:,} numbers"


@in_course_style
def channel_ranges(layers: Mapping[str, Tensor]) -> Figure:
    """Mean and standard deviation of each channel of a layer, as a dot with a bar of one deviation each way.

    Args:
        layers: name of the layer to its outputs, float `(B, C, H, W)`.
    """
    figure, axes = new_figure(10, 3.2, ncols=len(layers), sharey=True, squeeze=False)
    findings = []
    for k, (place, (name, values)) in enumerate(zip(axes[0], layers.items(), strict=True)):
        means, deviations = values.detach().mean((0, 2, 3)), values.detach().std((0, 2, 3))
        place.errorbar(np.arange(len(means)), means, deviations, fmt="o", markersize=4, color=colour_of(k))
        place.set_title(name, fontsize=10)
        place.set_xlabel("channel")
        findings.append(f"{name}: means {_reach(means)}, standard deviations {_reach(deviations)}")
    axes[0, 0].set_ylabel("mean ± standard deviation")
    return described(figure, f"Each channel's mean and standard deviation. {'; '.join(findings)}.")


def _reach(values: Tensor) -> str:
    """From where to where numbers go, to two decimals, with a proper minus and no negative zero."""
    low, high = (f"{round(float(end), 2) + 0.0:.2f}".replace("-", "−") for end in (values.min(), values.max()))
    return low if low == high else f"from {low} to {high}"


@in_course_style
def activation_spread(spreads: Mapping[str, Sequence[float]], ylabel: str) -> Figure:
    """A number for each layer, for several networks, on a logarithmic scale.

    Args:
        spreads: name of the network to one positive number for each layer.
        ylabel: what the numbers are.
    """
    figure, axes = new_figure(7.5, 3.4)
    styles = ("o-", "s--", "^-", "D:")
    for k, (name, numbers) in enumerate(spreads.items()):
        # A broad pale line stays visible where the next one lies on it.
        width, alpha = (5.0, 0.5) if k % len(styles) == 2 else (1.5, 1.0)
        layers = range(1, len(numbers) + 1)
        style = styles[k % len(styles)]
        axes.plot(
            layers, numbers, style, color=colour_of(k), linewidth=width, alpha=alpha, markersize=4 + width, label=name
        )
    axes.set_yscale("log")
    every = [number for numbers in spreads.values() for number in numbers]
    if max(every) < 1000 * min(every):  # few decades: marks between them, as plain numbers
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.yaxis.set_minor_formatter(NullFormatter())
    count = max(map(len, spreads.values()))
    axes.set_xticks(range(1, count + 1) if count <= 15 else [1, *range(5, count + 1, 5)])
    axes.set_xlabel("layer")
    axes.set_ylabel(ylabel)
    axes.legend(fontsize=9)
    findings = "; ".join(f"{name}: {_from_first_to_last(numbers)}" for name, numbers in spreads.items())
    return described(figure, f"{ylabel[:1].upper()}{ylabel[1:]}, first layer to last. {findings}.")


def _from_first_to_last(numbers: Sequence[float]) -> str:
    """The two ends, and the lowest number if it lies between them."""
    ends, lowest = f"{numbers[0]:.2g} to {numbers[-1]:.2g}", min(numbers)
    inside = lowest < min(numbers[0], numbers[-1])
    return f"{ends}, lowest {lowest:.2g} at layer {numbers.index(lowest) + 1}" if inside else ends


@in_course_style
def bars(values: Mapping[str, float], xlabel: str, *, percent: bool = False) -> Figure:
    """Horizontal bars with their numbers.

    Args:
        values: name to number.
        xlabel: what the numbers are, with their unit.
        percent: write numbers from 0 to 1 as percentages.

    Raises:
        ValueError: if a number is not finite.
    """
    for name, value in values.items():
        if not math.isfinite(value):
            raise ValueError(f"a bar needs a finite number, got {value} for {name!r}")
    figure, axes = new_figure(8, 0.5 * len(values) + 0.9)
    places = np.arange(len(values))[::-1]
    axes.barh(places, list(values.values()), color=PALETTE[0])
    axes.set_yticks(places, list(values))
    largest = max(map(abs, values.values()))
    whole = largest >= 100 or all(value == int(value) for value in values.values())
    decimals = 0 if whole else 2 - math.floor(math.log10(largest))  # three digits of the largest
    texts = [f"{value:.1%}" if percent else f"{value:,.{decimals}f}" for value in values.values()]
    for place, value, text in zip(places, values.values(), texts, strict=True):
        axes.text(value, place, f" {text} ", va="center", ha="left" if value >= 0 else "right", fontsize=10)
    axes.set_xlim(min(0, *values.values()) * 1.18, max(0, *values.values()) * 1.18 or 1)
    axes.set_xlabel(xlabel)
    tick = "{:.0%}" if percent else "{:,.0f}" if whole else "{:.3g}"
    axes.xaxis.set_major_formatter(lambda value, _: tick.format(value))
    axes.xaxis.get_major_locator().set_params(nbins=5)  # labels such as 10,000,000 are wide
    axes.grid(axis="y", visible=False)
    findings = (f"{name} {text}" for name, text in zip(values, texts, strict=True))
    return described(figure, f"{xlabel[:1].upper()}{xlabel[1:]}: {'; '.join(findings)}.")


@in_course_style
def without_each_part(
    accuracies: Mapping[str, Sequence[float]], differences: Mapping[str, tuple[float, float, float]]
) -> Figure:
    """What networks reach that lack a kind of layer, beside the difference that the layer makes.

    Args:
        accuracies: name of the network to the validation accuracies of its training runs, in percent.
        differences: name of the network to the difference from the whole network in points: mean, and lower and upper
            end of its interval. The whole network has none.

    Raises:
        ValueError: if a difference belongs to no network.
    """
    if unknown := set(differences) - set(accuracies):
        raise ValueError(f"differences name networks without accuracies: {', '.join(sorted(unknown))}")
    figure, (left, right) = new_figure(10, 0.5 * len(accuracies) + 1.1, ncols=2, sharey=True)
    rows = {name: row for row, name in enumerate(accuracies)}
    for name, reached in accuracies.items():
        left.plot(reached, [rows[name]] * len(reached), "o", color=PALETTE[0], markersize=6, alpha=0.6)
        left.plot(np.mean(reached), rows[name], "|", color="black", markersize=16, markeredgewidth=2)
    for name, (mean, low, high) in differences.items():
        right.plot([low, high], [rows[name]] * 2, color=PALETTE[1], linewidth=4, alpha=0.6)
        right.plot(mean, rows[name], "|", color="black", markersize=16, markeredgewidth=2)
    right.axvline(0, color="grey", linewidth=1)
    left.set_yticks(list(rows.values()), list(rows))
    left.set_ylim(len(rows) - 0.5, -0.5)  # the first row on top
    right.xaxis.get_major_locator().set_params(integer=True)
    left.set_xlabel("validation accuracy (%): a dot per run, a line at the mean")
    right.set_xlabel("difference from all layers (points), 95 % interval")
    findings = {name: f"{name} {np.mean(reached):.1f} %" for name, reached in accuracies.items()}
    for name, (mean, low, high) in differences.items():
        findings[name] += f", {mean:+.1f} points, interval {low:+.1f} to {high:+.1f}"
    return described(figure, f"Mean validation accuracies: {'; '.join(findings.values())}.".replace("-", "−"))


class Found(Protocol):
    """Where the channels of a layer respond most: numbers of pictures and places in the map, `(channels, n)` each."""

    @property
    def pictures(self) -> Tensor: ...

    @property
    def places(self) -> Tensor: ...


@in_course_style
def exciting_pictures(
    image_set: ImageSet, found: Mapping[str, Found], chosen: Sequence[tuple[str, int]], count: int = 8
) -> Figure:
    """The pictures to which chosen channels of `CifarCNN` respond most, a row per channel, with the field framed.

    Args:
        image_set: that was searched.
        found: by layer, `block 1, ReLU` to `block 3, ReLU`.
        chosen: pairs of a layer and a channel in it.
        count: pictures per row.
    """
    figure, axes = new_figure(count + 2.6, len(chosen) + 0.1, nrows=len(chosen), ncols=count, squeeze=False)
    findings = []
    for row, (layer, channel) in zip(axes, chosen, strict=True):
        side, step, start = _FIELDS[layer]
        width = 32 // step
        pictures = found[layer].pictures[channel, :count].tolist()
        for place, number, unit in zip(row, pictures, found[layer].places[channel].tolist(), strict=False):
            draw_image(place, image_set.images[number])
            top, left = (start + step * index for index in divmod(unit, width))
            _draw_field(place, top, left, side)
        names = [CLASSES[label] for label in image_set.labels[pictures].tolist()]
        most = max(CLASSES, key=names.count)
        text = f"{layer}, channel {channel}\nsees {side} × {side} pixels\n{names.count(most)} of {len(names)}: {most}"
        row[0].text(-0.1, 0.5, text, transform=row[0].transAxes, ha="right", va="center", fontsize=9)
        findings.append(text.replace("\n", ", "))
    return described(figure, f"The pictures that excite each channel most. {'; '.join(findings)}.")


def _draw_field(axes: Axes, top: int, left: int, side: int) -> None:
    """A frame around a receptive field, black and white so that it shows on any picture; cut off at the border."""
    for width, colour in ((3.0, "black"), (1.2, "white")):
        corner = (left - 0.5, top - 0.5)
        axes.add_patch(Rectangle(corner, side, side, fill=False, edgecolor=colour, linewidth=width))


@in_course_style
def probability_bars(image: Tensor, probabilities: Mapping[str, Tensor]) -> Figure:
    """A picture, and the probabilities that one or more networks give the ten classes.

    Args:
        image: uint8 `(3, H, W)`.
        probabilities: name of the network to float `(10,)`, 0 to 1.
    """
    widths = [1.1, *[2.0] * len(probabilities)]
    figure, axes = new_figure(
        2.6 + 3.4 * len(probabilities), 3.1, ncols=len(widths), gridspec_kw={"width_ratios": widths}
    )
    draw_image(axes[0], image)
    findings = []
    for k, (name, given) in enumerate(probabilities.items()):
        place, percentages = axes[k + 1], 100 * given.detach()
        place.barh(CLASSES, percentages.tolist(), color=colour_of(k))
        place.invert_yaxis()
        place.set_xlim(0, 100)
        place.set_xlabel("probability (%)")
        place.set_title(name, fontsize=10)
        best = int(percentages.argmax())
        findings.append(f"{name}: most likely {CLASSES[best]}, {float(percentages[best]):.0f} %")
    return described(figure, f"Probabilities for a picture. {'; '.join(findings)}.")
