"""The figures of lesson 07 show the numbers that they are given, in the right places."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from helpers import random_images
from matplotlib.axes import Axes

from cifar_helpers import CLASSES, Metrics, figures
from cifar_helpers.evaluation import human_confusion, reliability

CONFUSION = torch.randint(1, 60, (10, 10), generator=torch.Generator().manual_seed(0)) + 300 * torch.eye(10).long()


def lines(axes: Axes) -> dict[str, tuple[list[float], list[float]]]:
    """Points of each line by its name in the key."""
    return {str(line.get_label()): (list(line.get_xdata()), list(line.get_ydata())) for line in axes.lines}  # type: ignore[arg-type]


def names_of_rows(axes: Axes) -> dict[float, str]:
    return {
        float(place): text.get_text() for place, text in zip(axes.get_yticks(), axes.get_yticklabels(), strict=True)
    }


def test_classes_have_their_scores_and_the_weakest_stands_at_the_top() -> None:
    metrics = Metrics(0.0, 0.0, CONFUSION)
    axes = figures.class_scores(metrics).axes[0]
    rows, shown = names_of_rows(axes), lines(axes)
    for name, scores in (("precision", metrics.precision), ("recall", metrics.recall), ("F1", metrics.f1)):
        found = {rows[place]: share for share, place in zip(*shown[name], strict=True)}
        assert found == pytest.approx({c: 100 * float(s) for c, s in zip(CLASSES, scores, strict=True)})
    weakest = CLASSES[int(metrics.f1.argmin())]
    assert rows[max(rows)] == weakest and axes.get_ylim()[0] < axes.get_ylim()[1]


def test_accuracies_have_their_intervals_and_confidences_in_the_order_given() -> None:
    axes = figures.accuracies(
        {"first": (0.8, 0.7, 0.85), "second": (0.5, 0.4, 0.6)}, {"first": 0.9, "second": 0.3}
    ).axes[0]
    rows = names_of_rows(axes)
    assert rows == {1.0: "first", 0.0: "second"}
    bars = [list(map(float, segment[:, 0])) for c in axes.containers for segment in c[2][0].get_segments()]  # type: ignore[index]
    assert bars == [pytest.approx([70, 85]), pytest.approx([40, 60])]
    diamonds = {
        float(line.get_ydata()[0]): float(line.get_xdata()[0]) for line in axes.lines if line.get_marker() == "D"
    }  # type: ignore[index]
    assert diamonds == pytest.approx({1.0: 90, 0.0: 30})
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["mean confidence", "accuracy, 95 % interval"]  # type: ignore[union-attr]
    assert figures.accuracies({"one": (0.8, 0.7, 0.9)}).axes[0].get_legend() is None


def test_two_confusions_stand_side_by_side_in_per_cent() -> None:
    figure = figures.confusions({"network": CONFUSION, "people": human_confusion()})
    assert [axes.get_title() for axes in figure.axes] == ["network", "people"]
    for axes, matrix in zip(figure.axes, (CONFUSION.double(), human_confusion()), strict=True):
        wanted = 100 * matrix / matrix.sum(1, keepdim=True)
        assert np.allclose(np.asarray(axes.collections[0].get_array()).reshape(10, 10), wanted)
    assert "95" in [text.get_text() for text in figure.axes[1].texts]


def test_the_mistakes_that_either_makes_most_often_are_shown_for_both() -> None:
    network = torch.eye(10).double() * 100
    network[3, 5] = 25.0
    people = torch.eye(10).double() * 0.8
    people[4, 7] = 0.2
    axes = figures.mistakes_compared(network, people, count=2).axes[0]
    rows = names_of_rows(axes)
    for name, wanted in (("the network", {"cat called dog": 20, "deer called horse": 0}),
                         ("people", {"cat called dog": 0, "deer called horse": 20})):  # fmt: skip
        assert {rows[place]: share for share, place in zip(*lines(axes)[name], strict=True)} == pytest.approx(wanted)
    assert float(people[0, 0]) == 0.8  # what is given is not changed


def test_a_reliability_diagram_has_the_bins_that_have_answers_and_their_shares() -> None:
    sure = torch.tensor([0.95, 0.95, 0.85, 0.65])
    found = reliability(torch.stack([sure, 1 - sure], 1), torch.tensor([0, 1, 0, 0]))
    above, below = figures.reliability_diagram({"one": found, "two": found}).axes
    confidence, accuracy = lines(above)[f"one, error {found.error:.1%}"]
    assert confidence == pytest.approx([0.65, 0.85, 0.95]) and accuracy == [1, 1, 0.5]
    heights = [bar.get_height() for bar in below.patches]  # type: ignore[attr-defined]
    assert heights == [0, 0, 0, 0, 0, 0, 25, 0, 25, 50] * 2
    assert lines(above)["as sure as right"] == ([0, 1], [0, 1])


def test_maps_with_a_sign_are_white_at_zero_and_the_others_grey() -> None:
    picture = random_images(1).images[0]
    signed = np.zeros((32, 32))
    signed[0, 0], signed[1, 1] = -1.0, 4.0
    maps: dict[str, Any] = {"saliency": np.abs(signed), "Grad-CAM": signed}
    figure = figures.attributions({"right": (picture, maps), "wrong": (picture, maps)})
    assert len(figure.axes) == 6 and [axes.get_title() for axes in figure.axes[:3]] == ["", "saliency", "Grad-CAM"]
    assert [axes.texts[0].get_text() for axes in figure.axes[::3]] == ["right", "wrong"]
    grey, colours = (axes.images[0] for axes in figure.axes[1:3])
    assert grey.get_cmap().name == "gray" and colours.get_cmap().name == figures.SIGNED
    assert colours.get_clim() == (-4, 4) and grey.get_clim()[0] == 0


def test_one_bright_pixel_does_not_leave_the_others_of_a_grey_map_black() -> None:
    values = np.ones((32, 32))
    values[3, 3] = 1000
    picture = random_images(1).images[0]
    image = figures.attributions({"one": (picture, {"saliency": values})}).axes[1].images[0]
    assert image.get_clim() == (0, 1)
