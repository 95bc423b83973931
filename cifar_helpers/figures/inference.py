"""Figures of lesson 06: pictures with what the network says about them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from PIL import Image
from torch import Tensor

from cifar_helpers.data import CLASSES
from cifar_helpers.data.pictures import open_rgb
from cifar_helpers.figures._base import PALETTE, draw_image, new_figure
from cifar_helpers.inference import Prediction, percent

__all__ = ["confusion", "moved_crop", "predictions", "seen"]

_RIGHT, _WRONG = "black", PALETTE[3]  # a cross marks the wrong ones too, for readers who see no colour


def predictions(
    pictures: Sequence[Image.Image | Tensor],
    said: Sequence[Prediction],
    truths: Sequence[str | None] | None = None,
    columns: int = 4,
) -> Figure:
    """Pictures, each with the class and its probability as the title.

    Args:
        pictures: RGB images of any size, or uint8 `(3, H, W)`.
        said: one prediction for each.
        truths: what each picture shows, `None` where nobody knows: a wrong answer gets a cross and the
            right one below it.
        columns: pictures in a row.

    Raises:
        ValueError: if there are no pictures, or not as many predictions or truths as pictures.
    """
    if not 0 < len(pictures) == len(said) or (truths is not None and len(truths) != len(said)):
        given = f"{len(said)} predictions and {'no' if truths is None else len(truths)} truths"
        raise ValueError(f"each picture needs one prediction and one truth, got {len(pictures)} with {given}")
    rows = -(-len(pictures) // columns)
    room = 0.35 if truths is None else 0.5
    figure, axes = new_figure(columns * 1.6, rows * (1.5 + room), nrows=rows, ncols=columns, squeeze=False)
    for place in axes.flat[len(pictures) :]:
        place.set_visible(False)
    for k, (place, answer) in enumerate(zip(axes.flat, said, strict=False)):
        picture = pictures[k]
        place.imshow(_pixels(picture, most=128), interpolation="nearest")
        place.set_axis_off()
        title, right = f"{answer.label} {percent(answer.probability)}", True
        if truths is not None:
            right = truths[k] in (answer.label, None)
            title = title if right else f"✗ {title}\nshown: {truths[k]}"
        place.set_title(title, fontsize=11, color=_RIGHT if right else _WRONG)
    return figure


def seen(picture: Image.Image | Tensor, prediction: Prediction) -> Figure:
    """A picture with its central square marked, the 32×32 pixels that the network saw, and its top classes."""
    pixels = _pixels(picture)
    height, width = pixels.shape[:2]
    side = min(height, width)
    figure, axes = new_figure(9.5, 2.9, ncols=3, gridspec_kw={"width_ratios": [1, 1, 1.2]})
    draw_image(axes[0], pixels.transpose(2, 0, 1), f"the picture, {width} × {height}")
    corner = ((width - side) / 2 - 0.5, (height - side) / 2 - 0.5)
    frame = Rectangle(corner, side, side, fill=False, edgecolor=PALETTE[1], linewidth=2, linestyle="--")
    axes[0].add_patch(frame)
    draw_image(axes[1], prediction.seen, "what the network sees, 32 × 32")
    names, shares = zip(*prediction.top, strict=True)
    bars = axes[2].barh(names, shares, color=PALETTE[0])
    axes[2].bar_label(bars, [percent(share) for share in shares], padding=3, fontsize=10)
    axes[2].invert_yaxis()
    axes[2].set_xlim(0, 1.18)  # room for the numbers behind full bars
    axes[2].set_xticks([0, 0.5, 1])
    axes[2].set_xlabel("probability")
    return figure


def moved_crop(positions: Sequence[int], said: Sequence[Prediction], label: str, classes: int = 3) -> Figure:
    """What the network sees and says while a crop moves or grows.

    Args:
        positions: of the crops, in pixels, evenly spaced.
        said: one prediction for each.
        label: of the horizontal axis: what is moved, with its unit.
        classes: how many classes get a line: those that reach the highest probability.

    Raises:
        ValueError: if there are not as many predictions as positions, or fewer than two.
    """
    if len(positions) != len(said) or len(said) < 2:
        raise ValueError(f"moved_crop needs two crops or more, got {len(positions)} and {len(said)} answers")
    figure, axes = new_figure(10, 4.6, nrows=2, ncols=len(said), gridspec_kw={"height_ratios": [1, 2.4]}, squeeze=False)
    for place, answer in zip(axes[0], said, strict=True):
        draw_image(place, answer.seen, f"{answer.label} {percent(answer.probability)}")
    grid = axes[1, 0].get_gridspec()
    for place in axes[1]:
        place.remove()
    lines = figure.add_subplot(grid[1, :])
    table = np.stack([np.asarray(answer.probabilities) for answer in said])
    for k, chosen in enumerate(np.argsort(-table.max(0), kind="stable")[:classes]):
        marker, dashes = "os^Dv"[k % 5], ("-", "--", ":")[k % 3]
        lines.plot(positions, table[:, chosen], dashes, marker=marker, color=PALETTE[k], label=CLASSES[chosen])
    # Half a step of room at both ends puts each point below its picture.
    room = (positions[-1] - positions[0]) / (len(positions) - 1) / 2
    lines.set(xlim=(positions[0] - room, positions[-1] + room), ylim=(-0.03, 1.03), xticks=positions)
    lines.set(xlabel=label, ylabel="probability")
    lines.grid(True, color="0.85")
    lines.legend(loc="center right")
    return figure


def confusion(matrix: Tensor) -> Figure:
    """A confusion matrix in per cent of each row.

    Args:
        matrix: int64 `(10, 10)`, rows true, columns predicted.
    """
    figure, axes = new_figure(7.2, 5.8)
    draw_confusion(axes, matrix)
    return figure


def draw_confusion(axes: Axes, matrix: Tensor, *, bar: bool = True) -> None:
    """Draw a confusion matrix `(10, 10)` of counts or shares in per cent of each row; `bar` adds the key of colours."""
    shares = 100 * matrix / matrix.sum(1, keepdim=True).clamp(min=1e-9)
    sns.heatmap(
        np.asarray(shares), annot=True, fmt=".0f", cmap="cividis", xticklabels=CLASSES, yticklabels=CLASSES,
        ax=axes, cbar=bar, cbar_kws={"label": "% of the class"}, annot_kws={"fontsize": 9},
        norm=PowerNorm(0.4, vmin=0, vmax=100),  # lets rare mistakes differ from none
    )  # fmt: skip
    axes.set_xlabel("predicted class")
    axes.set_ylabel("true class")


def _pixels(picture: Image.Image | Tensor, most: int | None = None) -> npt.NDArray[np.uint8]:
    """Upright RGB `(H, W, 3)` of a picture; one that is larger than `most` pixels a side is reduced."""
    if not isinstance(picture, Image.Image):
        return np.asarray(picture.permute(1, 2, 0))
    image = open_rgb(picture)
    if most is not None and max(image.size) > most:
        image = image.copy()
        image.thumbnail((most, most))
    return np.asarray(image)
