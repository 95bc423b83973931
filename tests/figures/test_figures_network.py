"""The figures of lesson 03 show what they should."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from helpers import random_images

from cifar_helpers import CLASSES, figures

PICTURE = random_images(1).images[0]


@pytest.fixture(autouse=True)
def _close_figures() -> Iterator[None]:
    yield
    plt.close("all")


def test_feature_maps_draw_the_first_maps_of_each_layer_on_their_own_symmetric_scale() -> None:
    torch.manual_seed(0)
    maps = {"first": torch.randn(5, 6, 6, requires_grad=True), "second": torch.randn(3, 2, 4) * 100}
    figure = figures.feature_maps(PICTURE, maps, count=4)
    rows = np.array(figure.axes).reshape(2, 5)
    assert np.array_equal(rows[0, 0].images[0].get_array(), PICTURE.permute(1, 2, 0))
    for row, values in zip(rows, maps.values(), strict=True):
        for place, plane in zip(row[1:], values.detach(), strict=False):
            image = place.images[0]
            assert np.array_equal(image.get_array(), plane)
            assert image.get_clim() == pytest.approx((-float(plane.abs().max()), float(plane.abs().max())))
            assert image.get_cmap().name == figures.SIGNED
    assert [row[1].get_ylabel() for row in rows] == ["first\n5 maps, 6 × 6", "second\n3 maps, 2 × 4"]
    assert not rows[1, 0].images and not rows[1, 4].images  # one picture, and no fourth map of three


def test_a_map_of_zeros_is_white() -> None:
    figure = figures.feature_maps(PICTURE, {"dead": torch.zeros(1, 4, 4)}, count=1)
    image = figure.axes[1].images[0]
    assert np.allclose(image.cmap(image.norm(image.get_array()))[..., :3], 0.965, atol=0.01)


def test_channel_ranges_are_mean_and_standard_deviation_of_each_channel() -> None:
    torch.manual_seed(0)
    values = torch.randn(20, 3, 8, 8) * torch.tensor([1.0, 2.0, 5.0]).view(3, 1, 1) + 4
    figure = figures.channel_ranges({"before": values, "after": values * 0})
    before, after = figure.axes
    dots, _, (bars,) = before.containers[0]
    assert dots.get_ydata().astype(float) == pytest.approx(values.mean((0, 2, 3)).numpy())
    lengths = [(high[1] - low[1]) / 2 for low, high in bars.get_segments()]
    assert lengths == pytest.approx(values.std((0, 2, 3)).tolist(), rel=1e-4)
    assert [axes.get_title() for axes in figure.axes] == ["before", "after"]
    assert before.get_ylim() == after.get_ylim() and "standard deviation" in before.get_ylabel()


def test_activation_spread_draws_a_line_for_each_network_over_layers_counted_from_one() -> None:
    figure = figures.activation_spread({"a": [1.0, 0.1, 0.01], "b": [2.0, 2.0, 2.0]}, "spread")
    axes = figure.axes[0]
    assert [list(line.get_ydata()) for line in axes.lines] == [[1.0, 0.1, 0.01], [2.0, 2.0, 2.0]]
    assert list(axes.lines[0].get_xdata()) == [1, 2, 3] and axes.get_yscale() == "log"
    assert [t.get_text() for t in axes.get_legend().get_texts()] == ["a", "b"]
    assert axes.get_ylabel() == "spread" and axes.get_xlabel() == "layer"
    assert len({line.get_linestyle() for line in axes.lines}) == 2  # apart without colour too


@pytest.mark.parametrize(
    ("percent", "numbers", "tick"), [(True, ["50.0%", "25.5%"], "50%"), (False, ["1,049,088", "7"], "1,049,088")]
)
def test_bars_carry_their_numbers_from_top_to_bottom(percent: bool, numbers: list[str], tick: str) -> None:
    values = {"one": 0.5, "two": 0.255} if percent else {"one": 1_049_088, "two": 7}
    axes = figures.bars(values, "what", percent=percent).axes[0]
    assert [bar.get_width() for bar in axes.patches] == list(values.values())
    assert [text.get_text().strip() for text in axes.texts] == numbers
    tops = [bar.get_y() for bar in axes.patches]
    assert tops[0] > tops[1] and axes.get_xlabel() == "what"
    assert axes.xaxis.get_major_formatter()(values["one"], 0) == tick


def test_wide_labels_below_bars_do_not_overlap() -> None:
    figure = figures.bars({"large": 67_109_376, "small": 1_049_088}, "parameters")
    figure.canvas.draw()
    labels = [t for t in figure.axes[0].get_xticklabels() if t.get_text()]
    low, high = figure.axes[0].get_window_extent().x0 - 1, figure.axes[0].get_window_extent().x1 + 1
    boxes = [t.get_window_extent() for t in labels]
    boxes = [b for b in boxes if low <= (b.x0 + b.x1) / 2 <= high]
    assert len(boxes) >= 3
    assert all(left.x1 < right.x0 for left, right in itertools.pairwise(boxes))


def test_probability_bars_show_each_network_on_one_scale() -> None:
    said = {"untrained": torch.full((10,), 0.1), "trained": torch.eye(10)[7].requires_grad_()}
    figure = figures.probability_bars(PICTURE, said)
    image, *plots = figure.axes
    assert np.array_equal(image.images[0].get_array(), PICTURE.permute(1, 2, 0))
    for place, (name, shares) in zip(plots, said.items(), strict=True):
        assert place.get_title() == name and place.get_xlim() == (0, 1)
        assert [bar.get_width() for bar in place.patches] == pytest.approx(shares.tolist())
        assert [t.get_text() for t in place.get_yticklabels()] == list(CLASSES)
        assert place.get_ylim()[0] > place.get_ylim()[1]  # airplane on top


def test_through_the_network_goes_from_picture_to_maps_to_probabilities() -> None:
    torch.manual_seed(0)
    values = torch.randn(12, 4, 4) * torch.arange(12).view(12, 1, 1)
    shares = torch.randn(10).softmax(0)
    figure = figures.through_the_network(PICTURE, {"block 1": values, "block 2": values[:9]}, shares)
    first, one, two, last = figure.axes
    assert np.array_equal(first.images[0].get_array(), PICTURE.permute(1, 2, 0))
    assert one.get_title() == "block 1\n9 of 12 maps, 4 × 4" and two.get_title().startswith("block 2\n9 of 9")
    drawn = one.images[0].get_array()
    assert drawn.shape == (18, 18)
    strongest = values[values.flatten(1).std(1).argmax()]
    assert np.allclose(drawn[1:5, 1:5], strongest)
    assert [bar.get_width() for bar in last.patches] == pytest.approx(shares.tolist())
