"""Figures of lesson 05: times, batch sizes, the roofline of the machine."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter
from matplotlib.transforms import Bbox

from cifar_helpers._palette import PALETTE
from cifar_helpers.figures._base import described, in_course_style, new_figure
from cifar_helpers.roofline import LayerWork, Roofline
from cifar_helpers.timing import Timing

__all__ = ["batch_sizes", "epoch_times", "loading", "roofline", "speedups", "step_shares"]

# For each kind of layer of the roofline: its name in the legend, marker and place in the palette.
_GROUPS: Final = {
    "conv": ("convolutions", "o", 0),
    "linear": ("linear layers", "s", 1),
    "batch norm": ("batch norm", "^", 2),
    "ReLU": ("ReLU", "v", 3),
    "max pool": ("max pooling", "D", 4),
}
_NAMED: Final = ("conv", "linear")  # the others stand in columns, and are numbered
# Where a name may be, in points from its point, the best place first: below, above, left, right, below on either side.
_BESIDE: Final = (
    ((0, -14), "center"), ((0, 7), "center"), ((-7, -4), "right"), ((7, -4), "left"), ((-3, -14), "right"),
    ((3, -14), "left"),
)  # fmt: skip
_PATCH: Final = {"fc": "white", "ec": "none", "alpha": 0.7, "pad": 0.5}  # keeps a label legible on a line
_CURVES: Final = [PALETTE[0], "#b45309", *PALETTE[2:]]  # the first two as in the timing explorer
_TICKS: Final = (1, 2, 5)  # of each power of ten
_APART: Final = 1.25  # ratio of two rates below which their labels would overlap


@in_course_style
def epoch_times(measured: Mapping[str, Timing], reported: Mapping[str, float]) -> Figure:
    """Seconds per epoch, measured here with the spread of their steps, and reported by others, the latter hatched.

    Args:
        measured: name to timing, from this machine; at least one.
        reported: name to whole seconds, from elsewhere; at least one.
    """
    figure, axes = new_figure(9, 0.55 * (len(measured) + len(reported)) + 1)
    names = [*measured, *reported]
    places = np.arange(len(names))[::-1]
    first = len(measured)
    seconds = [timing.seconds for timing in measured.values()]
    halves = [timing.spread / 2 for timing in measured.values()]
    axes.barh(places[:first], seconds, xerr=halves, capsize=3, color=PALETTE[0], label="measured on this machine")
    axes.barh(
        places[first:], list(reported.values()), color="white", ec=PALETTE[1], hatch="//", label="reported by others"
    )
    labels = [*(f"{value:.1f} s" for value in seconds), *(f"about {value:.0f} s" for value in reported.values())]
    ends = [*(value + half for value, half in zip(seconds, halves, strict=True)), *reported.values()]
    _finish_bars(axes, names, labels, ends)
    axes.set_xlabel("seconds per epoch, training and validation (whiskers: half of the steps)")
    axes.legend(loc="lower right")
    here = _listed(dict(zip(measured, seconds, strict=True)), "{:.1f} s")
    elsewhere = _listed(reported, "about {:.0f} s")
    return described(figure, f"Seconds per epoch. Measured here: {here}. Reported by others: {elsewhere}.")


@in_course_style
def batch_sizes(curves: Mapping[str, Mapping[int, float]]) -> Figure:
    """Training time per image against batch size, both on logarithmic scales.

    Args:
        curves: name of a network or device to `{batch size: milliseconds per image}`.
    """
    figure, axes = new_figure(8, 3.6)
    said = []
    for k, (name, curve) in enumerate(curves.items()):
        sizes = sorted(curve)
        style = "os^Dvp"[k % 6] + ("--" if name.endswith("recorded") else "-")
        axes.plot(sizes, [curve[size] for size in sizes], style, color=_CURVES[k % len(_CURVES)], label=name)
        best = min(sizes, key=curve.__getitem__)
        said.append(
            f"{name}: {curve[sizes[0]]:.3g} ms in batches of {sizes[0]}, lowest at {best} with {curve[best]:.2g} ms"
        )
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:.0f}")
    axes.yaxis.set_major_locator(LogLocator(subs=_TICKS))
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("batch size (images)")
    axes.set_ylabel("training, ms per image (log scale)")
    axes.legend()
    return described(figure, f"Training time per image against batch size. {'; '.join(said)}.")


@in_course_style
def loading(seconds: Mapping[str, float], images: int) -> Figure:
    """Milliseconds of one pass over some images, a bar for each way of loading or training.

    Args:
        seconds: name to seconds of the pass.
        images: how many images it covers.
    """
    times = {name: 1000 * value for name, value in seconds.items()}
    figure, axes = new_figure(8, 0.5 * len(times) + 0.9)
    axes.barh(np.arange(len(times))[::-1], list(times.values()), color=PALETTE[0])
    _finish_bars(axes, list(times), [f"{value:,.0f} ms" for value in times.values()], list(times.values()))
    axes.set_xlabel(f"milliseconds per pass over {images:,} images")
    return described(figure, f"One pass over {images:,} images: {_listed(times, '{:,.0f} ms')}.")


@in_course_style
def step_shares(shares: Mapping[str, float]) -> Figure:
    """Which kind of work takes which share of a training step.

    Args:
        shares: kind of work to its share, 0..1, the largest first.
    """
    figure, axes = new_figure(8, 0.42 * len(shares) + 0.9)
    axes.barh(np.arange(len(shares))[::-1], [100 * share for share in shares.values()], color=PALETTE[0])
    _finish_bars(
        axes, list(shares), [f"{share:.1%}" for share in shares.values()], [100 * share for share in shares.values()]
    )
    axes.set_xlabel("share of a training step's time (%)")
    first, *rest = shares
    others = _listed({name: shares[name] for name in rest}, "{:.1%}")
    return described(figure, f"Largest share of a training step's time: {first}, {shares[first]:.0%}. Then: {others}.")


@in_course_style
def speedups(rows: Sequence[Mapping[str, Any]]) -> Figure:
    """Seconds per epoch as one change after another is added, each with what it gains on the step before.

    Args:
        rows: for each step the name of the change, `engine`, and the `median`, `smallest` and `largest` seconds per
            epoch with it and all those before it.
    """
    figure, axes = new_figure(9, 0.5 * len(rows) + 0.9)
    names, times = [row["engine"] for row in rows], [row["median"] for row in rows]
    ends = [row["largest"] for row in rows]
    gains = [1.0, *(before / after for before, after in itertools.pairwise(times))]
    reach = [[row["median"] - row["smallest"] for row in rows], [row["largest"] - row["median"] for row in rows]]
    axes.barh(np.arange(len(times))[::-1], times, xerr=reach, capsize=3, color=PALETTE[0])
    labels = [
        f"{time:.1f} s" + (f"  (× {gain:.2f})" if k else "")
        for k, (time, gain) in enumerate(zip(times, gains, strict=True))
    ]
    _finish_bars(axes, names, labels, ends)
    axes.set_xlabel("seconds per epoch (× speedup over the bar above; whiskers: fastest and slowest run)")
    best = sorted(range(len(times)), key=lambda k: -gains[k])[:2]
    most = " and ".join(f"{names[k].removeprefix('+ ')} (× {gains[k]:.2f})" for k in best)
    return described(
        figure,
        f"An epoch takes {times[0]:.0f} s at first and {times[-1]:.0f} s in the end. The largest factors over the bar "
        f"above are those of {most}.",
    )


@in_course_style
def roofline(found: Roofline) -> Figure:
    """What the machine allows at each arithmetic intensity, and what each layer reaches (Williams and others, 2009).

    Args:
        found: timed layers and the machine's two limits.
    """
    figure, axes = new_figure(9, 4.6)
    lowest = min(layer.intensity for layer in found.layers) / 2
    highest = max(found.ridge, *(layer.intensity for layer in found.layers)) * 4
    intensity = np.geomspace(lowest, highest, 200)
    axes.plot(intensity, np.minimum(found.peak, intensity * found.bandwidth), color="black")
    axes.axvline(found.ridge, color="grey", linestyle=":")
    for kind, (name, marker, colour) in _GROUPS.items():
        members = [layer for layer in found.layers if layer.name.rpartition(" ")[0] == kind]
        axes.plot([m.intensity for m in members], [m.rate for m in members], marker, color=PALETTE[colour], label=name)
        if kind not in _NAMED:
            _number(axes, kind, members)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.set_xlabel("arithmetic intensity (FLOP per byte)")
    axes.set_ylabel("GFLOP/s")
    axes.set_ylim(top=4 * found.peak)
    limits = f"peak {found.peak:.0f} GFLOP/s, bandwidth {found.bandwidth:.0f} GB/s"
    axes.text(0.02, 0.95, limits, transform=axes.transAxes, va="top", fontsize=9)
    _name_regions(axes, found)
    axes.legend(loc="lower right")
    _name_apart(axes, [layer for layer in found.layers if layer.name.startswith(_NAMED)], found.layers)
    return described(figure, _roofline_words(found))


def _name_regions(axes: Any, found: Roofline) -> None:
    """Write on both sides of the ridge which of the two sets the limit there."""
    at = (found.ridge, axes.get_ylim()[0])
    for words, side, away in (("memory sets the limit", "right", -6), ("arithmetic sets the limit", "left", 6)):
        axes.annotate(words, at, (away, 3), textcoords="offset points", ha=side, fontsize=9, color="dimgrey")


def _number(axes: Any, kind: str, members: Sequence[LayerWork]) -> None:
    """Number the points of a kind that stand in a column; those that are close share a label."""
    offset, side = {"batch norm": ((-7, 0), "right"), "ReLU": ((-7, -4), "right")}.get(kind, ((7, -4), "left"))
    for group in _close_together(members):
        words = ", ".join(sorted(layer.name.rpartition(" ")[2] for layer in group))
        at = (group[0].intensity, float(np.exp(np.mean([np.log(layer.rate) for layer in group]))))
        axes.annotate(words, at, offset, textcoords="offset points", fontsize=9, ha=side, bbox=_PATCH)


def _name_apart(axes: Any, named: Sequence[LayerWork], layers: Sequence[LayerWork]) -> None:
    """Name points beside them, where no label, no point and no line is in the way; call this once all else is drawn."""
    axes.figure.draw_without_rendering()  # only now is it settled where things are
    points = axes.transData.transform([(layer.intensity, layer.rate) for layer in layers])
    limit = axes.transData.transform(axes.lines[0].get_xydata())
    reach = 4 * axes.figure.dpi / 72  # a marker is 6 points wide
    taken = [Bbox([point - reach, point + reach]) for point in points]
    taken += [one.get_window_extent() for one in (*axes.texts, axes.get_legend())]
    for layer in sorted(named, key=lambda layer: layer.intensity):
        places = []
        for offset, side in _BESIDE:
            at = (layer.intensity, layer.rate)
            label = axes.annotate(layer.name, at, offset, textcoords="offset points", fontsize=9, ha=side, bbox=_PATCH)
            box = label.get_window_extent().padded(1)
            places.append((box.count_overlaps(taken), box.count_contains(limit), box, label))
        *_, box, chosen = min(places, key=lambda place: place[:2])
        for *_, label in places:
            if label is not chosen:
                label.remove()
        taken.append(box)


def _close_together(layers: Sequence[LayerWork]) -> list[list[LayerWork]]:
    """Points of one column in groups whose labels would cover each other."""
    groups: list[list[LayerWork]] = []
    for layer in sorted(layers, key=lambda layer: layer.rate):
        if groups and layer.rate < _APART * groups[-1][-1].rate:
            groups[-1].append(layer)
        else:
            groups.append([layer])
    return groups


def _roofline_words(found: Roofline) -> str:
    def reached(layers: Sequence[LayerWork]) -> str:
        return ", ".join(f"{layer.name} {found.share(layer):.0%}" for layer in layers) or "no layer"

    limits = f"Peak {found.peak:.0f} GFLOP/s, bandwidth {found.bandwidth:.0f} GB/s"
    left = [layer for layer in found.layers if layer.intensity < found.ridge]
    right = [layer for layer in found.layers if layer.intensity >= found.ridge]
    return (
        f"{limits}; they meet at {found.ridge:.1f} FLOP per byte. How much of its limit each layer reaches. "
        f"Where memory sets it: {reached(left)}. Where arithmetic sets it: {reached(right)}."
    )


def _finish_bars(axes: Any, names: Sequence[str], labels: Sequence[str], values: Sequence[float]) -> None:
    """Name each bar on the left and write its value behind its end; the first is at the top."""
    places = np.arange(len(names))[::-1]
    for place, label, value in zip(places, labels, values, strict=True):
        axes.text(value, place, f" {label}", va="center", fontsize=10)
    axes.set_yticks(places, names)
    longest = max(len(label) for label in labels)
    axes.set_xlim(0, max(values) * (1.06 + 0.014 * longest))
    axes.grid(axis="y", visible=False)


def _listed(values: Mapping[str, float], form: str) -> str:
    return ", ".join(f"{name} {form.format(value)}" for name, value in values.items())
