"""Time per image against batch size, for several devices or number formats, and where two of them cross."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping

import ipywidgets as widgets

from cifar_helpers.widgets._cell import in_this_cell
from cifar_helpers.widgets._chart import Axis, Line, line_chart
from cifar_helpers.widgets._controls import choice, on_change, row
from cifar_helpers.widgets._drawing import sentence
from cifar_helpers.widgets._screen import Screen

__all__ = ["crossover", "render", "time_at", "timing_explorer"]

Curve = Mapping[int, float]
"""Batch size to milliseconds an image."""


def time_at(curve: Curve, batch: float) -> float:
    """Milliseconds an image at a batch size between two that were measured, straight on logarithmic scales.

    NaN outside what was measured.
    """
    sizes = sorted(curve)
    for low, high in itertools.pairwise(sizes):
        if low <= batch <= high:
            share = math.log(batch / low) / math.log(high / low)
            return math.exp((1 - share) * math.log(curve[low]) + share * math.log(curve[high]))
    return curve[sizes[0]] if len(sizes) == 1 and batch == sizes[0] else math.nan


def crossover(first: Curve, second: Curve) -> float | None:
    """The smallest batch size at which the faster of two changes; `None` where one is faster throughout."""
    sizes = sorted(set(first) | set(second))
    gaps = [
        (size, math.log(a / b))
        for size in sizes
        if not math.isnan(a := time_at(first, size)) and not math.isnan(b := time_at(second, size))
    ]
    for (low, before), (high, after) in itertools.pairwise(gaps):
        if before * after < 0:
            return math.exp(math.log(low) + before / (before - after) * math.log(high / low))
    return None


def render(curves: Mapping[str, Curve], pair: tuple[str, str], batch: int) -> str:
    """HTML of all curves, with the batch size and the crossover of a pair marked.

    Args:
        curves: name to curve.
        pair: the two that are compared.
        batch: a batch size.
    """
    first, second = pair
    times = [time_at(curves[name], batch) for name in pair]
    marks = [(float(batch), f"batch {batch}")]
    cross = crossover(curves[first], curves[second]) if first != second else None
    if cross is not None:
        marks.append((cross, f"crossover {cross:.0f}"))
    said = [
        f"{name} {time:.3g} ms" if not math.isnan(time) else f"{name} not measured"
        for name, time in zip(pair, times, strict=True)
    ]
    words = f"An image in a batch of {batch}: {said[0]}, {said[1]}"
    if first != second and not any(map(math.isnan, times)):
        faster, slower = sorted(zip(times, pair, strict=True))
        words += f"; {faster[1]} is {slower[0] / faster[0]:.2g} times as fast"
    where = f"They cross near a batch of {cross:.0f}" if cross is not None else "They do not cross in what was measured"
    words = f"{words}. {where}." if first != second else f"{words.split(',')[0]}."
    lines = [
        Line(name, [(float(size), curve[size]) for size in sorted(curve)], k)
        for k, (name, curve) in enumerate(curves.items())
    ]
    chart = line_chart(
        lines,
        Axis("batch size (images)", logarithmic=True),
        Axis("time per image (ms)", logarithmic=True),
        f"Time per image against batch size. {words}",
        marks=marks,
        width=620,
        height=320,
    )
    return sentence(words) + chart


def timing_explorer(curves: Mapping[str, Curve]) -> widgets.VBox:
    """Compare two of several curves at a batch size of your choice.

    Args:
        curves: name (device, network, number format, measured or recorded) to `{batch size: milliseconds an image}`.

    Returns:
        A widget.

    Raises:
        ValueError: if there is no curve, or one without positive numbers.
    """
    if not curves:
        raise ValueError("timing_explorer: there are no curves")
    for name, curve in curves.items():
        if not curve or min(*curve, *curve.values(), 1.0) <= 0:
            raise ValueError(f"timing_explorer: curve {name!r} needs batch sizes and times above 0, got {dict(curve)}")
    names = list(curves)
    first, second = choice("compare", names), choice("with", names)
    second.value = names[min(1, len(names) - 1)]
    sizes = [size for curve in curves.values() for size in curve]
    batch = widgets.BoundedIntText(
        64, min(sizes), max(sizes), description="batch size", style={"description_width": "initial"}
    )
    shown = Screen()

    def draw() -> None:
        shown.value = render(curves, (first.value, second.value), batch.value)

    on_change(draw, first, second, batch)
    draw()
    return in_this_cell(widgets.VBox([row(first, second, batch), shown]))
