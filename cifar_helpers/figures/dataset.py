"""Figures of lesson 01: images as numbers, classes, statistics, augmentation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from cifar_helpers.data import CLASSES, ImageSet
from cifar_helpers.figures._base import PALETTE, as_pixels, draw_image, new_figure

__all__ = ["CHANNELS", "channel_histograms", "channels", "class_balance", "class_rows", "pixel_values"]

CHANNELS = ("red", "green", "blue")
_CHANNEL_COLOURS = (PALETTE[3], PALETTE[2], PALETTE[0])
_CHANNEL_LINES = ("-", "--", ":")


def pixel_values(image: Tensor, top: int, left: int, size: int = 8, channel: int = 0) -> Figure:
    """An image with a square marked, and the numbers of one channel inside that square.

    Args:
        image: uint8 `(3, H, W)`.
        top: first row of the square.
        left: first column of the square.
        size: side of the square in pixels.
        channel: 0 red, 1 green, 2 blue.
    """
    figure, (whole, part) = new_figure(9.5, 4.4, ncols=2)
    draw_image(whole, image, "the image")
    corner = (left - 0.5, top - 0.5)
    whole.add_patch(Rectangle(corner, size, size, fill=False, edgecolor=PALETTE[1], linewidth=3))
    values = image[channel, top : top + size, left : left + size].numpy()
    part.imshow(values, cmap="gray", vmin=0, vmax=255)
    for (row, column), value in np.ndenumerate(values):
        colour = "black" if value > 127 else "white"
        part.text(column, row, str(value), ha="center", va="center", color=colour, fontsize=9)
    part.set_title(f"{CHANNELS[channel]} values in the square, 0..255", fontsize=10)
    part.set_axis_off()
    return figure


def channels(image: Tensor) -> Figure:
    """An image beside its red, green and blue channel, each as grey values.

    Args:
        image: uint8 `(3, H, W)`.
    """
    figure, axes = new_figure(9.5, 2.7, ncols=4)
    draw_image(axes[0], image, "all three")
    for place, plane, name in zip(axes[1:], image, CHANNELS, strict=True):
        draw_image(place, plane, name, cmap="gray", vmin=0, vmax=255)
    return figure


def class_rows(image_set: ImageSet, columns: int = 10) -> Figure:
    """A row of images for each class, with its name."""
    figure, axes = new_figure(columns * 0.85 + 1.2, 8.5, nrows=len(CLASSES), ncols=columns)
    for name, row in zip(CLASSES, axes, strict=True):
        members = image_set.of_class(name).images
        for k, place in enumerate(row):
            place.set_xticks([])
            place.set_yticks([])
            if k < len(members):
                place.imshow(as_pixels(members[k]), interpolation="nearest")
        row[0].set_ylabel(name, rotation=0, ha="right", va="center", fontsize=10)
    return figure


def class_balance(parts: dict[str, Tensor]) -> Figure:
    """Images of each class, in several parts of the data.

    Args:
        parts: name of the part to int64 labels `(N,)`.
    """
    figure, axes = new_figure(9, 3.2)
    width = 0.8 / len(parts)
    for k, (name, labels) in enumerate(parts.items()):
        counts = torch.bincount(labels, minlength=len(CLASSES)).numpy()
        places = np.arange(len(CLASSES)) + (k - (len(parts) - 1) / 2) * width
        axes.bar(places, counts, width, label=name, color=PALETTE[k])
    axes.set_xticks(range(len(CLASSES)), CLASSES, rotation=25, ha="right")
    axes.set_ylabel("images")
    axes.grid(axis="x", visible=False)
    figure.legend(loc="outside upper center", ncols=len(parts))
    return figure


def channel_histograms(images: Tensor, titles: Sequence[str], others: Tensor) -> Figure:
    """How often each value occurs in the three channels, for two versions of the same images.

    Args:
        images: `(N, 3, H, W)` numbers of any kind.
        titles: of the two panels.
        others: the second version, of the same shape.
    """
    figure, axes = new_figure(9.5, 3.2, ncols=2)
    for place, numbers, title in zip(axes, (images, others), titles, strict=True):
        for name, colour, line, plane in zip(
            CHANNELS, _CHANNEL_COLOURS, _CHANNEL_LINES, numbers.transpose(0, 1), strict=True
        ):
            counts, edges = np.histogram(plane.flatten().numpy(), bins=64)
            place.plot(edges[:-1], counts / counts.sum(), line, color=colour, label=name)
        place.set_title(title, fontsize=10)
        place.set_xlabel("pixel value")
        place.set_ylabel("share of pixels")
    axes[0].legend()
    return figure
