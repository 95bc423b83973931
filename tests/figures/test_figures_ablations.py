"""The figures of lesson 08: curves of several seeds, gains with intervals, and correlations."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.text import Annotation

from cifar_helpers import Epoch, History, figures
from cifar_helpers.evaluation import Gain
from cifar_helpers.runs.ablation import Ablation, Measured


def history(losses: list[float], accuracies: list[float]) -> History:
    rows = zip(losses, accuracies, strict=True)
    return History([Epoch(k, loss, 0.5, 1.0, share, 0.1, 1.0) for k, (loss, share) in enumerate(rows, start=1)])


def measured(run: str, change: str, gain: Gain | None, base: str = "") -> Measured:
    return Measured(Ablation(run, change, "", base), (0.8, 0.82), gain, 1000, 23_400_000, 10**12, 60.0)


START, UP = measured("start", "the base", None), measured("up", "a better rate", Gain(0.05, 0.03, 0.07), "start")
SAME = measured("up", "more views", Gain(0.004, -0.002, 0.01), "up")
DOWN = measured("down", "cutout", Gain(-0.02, -0.03, -0.01), "up")


def rows(axes: Axes) -> dict[float, list[str]]:
    """Height of each row to its texts, from left to right."""
    found: dict[float, list[str]] = {}
    for text in axes.texts:
        assert isinstance(text, Annotation)
        found.setdefault(float(text.xy[1]), []).append(text.get_text())
    return found


def test_residual_blocks_are_drawn_with_two_paths_each_and_a_convolution_on_the_one_that_halves() -> None:
    figure = figures.residual_blocks()
    texts = [text for text in figure.axes[0].texts if text.get_text()]
    words = [text.get_text() for text in texts]
    assert words.count("+") == words.count("skip connection") == 2 and words.count("ReLU") == 4
    assert [word for word in words if word.startswith("1 × 1")] == ["1 × 1 convolution,\nstride 2; batch norm"]
    assert sum(word.startswith("3 × 3 convolution") for word in words) == 4
    places = {word: max(text.get_position()[0] for text in texts if text.get_text() == word) for word in set(words)}
    assert places["+"] < places["ReLU"] < places["64 maps\n8 × 8"]  # the last ReLU follows the sum
    assert "64 maps of 8 × 8 come out" in figure.get_label()
    figure.canvas.draw()
    boxes = [text.get_window_extent() for text in texts]
    assert not any(one.overlaps(other) for k, one in enumerate(boxes) for other in boxes[:k])


def test_seed_curves_draw_a_line_for_each_seed_and_name_each_network_once() -> None:
    networks = {
        "shallow": [history([2.0, 1.0], [0.3, 0.5]), history([2.1, 1.1], [0.2, 0.4])],
        "deep": [history([2.2, 1.5], [0.1, 0.3])],
    }
    figure = figures.seed_curves(networks)
    left, right = figure.axes
    assert [list(line.get_ydata()) for line in left.lines] == [[2.0, 1.0], [2.1, 1.1], [2.2, 1.5]]
    assert np.allclose([line.get_ydata() for line in right.lines], [[30, 50], [20, 40], [10, 30]])
    assert [text.get_text() for text in left.get_legend().get_texts()] == ["shallow", "deep"]
    assert len({line.get_linestyle() for line in left.lines}) == 2  # apart without colour too
    assert (left.get_ylabel(), right.get_ylabel()) == ("training loss (nats)", "validation accuracy (%)")
    assert figure.get_label() == (
        "In the last epoch: shallow, training loss 1.00 to 1.10, validation accuracy 40.0% to 50.0%; "
        "deep, training loss 1.50, validation accuracy 30.0%."
    )


def test_the_ladder_has_a_row_for_each_change_and_its_interval_where_it_belongs() -> None:
    figure = figures.ladder([START, UP, SAME], [DOWN])
    axes = figure.axes[0]
    *shown, headings = rows(axes).values()
    columns = ["81.0 ± 1.4", "23", "1,000"]
    assert [texts[:3] for texts in shown] == [
        ["1", "the base", "–"], ["2", "a better rate", "1"], ["3", "more views", "2"], ["a", "cutout", "2"]
    ]  # fmt: skip
    assert all(texts[3:] == columns for texts in shown) and headings[1:3] == ["change", "base"]
    gains = {1: UP, 2: SAME, 3: DOWN}
    heights = list(rows(axes))
    marks = [line for line in axes.lines if line.get_marker() != "None" and len(line.get_xdata()) == 1]
    bars = [line for line in axes.lines if line.get_linewidth() == 2]
    assert len(marks) == len(bars) == 3
    for (row, one), mark, bar in zip(gains.items(), marks, bars, strict=True):
        assert one.gain is not None
        assert mark.get_xydata()[0] == pytest.approx((100 * one.gain.mean, heights[row]))  # type: ignore[index]
        assert list(bar.get_xdata()) == pytest.approx([100 * one.gain.low, 100 * one.gain.high])
    assert len({(line.get_marker(), to_hex(line.get_color())) for line in marks}) == 3  # apart by shape and colour
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [
        "a gain",
        "a loss",
        "the interval includes 0",
    ]
    assert figure.get_label() == (
        "A gain: a better rate +5.0 points (+3.0 to +7.0). A loss: cutout -2.0 points (-3.0 to -1.0). "
        "The interval includes 0: more views +0.4 points (-0.2 to +1.0). Accuracy (%) and its standard deviation over "
        "the seeds, million operations per image, and parameters: 1 81.0 ± 1.4, 23, 1,000; 2 81.0 ± 1.4, 23, 1,000; "
        "3 81.0 ± 1.4, 23, 1,000; a 81.0 ± 1.4, 23, 1,000."
    )


def test_accuracy_is_drawn_against_the_operations_of_the_training_run_and_numbers_name_the_rungs() -> None:
    figure = figures.accuracy_by_operations([START, UP], [replace(DOWN, training_operations=9 * 10**13)])
    axes = figure.axes[0]
    marks = {line.get_label(): line for line in axes.lines if line.get_marker() != "None"}
    assert marks["rungs of the ladder"].get_xydata() == pytest.approx(np.array([[1.0, 81.0], [1.0, 81.0]]))
    assert marks["other networks and recipes"].get_xydata() == pytest.approx(np.array([[90.0, 81.0]]))
    assert len({line.get_marker() for line in marks.values()}) == 2  # apart without colour too
    texts = [text.get_text() for text in axes.texts]
    assert texts == ["1", "2", "cutout: 81.0%,\n23 million operations per prediction"]
    assert axes.get_xscale() == "log" and "trillions" in axes.get_xlabel() and "%" in axes.get_ylabel()
    assert figure.get_label() == (
        "Validation accuracy and operations of the training run. rung 1: 81.0%, 1 trillion; rung 2: 81.0%, 1 trillion; "
        "cutout: 81.0%, 90 trillion."
    )


def test_correlations_share_one_scale_and_say_what_is_on_each_side() -> None:
    before, after = (
        np.array([[1.0, -0.8, 0.9], [-0.8, 1.0, -0.9], [0.9, -0.9, 1.0]]),
        np.array([[1.0, 0.01], [0.01, 1.0]]),
    )
    figure = figures.correlations(before, after)
    limits = [place.images[0].get_clim() for place in figure.axes[:2]]
    assert limits == [(-1, 1), (-1, 1)] and len(figure.axes) == 3
    assert "at least 0.80 in size" in figure.get_label() and "2 whitened outputs of at most 0.010" in figure.get_label()
    assert "outputs of less than 0.001." in figures.correlations(before, np.eye(2)).get_label()
    left = figure.axes[0]
    for ticks in (left.get_xticklabels(), left.get_yticklabels()):
        assert [tick.get_text() for tick in ticks] == ["red", "green", "blue"]
    assert list(left.get_xticks()) == pytest.approx([0, 1, 2])


def test_each_whitening_kernel_is_scaled_by_its_own_largest_weight() -> None:
    weights = torch.tensor([[[[8.0]], [[-4.0]], [[0.0]]], [[[0.0]], [[0.1]], [[0.05]]]])
    figure = figures.whitening_kernels(weights, columns=3)
    titles, drawn = [place.get_title() for place in figure.axes], [place.images for place in figure.axes]
    assert titles == ["8.0", "0.10", ""] and [len(images) for images in drawn] == [1, 1, 0]
    for images, wanted in zip(drawn, ([1.0, 0.25, 0.5], [0.5, 1.0, 0.75]), strict=False):
        assert np.asarray(images[0].get_array()).ravel() == pytest.approx(wanted)
    assert figure.get_label() == (
        "2 kernels in colour, each scaled by its own largest weight; the largest weights are from 8.0 down to 0.10."
    )
