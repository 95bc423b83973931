"""Figures of lesson 02: kernels, what they answer, and what they can see."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from cifar_helpers.figures._base import PALETTE, SIGNED, as_pixels, draw_image, new_figure

__all__ = ["filter_bank", "kernel_results", "map_row", "receptive_fields", "window"]

Array = npt.NDArray[Any]


def _draw_kernel(axes: Axes, kernel: Array, title: str = "") -> None:
    limit = max(float(np.abs(kernel).max()), 1e-9)
    axes.imshow(kernel, cmap=SIGNED, vmin=-limit, vmax=limit)
    for (row, column), value in np.ndenumerate(kernel):
        colour = "white" if abs(value) > 0.75 * limit else "black"
        axes.text(column, row, f"{value:.2g}", ha="center", va="center", fontsize=10, color=colour)
    axes.set_title(title, fontsize=10)
    axes.set_axis_off()


def _draw_signed(axes: Axes, values: Array, title: str = "") -> None:
    limit = max(float(np.abs(values).max()), 1e-9)
    # A little below zero is still a picture; much below zero is a map with a sign.
    if -values.min() <= 0.5 * values.max():
        draw_image(axes, values, title, cmap="gray")
    else:
        draw_image(axes, values, title, cmap=SIGNED, vmin=-limit, vmax=limit)


def window(image: Array, kernel: Array, row: int, column: int) -> Figure:
    """One window of a grey image, the kernel, and the products of the two.

    Args:
        image: float `(H, W)`, 0..1.
        kernel: float `(k, k)`.
        row: first row of the window.
        column: first column of the window.
    """
    k = len(kernel)
    part = image[row : row + k, column : column + k]
    figure, axes = new_figure(10, 2.9, ncols=4)
    draw_image(axes[0], image, "image", cmap="gray", vmin=0, vmax=1)
    axes[0].add_patch(Rectangle((column - 0.5, row - 0.5), k, k, fill=False, ec=PALETTE[1], lw=3))
    axes[1].imshow(part, cmap="gray", vmin=0, vmax=1)
    for (y, x), value in np.ndenumerate(part):
        axes[1].text(x, y, f"{value:.2f}", ha="center", va="center", color="black" if value > 0.5 else "white")
    axes[1].set_title("window", fontsize=10)
    axes[1].set_axis_off()
    _draw_kernel(axes[2], kernel, "kernel")
    _draw_kernel(axes[3], part * kernel, f"products, sum {(part * kernel).sum():.2f}")
    return figure


def kernel_results(image: Array, kernels: Mapping[str, Array], results: Mapping[str, Array]) -> Figure:
    """Each kernel above what it makes of the image; purple below zero, orange above.

    Args:
        image: float `(H, W)`, 0..1.
        kernels: name to float `(k, k)`.
        results: the same names to float `(h, w)`.
    """
    figure, axes = new_figure(1.75 * (len(kernels) + 1), 3.9, nrows=2, ncols=len(kernels) + 1)
    axes[0, 0].set_visible(False)
    draw_image(axes[1, 0], image, "image", cmap="gray", vmin=0, vmax=1)
    for (name, kernel), (above, below) in zip(kernels.items(), axes.T[1:], strict=True):
        _draw_kernel(above, kernel, name.replace(", ", ",\n"))
        _draw_signed(below, results[name])
    return figure


def map_row(maps: Mapping[str, Array | Tensor]) -> Figure:
    """Images or maps side by side, each with its name and size.

    Args:
        maps: name to uint8 `(3, H, W)`, or numbers `(H, W)`.
    """
    figure, axes = new_figure(2.3 * len(maps), 2.7, ncols=len(maps), squeeze=False)
    for (name, values), place in zip(maps.items(), axes[0], strict=True):
        array = np.asarray(values)
        title = f"{name}\n{array.shape[-2]} × {array.shape[-1]}"
        if array.ndim == 3:
            draw_image(place, array, title)
        else:
            _draw_signed(place, array, title)
    return figure


def filter_bank(weights: Tensor, columns: int = 16) -> Figure:
    """First-layer kernels as small colour pictures, each scaled to its own range.

    Args:
        weights: float `(N, 3, k, k)`.
        columns: kernels in a row.
    """
    rows = -(-len(weights) // columns)
    figure, axes = new_figure(0.6 * columns, 0.62 * rows + 0.1, nrows=rows, ncols=columns)
    for place, kernel in zip(axes.flat, weights.detach(), strict=False):
        low, high = kernel.min(), kernel.max()
        draw_image(place, (kernel - low) / (high - low))
    for place in axes.flat[len(weights) :]:
        place.set_axis_off()
    return figure


def receptive_fields(image: Tensor, fields: Mapping[str, int]) -> Figure:
    """The squares that the middle unit of each layer can see.

    Args:
        image: uint8 `(3, H, W)`.
        fields: name of the layer to side of the square in pixels.
    """
    figure, axes = new_figure(5.2, 4.2)
    axes.imshow(as_pixels(image), interpolation="nearest")
    middle = image.shape[1] / 2 - 0.5
    styles = ("-", "--", "-.", ":")
    for k, (name, side) in enumerate(fields.items()):
        corner = middle - side / 2
        axes.add_patch(
            Rectangle(
                (corner, corner),
                side,
                side,
                fill=False,
                lw=3,
                ec=PALETTE[k],
                ls=styles[k % 4],
                label=f"{name}: {side} px",
            )
        )
    axes.legend(loc="center left", bbox_to_anchor=(1.02, 0.5))
    axes.set_axis_off()
    return figure
