"""Figures of lesson 07: scores of classes, intervals, people beside the network, calibration, where it looked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from matplotlib import colormaps
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, Normalize, to_hex
from matplotlib.figure import Figure
from torch import Tensor

from cifar_helpers._palette import PALETTE, SIGNED
from cifar_helpers.data import CLASSES
from cifar_helpers.evaluation import Metrics, Reliability
from cifar_helpers.evaluation.attribution import WITHOUT_SIGN, rank_agreement
from cifar_helpers.figures._base import colour_of, described, draw_image, in_course_style, new_figure

__all__ = [
    "accuracies",
    "attributions",
    "class_scores",
    "confidence_histograms",
    "mistakes_compared",
    "reliability_diagram",
]

_FINE_GRAINED: Final = 0.6  # of neighbouring pixels' difference to that of all; maps enlarged from 8×8 places are below
_FEW: Final = 10  # predictions: with fewer, a bin's accuracy says little
_BINS: Final = 20  # of confidence, from 0 to 100 %
_GREY: Final = "#e0e0e0"
_AGAINST, _FOR = (to_hex(colormaps[SIGNED](end)) for end in (0.08, 0.9))
_SIGNED_MAP: Final = LinearSegmentedColormap.from_list("against and for", [_AGAINST, _GREY, _FOR])
_PLAIN_MAP: Final = LinearSegmentedColormap.from_list("how much", [_GREY, PALETTE[0]])


@in_course_style
def class_scores(metrics: Metrics) -> Figure:
    """Precision, recall and F1 of each class, the lowest F1 at the top."""
    figure, axes = new_figure(8.5, 3.9)
    precision, recall, f1 = (100 * np.asarray(scores) for scores in (metrics.precision, metrics.recall, metrics.f1))
    order = np.argsort(-f1, kind="stable")
    places = range(len(order))
    axes.hlines(places, precision[order], recall[order], color="0.7", zorder=1)
    for scores, marker, colour, name in ((precision, "s", 0, "precision"), (recall, "o", 1, "recall")):
        axes.plot(scores[order], places, marker, color=PALETTE[colour], markersize=8, label=name, zorder=2)
    axes.plot(f1[order], places, "|", color="black", markersize=14, markeredgewidth=2, label="F1", zorder=3)
    axes.set_yticks(places, [CLASSES[k] for k in order])
    axes.set_xlabel("precision, recall and F1 (%)")
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    scored = [k for k in order if not np.isnan(f1[k])]
    ends = [f"{CLASSES[k]}, {f1[k]:.1f} %" for k in (scored[-1], scored[0])]
    without = ", ".join(CLASSES[k] for k in order[len(scored) :])
    return described(
        figure,
        f"Precision, recall and F1 of the ten classes. F1 is lowest for {ends[0]}, and highest for {ends[1]}."
        + (f" Neither present nor predicted: {without}." if without else ""),
    )


@in_course_style
def accuracies(
    measured: Mapping[str, tuple[float, float, float]], confidences: Mapping[str, float] | None = None
) -> Figure:
    """Accuracies with their intervals, one below the other, and how confident the network was on average.

    Args:
        measured: name to accuracy, lower and upper end of its interval, each 0..1.
        confidences: the same names to the mean probability of the predictions, 0..1; a line joins it to the accuracy.
    """
    figure, axes = new_figure(8.5, 0.42 * len(measured) + (1.2 if confidences else 0.9))
    words = []
    for place, (name, ends) in zip(range(len(measured) - 1, -1, -1), measured.items(), strict=True):
        share, low, high = (100 * end for end in ends)
        first, said = place == 0, f"{name}: {share:.1f} % ({low:.1f} to {high:.1f})"
        if confidences:
            sure = 100 * confidences[name]
            axes.hlines(place, min(share, sure), max(share, sure), color="0.75", linewidth=1, zorder=1)
            label = "mean confidence" if first else None
            axes.plot(sure, place, "D", color=PALETTE[1], markersize=7, label=label, zorder=2)
            said += f", confidence {sure:.1f} %"
        reach = [[share - low], [high - share]]
        label = "accuracy, 95 % interval" if first else None
        axes.errorbar(share, place, xerr=reach, fmt="o", color=PALETTE[0], capsize=4, label=label, zorder=3)
        words.append(said)
    axes.set_yticks(range(len(measured)), list(measured)[::-1])
    axes.set_ylim(-0.6, len(measured) - 0.4)
    axes.set_xlabel("accuracy and confidence (%)" if confidences else "accuracy (%), with 95 % interval")
    if confidences:
        axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
    return described(figure, f"Accuracies with 95 % intervals. {'; '.join(words)}.")


@in_course_style
def mistakes_compared(network: Tensor, people: Tensor, count: int = 14) -> Figure:
    """How often a network and people take one class for another: the mistakes that either of them makes most often.

    Bars show two standard errors of the network's share on each side.

    Args:
        network: counts `(10, 10)`, rows true, columns predicted.
        people: counts or shares `(10, 10)`, of people.
        count: how many mistakes are shown.
    """
    figure, axes = new_figure(8.5, 0.3 * count + 0.9)
    shares = [100 * np.asarray(matrix / matrix.sum(1, keepdim=True)) for matrix in (network, people)]
    for matrix in shares:
        np.fill_diagonal(matrix, 0)
    chosen = np.argsort(-np.maximum(*shares), axis=None, kind="stable")[:count][::-1]
    places = range(count)
    of_network, of_people = (matrix.flatten()[chosen] for matrix in shares)
    images = np.asarray(network.sum(1))[chosen // len(CLASSES)]
    errors = 2 * np.sqrt(of_network * (100 - of_network) / images)
    axes.hlines(places, of_people, of_network, color="0.75", zorder=1)
    axes.errorbar(of_network, places, xerr=errors, fmt="none", ecolor=PALETTE[0], capsize=3, elinewidth=1, zorder=2)
    axes.plot(of_network, places, "o", color=PALETTE[0], markersize=7, label="the network", zorder=2)
    axes.plot(of_people, places, "^", color=PALETTE[1], markersize=7, label="people", zorder=3)
    names = [f"{CLASSES[k // len(CLASSES)]} called {CLASSES[k % len(CLASSES)]}" for k in chosen]
    axes.set_yticks(places, names)
    axes.set_xlim(left=0)
    axes.set_xlabel("% of the true class")
    axes.legend(loc="lower right")
    more = int(np.argmax(of_network - of_people))
    often = [
        f"{name}, {one:.1f} % against {other:.1f} ± {error:.1f} %"
        for name, one, other, error in zip(names, of_people, of_network, errors, strict=True)
        if one > other
    ]
    return described(
        figure,
        f"The {count} most frequent mistakes. The network exceeds people most in {names[more]}, "
        f"{of_network[more]:.1f} % against {of_people[more]:.1f} %. More frequent among people: "
        f"{'; '.join(often[::-1]) or 'none of them'}.",
    )


@in_course_style
def reliability_diagram(measurements: Mapping[str, Reliability]) -> Figure:
    """Accuracy against confidence, bin by bin, above the share of predictions in each bin.

    Bars show two standard errors of the accuracy on each side. A point of fewer than ten predictions is hollow and has
    no bar: that of an accuracy of 0 or 100 % would have no length.

    Args:
        measurements: name to reliability; all with the same bins.
    """
    figure, (above, below) = new_figure(6.4, 5.4, nrows=2, sharex=True, gridspec_kw={"height_ratios": [3, 1]})
    above.plot([0, 100], [0, 100], ":", color="black", label="perfectly calibrated")
    words = []
    for k, (name, found) in enumerate(measurements.items()):
        confidence, accuracy, counts = (
            np.asarray(values) for values in (found.confidence, found.accuracy, found.counts)
        )
        there = counts > 0
        errors = np.sqrt(accuracy[there] * (1 - accuracy[there]) / counts[there])
        few, style = counts[there] < _FEW, ("o-", "s--", "^:")[k % 3]
        above.errorbar(
            100 * confidence[there], 100 * accuracy[there], yerr=np.where(few, np.nan, 200 * errors), fmt=style,
            color=colour_of(k), capsize=3, elinewidth=1, label=f"{name}, error {100 * found.error:.1f} %",
        )  # fmt: skip
        above.plot(
            100 * confidence[there][few], 100 * accuracy[there][few], style[0], color="white",
            markeredgecolor=colour_of(k), zorder=3, clip_on=False,
        )  # fmt: skip
        bins, count = len(counts), len(measurements)
        width = 80 / bins / count
        middles = 100 * (np.arange(bins) + 0.5) / bins + (k - (count - 1) / 2) * width
        below.bar(middles, 100 * counts / counts.sum(), width, color=colour_of(k), edgecolor="black", linewidth=0.5)
        over = 100 * counts[there][accuracy[there] > confidence[there]].sum() / counts.sum()
        words.append(
            f"{name}: calibration error {100 * found.error:.1f} %, accuracy above confidence in bins with {over:.0f} % "
            "of the predictions"
        )
    above.set(xlim=(0, 100), ylim=(0, 100), ylabel="accuracy in the bin (%)")
    above.legend(loc="upper left")
    below.set_xlabel("confidence: probability of the prediction (%)")
    below.set_ylabel("% of predictions")
    return described(figure, f"Accuracy against confidence. {'; '.join(words)}.")


@in_course_style
def confidence_histograms(groups: Mapping[str, Tensor], threshold: float) -> Figure:
    """How confident the predictions for several groups of images are, one below the other on one scale.

    Args:
        groups: title of each to the confidence of its predictions `(N,)`, 0..1.
        threshold: 0..1, drawn as a line; how many predictions are below it is written beside it.
    """
    figure, rows = new_figure(6.4, 1.25 * len(groups) + 0.5, nrows=len(groups), sharex=True, sharey=True, squeeze=False)
    edges, words = np.linspace(0, 100, _BINS + 1), []
    for axes, (name, confidence) in zip(rows.flat, groups.items(), strict=True):
        values = 100 * np.asarray(confidence)
        axes.hist(values, edges, weights=np.full(len(values), 100 / len(values)), color=PALETTE[0], edgecolor="white")
        axes.axvline(100 * threshold, color="black", linestyle="--")
        rejected = f"{100 * float((confidence < threshold).double().mean()):.1f} %"
        plain = {"fc": "white", "ec": "none", "pad": 1}  # no line of the grid runs through the words
        axes.text(0.02, 0.9, f"{rejected} rejected", transform=axes.transAxes, va="top", fontsize=10, bbox=plain)
        axes.set_title(name, loc="left", fontsize=10)
        words.append(f"{name}, {rejected} below it, mean {values.mean():.1f} %")
    rows[-1, 0].set(xlim=(0, 100), xlabel="confidence: probability of the prediction (%)")
    figure.supylabel("% of the images", fontsize=10)
    said = f"Confidence in groups of images, with a threshold of {100 * threshold:.0f} %"
    return described(figure, f"{said}. {'; '.join(words)}.")


@in_course_style
def attributions(rows: Mapping[str, tuple[Tensor, Mapping[str, npt.NDArray[Any]]]]) -> Figure:
    """Pictures, each with maps of where a network looked, laid over it in grey; all rows have the same methods.

    Maps with a sign are orange where a pixel speaks for the class and purple where it speaks against it; the others are
    blue where a pixel matters. Each map has its own scale. Where two rows show one picture, how far the ranks of the
    pixels' importance agree is written below each pair of maps.

    Args:
        rows: a line of text to a picture uint8 `(3, H, W)` and its maps `(H, W)` by method.
    """
    methods = list(next(iter(rows.values()))[1])
    size = 1.6 * (len(methods) + 1) + 1.6, 1.55 * len(rows) + 0.9
    figure, axes = new_figure(*size, nrows=len(rows), ncols=len(methods) + 1, squeeze=False)
    for row, (name, (picture, maps)) in zip(axes, rows.items(), strict=True):
        draw_image(row[0], picture)
        row[0].text(-0.08, 0.5, name, transform=row[0].transAxes, ha="right", va="center", fontsize=10)
        for place, (method, values) in zip(row[1:], maps.items(), strict=True):
            draw_image(place, _overlay(picture, values, method in WITHOUT_SIGN))
    for place, method in zip(axes[0][1:], methods, strict=True):
        place.set_title(method.replace(" ", "\n"), fontsize=10)
    agreements = _agreements(rows)
    for place, agreement in zip(axes[-1][1:], agreements.values(), strict=False):  # none of different pictures
        words = f"agreement {agreement:z.2f}"
        place.text(0.5, -0.06, words, transform=place.transAxes, ha="center", va="top", fontsize=10)
    with_sign = [method not in WITHOUT_SIGN for method in methods]
    for signed in sorted(set(with_sign)):
        _key(figure, axes[:, 1:][:, np.array(with_sign) == signed], signed)
    return described(figure, _maps_in_words(rows))


def _overlay(picture: Tensor, values: npt.NDArray[Any], plain: bool) -> npt.NDArray[Any]:
    """The map `(H, W)` in colour over the picture in pale grey: `(3, H, W)`, 0..1."""
    # The largest pixels share the strongest colour: a few extreme ones would leave the rest without any.
    limit = max(float(np.quantile(np.abs(values), 0.99)), 1e-9)
    shares = np.clip(values / limit, -1, 1)
    colours = np.asarray(_PLAIN_MAP(1.0) if plain else _SIGNED_MAP(np.where(shares < 0, 0.0, 1.0)))[..., :3]
    grey = 0.35 + 0.6 * np.asarray(picture).mean(0)[..., None] / 255
    weight = np.abs(shares)[..., None]
    return np.asarray(((1 - weight) * grey + weight * colours).transpose(2, 0, 1))


def _key(figure: Figure, columns: npt.NDArray[Any], signed: bool) -> None:
    """A colour bar below the columns of axes `(rows, columns)` that it explains."""
    shown = ScalarMappable(Normalize(-1 if signed else 0, 1), _SIGNED_MAP if signed else _PLAIN_MAP)
    bar = figure.colorbar(shown, ax=list(columns.flat), location="bottom", aspect=18, shrink=0.8, pad=0.04)
    bar.set_label("each map has its own scale", fontsize=9)
    bar.set_ticks([-1, 0, 1] if signed else [0, 1])
    bar.set_ticklabels(["against", "0", "for the class"] if signed else ["0", "matters most"])


def _agreements(rows: Mapping[str, tuple[Tensor, Mapping[str, npt.NDArray[Any]]]]) -> dict[str, float]:
    """How far the ranks of importance agree between two rows, by method; empty if these are not two of one picture."""
    if len(rows) != 2:
        return {}
    (picture, one), (second, other) = rows.values()
    if not bool((picture == second).all()):
        return {}
    return {m: rank_agreement(_importance(m, one[m]), _importance(m, other[m])) for m in one}


def _importance(method: str, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return values.clip(min=0) if method == "Grad-CAM" else np.abs(values)


def _maps_in_words(rows: Mapping[str, tuple[Tensor, Mapping[str, npt.NDArray[Any]]]]) -> str:
    """Of two maps of one picture, how far they agree; of several, which are fine-grained and where strongest."""
    if agreements := _agreements(rows):
        found = [f"{method} {agreement:z.2f}" for method, agreement in agreements.items()]
        text = f"Maps of one picture, {' and '.join(rows)}. Agreement of their ranks: {', '.join(found)}."
        return text.replace("\n", " ")
    words = []
    for name, (_, maps) in rows.items():
        found = [f"{method} {_strongest(values)}" for method, values in maps.items()]
        words.append(f"{name}: {', '.join(found)}")
    methods = {m: np.mean([_roughness(maps[m]) for _, maps in rows.values()]) for m in next(iter(rows.values()))[1]}
    fine = ", ".join(m for m, rough in methods.items() if rough > _FINE_GRAINED) or "none"
    text = f"Maps laid over pictures; fine-grained: {fine}. Where each speaks for the class, or matters, most: "
    return (text + "; ".join(words) + ".").replace("\n", ", ")


def _strongest(values: npt.NDArray[Any]) -> str:
    """In which ninth of a map `(H, W)` its numbers above zero are largest, taken together."""
    ninths = [
        (float(part.clip(min=0).sum()), f"{down} {across}".replace("middle middle", "in the middle"))
        for down, rows in zip(("upper", "middle", "lower"), np.array_split(values, 3, axis=0), strict=True)
        for across, part in zip(("left", "middle", "right"), np.array_split(rows, 3, axis=1), strict=True)
    ]
    return max(ninths)[1]


def _roughness(values: npt.NDArray[Any]) -> float:
    """How much the sizes of neighbouring pixels differ, as a share of how much those of all pixels do."""
    size = np.abs(values)
    return float(np.abs(np.diff(size, axis=1)).mean() / max(np.abs(size - size.mean()).mean(), 1e-9))
