"""Figures of lesson 06: pictures with what the network says about them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import seaborn as sns
from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor

from cifar_helpers.data import CLASSES
from cifar_helpers.figures._base import draw_image, new_figure
from cifar_helpers.inference import Prediction

__all__ = ["confusion", "predictions", "seen"]


def predictions(pictures: Sequence[Image.Image], said: Sequence[Prediction], columns: int = 4) -> Figure:
    """Pictures, each with the class and its probability as the title.

    Args:
        pictures: RGB images of any size.
        said: one prediction for each.
        columns: pictures in a row.
    """
    rows = -(-len(pictures) // columns)
    figure, axes = new_figure(columns * 2.2, rows * 2.4, nrows=rows, ncols=columns, squeeze=False)
    for place in axes.flat[len(pictures) :]:
        place.set_visible(False)
    for place, image, answer in zip(axes.flat, pictures, said, strict=False):
        place.imshow(image)
        place.set_title(f"{answer.label}, {answer.probability:.0%}", fontsize=11)
        place.set_axis_off()
    return figure


def seen(picture: Image.Image, prediction: Prediction) -> Figure:
    """A picture beside the 32×32 pixels that the network saw, and the most probable classes."""
    figure, axes = new_figure(9.5, 3, ncols=3)
    axes[0].imshow(picture)
    axes[0].set_title(f"the picture, {picture.width} × {picture.height}", fontsize=10)
    axes[0].set_axis_off()
    draw_image(axes[1], prediction.seen, "what the network sees, 32 × 32")
    names, shares = zip(*prediction.top, strict=True)
    axes[2].barh(names, shares)
    axes[2].invert_yaxis()
    axes[2].set_xlim(0, 1)
    axes[2].set_xlabel("probability")
    return figure


def confusion(matrix: Tensor) -> Figure:
    """A confusion matrix in per cent of each row.

    Args:
        matrix: int64 `(10, 10)`, rows true, columns predicted.
    """
    figure, axes = new_figure(7.2, 5.8)
    shares = 100 * matrix / matrix.sum(1, keepdim=True).clamp(min=1)
    sns.heatmap(
        np.asarray(shares), annot=True, fmt=".0f", cmap="cividis", xticklabels=CLASSES, yticklabels=CLASSES,
        ax=axes, cbar_kws={"label": "% of the class"}, annot_kws={"fontsize": 9},
    )  # fmt: skip
    axes.set_xlabel("predicted class")
    axes.set_ylabel("true class")
    return figure
