"""The figure of lesson 09: what it draws, and what its alt text says."""

from __future__ import annotations

import pytest
import torch

from cifar_helpers import figures
from cifar_helpers.runs.transfer import Arm, paired_gain


def arm(method: str, images: int, *shares: float) -> Arm:
    """Each seed is right about the first so many of a hundred images."""
    correct = torch.stack([torch.arange(100) < round(100 * share) for share in shares])
    return Arm(method, images, correct)


def test_each_method_is_a_line_with_intervals_above_the_chance_level() -> None:
    arms = [
        arm("linear probe", 10, 0.5, 0.6, 0.7),
        arm("linear probe", 100, 0.85, 0.85, 0.85),
        arm("from scratch", 10, 0.2, 0.3, 0.4),
    ]
    figure = figures.transfer(arms, chance=0.1)
    axes, _ = figure.axes
    probe, scratch = axes.containers
    assert probe.lines[0].get_ydata() == pytest.approx([60, 85]) and scratch.lines[0].get_ydata() == pytest.approx([30])
    low, high = probe.lines[2][0].get_segments()[0][:, 1]
    assert high - low == pytest.approx(200 * arms[0].half_width) and high - low > 20
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [
        "guessing, 10 %",
        "linear probe",
        "from scratch",
    ]
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["10", "100"]
    assert [list(line.get_ydata()) for line in axes.lines if line.get_label() == "guessing, 10 %"] == [[10, 10]]
    assert axes.get_ylim() == (0, 100)  # the interval of 85 % reaches beyond 90 %
    assert figures.transfer(arms, chance=0.5).axes[0].get_ylim() == (40, 100)


def test_its_alt_text_states_the_finding() -> None:
    figure = figures.transfer(
        [arm("linear probe", 1000, 0.5, 0.6, 0.7), arm("from scratch", 1000, 0.2, 0.3, 0.4)], chance=0.25, probe="maps"
    )
    assert figure.get_label() == (
        "Validation accuracy by training images of each class, with 95 % intervals. linear probe, maps: 60 ± 26 % with "
        "1,000; from scratch: 30 ± 26 % with 1,000. Guessing: 25 %. Difference from training from scratch: linear "
        "probe, maps: +30.0 points (+23.1 to +36.9) with 1,000."
    )


def test_the_differences_on_the_right_are_hollow_where_their_interval_includes_0() -> None:
    arms = [
        arm("linear probe", 10, 0.5, 0.5, 0.5),
        arm("linear probe", 100, 0.52, 0.48, 0.5),
        arm("from scratch", 10, 0.2, 0.2, 0.2),
        arm("from scratch", 100, 0.48, 0.52, 0.5),
    ]
    _, axes = figures.transfer(arms, chance=0.1).axes
    markers = [container.lines[0] for container in axes.containers]
    assert [line.get_ydata()[0] for line in markers] == pytest.approx([30, 0])
    assert [line.get_markerfacecolor() == "white" for line in markers] == [False, True]
    low, high = axes.containers[0].lines[2][0].get_segments()[0][:, 1]
    expected = paired_gain(arms[0].correct, arms[2].correct)
    assert (low, high) == pytest.approx((100 * expected.low, 100 * expected.high))


def test_without_training_from_scratch_there_are_no_differences() -> None:
    figure = figures.transfer([arm("linear probe", 10, 0.5, 0.5, 0.5)], chance=0.1)
    assert not figure.axes[1].containers and "Difference" not in str(figure.get_label())


def test_nothing_is_said_of_hollow_markers_where_there_are_none_and_differences_are_not_joined() -> None:
    arms = [arm("linear probe", n, 0.5, 0.5, 0.5) for n in (10, 100)] + [
        arm("from scratch", n, 0.2, 0.2, 0.2) for n in (10, 100)
    ]
    left, right = figures.transfer(arms, chance=0.1).axes
    assert not right.get_title() and right.lines[-1].get_ydata()[0] == 0  # type: ignore[index]
    assert all(container.lines[0].get_linestyle() == "None" for container in right.containers)
    assert all(container.lines[0].get_linestyle() == "-" for container in left.containers)


def test_features_look_the_same_in_every_figure() -> None:
    def colour(method: str, probe: str) -> object:
        figure = figures.transfer([arm(method, 10, 0.5, 0.5, 0.5)], chance=0.1, probe=probe)
        return figure.axes[0].containers[0].lines[0].get_color()

    assert colour("linear probe", "") == colour("linear probe, ImageNet", "good-25")
    assert colour("linear probe", "maps") == colour("linear probe, places kept", "good-25")
    assert len({colour("linear probe", probe) for probe in ("", "maps", "good-25")}) == 3


def test_methods_are_set_apart_by_the_width_of_a_marker_and_no_more() -> None:
    methods = ("linear probe", "linear probe, hidden units", "fine-tuning", "from scratch")
    for counts in ((20, 100, 500), (10, 100, 1000)):
        arms = [arm(method, images, 0.5, 0.5, 0.5) for method in methods for images in counts]
        left, right = figures.transfer(arms, chance=0.1).axes
        for axes in (left, right):
            places = [float(x) for container in axes.containers for x in container.lines[0].get_xdata()]
            nearest = [min(counts, key=lambda count: abs(count - place)) for place in places]
            apart = [place / count for place, count in zip(places, nearest, strict=True)]
            assert len(places) >= 9 and 1 / 1.2 < min(apart) < 0.95 and 1.05 < max(apart) < 1.2


def test_images_are_counted_by_class_or_by_turn() -> None:
    figure = figures.transfer([arm("from scratch", 25, 0.5, 0.5, 0.5)], chance=0.25, group="turn")
    assert [axes.get_xlabel() for axes in figure.axes] == ["training images of each turn (logarithmic)"] * 2
    assert str(figure.get_label()).startswith("Validation accuracy by training images of each turn, with")


def test_the_parts_that_each_method_trains_have_names_and_colours() -> None:
    figure = figures.trained_parts()
    (axes,) = figure.axes
    names = [text.get_text() for text in axes.texts]
    assert names[:10] == ["stem", *(f"stage{k}" for k in range(1, 8)), "head", "linear"] == names[10:20]
    assert names[20:] == ["block 1", "block 2", "block 3", "linear layers"]
    fills = [patch.get_facecolor() for patch in axes.patches]
    assert len(set(fills[:9])) == 1 and fills[9] != fills[0]
    assert len(set(fills[10:17])) == 1 and fills[10] == fills[0] and len({*fills[17:20]}) == 1
    assert set(fills[20:]) == {fills[9]} and fills[17] not in (fills[0], fills[9])
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [
        "frozen",
        "trained further",
        "trained from random weights",
    ]
    assert str(figure.get_label()) == (
        "What each method trains. linear probe: stem to head frozen, linear trained from random weights; fine-tuning: "
        "stem to stage6 frozen, stage7 to linear trained further; from scratch: block 1 to linear layers trained from "
        "random weights."
    )
