"""The timing explorer: reading between measurements, and the crossover."""

from __future__ import annotations

import math

import pytest
from helpers import alts, named, status

from cifar_helpers.widgets import timing_explorer as timing_explorer_widget
from cifar_helpers.widgets.timing_explorer import crossover, time_at

# A device with a cost for each call, and one without that is slower for each image.
GPU = {n: 10 / n + 0.01 for n in (1, 4, 16, 64, 256)}
CPU = dict.fromkeys((1, 4, 16, 64, 256), 0.5)


def test_measured_sizes_are_read_as_measured_and_others_lie_between() -> None:
    assert all(time_at(GPU, n) == pytest.approx(t) for n, t in GPU.items())
    assert GPU[64] < time_at(GPU, 30) < GPU[16]
    assert math.isnan(time_at(GPU, 500)) and math.isnan(time_at(GPU, 0.5))
    assert time_at({8: 2.0}, 8) == 2.0


def test_the_crossover_is_where_both_take_the_same_time() -> None:
    place = crossover(GPU, CPU)
    assert place is not None and time_at(GPU, place) == pytest.approx(0.5, rel=1e-6)
    assert crossover(CPU, GPU) == pytest.approx(place)
    assert crossover(CPU, dict.fromkeys(CPU, 0.4)) is None
    assert crossover(CPU, {1000: 0.1}) is None  # nothing in common


def test_controls_change_the_reading() -> None:
    parts = named(timing_explorer_widget({"CPU": CPU, "GPU": GPU, "other": {16: 0.7}}))
    shown = parts["Screen"]
    parts["batch size"].value = 4
    assert "CPU 0.5 ms, GPU 2.51 ms; CPU is 5 times as fast" in status(shown.value)
    parts["batch size"].value = 256
    assert "GPU is 10 times as fast" in status(shown.value) and "cross near a batch of 20" in status(shown.value)
    assert "crossover 20" in shown.value and status(shown.value) in alts(shown.value)[0]
    parts["with"].value = "other"
    assert "other not measured" in status(shown.value) and "do not cross" in status(shown.value)
    parts["with"].value = "CPU"
    assert status(shown.value) == "An image in a batch of 256: CPU 0.5 ms."


@pytest.mark.parametrize("curves", [{}, {"a": {}}, {"a": {1: 0.0}}, {"a": {0: 1.0}}])
def test_curves_without_positive_numbers_are_refused(curves: dict[str, dict[int, float]]) -> None:
    with pytest.raises(ValueError, match="timing_explorer"):
        timing_explorer_widget(curves)
