"""Figures of lesson 01: images as numbers, classes, statistics, near-duplicates."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from cifar_helpers._palette import PALETTE
from cifar_helpers.data import CLASSES, ImageSet
from cifar_helpers.figures._base import as_pixels, described, draw_image, in_course_style, new_figure

__all__ = [
    "CHANNELS",
    "channel_histograms",
    "channels",
    "class_means",
    "class_rows",
    "pairs",
    "pixel_values",
]

CHANNELS = ("red", "green", "blue")
_CHANNEL_COLOURS = (PALETTE[3], PALETTE[2], PALETTE[0])
_CHANNEL_LINES = ("-", "--", ":")


@in_course_style
def pixel_values(image: Tensor, top: int, left: int, size: int = 8, channel: int = 0) -> Figure:
    """An image with a square marked, and the numbers of one channel inside it; the largest jump in a row is outlined.

    Args:
        image: uint8 `(3, H, W)`.
        top: first row of the square.
        left: first column of the square.
        size: side of the square in pixels, at least 2.
        channel: 0 red, 1 green, 2 blue.
    """
    figure, (whole, part) = new_figure(9.5, 4.4, ncols=2)
    draw_image(whole, image, "the image")
    whole.set_axis_on()
    whole.grid(visible=False)
    whole.set_xticks(range(0, image.shape[2], 4))
    whole.set_yticks(range(0, image.shape[1], 4))
    whole.set_xlabel("column")
    whole.set_ylabel("row")
    corner = (left - 0.5, top - 0.5)
    whole.add_patch(Rectangle(corner, size, size, fill=False, edgecolor=PALETTE[1], linewidth=3))
    values = image[channel, top : top + size, left : left + size].numpy()
    part.imshow(values, cmap="gray", vmin=0, vmax=255)
    for (row, column), value in np.ndenumerate(values):
        colour = "black" if value > 127 else "white"
        part.text(column, row, str(value), ha="center", va="center", color=colour, fontsize=9)
    part.set_xticks(range(size), range(left, left + size), fontsize=8)
    part.set_yticks(range(size), range(top, top + size), fontsize=8)
    part.set_xlabel("column")
    part.set_ylabel("row")
    part.grid(visible=False)
    part.set_title(f"{CHANNELS[channel]} values in the square (0 = dark, 255 = bright)", fontsize=10)
    steps = np.diff(values.astype(int), axis=1)
    row, column = np.unravel_index(np.abs(steps).argmax(), steps.shape)
    jump = (float(column) - 0.5, float(row) - 0.5)
    part.add_patch(Rectangle(jump, 2, 1, fill=False, edgecolor=PALETTE[1], linewidth=3))
    return described(
        figure,
        f"A square of {size} by {size} pixels, and its {CHANNELS[channel]} values, {values.min()} to {values.max()}. "
        f"Outlined is the largest jump between neighbours in a row, from {values[row, column]} to "
        f"{values[row, column + 1]}, in row {top + row}.",
    )


@in_course_style
def channels(image: Tensor) -> Figure:
    """An image beside its red, green and blue channel, each as grey values.

    Args:
        image: uint8 `(3, H, W)`.
    """
    figure, axes = new_figure(9.5, 2.7, ncols=4)
    draw_image(axes[0], image, "all three")
    for place, plane, name in zip(axes[1:], image, CHANNELS, strict=True):
        draw_image(place, plane, name, cmap="gray", vmin=0, vmax=255)
    red, green, blue = (f"{float(plane.float().mean()):.0f}" for plane in image)
    return described(
        figure,
        "The picture beside its channels in grey, dark 0 to bright 255: the same shapes three times. "
        f"On average red is {red}, green {green}, blue {blue}.",
    )


@in_course_style
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
    return described(figure, f"Up to {columns} images of each class, one row per class: {', '.join(CLASSES)}.")


@in_course_style
def class_means(means: Tensor) -> Figure:
    """The mean image of each class, and below it the same with three times the contrast.

    Args:
        means: float `(10, 3, H, W)`, 0..255, in the order of `CLASSES`.
    """
    grey = means.mean((0, 2, 3)).view(3, 1, 1)
    figure, axes = new_figure(10, 2.4, nrows=2, ncols=len(CLASSES))
    for row, images in zip(axes, (means, grey + 3 * (means - grey)), strict=True):
        for place, image in zip(row, images.round().clamp(0, 255).to(torch.uint8), strict=True):
            place.imshow(as_pixels(image), interpolation="nearest")
            place.set_xticks([])
            place.set_yticks([])
    for place, name in zip(axes[0], CLASSES, strict=True):
        place.set_title(name, fontsize=10)
    for place, name in zip(axes[:, 0], ("mean", "contrast\n× 3"), strict=True):
        place.set_ylabel(name, rotation=0, ha="right", va="center", fontsize=10)
    bluer = [name for name, mean in zip(CLASSES, means, strict=True) if mean[2].mean() > mean[0].mean()]
    found = f"More blue than red: {', '.join(bluer)}." if bluer else "None is more blue than red."
    return described(
        figure,
        f"The mean image of each of the ten classes, blurs without sharp outlines, and with more contrast. {found}",
    )


@in_course_style
def channel_histograms(images: Tensor, normalised: Tensor) -> Figure:
    """How often each value occurs in the three channels, before and after normalising.

    Args:
        images: uint8 `(N, 3, H, W)`.
        normalised: float of the same shape.
    """
    figure, axes = new_figure(9.5, 3.2, ncols=2)
    labels = ("pixel value", "standard deviations from the mean")
    for place, numbers, title, label in zip(axes, (images, normalised), ("before", "after"), labels, strict=True):
        for name, colour, line, plane in zip(
            CHANNELS, _CHANNEL_COLOURS, _CHANNEL_LINES, numbers.transpose(0, 1), strict=True
        ):
            values, counts = np.unique(plane.flatten().numpy(), return_counts=True)
            place.plot(values, 100 * counts / counts.sum(), line, color=colour, label=name)
        place.set_ylim(bottom=0)
        place.set_title(title, fontsize=10)
        place.set_xlabel(label)
        place.set_ylabel("% of the pixels")
    axes[0].legend()
    return described(
        figure,
        f"Histograms of the three channels. Before: {int(images.min())} to {int(images.max())}. After: "
        f"{float(normalised.min()):.1f} to {float(normalised.max()):.1f}. Each curve keeps its shape; "
        "the channels are shifted and stretched by different numbers.",
    )


@in_course_style
def pairs(left: Tensor, right: Tensor, titles: Sequence[str], columns: int = 4) -> Figure:
    """Pairs of images, a validation image and a training image side by side.

    Args:
        left: the validation images, uint8 `(N, 3, H, W)`.
        right: the training images, of the same shape.
        titles: one for each pair.
        columns: pairs in a row.

    Raises:
        ValueError: if there are not as many of each as titles.
    """
    if not len(left) == len(right) == len(titles):
        raise ValueError(f"give as many left as right images and titles, got {len(left)}, {len(right)}, {len(titles)}")
    gap = torch.full((*left.shape[:3], 1), 255, dtype=torch.uint8)
    joined = torch.cat([left, gap, right], dim=3)
    rows = -(-len(titles) // columns)
    figure, axes = new_figure(columns * 2.4, rows * 1.65 + 0.3, nrows=rows, ncols=columns, squeeze=False)
    figure.suptitle("in each pair: validation image on the left, training image on the right", fontsize=10)
    for place in axes.flat[len(titles) :]:
        place.set_visible(False)
    for place, image, title in zip(axes.flat, joined, titles, strict=False):
        draw_image(place, image, title)
    said = "; ".join(" ".join(title.split()) for title in titles)
    return described(figure, f"{len(titles)} pairs of images, validation on the left, training on the right: {said}.")
