"""The figures of lesson 07 show the numbers that they are given, in the right places."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from helpers import random_images
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb

from cifar_helpers import CLASSES, Metrics, figures
from cifar_helpers.evaluation import reliability
from cifar_helpers.figures.evaluation import _AGAINST, _FOR

CONFUSION = torch.randint(1, 60, (10, 10), generator=torch.Generator().manual_seed(0)) + 300 * torch.eye(10).long()


def lines(axes: Axes) -> dict[str, tuple[list[float], list[float]]]:
    """Points of each line by its name in the key."""
    return {str(line.get_label()): (list(line.get_xdata()), list(line.get_ydata())) for line in axes.lines}  # type: ignore[arg-type]


def names_of_rows(axes: Axes) -> dict[float, str]:
    return {
        float(place): text.get_text() for place, text in zip(axes.get_yticks(), axes.get_yticklabels(), strict=True)
    }


def test_classes_have_their_scores_and_the_weakest_is_at_the_top() -> None:
    metrics = Metrics(0.0, 0.0, CONFUSION)
    axes = figures.class_scores(metrics).axes[0]
    rows, shown = names_of_rows(axes), lines(axes)
    for name, scores in (("precision", metrics.precision), ("recall", metrics.recall), ("F1", metrics.f1)):
        found = {rows[place]: share for share, place in zip(*shown[name], strict=True)}
        assert found == pytest.approx({c: 100 * float(s) for c, s in zip(CLASSES, scores, strict=True)})
    weakest = CLASSES[int(metrics.f1.argmin())]
    assert rows[max(rows)] == weakest and axes.get_ylim()[0] < axes.get_ylim()[1]
    said = str(figures.class_scores(metrics).get_label())
    assert f"F1 is lowest for {weakest}, {100 * float(metrics.f1.min()):.1f} %" in said


def test_a_class_without_scores_is_no_lowest() -> None:
    confusion = torch.diag(torch.tensor([10] * 9 + [0]))
    confusion[0, :2] = 5
    said = str(figures.class_scores(Metrics(0.0, 0.0, confusion)).get_label())
    assert f"F1 is lowest for {CLASSES[0]}, 66.7 %, and highest for" in said
    assert said.endswith(f"Neither present nor predicted: {CLASSES[9]}.") and "nan" not in said


def test_accuracies_have_their_intervals_and_confidences_in_the_order_given() -> None:
    figure = figures.accuracies({"first": (0.8, 0.7, 0.85), "second": (0.5, 0.4, 0.6)}, {"first": 0.9, "second": 0.3})
    axes = figure.axes[0]
    assert "first: 80.0 % (70.0 to 85.0), confidence 90.0 %; second: 50.0 % (40.0" in str(figure.get_label())
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


def test_the_mistakes_that_either_makes_most_often_are_shown_for_both() -> None:
    network = torch.eye(10).double() * 100
    network[3, 5] = 25.0
    people = torch.eye(10).double() * 0.8
    people[4, 7] = 0.2
    figure = figures.mistakes_compared(network, people, count=2)
    axes = figure.axes[0]
    assert (
        "most in cat called dog, 20.0 % against 0.0 %. More frequent among people: deer called horse, 20.0 % against"
        in str(figure.get_label())
    )
    assert "among people: none" in str(figures.mistakes_compared(network, network, count=2).get_label())
    rows = names_of_rows(axes)
    for name, wanted in (("the network", {"cat called dog": 20, "deer called horse": 0}),
                         ("people", {"cat called dog": 0, "deer called horse": 20})):  # fmt: skip
        assert {rows[place]: share for share, place in zip(*lines(axes)[name], strict=True)} == pytest.approx(wanted)
    (bars,) = axes.containers
    (low, high), *_ = sorted(segment[:, 0] for segment in bars[2][0].get_segments() if np.ptp(segment[:, 0]))  # type: ignore[index]
    assert (low, high) == pytest.approx((20 - 200 * (0.2 * 0.8 / 125) ** 0.5, 20 + 200 * (0.2 * 0.8 / 125) ** 0.5))
    assert float(people[0, 0]) == 0.8  # what is given is not changed


def test_a_reliability_diagram_has_the_bins_that_have_predictions_and_their_shares() -> None:
    sure = torch.tensor([0.95, 0.95, 0.85, 0.65]).repeat_interleave(torch.tensor([5, 5, 5, 5]))
    found = reliability(torch.stack([sure, 1 - sure], 1), torch.tensor([0, 1, 0, 0]).repeat_interleave(5))
    figure = figures.reliability_diagram({"one": found, "two": found})
    above, below = figure.axes
    confidence, accuracy = above.containers[0][0].get_data()  # type: ignore[index]
    assert list(confidence) == pytest.approx([65, 85, 95]) and list(accuracy) == [100, 100, 50]
    segments = above.containers[0][2][0].get_segments()  # type: ignore[index]
    (reach,) = [segment[:, 1] for segment in segments if len(segment)]  # of ten predictions, no fewer
    assert list(reach) == pytest.approx([50 - 200 * 0.025**0.5, 50 + 200 * 0.025**0.5])
    hollow = [line for line in above.lines if line.get_color() == "white"]
    assert [list(line.get_xdata()) for line in hollow] == [pytest.approx([65, 85])] * 2  # type: ignore[arg-type]
    heights = [bar.get_height() for bar in below.patches]  # type: ignore[attr-defined]
    assert heights == [0, 0, 0, 0, 0, 0, 25, 0, 25, 50] * 2
    assert lines(above)["perfectly calibrated"] == ([0, 100], [0, 100])
    assert f"one: calibration error {100 * found.error:.1f} %, accuracy above confidence in bins with 50 %" in str(
        figure.get_label()
    )


def test_histograms_of_confidence_share_a_scale_and_say_what_a_threshold_rejects() -> None:
    groups = {"known": torch.tensor([0.31, 0.62, 0.97, 0.98]), "strange": torch.tensor([0.2, 0.3])}
    figure = figures.confidence_histograms(groups, threshold=0.5)
    above, below = figure.axes
    heights = {name: [bar.get_height() for bar in axes.patches] for name, axes in (("a", above), ("b", below))}  # type: ignore[attr-defined]
    assert {k: h for k, h in enumerate(heights["a"]) if h} == {6: 25, 12: 25, 19: 50}
    assert sum(heights["b"]) == pytest.approx(100) and above.get_ylim() == below.get_ylim()
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["known", "strange"]
    assert [axes.texts[0].get_text() for axes in figure.axes] == ["25.0 % rejected", "100.0 % rejected"]
    assert [list(axes.lines[0].get_xdata()) for axes in figure.axes] == [[50, 50]] * 2  # type: ignore[arg-type]
    said = str(figure.get_label())
    assert "a threshold of 50 %. known, 25.0 % below it, mean 72.0 %; strange, 100.0 % below it, mean 25.0 %." in said


def drawn_maps(*names: str) -> Any:
    """A figure with two rows of maps of one grey picture, of which two pixels count."""
    picture = torch.full((3, 32, 32), 128, dtype=torch.uint8)
    signed = np.zeros((32, 32))
    signed[0, 0:8], signed[1, 0:8] = -1.0, 1.0
    maps: dict[str, Any] = {"saliency": np.abs(signed), "Grad-CAM": signed}
    return figures.attributions(dict.fromkeys(names, (picture, maps)))


def test_maps_are_laid_over_a_grey_picture_in_the_colours_of_the_key() -> None:
    figure = drawn_maps("right", "wrong")
    assert [axes.get_title() for axes in figure.axes[:3]] == ["", "saliency", "Grad-CAM"]
    assert [axes.texts[0].get_text() for axes in figure.axes[0:6:3]] == ["right", "wrong"]
    plain, coloured = (np.asarray(axes.images[0].get_array()) for axes in figure.axes[1:3])
    assert np.allclose(coloured[0, 0], to_rgb(_AGAINST), atol=0.01) and np.allclose(
        coloured[1, 0], to_rgb(_FOR), atol=0.01
    )
    assert np.allclose(plain[0, 0], to_rgb(figures.PALETTE[0]), atol=0.01)
    assert np.ptp(coloured[20, 20]) == 0 == np.ptp(plain[20, 20])  # grey where the map is zero
    keys = [[text.get_text() for text in axes.get_xticklabels()] for axes in figure.axes[6:]]
    assert keys == [["0", "matters most"], ["against", "0", "for the class"]]
    assert [axes.get_xlabel() for axes in figure.axes[6:]] == ["each map has its own scale"] * 2


def test_the_words_for_maps_of_one_picture_say_how_far_they_agree_and_of_several_where_they_lie() -> None:
    assert "one picture, trained and broken. Agreement of their ranks: saliency 1.00" in str(
        drawn_maps("trained", "broken").get_label()
    )
    assert [axes.texts[0].get_text() for axes in drawn_maps("trained", "broken").axes[4:6]] == ["agreement 1.00"] * 2
    picture, values = random_images(1).images[0], np.zeros((32, 32))
    values[16, 16] = values[0, 20] = values[0, 18] = 1.0
    smooth = np.linspace(-1, 1, 32)[:, None] * np.ones((32, 32))
    maps = {"saliency": values, "Grad-CAM": smooth}
    said = str(figures.attributions({"cat\npredicted dog": (picture, maps)}).get_label())
    assert (
        "fine-grained: saliency. Where" in said and "cat, predicted dog: saliency upper middle, Grad-CAM lower" in said
    )


def test_a_few_extreme_pixels_do_not_leave_the_others_without_colour() -> None:
    values = np.ones((32, 32))
    values[3, 3] = 1000
    picture = random_images(1).images[0]
    image = figures.attributions({"one": (picture, {"saliency": values})}).axes[1].images[0]
    assert np.allclose(np.asarray(image.get_array())[9, 9], to_rgb(figures.PALETTE[0]), atol=0.01)
