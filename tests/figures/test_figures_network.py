"""The figures of lesson 03 show what they should."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from helpers import random_images

from cifar_helpers import CLASSES, CifarCNN, figures
from cifar_helpers.figures.network import _FIELDS
from cifar_helpers.widgets.receptive_field import most_exciting

PICTURE = random_images(1).images[0]


def test_feature_maps_draw_the_first_maps_of_each_layer_on_their_own_symmetric_scale() -> None:
    torch.manual_seed(0)
    maps = {"first": torch.randn(5, 6, 6, requires_grad=True), "second": torch.randn(3, 2, 4) * 100}
    figure = figures.feature_maps(PICTURE, maps, count=4)
    rows = np.array(figure.axes[:10]).reshape(2, 5)
    assert np.array_equal(rows[0, 0].images[0].get_array(), PICTURE.permute(1, 2, 0))
    for row, values in zip(rows, maps.values(), strict=True):
        for place, plane in zip(row[1:], values.detach(), strict=False):
            image = place.images[0]
            assert np.array_equal(image.get_array(), plane)
            assert image.get_clim() == pytest.approx((-float(plane.abs().max()), float(plane.abs().max())))
            assert image.get_cmap().name == figures.SIGNED
    assert [row[1].get_ylabel() for row in rows] == ["first\nfirst 4 of 5 maps, 6 × 6", "second\n3 maps, 2 × 4"]
    assert not rows[1, 0].images and not rows[1, 4].images  # one picture, and no fourth map of three


def test_feature_maps_say_what_their_colours_mean_and_how_many_numbers_are_zero() -> None:
    maps = {"convolution": torch.tensor([[[-1.0, 2.0], [3.0, 0.0]]]), "ReLU": torch.tensor([[[0.0, 2.0], [3.0, 0.0]]])}
    figure = figures.feature_maps(PICTURE, maps, count=1)
    key = figure.axes[-1]
    assert [tick.get_text() for tick in key.get_yticklabels()] == ["below 0", "0", "above 0"]
    alt = str(figure.get_label())
    assert "convolution: 1 maps, 2 × 2, 25 % of the numbers below zero and 25 % zero" in alt
    assert "ReLU: 1 maps, 2 × 2, 0 % of the numbers below zero and 50 % zero" in alt


def test_blocks_are_set_apart_because_no_column_goes_on_in_the_next_one() -> None:
    names = ("block 1, ReLU", "block 1, pooling", "block 2, ReLU")
    figure = figures.feature_maps(PICTURE, {name: torch.ones(1, 4, 4) for name in names}, count=1)
    figure.canvas.draw()
    tops = [
        place.get_window_extent().y1
        for place in figure.axes
        if place.get_ylabel() in map("{}\n1 maps, 4 × 4".format, names)
    ]
    within, between = tops[0] - tops[1], tops[1] - tops[2]
    assert between > 1.2 * within


def test_a_map_of_zeros_is_white() -> None:
    figure = figures.feature_maps(PICTURE, {"dead": torch.zeros(1, 4, 4)}, count=1)
    image = figure.axes[1].images[0]
    assert np.allclose(image.cmap(image.norm(image.get_array()))[..., :3], 0.965, atol=0.01)


def test_the_stages_of_a_network_are_boxes_as_high_as_a_map_and_as_wide_as_it_has_channels() -> None:
    figure = figures.network_shapes(["picture", "block", "logits"], [(3, 32, 32), (6, 16, 16), (10,)])
    picture, block, logits = figure.axes[0].patches[:3]
    assert picture.get_height() == pytest.approx(2 * block.get_height()) and picture.get_width() < block.get_width()
    assert logits.get_width() < picture.get_width()
    assert "picture 3 maps of 32 × 32, block 6 maps of 16 × 16, logits 10 numbers" in str(figure.get_label())
    with pytest.raises(ValueError, match="1 names for 2 shapes"):
        figures.network_shapes(["a"], [(3, 4, 4), (2,)])


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
    assert "after: means 0.00, standard deviations 0.00" in str(figure.get_label())


def test_activation_spread_draws_a_line_for_each_network_over_layers_counted_from_one() -> None:
    figure = figures.activation_spread({"a": [1.0, 0.1, 0.01], "b": [2.0, 2.0, 2.0]}, "spread")
    axes = figure.axes[0]
    assert [list(line.get_ydata()) for line in axes.lines] == [[1.0, 0.1, 0.01], [2.0, 2.0, 2.0]]
    assert list(axes.lines[0].get_xdata()) == [1, 2, 3] and axes.get_yscale() == "log"
    assert [t.get_text() for t in axes.get_legend().get_texts()] == ["a", "b"]
    assert axes.get_ylabel() == "spread" and axes.get_xlabel() == "layer"
    assert len({line.get_linestyle() for line in axes.lines}) == 2  # apart without colour too
    assert figure.get_label() == "Spread, first layer to last. a: 1 to 0.01; b: 2 to 2."
    dips = figures.activation_spread({"a": [12.0, 0.18, 0.26]}, "length")
    assert str(dips.get_label()).endswith("a: 12 to 0.26, lowest 0.18 at layer 2.")


def test_few_decades_have_plain_numbers_between_them_and_many_layers_a_mark_for_every_fifth() -> None:
    axes = figures.activation_spread({"a": [12.0, *[1.0] * 18, 0.26]}, "length").axes[0]
    low, high = axes.get_ylim()
    numbers = [axes.yaxis.get_major_formatter()(value, 0) for value in axes.get_yticks() if low <= value <= high]
    assert numbers == ["0.5", "1", "2", "5", "10"]
    assert list(axes.get_xticks()) == [1, 5, 10, 15, 20]
    many = figures.activation_spread({"a": [1.0, 1e-5]}, "length").axes[0]
    assert len(many.get_yticks()) < 12


@pytest.mark.parametrize(
    ("percent", "numbers", "tick"), [(True, ["50.0%", "25.5%"], "50%"), (False, ["1,049,088", "7"], "1,049,088")]
)
def test_bars_carry_their_numbers_from_top_to_bottom(percent: bool, numbers: list[str], tick: str) -> None:
    values = {"one": 0.5, "two": 0.255} if percent else {"one": 1_049_088, "two": 7}
    figure = figures.bars(values, "what", percent=percent)
    axes = figure.axes[0]
    assert figure.get_label() == f"What: one {numbers[0]}; two {numbers[1]}."
    assert [bar.get_width() for bar in axes.patches] == list(values.values())
    assert [text.get_text().strip() for text in axes.texts] == numbers
    tops = [bar.get_y() for bar in axes.patches]
    assert tops[0] > tops[1] and axes.get_xlabel() == "what"
    assert axes.xaxis.get_major_formatter()(values["one"], 0) == tick


def test_bars_show_small_and_negative_numbers() -> None:
    figure = figures.bars({"loss": 0.5712, "gain": -0.04}, "nats")
    axes = figure.axes[0]
    assert [text.get_text().strip() for text in axes.texts] == ["0.571", "-0.040"]
    assert axes.get_xlim()[0] < -0.04 < 0.5712 < axes.get_xlim()[1]
    assert axes.xaxis.get_major_formatter()(0.25, 0) == "0.25"
    with pytest.raises(ValueError, match="got nan for 'loss'"):
        figures.bars({"loss": float("nan")}, "nats")


def test_a_network_without_maps_has_its_shapes_drawn() -> None:
    figure = figures.network_shapes(["input", "logits"], [(784,), (10,)])
    assert figure.get_label() == "Stages of a network: input 784 numbers, logits 10 numbers."


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
        assert place.get_title() == name and place.get_xlim() == (0, 100) and "(%)" in place.get_xlabel()
        assert [bar.get_width() for bar in place.patches] == pytest.approx((100 * shares).tolist())
        assert [t.get_text() for t in place.get_yticklabels()] == list(CLASSES)
        assert place.get_ylim()[0] > place.get_ylim()[1]  # airplane on top
    assert "trained: most likely horse, 100 %" in str(figure.get_label())


def test_networks_without_a_part_are_on_rows_with_their_runs_and_differences() -> None:
    accuracies = {"all layers": [70.0, 72.0], "without ReLU": [60.0, 61.0]}
    figure = figures.without_each_part(accuracies, {"without ReLU": (-10.5, -11.2, -9.8)})
    left, right = figure.axes
    assert [tick.get_text() for tick in left.get_yticklabels()] == list(accuracies)
    assert left.get_ylim()[0] > left.get_ylim()[1]  # the whole network on top
    dots = [line for line in left.lines if line.get_marker() == "o"]
    assert [list(line.get_xdata()) for line in dots] == list(accuracies.values())
    interval = next(line for line in right.lines if line.get_linewidth() == 4)
    assert list(interval.get_xdata()) == [-11.2, -9.8] and set(interval.get_ydata()) == {1}
    assert figure.get_label() == (
        "Mean validation accuracies: all layers 71.0 %; without ReLU 60.5 %, −10.5 points, interval −11.2 to −9.8."
    )
    with pytest.raises(ValueError, match="without accuracies: another"):
        figures.without_each_part(accuracies, {"another": (0.0, 0.0, 0.0)})


def test_exciting_pictures_have_a_row_per_channel_with_its_name_and_the_field_framed() -> None:
    pictures, network = random_images(12), CifarCNN().eval()
    found = most_exciting(network, pictures.images)
    figure = figures.exciting_pictures(pictures, found, [("block 1, ReLU", 3), ("block 3, ReLU", 70)], count=4)
    rows = np.array(figure.axes).reshape(2, 4)
    for row, (layer, channel) in zip(rows, (("block 1, ReLU", 3), ("block 3, ReLU", 70)), strict=True):
        side = _FIELDS[layer][0]
        for place, number in zip(row, found[layer].pictures[channel].tolist(), strict=False):
            assert np.array_equal(place.images[0].get_array(), pictures.images[number].permute(1, 2, 0))
            assert {frame.get_width() for frame in place.patches} == {side}
        text = row[0].texts[0].get_text()
        assert text.startswith(f"{layer}, channel {channel}\nsees {side} × {side} pixels\n") and " of 4: " in text
        assert text.replace("\n", ", ") in str(figure.get_label())


@pytest.mark.parametrize(("block", "layer"), list(enumerate(_FIELDS)))
def test_the_frames_are_where_a_unit_of_the_network_can_see(block: int, layer: str) -> None:
    torch.manual_seed(0)
    features = CifarCNN().features.eval()
    for blocks in features:
        blocks[3] = torch.nn.AvgPool2d(2)  # a maximum passes one gradient only
        blocks[2] = torch.nn.Identity()
    images = torch.zeros(1, 3, 32, 32, requires_grad=True)
    maps = features[block][:3](features[:block](images))
    row, column = maps.shape[2] // 2, maps.shape[3] // 2 - 1
    maps[0, :, row, column].sum().backward()
    assert images.grad is not None
    touched = images.grad[0].abs().sum(0).nonzero()
    side, step, start = _FIELDS[layer]
    for axis, unit in ((0, row), (1, column)):
        assert int(touched[:, axis].min()) == start + step * unit
        assert int(touched[:, axis].max()) == start + step * unit + side - 1
