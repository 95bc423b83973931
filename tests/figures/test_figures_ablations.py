"""The figures of lesson 08: curves of several seeds, gains with intervals, and correlations."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from matplotlib.axes import Axes
from matplotlib.colors import to_hex

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


def rows(axes: Axes) -> dict[str, float]:
    """Label to height of each row."""
    return {str(tick.get_text()): float(y) for tick, y in zip(axes.get_yticklabels(), axes.get_yticks(), strict=True)}


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
    named = ["1  the base", "2  a better rate (against 1)", "3  more views (against 2)", "a  cutout (against 2)"]
    assert list(rows(axes)) == named
    gains = {1: UP, 2: SAME, 3: DOWN}
    heights = list(rows(axes).values())
    marks = [line for line in axes.lines if line.get_marker() != "None" and len(line.get_xdata()) == 1]
    bars = [line for line in axes.lines if line.get_linewidth() == 2]
    assert len(marks) == len(bars) == 3
    for (row, one), mark, bar in zip(gains.items(), marks, bars, strict=True):
        assert one.gain is not None
        assert mark.get_xydata()[0] == pytest.approx((100 * one.gain.mean, heights[row]))  # type: ignore[index]
        assert list(bar.get_xdata()) == pytest.approx([100 * one.gain.low, 100 * one.gain.high])
    assert len({(line.get_marker(), to_hex(line.get_color())) for line in marks}) == 3  # apart by shape and colour
    texts = [text.get_text() for text in axes.texts]
    assert texts.count("81.0%") == 4 and texts.count("23") == 4 and "accuracy" in texts
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [
        "a gain",
        "a loss",
        "the interval includes 0",
    ]
    assert figure.get_label() == (
        "A gain: a better rate +5.0 points (+3.0 to +7.0). A loss: cutout -2.0 points (-3.0 to -1.0). "
        "The interval includes 0: more views +0.4 points (-0.2 to +1.0)."
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
    left = figure.axes[0]
    for ticks in (left.get_xticklabels(), left.get_yticklabels()):
        assert [tick.get_text() for tick in ticks] == ["red", "green", "blue"]
    assert list(left.get_xticks()) == pytest.approx([0, 1, 2])


def test_each_whitening_kernel_is_scaled_by_its_own_largest_weight() -> None:
    weights = torch.tensor([[[[8.0]], [[-4.0]], [[0.0]]], [[[0.0]], [[0.1]], [[0.05]]]])
    figure = figures.whitening_kernels(weights, columns=3)
    titles, drawn = [place.get_title() for place in figure.axes], [place.images for place in figure.axes]
    assert titles == ["8.0", "0.1", ""] and [len(images) for images in drawn] == [1, 1, 0]
    for images, wanted in zip(drawn, ([1.0, 0.25, 0.5], [0.5, 1.0, 0.75]), strict=False):
        assert np.asarray(images[0].get_array()).ravel() == pytest.approx(wanted)
    assert figure.get_label() == (
        "2 kernels in colour, each scaled by its own largest weight; the largest weights are from 8.0 down to 0.1."
    )
