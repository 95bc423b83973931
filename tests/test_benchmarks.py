"""What the project's own benchmark recorded, and what lessons and README may say of it."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import pytest
import torch
from torch import nn

from benchmarks import __main__ as command
from benchmarks import compiling, gpu
from benchmarks.common import middle, table
from cifar_helpers import timing
from cifar_helpers.roofline import recorded_roofline
from cifar_helpers.timing import recorded_benchmark, recorded_curves, recorded_gpu


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
def test_a_training_step_reaches_half_of_the_peak_and_all_shares_are_named() -> None:
    rows = recorded_benchmark("d")
    assert all(row["share of the peak"] >= 0.5 for row in rows if row["what"].startswith("training step"))
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
        curves.setdefault(row["curve"], {})[row["batch size"]] = row["ms per image"]
    cnn, mlp = curves["CNN, float32"], curves["MLP, float32"]
    assert cnn[1] < mlp[1] and cnn[512] > mlp[512]


def test_an_unknown_part_of_the_benchmark_is_named() -> None:
    with pytest.raises(ValueError, match=r"no part 'x'; there are a, b, c, d, e, f, h$"):
        recorded_benchmark("x")


def test_tables_are_medians_in_columns() -> None:
    assert middle([3.0, 1.0, 2.0]) == {"median": 2.0, "smallest": 1.0, "largest": 3.0, "repeats": 3}
    lines = table("Title", [{"a": 1, "b": 2.5}, {"a": "long", "c": 3}]).splitlines()
    assert lines[1:] == ["Title", "a     b     c", "1     2.50", "long        3"]


def measured_on_the_cpu() -> dict[str, object]:
    """What a GPU's owner measures, in little and on the CPU."""
    return gpu.measure(torch.device("cpu"), sizes=(1, 2, 4), sides=(8, 16), batch_size=2, copied=1000, seconds=0.01)


def test_what_is_recorded_of_a_gpu_is_what_the_lesson_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "RESULTS", tmp_path / "benchmarks.json")
    monkeypatch.setattr(command, "devices", lambda: [torch.device("cpu")] * 2)
    found_there = measured_on_the_cpu()
    monkeypatch.setattr(gpu, "measure", lambda device: found_there)
    monkeypatch.setattr(sys, "argv", ["benchmarks", "gpu"])
    (tmp_path / "benchmarks.json").write_text('{"machine": {"cores": 64}, "f": {"rows": []}}', encoding="utf-8")
    command.main()
    monkeypatch.setattr(timing, "resources", lambda: tmp_path)
    kept = json.loads((tmp_path / "benchmarks.json").read_text(encoding="utf-8"))
    assert kept["machine"] == {"cores": 64} and kept["gpu"]["device"] == "CPU"
    curves, found = recorded_curves(), recorded_roofline()
    assert set(curves) == {f"{name}, CPU, recorded" for name in ("CNN, float32", "CNN, bfloat16", "MLP, float32")}
    assert all(list(curve) == [1, 2, 4] and min(curve.values()) > 0 for curve in curves.values())
    assert found is not None and len(found.layers) == 17 and found.ridge > 0
    assert [row["side"] for row in recorded_gpu("queue")] == [8, 16]
    assert all(0 < row["queued ms"] <= row["done ms"] for row in recorded_gpu("queue"))


def test_without_a_gpu_nothing_is_recorded_of_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "RESULTS", tmp_path / "benchmarks.json")
    monkeypatch.setattr(command, "devices", lambda: [torch.device("cpu")])
    monkeypatch.setattr(gpu, "measure", lambda device: pytest.fail(f"measured {device}"))
    monkeypatch.setattr(sys, "argv", ["benchmarks", "gpu"])
    with pytest.raises(SystemExit):
        command.main()
    assert "there is none here" in capsys.readouterr().err and not command.RESULTS.exists()


def test_the_first_call_of_a_compiled_network_is_timed_apart() -> None:
    calls: list[int] = []

    def compiler(network: nn.Module) -> object:
        def forward(images: torch.Tensor) -> object:
            time.sleep(0 if calls else 0.5)  # only the first call compiles
            calls.append(len(images))
            return network(images)

        return forward

    without, compiled = compiling.measure(4, 0.01, compiler)
    assert without["ms per step"] > 0 and compiled["ms per step"] > 0 and compiled["seconds of the first call"] >= 0.5
    assert set(calls) == {4}
