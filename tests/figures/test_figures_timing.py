"""Figures of lesson 05: the right lengths and places, and alt texts that state what was measured."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import matplotlib.pyplot as plt
import pytest

from cifar_helpers import figures
from cifar_helpers.roofline import LayerWork, Roofline

# At 10 GB/s and 100 GFLOP/s the ridge is at 10 FLOP per byte.
FOUND = Roofline(
    (
        LayerWork("conv 1", 4_000_000, 100_000, 5e-5),
        LayerWork("batch norm 1", 25_000, 100_000, 1e-5),
        LayerWork("ReLU 1", 12_500, 100_000, 1e-5),
        LayerWork("linear 1", 500_000, 100_000, 1e-4),
    ),
    100.0,
    10.0,
)


@pytest.fixture(autouse=True)
def _close() -> Iterator[None]:
    yield
    plt.close("all")


def widths(axes: Any) -> list[float]:
    return [bar.get_width() for bar in axes.patches]


def written(axes: Any) -> list[str]:
    return [text.get_text().strip() for text in axes.texts]


def test_reported_times_are_told_apart_from_measured_ones_without_colour() -> None:
    figure = figures.epoch_times({"here": 9.0}, {"there": 36.0})
    axes = figure.axes[0]
    hatches = [bar.get_hatch() for bar in axes.patches]
    assert widths(axes) == [9.0, 36.0] and hatches[0] is None and hatches[1]
    assert "reported by others" in [t.get_text() for t in axes.get_legend().get_texts()]
    assert figure.get_label() == "Seconds per epoch. Measured here: here 9.0 s. Reported by others: there 36.0 s."


def test_batch_sizes_are_drawn_per_image_and_recorded_ones_are_dashed() -> None:
    figure = figures.batch_sizes({"CNN, here": {64: 1.0, 1: 4.0, 256: 1.5}, "CNN, recorded": {1: 3.0, 64: 0.5}})
    here, recorded = figure.axes[0].lines
    assert here.get_xdata().tolist() == [1, 64, 256] and here.get_ydata().tolist() == [4.0, 1.0, 1.5]
    assert here.get_linestyle() == "-" and recorded.get_linestyle() == "--"
    assert "CNN, here: 4 ms in batches of 1, lowest at 64 with 1 ms" in figure.get_label()


def test_loading_is_drawn_in_milliseconds() -> None:
    figure = figures.loading({"one by one": 0.2, "training": 1.5}, 2000)
    assert widths(figure.axes[0]) == [200.0, 1500.0] and "2,000 images" in figure.axes[0].get_xlabel()
    assert figure.get_label() == "One pass over 2,000 images: one by one 200 ms, training 1,500 ms."


def test_shares_of_a_step_are_percentages() -> None:
    figure = figures.step_shares({"convolutions": 0.6, "update": 0.4})
    assert widths(figure.axes[0]) == [60.0, 40.0] and written(figure.axes[0]) == ["60.0%", "40.0%"]
    assert "convolutions, 60%" in figure.get_label() and "update 40.0%" in figure.get_label()


def test_speedups_are_those_over_the_line_above() -> None:
    figure = figures.speedups({"plain": 30.0, "+ one": 20.0, "+ two": 19.0, "+ three": 10.0})
    assert written(figure.axes[0]) == ["30.0 s", "20.0 s  (× 1.50)", "19.0 s  (× 1.05)", "10.0 s  (× 1.90)"]
    assert "three (× 1.90) and one (× 1.50)" in figure.get_label()
    assert "takes 30 s at first and 10 s in the end" in figure.get_label()


def test_the_roofline_has_its_ridge_where_compute_and_memory_meet() -> None:
    figure = figures.roofline(FOUND)
    axes = figure.axes[0]
    line, ridge, *groups = axes.lines
    assert all(y == pytest.approx(min(100, 10 * x)) for x, y in zip(line.get_xdata(), line.get_ydata(), strict=True))
    assert ridge.get_xdata()[0] == FOUND.ridge == 10
    points = {(x, y) for group in groups for x, y in zip(group.get_xdata(), group.get_ydata(), strict=True)}
    assert points == {(layer.intensity, layer.rate) for layer in FOUND.layers}
    assert {"conv 1", "batch norm 1", "ReLU 1", "linear 1", "waits for memory", "waits for arithmetic"} <= {
        *written(axes)
    }


def test_the_words_for_the_roofline_name_what_waits_for_memory() -> None:
    words = figures.roofline(FOUND).get_label()
    assert "Left of the ridge, waiting for memory: batch norm 1, ReLU 1, linear 1." in words
    assert "conv 1 reaches most, 80 GFLOP/s at 40 FLOP per byte" in words
