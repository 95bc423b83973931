"""Figures of lesson 03: activations, feature maps, probabilities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from cifar_helpers.data import CLASSES
from cifar_helpers.figures._base import PALETTE, SIGNED, draw_image, new_figure

__all__ = ["activation_spread", "bars", "channel_ranges", "feature_maps", "probability_bars", "through_the_network"]


def feature_maps(image: Tensor, maps: Mapping[str, Tensor], count: int = 8) -> Figure:
    """A picture, and the first maps of several layers: purple below zero, white at zero, orange above.

    Each map has its own scale: a weak pattern is as visible as a strong one.

    Args:
        image: uint8 `(3, H, W)`.
        maps: name of the layer to float `(channels, h, w)`.
        count: maps of each layer that are shown; less where a layer has fewer.
    """
    figure, axes = new_figure(count + 2.6, len(maps) + 0.1, nrows=len(maps), ncols=count + 1, squeeze=False)
    for place in axes.flat:
        place.set_axis_off()
    draw_image(axes[0, 0], image)
    for row, (name, values) in zip(axes, maps.items(), strict=True):
        for place, plane in zip(row[1:], values.detach().cpu(), strict=False):
            limit = max(float(plane.abs().max()), 1e-9)  # a map of zeros stays white
            draw_image(place, plane, cmap=SIGNED, vmin=-limit, vmax=limit)
            _frame(place)
        size = f"{values.shape[0]} maps, {values.shape[1]} × {values.shape[2]}"
        row[1].set_ylabel(f"{name}\n{size}", rotation=0, ha="right", va="center", fontsize=9)
    return figure


def _frame(axes: Axes) -> None:
    """A thin frame: the border of a map that is white at its edge would be lost."""
    axes.set_axis_on()
    axes.set_xticks([])
    axes.set_yticks([])


def channel_ranges(layers: Mapping[str, Tensor]) -> Figure:
    """Mean and standard deviation of each channel of a layer, as a dot with a bar of one deviation each way.

    Args:
        layers: name of the layer to its outputs, float `(B, C, H, W)`.
    """
    figure, axes = new_figure(10, 3.2, ncols=len(layers), sharey=True, squeeze=False)
    for k, (place, (name, values)) in enumerate(zip(axes[0], layers.items(), strict=True)):
        means, deviations = values.detach().mean((0, 2, 3)), values.detach().std((0, 2, 3))
        place.errorbar(np.arange(len(means)), means, deviations, fmt="o", markersize=4, color=PALETTE[k])
        place.set_title(name, fontsize=10)
        place.set_xlabel("channel")
    axes[0, 0].set_ylabel("mean ± standard deviation")
    return figure


def activation_spread(spreads: Mapping[str, Sequence[float]], ylabel: str) -> Figure:
    """A number for each layer, for several networks, on a logarithmic scale.

    Args:
        spreads: name of the network to one positive number for each layer.
        ylabel: what the numbers are.
    """
    figure, axes = new_figure(7.5, 3.4)
    markers = ("o-", "s--", "^:")
    for k, (name, numbers) in enumerate(spreads.items()):
        axes.plot(range(1, len(numbers) + 1), numbers, markers[k % 3], color=PALETTE[k], label=name)
    axes.set_yscale("log")
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.set_xlabel("layer")
    axes.set_ylabel(ylabel)
    axes.legend()
    return figure


def bars(values: Mapping[str, float], xlabel: str, *, percent: bool = False) -> Figure:
    """Horizontal bars with their numbers.

    Args:
        values: name to number.
        xlabel: what the numbers are, with their unit.
        percent: write numbers from 0 to 1 as per cent.
    """
    figure, axes = new_figure(8, 0.5 * len(values) + 0.9)
    places = np.arange(len(values))[::-1]
    axes.barh(places, list(values.values()), color=PALETTE[0])
    axes.set_yticks(places, list(values))
    for place, value in zip(places, values.values(), strict=True):
        shown = f" {value:.1%}" if percent else f" {value:,.0f}"
        axes.text(value, place, shown, va="center", fontsize=10)
    axes.set_xlim(0, max(values.values()) * 1.18 or 1)
    axes.set_xlabel(xlabel)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:.0%}" if percent else f"{value:,.0f}")
    axes.xaxis.get_major_locator().set_params(nbins=5)  # labels such as 10,000,000 are wide
    axes.grid(axis="y", visible=False)
    return figure


def probability_bars(image: Tensor, probabilities: Mapping[str, Tensor]) -> Figure:
    """A picture and what one or more networks say about it.

    Args:
        image: uint8 `(3, H, W)`.
        probabilities: name to float `(10,)`.
    """
    widths = [1.1, *[2.0] * len(probabilities)]
    figure, axes = new_figure(
        2.6 + 3.4 * len(probabilities), 3.1, ncols=len(widths), gridspec_kw={"width_ratios": widths}
    )
    draw_image(axes[0], image)
    for k, (name, shares) in enumerate(probabilities.items()):
        place = axes[k + 1]
        place.barh(CLASSES, shares.tolist(), color=PALETTE[k])
        place.invert_yaxis()
        place.set_xlim(0, 1)
        place.set_xlabel("probability")
        place.set_title(name, fontsize=10)
    return figure


def through_the_network(image: Tensor, maps: Mapping[str, Tensor], probabilities: Tensor) -> Figure:
    """A picture, the strongest maps of each block, and the probabilities, from left to right.

    Args:
        image: uint8 `(3, 32, 32)`.
        maps: name of the block to float `(channels, h, w)`.
        probabilities: float `(10,)`.
    """
    columns = len(maps) + 2
    ratios = [1.6, *[1.5] * len(maps), 1.7]
    figure, axes = new_figure(11, 3.1, ncols=columns, gridspec_kw={"width_ratios": ratios})
    draw_image(axes[0], image, "picture, 32 × 32")
    for place, (name, values) in zip(axes[1:-1], maps.items(), strict=True):
        chosen = values.flatten(1).std(1).topk(9).indices
        tiles = torch.nn.functional.pad(values[chosen], (1, 1, 1, 1), value=float("nan"))
        rows = [torch.cat(list(tiles[k : k + 3]), dim=1) for k in (0, 3, 6)]
        title = f"{name}\n9 of {len(values)} maps, {values.shape[1]} × {values.shape[2]}"
        draw_image(place, torch.cat(rows).numpy(), title, cmap="viridis")
    axes[-1].barh(CLASSES, probabilities.tolist(), color=PALETTE[0])
    axes[-1].invert_yaxis()
    axes[-1].set_xlim(0, 1)
    axes[-1].set_title("probabilities", fontsize=10)
    return figure
