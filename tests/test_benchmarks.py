"""What the project's own benchmark recorded, and what lessons and README may say of it."""

from __future__ import annotations

import pytest

from benchmarks.common import middle, table
from cifar_helpers.timing import recorded_benchmark


@pytest.mark.records
def test_each_engine_is_as_much_faster_as_the_course_says() -> None:
    engines = {row["engine"]: row for row in recorded_benchmark("a")}
    ours = engines["course"]["median"]
    for name, least in (("tutorial", 3), ("torchvision", 2)):
        times = engines[name]["median"] / ours
        assert times >= least and engines[name]["times the course's"] == pytest.approx(times, abs=0.01)


@pytest.mark.records
def test_eighty_percent_take_a_sixteenth_of_the_tutorials_training() -> None:
    targets = {row["validation accuracy"]: row for row in recorded_benchmark("c")}
    tutorial = next(row["median"] for row in recorded_benchmark("a") if row["engine"] == "tutorial")
    assert targets["80%"]["reached by"] == "5 of 5 seeds"
    assert targets["80%"]["mean seconds"] <= 25 * tutorial / 16


@pytest.mark.records
def test_a_training_step_reaches_half_of_the_roof_and_all_shares_are_named() -> None:
    rows = recorded_benchmark("d")
    assert all(row["share of the roof"] >= 0.5 for row in rows if row["what"].startswith("training step"))
    shares = [row["share of time"] for row in rows if "share of time" in row]
    assert sum(shares) == pytest.approx(1, abs=0.03) and shares == sorted(shares, reverse=True)


@pytest.mark.records
def test_the_ladder_falls_from_its_first_step_to_its_last() -> None:
    ladder = [row["median"] for row in recorded_benchmark("b") if "gain" in row]
    assert ladder[0] == max(ladder) and ladder[-1] < ladder[0] / 2


@pytest.mark.records
def test_the_sweep_holds_a_crossing_of_both_networks() -> None:
    curves: dict[str, dict[int, float]] = {}
    for row in recorded_benchmark("f"):
        curves.setdefault(row["curve"], {})[row["batch size"]] = row["ms an image"]
    cnn, mlp = curves["CNN, float32"], curves["MLP, float32"]
    assert cnn[1] < mlp[1] and cnn[512] > mlp[512]


def test_an_unknown_part_of_the_benchmark_is_named() -> None:
    with pytest.raises(ValueError, match="no part 'x'; there are a, b, c, d, e, f, g"):
        recorded_benchmark("x")


def test_tables_are_medians_in_columns() -> None:
    assert middle([3.0, 1.0, 2.0]) == {"median": 2.0, "least": 1.0, "greatest": 3.0, "repeats": 3}
    lines = table("Title", [{"a": 1, "b": 2.5}, {"a": "long", "c": 3}]).splitlines()
    assert lines[1:] == ["Title", "a     b     c", "1     2.50", "long        3"]
