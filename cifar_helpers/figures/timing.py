"""Figures of lesson 05: times, batch sizes, the roofline of the machine."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from matplotlib.figure import Figure

from cifar_helpers.figures._base import PALETTE, described, new_figure
from cifar_helpers.roofline import LayerWork, Roofline

__all__ = ["batch_sizes", "epoch_times", "loading", "roofline", "speedups", "step_shares"]

# What the layers of the roofline are grouped by: name, marker and place in the palette.
_GROUPS: Final = {
    "convolutions": (("conv",), "o", 0),
    "linear layers": (("linear",), "s", 1),
    "batch norm, ReLU and pooling": (("batch norm", "ReLU", "max pool"), "^", 2),
}
_PATCH: Final = {"fc": "white", "ec": "none", "alpha": 0.7, "pad": 0.5}  # keeps a label legible on a line


def epoch_times(measured: Mapping[str, float], reported: Mapping[str, float]) -> Figure:
    """Seconds per epoch, measured here and reported by others, the latter hatched.

    Args:
        measured: name to seconds, from this machine; at least one.
        reported: name to seconds, from elsewhere; at least one.
    """
    figure, axes = new_figure(9, 0.55 * (len(measured) + len(reported)) + 1)
    names = [*measured, *reported]
    seconds = [*measured.values(), *reported.values()]
    places = np.arange(len(names))[::-1]
    first = len(measured)
    axes.barh(places[:first], seconds[:first], color=PALETTE[0], label="measured on this machine")
    axes.barh(places[first:], seconds[first:], color="white", ec=PALETTE[1], hatch="//", label="reported by others")
    _finish_bars(axes, names, [f"{value:.1f} s" for value in seconds], seconds)
    axes.set_xlabel("seconds per epoch (training and validation)")
    axes.legend(loc="lower right")
    here, elsewhere = (_listed(part, "{:.1f} s") for part in (measured, reported))
    return described(figure, f"Seconds per epoch. Measured here: {here}. Reported by others: {elsewhere}.")


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
        axes.plot(sizes, [curve[size] for size in sizes], style, color=PALETTE[k % len(PALETTE)], label=name)
        best = min(sizes, key=curve.__getitem__)
        said.append(
            f"{name}: {curve[sizes[0]]:.3g} ms in batches of {sizes[0]}, lowest at {best} with {curve[best]:.2g} ms"
        )
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:.0f}")
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.set_xlabel("batch size (images)")
    axes.set_ylabel("training, ms per image")
    axes.legend()
    return described(figure, f"Training time per image against batch size. {'; '.join(said)}.")


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


def speedups(seconds: Mapping[str, float]) -> Figure:
    """Seconds per epoch as one change after another is added, each with what it gains on the step before.

    Args:
        seconds: name of the change to seconds per epoch with it and all those before it.
    """
    figure, axes = new_figure(9, 0.5 * len(seconds) + 0.9)
    times = list(seconds.values())
    gains = [1.0, *(before / after for before, after in itertools.pairwise(times))]
    axes.barh(np.arange(len(times))[::-1], times, color=PALETTE[0])
    labels = [
        f"{time:.1f} s" + (f"  (× {gain:.2f})" if k else "")
        for k, (time, gain) in enumerate(zip(times, gains, strict=True))
    ]
    _finish_bars(axes, list(seconds), labels, times)
    axes.set_xlabel("seconds per epoch (× how much faster than the line above)")
    best = sorted(range(len(times)), key=lambda k: -gains[k])[:2]
    names = list(seconds)
    most = " and ".join(f"{names[k].removeprefix('+ ')} (× {gains[k]:.2f})" for k in best)
    return described(
        figure, f"An epoch takes {times[0]:.0f} s at first and {times[-1]:.0f} s in the end. Most is gained by {most}."
    )


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
    for name, (kinds, marker, colour) in _GROUPS.items():
        members = [layer for layer in found.layers if layer.name.rpartition(" ")[0] in kinds]
        axes.plot([m.intensity for m in members], [m.rate for m in members], marker, color=PALETTE[colour], label=name)
        for layer in members:
            _label(axes, layer)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.set_xlabel("arithmetic intensity (FLOP per byte)")
    axes.set_ylabel("GFLOP/s")
    axes.set_ylim(top=4 * found.peak)
    limits = f"peak {found.peak:.0f} GFLOP/s, bandwidth {found.bandwidth:.0f} GB/s"
    axes.text(highest, 1.15 * found.peak, limits, ha="right", va="bottom", fontsize=9)
    _name_regions(axes, found)
    axes.legend(loc="lower right")
    return described(figure, _roofline_words(found))


def _name_regions(axes: Any, found: Roofline) -> None:
    """Write on both sides of the ridge what the processor waits for there."""
    low = axes.get_ylim()[0]
    for words, side in (("waits for memory ", "right"), (" waits for arithmetic", "left")):
        axes.text(found.ridge, low, words, ha=side, va="bottom", fontsize=9, color="dimgrey")


def _label(axes: Any, layer: LayerWork) -> None:
    """Name a convolution or linear layer beside its point; of the many others the first of each kind is named."""
    kind, _, number = layer.name.rpartition(" ")
    if kind not in ("conv", "linear") and number != "1":
        return
    places: dict[str, tuple[tuple[int, int], str]] = {"conv": ((0, -14), "center"), "ReLU": ((-7, -4), "right")}
    offset, side = places.get(kind, ((7, -4), "left"))
    axes.annotate(
        layer.name, (layer.intensity, layer.rate), offset, textcoords="offset points", fontsize=9, ha=side, bbox=_PATCH
    )


def _roofline_words(found: Roofline) -> str:
    most = max(found.layers, key=lambda layer: layer.rate)
    left = [layer.name for layer in found.layers if layer.intensity < found.ridge]
    limits = f"Peak {found.peak:.0f} GFLOP/s, bandwidth {found.bandwidth:.0f} GB/s"
    return (
        f"{limits}; they meet at {found.ridge:.1f} FLOP per byte. "
        f"Left of the ridge, waiting for memory: {', '.join(left) or 'no layer'}. "
        f"{most.name} reaches most, {most.rate:.0f} GFLOP/s at {most.intensity:.0f} FLOP per byte."
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
