"""The figure of rounded weights shows the accuracies that it is given, and says them."""

from __future__ import annotations

import pytest

from cifar_helpers import figures

CURVES = {"per channel": {8: 0.88, 2: 0.15}, "per layer": {2: 0.1, 8: 0.87}}


def test_each_way_of_rounding_is_a_line_against_bits_and_float32_a_dashed_one() -> None:
    figure = figures.accuracy_by_bits(CURVES, 0.885)
    axes, enlarged = figure.axes
    first, limit, *others = axes.lines
    assert first.get_linestyle() == "--" and list(first.get_ydata()) == [88.5, 88.5]  # type: ignore[arg-type]
    assert limit.get_label() == "2 points less" and list(limit.get_ydata()) == [86.5, 86.5]  # type: ignore[arg-type]
    assert len(enlarged.lines) == len(axes.lines) and enlarged.get_ylim() == (83.5, 89.5)
    found = {str(line.get_label()): (list(line.get_xdata()), list(line.get_ydata())) for line in others}  # type: ignore[arg-type]
    assert found["per channel"] == ([2, 8], pytest.approx([15, 88]))
    assert found["per layer"] == ([2, 8], pytest.approx([10, 87]))
    assert list(axes.get_xticks()) == [2, 8] and axes.get_ylim() == (0, 100)
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("bits per weight", "accuracy (%)")
    said = str(figure.get_label())
    assert "float32 has 88.5 %" in said
    assert "per channel: 88.0 % with 8, 15.0 % with 2; per layer: 87.0 % with 8" in said
