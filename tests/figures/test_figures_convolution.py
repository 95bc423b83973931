"""Figures of lesson 02: the right numbers, one scale for a comparison, and alt texts that say what is drawn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from helpers import random_images, titles
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from cifar_helpers import figures

PICTURE = random_images(1).images[0]
GREY = np.random.default_rng(0).random((8, 8), np.float32)
SOBEL = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]], np.float32)


def drawn(figure: Figure) -> list[Any]:
    """Images of a figure in the order of its axes, without colour bars."""
    return [axes.images[0] for axes in figure.axes if axes.images and axes.get_label() != "<colorbar>"]


def scales(images: list[Any]) -> set[tuple[float, float]]:
    return {(float(image.norm.vmin), float(image.norm.vmax)) for image in images}


def has_bar(figure: Figure) -> bool:
    return any(axes.get_label() == "<colorbar>" and axes.get_ylabel() for axes in figure.axes)


def test_a_window_shows_the_sum_of_its_products_and_a_scale() -> None:
    figure = figures.window(GREY, SOBEL, 2, 3)
    total = f"{(GREY[2:5, 3:6] * SOBEL).sum():.2f}"
    assert f"sum {total}" in titles(figure)[3] and total in figure.get_label()
    assert has_bar(figure) and len(scales(drawn(figure)[2:4])) == 1
    shown = [float(text.get_text()) for text in figure.axes[3].texts]
    assert np.allclose(shown, (GREY[2:5, 3:6] * SOBEL).ravel(), atol=0.00501)  # each rounded by itself
    assert not any("-0.00" in text.get_text() for text in figure.axes[3].texts)


def test_kernels_are_drawn_with_their_numbers_and_signs() -> None:
    kernel = np.array([[-1, 0, 1]] * 3, float)
    figure = figures.kernel_results(GREY, {"edges": kernel}, {"edges": np.array([[-1.0, 1.0]])})
    above = next(axes for axes in figure.axes if axes.get_title() == "edges")
    assert [t.get_text() for t in above.texts] == ["-1", "0", "1"] * 3
    left, middle, right = (to_hex(above.images[0].cmap(above.images[0].norm(v))) for v in (-1, 0, 1))
    assert len({left, middle, right}) == 3


def test_results_of_kernels_that_add_up_to_one_keep_the_scale_of_the_picture() -> None:
    kernels = {"sharpen": np.array([[0, -1, 0], [-1, 5, -1], [0, -1, 0]]), "edges": SOBEL, "lying": SOBEL.T}
    results = {"sharpen": np.array([[-0.6, 1.9]]), "edges": np.array([[-3.0, 1.0]]), "lying": np.array([[0.0, 2.0]])}
    figure = figures.kernel_results(GREY, kernels, results)
    above = [axes.images[0] for axes in figure.axes if axes.get_title() in kernels]
    assert scales(above) == {(-5.0, 5.0)}
    below = {axes.get_title(): axes.images[0] for axes in figure.axes[4:] if axes.images}
    assert (below["0 to 1"].norm.vmin, below["0 to 1"].norm.vmax) == (0, 1)
    signed = [axes.images[0] for axes in figure.axes if axes.get_title() == "around 0"]
    assert scales(signed) == {(-3.0, 3.0)} and has_bar(figure)
    assert "sharpen give" in figure.get_label() and "edges and lying leave only edges" in figure.get_label()


def test_maps_of_edges_are_on_one_scale() -> None:
    figure = figures.edge_maps(GREY, {"small": np.array([[-1.0, 0.5]]), "large": np.array([[4.0, 0.0]])})
    assert scales(drawn(figure)[1:]) == {(-4.0, 4.0)} and has_bar(figure)
    assert titles(figure)[:3] == ["image\n8 × 8", "small\n1 × 2", "large\n1 × 2"]
    for axes in figure.axes[1:3]:  # pixels of one size, each map in the middle of its place
        (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
        assert (right - left, bottom - top, (left + right) / 2, (bottom + top) / 2) == (8, 8, 0.5, 0)
    assert "small 1 by 2 with responses up to ±1.0, large 1 by 2 with responses up to ±4.0" in figure.get_label()


def test_a_learned_kernel_is_drawn_after_the_steps_that_its_titles_name() -> None:
    history = [(10.0**-k, np.full((3, 3), float(k), np.float32)) for k in range(8)]
    figure = figures.kernel_learned(history, SOBEL, steps=(1, 3))
    assert titles(figure)[:3] == ["after 1 step", "after 3 steps", "secret kernel"]
    assert (drawn(figure)[1].get_array() == 3).all() and len(scales(drawn(figure)[:3])) == 1
    (line,) = [line for axes in figure.axes for line in axes.lines]
    assert line.get_ydata().tolist() == [error for error, _ in history]
    assert "from 1 to 1e-07 in 7 steps" in figure.get_label()


def test_partial_maps_are_on_one_scale_and_their_sums_on_another() -> None:
    parts = np.stack([np.array([[0.3, 0.5]]), np.zeros((1, 2)), np.array([[-0.1, -0.6]])])
    figure = figures.channel_sum(PICTURE, parts, bias=-0.1)
    red, green, blue, total, shifted = drawn(figure)[1:]
    assert np.allclose(total.get_array(), [[0.2, -0.1]]) and np.allclose(shifted.get_array(), [[0.1, -0.2]])
    assert scales([red, green, blue]) == {(-0.6, 0.6)} and total.norm.vmax == pytest.approx(0.2)
    assert len(scales([total, shifted])) == 1
    assert sum(axes.get_label() == "<colorbar>" for axes in figure.axes) == 2
    assert "positive in 50 % of the map" in figure.get_label() and "red slice 0.40" in figure.get_label()
    strongest = total.cmap(1.0)
    assert strongest[0] > strongest[2]  # positive is orange


def test_what_changes_when_the_picture_moves_is_drawn_and_measured() -> None:
    figure = figures.moved_maps({"edges": (np.array([[1.0, 3.0]]), np.array([[2.0, 2.0]]))})
    assert [image.get_array().tolist() for image in drawn(figure)] == [[[1, 3]], [[2, 2]], [[1, 1]]]
    assert "change: 50 %" in titles(figure) and "edges by 50 %" in figure.get_label()
    assert scales(drawn(figure)) == {(0.0, 3.0)} and has_bar(figure)


def test_kernels_of_a_layer_share_one_scale_around_grey() -> None:
    weights = torch.zeros(3, 3, 2, 2)
    weights[0], weights[1] = 0.5, -0.25
    figure = figures.filter_bank(weights)
    levels = [float(np.asarray(image.get_array()).mean()) for image in drawn(figure)]
    assert levels == [1.0, 0.25, 0.5] and titles(figure)[:3] == ["0", "1", "2"] and has_bar(figure)
    assert "±0.50" in figure.get_label()


def test_chosen_kernels_are_above_their_own_responses() -> None:
    weights = torch.randn(4, 3, 3, 3, generator=torch.Generator().manual_seed(0))
    maps = np.stack([np.full((5, 5), float(k), np.float32) for k in range(4)])
    figure = figures.kernels_on_picture(PICTURE, weights, maps, chosen=((3, 2), (1,)))
    assert {t for t in titles(figure) if t.startswith("kernel")} == {"kernel 3", "kernel 2", "kernel 1"}
    below = [image for image in drawn(figure) if image.get_array().shape == (5, 5)]
    shown = {float(image.get_array()[0, 0]): image.norm.vmax for image in below}
    assert shown == {3.0: 3.0, 2.0: 3.0, 1.0: 1.0}  # one scale for each group, with its own bar
    assert sum(axes.get_ylabel() == "response" for axes in figure.axes) == 2
    assert "3, 2 on a scale of ±3.0; 1 on a scale of ±1.0" in figure.get_label()


def test_frames_of_receptive_fields_are_where_the_influence_is() -> None:
    small, large = np.zeros((8, 8)), np.zeros((8, 8))
    small[2:4, 3:5] = 1
    large[1:5, 2:8] = 1
    large[2:4, 4:6] = 9
    figure = figures.influence(PICTURE, {"one": small, "two": large})
    frames = figure.axes[0].patches
    assert [(f.get_xy(), f.get_width(), f.get_height()) for f in frames] == [((2.5, 1.5), 2, 2), ((1.5, 0.5), 6, 4)]
    assert [f.get_label() for f in frames] == ["one: 2 × 2", "two: 4 × 6"]
    assert figure.axes[1].get_title().endswith("half of it comes from 4 of 24 pixels") and has_bar(figure)


def test_the_sketch_of_a_field_joins_what_reaches_the_first_pooled_unit() -> None:
    figure = figures.field_sketch()
    boxes, lines = figure.axes[0].patches, figure.axes[0].lines
    filled = [box.get_y() + box.get_height() / 2 for box in boxes if to_hex(box.get_facecolor()) != "#ffffff"]
    assert sorted(np.round(filled)) == [0] * 4 + [1] * 2 + [2] and len(boxes) == 8 + 6 + 3
    joined = [line for line in lines if line.get_linewidth() == 2]
    assert len(joined) == 3 * 2 + 2 and len(lines) == 3 * 6 + 2 * 3
    assert "depends on 4 pixels" in figure.get_label()
