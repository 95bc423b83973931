"""Figures of lesson 05: times, batch sizes, the roof of the machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from cifar_helpers.figures._base import PALETTE, new_figure
from cifar_helpers.timing import Timing

__all__ = ["batch_sizes", "epoch_times", "roofline"]


def epoch_times(measured: Mapping[str, float], reported: Mapping[str, float]) -> Figure:
    """Seconds an epoch, measured here and reported by others, the latter hatched.

    Args:
        measured: name to seconds, from this machine.
        reported: name to seconds, from elsewhere.
    """
    figure, axes = new_figure(9, 0.55 * (len(measured) + len(reported)) + 1)
    names = [*measured, *reported]
    seconds = [*measured.values(), *reported.values()]
    places = np.arange(len(names))[::-1]
    first = len(measured)
    axes.barh(places[:first], seconds[:first], color=PALETTE[0], label="measured on this machine")
    axes.barh(places[first:], seconds[first:], color="white", ec=PALETTE[1], hatch="//", label="reported by others")
    for place, value in zip(places, seconds, strict=True):
        axes.text(value, place, f" {value:.1f} s", va="center", fontsize=10)
    axes.set_yticks(places, names)
    axes.set_xlim(0, max(seconds) * 1.15)
    axes.set_xlabel("seconds an epoch (training and validation)")
    axes.grid(axis="y", visible=False)
    axes.legend(loc="lower right")
    return figure


def batch_sizes(timings: Mapping[str, Sequence[Timing]]) -> Figure:
    """Training time of one image against batch size, both on logarithmic scales.

    Args:
        timings: name of a network or device to its sweep.
    """
    figure, axes = new_figure(8, 3.6)
    for k, (name, sweep) in enumerate(timings.items()):
        sizes = [t.batch_size for t in sweep]
        axes.plot(
            sizes,
            [t.milliseconds_per_image for t in sweep],
            "os^D"[k % 4] + "-",
            color=PALETTE[k],
            label=name,
        )
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:.0f}")
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.set_xlabel("batch size (images)")
    axes.set_ylabel("ms an image")
    axes.legend()
    return figure


def roofline(points: Mapping[str, tuple[float, float]], peak: float, bandwidth: float) -> Figure:
    """What the machine allows at each arithmetic intensity, and where networks stand (Williams, 2009).

    Args:
        points: name to (FLOP a byte, achieved GFLOP/s).
        peak: GFLOP/s of a large matrix product.
        bandwidth: GB/s of a large copy.
    """
    figure, axes = new_figure(8.5, 4)
    intensity = np.logspace(-1.5, 3.5, 100)
    axes.plot(intensity, np.minimum(peak, intensity * bandwidth), color="black", label="the roof of this machine")
    axes.axvline(peak / bandwidth, color="grey", linestyle=":", label=f"ridge, {peak / bandwidth:.0f} FLOP a byte")
    for k, (name, (x, y)) in enumerate(points.items()):
        axes.plot(x, y, "os^D"[k % 4], color=PALETTE[k], markersize=9, label=name)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("arithmetic intensity (FLOP a byte)")
    axes.set_ylabel("GFLOP/s")
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure
