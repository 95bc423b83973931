"""Figures of the second part of lesson 09: what rounding the weights costs."""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cifar_helpers.figures._base import colour_of, described, in_course_style, new_figure

__all__ = ["accuracy_by_bits"]


@in_course_style
def accuracy_by_bits(curves: Mapping[str, Mapping[int, float]], unrounded: float) -> Figure:
    """Accuracy of a network against the bits that each of its weights is rounded to: whole, and enlarged on the right.

    Args:
        curves: accuracy (0..1) by number of bits, for each way of rounding.
        unrounded: accuracy of the network as it was trained, 0..1.
    """
    figure, (whole, enlarged) = new_figure(9, 3.6, ncols=2)
    for axes in (whole, enlarged):
        _draw(axes, curves, unrounded)
    whole.set_ylim(0, 100)
    whole.set_ylabel("accuracy (%)")
    whole.legend(loc="lower right")
    enlarged.set_ylim(100 * unrounded - 5, 100 * unrounded + 1)
    enlarged.set_title("enlarged", fontsize=10)
    said = "; ".join(f"{name}: {_in_words(curve)}" for name, curve in curves.items())
    return described(figure, f"Accuracy against bits per weight; float32 has {100 * unrounded:.1f} %. {said}.")


def _draw(axes: Axes, curves: Mapping[str, Mapping[int, float]], unrounded: float) -> None:
    axes.axhline(100 * unrounded, color="grey", linestyle="--", label=f"float32: {100 * unrounded:.1f} %")
    axes.axhline(100 * unrounded - 2, color="black", linestyle=":", label="2 points less")
    for k, (name, curve) in enumerate(curves.items()):
        bits = sorted(curve)
        heights = [100 * curve[b] for b in bits]
        axes.plot(bits, heights, marker="os^D"[k % 4], color=colour_of(k), alpha=0.8, label=name)
    axes.set_xticks(sorted({b for curve in curves.values() for b in curve}))
    axes.set_xlabel("bits per weight")


def _in_words(curve: Mapping[int, float]) -> str:
    return ", ".join(f"{100 * curve[bits]:.1f} % with {bits}" for bits in sorted(curve, reverse=True))
