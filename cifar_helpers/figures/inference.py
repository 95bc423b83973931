"""Figures of lesson 06: pictures with their predictions, what spoke for a prediction, and what a threshold costs."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from PIL import Image
from torch import Tensor

from cifar_helpers._palette import PALETTE, SIGNED
from cifar_helpers.data import CLASSES
from cifar_helpers.data.pictures import open_rgb
from cifar_helpers.figures._base import colour_of, described, draw_image, in_course_style, new_figure
from cifar_helpers.inference import Prediction, percent

__all__ = ["evidence", "moved_crop", "predictions", "rejection", "seen"]

# Marks say the same as the colours, for readers who see no colour.
_RIGHT: Final = {"color": "black"}
_WRONG: Final = {"color": PALETTE[3]}
_UNKNOWN: Final = {"color": "0.35", "fontstyle": "italic"}


@in_course_style
def predictions(
    pictures: Sequence[Image.Image | Tensor],
    said: Sequence[Prediction],
    labels: Sequence[str | None] | None = None,
    columns: int = 4,
) -> Figure:
    """Pictures, each with the predicted class and its probability as the title.

    A prediction that agrees with the label gets a tick; one that does not gets a cross, with the label below. Where
    the label is not one of the ten classes, nothing is marked.

    Args:
        pictures: RGB images of any size, or uint8 `(3, H, W)`.
        said: one prediction for each.
        labels: the label of each picture: a class, another name of what it shows, or `None`.
        columns: pictures in a row.

    Raises:
        ValueError: if there are not as many predictions or labels as pictures.
    """
    names = [None] * len(said) if labels is None else labels
    if not len(pictures) == len(said) == len(names):
        given = f"{len(said)} predictions and {len(names)} labels"
        raise ValueError(f"each picture needs one prediction and one label, got {len(pictures)} with {given}")
    rows = -(-len(pictures) // columns)
    figure, axes = new_figure(columns * 1.75, rows * 2.1, nrows=rows, ncols=columns, squeeze=False)
    for place in axes.flat[len(pictures) :]:
        place.set_visible(False)
    for place, picture, answer, name in zip(axes.flat, pictures, said, names, strict=False):
        place.imshow(_pixels(picture, most=128), interpolation="nearest")
        place.set_axis_off()
        title, style = _title(answer, name)
        place.set_title(title, fontsize=11, **style)
    known = [name == answer.label for answer, name in zip(said, names, strict=True) if name in CLASSES]
    listed = "; ".join(
        f"{name or 'no label'}: {answer.label} {percent(answer.probability)}"
        for answer, name in zip(said, names, strict=True)
    )
    count = f", {sum(known)} of {len(known)} match their labels" if known else ""
    return described(figure, f"Pictures with their predictions{count}. {listed}.")


def _title(answer: Prediction, label: str | None) -> tuple[str, Mapping[str, Any]]:
    title = f"{answer.label} {percent(answer.probability)}"
    if label not in CLASSES:
        return (f"{title}\n({label})" if label else title), _UNKNOWN
    return (f"✓ {title}", _RIGHT) if label == answer.label else (f"✗ {title}\nlabel: {label}", _WRONG)


@in_course_style
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
    bars = axes[2].barh(names, [100 * share for share in shares], color=PALETTE[0])
    axes[2].bar_label(bars, [percent(share) for share in shares], padding=3, fontsize=10)
    axes[2].invert_yaxis()
    axes[2].set(xticks=[], xlim=(0, 118), title="probability")  # room for the numbers after full bars
    axes[2].title.set_fontsize(10)
    axes[2].grid(False)
    axes[2].spines[["top", "right", "bottom"]].set_visible(False)
    alt = f"A picture of {width} × {height} pixels, and the 32 × 32 pixels that the network sees of it"
    return described(figure, f"{alt}. Its most probable classes: {prediction}.")


@in_course_style
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
        raise ValueError(f"moved_crop needs two crops or more, got {len(positions)} and {len(said)} predictions")
    figure, axes = new_figure(10, 4.6, nrows=2, ncols=len(said), gridspec_kw={"height_ratios": [1, 2.4]}, squeeze=False)
    for place, answer in zip(axes[0], said, strict=True):
        draw_image(place, answer.seen, f"{answer.label} {percent(answer.probability)}")
    grid = axes[1, 0].get_gridspec()
    for place in axes[1]:
        place.remove()
    lines = figure.add_subplot(grid[1, :])
    table = 100 * np.stack([np.asarray(answer.probabilities) for answer in said])
    for k, chosen in enumerate(np.argsort(-table.max(0), kind="stable")[:classes]):
        marker, dashes = "os^Dv"[k % 5], ("-", "--", ":")[k % 3]
        lines.plot(positions, table[:, chosen], dashes, marker=marker, color=colour_of(k), label=CLASSES[chosen])
    # Half a step of room at both ends puts each point below its picture.
    room = (positions[-1] - positions[0]) / (len(positions) - 1) / 2
    lines.set(xlim=(positions[0] - room, positions[-1] + room), ylim=(-3, 103), xticks=positions)
    lines.set(xlabel=label, ylabel="probability (%)")
    lines.grid(True, color="0.85")
    lines.legend(loc="center right")
    runs = [(name, [where for where, _ in run]) for name, run in _runs(positions, said)]
    listed = ", ".join(
        f"{name} {where[0]} to {where[-1]}" if where[1:] else f"{name} {where[0]}" for name, where in runs
    )
    return described(figure, f"Crops of a picture and their probabilities. Predictions by {label}: {listed}.")


def _runs(positions: Sequence[int], said: Sequence[Prediction]) -> list[tuple[str, list[tuple[int, Prediction]]]]:
    """Neighbouring crops with the same prediction."""
    pairs = zip(positions, said, strict=True)
    return [(name, list(run)) for name, run in itertools.groupby(pairs, key=lambda pair: pair[1].label)]


@in_course_style
def evidence(picture: Tensor, maps: Mapping[str, npt.NDArray[Any]]) -> Figure:
    """A picture and maps of what spoke for a prediction, brown, and against it, purple.

    Each map is divided by its largest magnitude, so all share one scale of colours.

    Args:
        picture: uint8 `(3, H, W)`.
        maps: method to numbers `(H, W)`, with a sign, as `attribute` returns them.
    """
    count = 1 + len(maps)
    figure, axes = new_figure(2.5 * count + 1, 2.7, ncols=count)
    draw_image(axes[0], picture, "what the network sees")
    peaks = []
    for place, (method, values) in zip(axes[1:], maps.items(), strict=True):
        shares = values / max(float(np.abs(values).max()), 1e-9)
        place.imshow(shares, cmap=SIGNED, vmin=-1, vmax=1, interpolation="nearest")
        place.set(title=method, xticks=[], yticks=[])  # the frame stays: a white border would be lost
        place.title.set_fontsize(10)
        peaks.append(f"{method} at {_peaks(values)}")
    bar = figure.colorbar(axes[-1].images[0], ax=axes, shrink=0.85, pad=0.02, ticks=[-1, 0, 1])
    bar.ax.set_yticklabels(["against the\nprediction", "0", "for the\nprediction"])
    return described(figure, f"A picture and what spoke for its prediction, most strongly: {'; '.join(peaks)}.")


def _peaks(values: npt.NDArray[Any]) -> str:
    """The place of the largest value, and of the largest that is not near it, with its share of the first."""
    row, column = divmod(int(values.argmax()), values.shape[1])
    rows, columns = np.indices(values.shape)
    far = np.where(np.maximum(abs(rows - row), abs(columns - column)) > _NEAR, values, -np.inf)
    second = divmod(int(far.argmax()), values.shape[1])
    share = max(0.0, float(values[second])) / max(float(values.max()), 1e-9)
    return f"row {row}, column {column}, and {share:.0%} as strongly at row {second[0]}, column {second[1]}"


_NEAR: Final = 8  # pixels: what occlusion covers at a time
_THRESHOLDS: Final = np.arange(0.1, 1.0, 0.01)
_MARKED: Final = (50, 90)  # %, the thresholds that the lesson discusses
_NAMED: Final = ((78, -1), (20, -1), (35, 1))  # where a curve is labelled: its height in %, and on which side
_FEWEST: Final = 30  # the accuracy of fewer answers is not drawn: it would be chance


@in_course_style
def rejection(confidence: Tensor, correct: Tensor, others: Mapping[str, Tensor]) -> Figure:
    """What a threshold on the confidence costs and gains: who still gets an answer, and how many answers are correct.

    Args:
        confidence: `(N,)`, 0..1, of the predictions for images of the classes.
        correct: bool `(N,)`, whether each is correct.
        others: what other pictures show, to the confidence `(M,)` of their predictions.
    """
    figure, (above, below) = new_figure(8.5, 4.8, nrows=2, sharex=True, gridspec_kw={"height_ratios": [1, 2.2]})
    sure, right = np.asarray(confidence), np.asarray(correct)
    answered = sure > _THRESHOLDS[:, None]
    counts = answered.sum(1)
    accuracy = (answered & right).sum(1) / counts.clip(1)
    groups = {"images of the ten classes": sure} | {name: np.asarray(other) for name, other in others.items()}
    for axes in (above, below):
        for threshold in _MARKED:
            axes.axvline(threshold, color="0.6", linewidth=1)
    enough = counts >= _FEWEST
    above.plot(100 * _THRESHOLDS[enough], 100 * accuracy[enough], color="black", linewidth=2)
    above.set(ylabel="correct (%)", ylim=(None, 101))
    above.set_title("Accuracy of the answered images", loc="left", fontsize=10)
    for k, (name, values) in enumerate(groups.items()):
        share = 100 * (values > _THRESHOLDS[:, None]).mean(1)
        line = ("-", "--", ":")[k % 3]
        below.plot(100 * _THRESHOLDS, share, line, color=colour_of(k), linewidth=2, label=name)
        height, side = _NAMED[k % len(_NAMED)]
        place = int((share > height).sum().clip(1)) - 1  # the last point above that height
        _name(below, name, (100 * _THRESHOLDS[place], share[place]), (8 * side, 6 * side), colour_of(k))
    below.set(xlabel="threshold (%)", ylabel="answered (%)", xlim=(10, 100), ylim=(-3, 103), yticks=range(0, 101, 20))
    below.set_title("Which pictures get an answer", loc="left", fontsize=10)
    listed = " ".join(_costs(threshold, sure, right, others) for threshold in (0.5, 0.9))
    return described(figure, f"What a threshold on the probability does. {listed}")


def _name(axes: Axes, name: str, point: tuple[float, float], away: tuple[int, int], color: str) -> None:
    """Write the name of a curve at one of its points, to the side on which `away` lies, in points of type."""
    side = "left" if away[0] > 0 else "right"
    style: dict[str, Any] = {"color": color, "ha": side, "va": "center", "fontsize": 10}
    axes.annotate(name, point, away, textcoords="offset points", bbox={"fc": "white", "ec": "none", "pad": 0}, **style)


def _costs(threshold: float, sure: npt.NDArray[Any], right: npt.NDArray[Any], others: Mapping[str, Tensor]) -> str:
    answered = sure > threshold
    passed = ", ".join(f"{(other > threshold).float().mean():.0%} of the {name}" for name, other in others.items())
    share = f"{right[answered].mean():.1%} of these correctly" if answered.any() else "none"
    also = f"; also answered: {passed}" if passed else ""
    return f"Above {threshold:.0%}: {answered.mean():.0%} of the images answered, {share}{also}."


def _pixels(picture: Image.Image | Tensor, most: int | None = None) -> npt.NDArray[np.uint8]:
    """Upright RGB `(H, W, 3)` of a picture; one that is larger than `most` pixels a side is reduced."""
    if not isinstance(picture, Image.Image):
        return np.asarray(picture.permute(1, 2, 0))
    image = open_rgb(picture)
    if most is not None and max(image.size) > most:
        image = image.copy()
        image.thumbnail((most, most))
    return np.asarray(image)
