"""Charts and numbers in pictures of right answers."""

from __future__ import annotations

import math
import re
from typing import Any

import pytest
import torch

from cifar_helpers.checks.chart import Axis, Line, line_chart
from cifar_helpers.checks.drawing import beside, short


def points(chart: str) -> list[list[tuple[float, float]]]:
    return [
        [tuple(float(v) for v in pair.split(",")) for pair in line.split()]  # type: ignore[misc]
        for line in re.findall(r'<polyline points="([^"]+)"', chart)
    ]


def test_lines_rise_where_numbers_rise_and_what_is_not_finite_is_left_out() -> None:
    line = Line("a", [(1, 1.0), (2, 4.0), (3, math.nan), (4, 2.0)])
    (path,) = points(line_chart([line], Axis("x"), Axis("y"), "alt"))
    assert len(path) == 3 and path[0][0] < path[1][0] < path[2][0]
    assert path[1][1] < path[2][1] < path[0][1]  # larger is higher, and higher is less on a screen


def test_equal_ratios_are_equal_steps_on_logarithmic_axes() -> None:
    line = Line("a", [(1, 1), (10, 100), (100, 10_000)])
    (path,) = points(line_chart([line], Axis("x", logarithmic=True), Axis("y", logarithmic=True), "alt"))
    assert path[1][0] - path[0][0] == pytest.approx(path[2][0] - path[1][0], abs=0.2)
    assert path[0][1] - path[1][1] == pytest.approx(path[1][1] - path[2][1], abs=0.2)


def test_a_chart_names_axes_lines_and_marks_and_escapes_them() -> None:
    chart = line_chart(
        [Line("<b>", [(0, 0), (1, 1)])], Axis("epoch"), Axis("loss (nats)"), 'say "so"', marks=[(0.5, "here")]
    )
    assert all(f">{text}</text>" in chart for text in ("epoch", "loss (nats)", "here", "&lt;b&gt;"))
    assert 'aria-label="say &quot;so&quot;"' in chart and "<b>" not in chart


def test_lines_differ_by_dashes_as_well_as_by_colour() -> None:
    chart = line_chart([Line(str(k), [(0, k), (1, k)], k) for k in range(4)], Axis("x"), Axis("y"), "alt")
    drawn = re.findall(r'<polyline[^>]*stroke="([^"]+)"[^>]*stroke-dasharray="([^"]*)"', chart)
    assert len({colour for colour, _ in drawn}) == len({dash for _, dash in drawn}) == 4


def test_no_points_at_all_give_empty_axes() -> None:
    assert "<svg" in line_chart([Line("a", [])], Axis("x"), Axis("y"), "nothing yet")
    assert "<circle" in line_chart([Line("a", [(3, 3)])], Axis("x"), Axis("y"), "one")


@pytest.mark.parametrize(("value", "text"), [(0.5, "0.5"), (-1, "−1"), (1 / 3, "0.33"), (-0.001, "0"), (10, "10")])
def test_numbers_are_short(value: float, text: str) -> None:
    assert short(value) == text


def test_a_page_without_themes_shows_numbers_in_colours_for_a_light_one() -> None:
    given = torch.tensor([0.0, 2.0, 3.0])
    drawn = beside(torch.tensor([0.0, 1.0, 5.0]), torch.tensor([0.0, -1.0, 5.0]), 1e-4, {"x": given})
    low = "background:#8c80bd33;background:light-dark(#8c80bd33,#a48fee33);color:#4a2f8c;"
    assert drawn.count(low) == 3  # in the table, in its key and in the line
    assert re.findall(r">(\S\d?)</td>", drawn) == ["0", "2", "3", "0", "−1", "5", "0", "1", "5"]
    told, _, tables = drawn.partition("</p>")
    assert re.sub("<[^>]*>", "", told) == "Framed: x 2, yours −1, should be 1"
    colours = ("#8883", "#8c80bd33", "#1a7a4c1f")  # what differs, alone, in the input too, which has no other colour
    assert [tables.count(f"background:{colour};") for colour in colours] == [1, 2, 1]


def test_numbers_of_classes_are_wrong_but_neither_too_high_nor_too_low() -> None:
    pairs: list[tuple[Any, Any, int]] = [
        (torch.tensor([3, 5]), torch.tensor([3, 7]), 2),
        ([3, 5], [3, 7], 2),
        (torch.tensor([3.0, 5.0]), torch.tensor([3.0, 7.0]), 0),
        (torch.tensor([3, 5], dtype=torch.uint8), torch.tensor([3, 7], dtype=torch.uint8), 0),
    ]
    for right, own, red in pairs:
        drawn = beside(right, own, 1e-4, {})
        assert drawn.count("background:#b3261e1f;") == red and ("too high" in drawn) == (not red)


def test_the_frame_is_around_what_is_not_finite_first() -> None:
    drawn = beside(torch.tensor([1.0, 2.0, 3.0]), torch.tensor([1.0, 4.0, math.nan]), 1e-4, {})
    assert re.sub("<[^>]*>", "", drawn.partition("</p>")[0]) == "Framed: yours nan, should be 3"


@pytest.mark.parametrize(
    ("right", "own", "words"),
    [
        ((0.5, -0.0001), (0.5, 0.2), ["0.500", "0.200", "0.500", "0.000"]),
        ((0.5, 0.2), (0.5, 0.2003), ["0.5000", "0.2003", "0.5000", "0.2000"]),
        ((0.5, 0.2), (0.5, 0.2000003), ["0.500", "0.2000003", "0.500", "0.2"]),
        ((1e9, 2), (math.inf, 2), ["inf", "2", "1e+09", "2"]),
        ((1e-9, 2e-3), (1e-9, 4e-3), ["0.00000", "0.00400", "0.00000", "0.00200"]),
    ],
)
def test_numbers_beside_each_other_have_the_same_decimals(
    right: tuple[float, ...], own: tuple[float, ...], words: list[str]
) -> None:
    drawn = beside(torch.tensor(right, dtype=torch.float64), torch.tensor(own, dtype=torch.float64), 1e-7, {})
    assert re.findall(r"'>([^<]+)</td>", drawn) == words
