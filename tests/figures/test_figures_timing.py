"""Figures of lesson 05: the right lengths and places, and alt texts that state what was measured."""

from __future__ import annotations

from typing import Any

import pytest
from helpers import widths

from cifar_helpers import figures
from cifar_helpers.roofline import LayerWork, Roofline
from cifar_helpers.timing import Timing

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


def written(axes: Any) -> list[str]:
    return [text.get_text().strip() for text in axes.texts]


def test_reported_times_are_told_apart_from_measured_ones_without_colour() -> None:
    timing = Timing("cpu", 200, "float32", 7.0, 2.0, 0.0, 1.0, 40_000)
    figure = figures.epoch_times({"here": timing}, {"there": 36})
    axes = figure.axes[0]
    (whisker,) = axes.collections[0].get_segments()
    assert whisker[:, 0].tolist() == [8.5, 9.5] and written(axes) == ["9.0 s", "about 36 s"]
    hatches = [bar.get_hatch() for bar in axes.patches]
    assert widths(axes) == [9.0, 36.0] and hatches[0] is None and hatches[1]
    assert "reported by others" in [t.get_text() for t in axes.get_legend().get_texts()]
    assert figure.get_label() == "Seconds per epoch. Measured here: here 9.0 s. Reported by others: there about 36 s."


def test_batch_sizes_are_drawn_per_image_and_recorded_ones_are_dashed() -> None:
    figure = figures.batch_sizes({"CNN, here": {64: 1.0, 1: 4.0, 256: 1.5}, "CNN, recorded": {1: 3.0, 64: 0.5}})
    here, recorded = figure.axes[0].lines
    assert here.get_xdata().tolist() == [1, 64, 256] and here.get_ydata().tolist() == [4.0, 1.0, 1.5]
    assert here.get_linestyle() == "-" and recorded.get_linestyle() == "--"
    assert {0.5, 1, 2} <= {round(float(tick), 3) for tick in figure.axes[0].get_yticks()}
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
    medians = {"plain": 30.0, "+ one": 20.0, "+ two": 19.0, "+ three": 10.0}
    figure = figures.speedups(
        [{"engine": name, "median": m, "smallest": m - 1, "largest": m + 2} for name, m in medians.items()]
    )
    assert figure.axes[0].collections[0].get_segments()[0][:, 0].tolist() == [29.0, 32.0]
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
    assert {"conv 1", "linear 1", "1", "memory sets the limit", "arithmetic sets the limit"} <= {*written(axes)}
    shapes = {group.get_marker() for group in groups}
    assert len(shapes) == len(groups) == 5


def test_points_of_a_column_that_are_close_share_a_label() -> None:
    seconds = {1: 1e-5, 2: 1.05e-5, 3: 3e-5}
    layers = tuple(LayerWork(f"ReLU {k}", 12_500, 100_000, time) for k, time in seconds.items())
    labels = written(figures.roofline(Roofline(layers, 100.0, 10.0)).axes[0])
    assert "1, 2" in labels and "3" in labels and "1" not in labels


# FLOP per byte and GFLOP/s of layers whose points lie so close together that names below them would overlap.
CROWDED = {
    "conv 1": (12.3, 80.0), "linear 2": (46.0, 118.0), "linear 1": (67.0, 105.0), "conv 2": (95.6, 118.0),
    "conv 3": (186.4, 133.0), "linear 3": (4.6, 15.6), "max pool 1": (0.15, 1.5),
}  # fmt: skip


def test_no_name_in_the_roofline_covers_another_or_a_point() -> None:
    layers = tuple(
        LayerWork(name, int(1e4 * at), 10_000, 1e4 * at / rate / 1e9) for name, (at, rate) in CROWDED.items()
    )
    figure = figures.roofline(Roofline(layers, 133.0, 20.0))
    figure.draw_without_rendering()
    axes = figure.axes[0]
    boxes = {text.get_text(): text.get_window_extent() for text in axes.texts}
    names = [name for name in CROWDED if name != "max pool 1"]
    for name in names:
        assert not boxes[name].count_overlaps([box for other, box in boxes.items() if other != name])
        assert not boxes[name].count_contains(axes.transData.transform([*CROWDED.values()]))


def test_the_words_for_the_roofline_say_what_each_layer_reaches_of_its_limit() -> None:
    words = figures.roofline(FOUND).get_label()
    assert "Where memory sets it: batch norm 1 100%, ReLU 1 100%, linear 1 10%." in words
    assert "Where arithmetic sets it: conv 1 80%." in words
