"""What the project's own benchmark recorded, and what lessons and README may say of it."""

from __future__ import annotations

import json
import sys
import time
import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from helpers import ROOT
from torch import Tensor, nn

from benchmarks import __main__ as command
from benchmarks import accuracy, common, compiling, epoch, gpu, peers, short, steps
from benchmarks.common import Row, middle, table, with_former
from cifar_helpers import Cifar10, CifarCNN, ImageSet, timing
from cifar_helpers.roofline import recorded_roofline
from cifar_helpers.runs import SHORT
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


def test_the_time_to_an_accuracy_is_that_of_the_first_epoch_that_reaches_it() -> None:
    ours = [{"accuracy": [0.6, 0.81], "seconds": [10.0, 20.0]}, {"accuracy": [0.8, 0.9], "seconds": [10.0, 22.0]}]
    theirs = [{"accuracy": [0.5, 0.85], "seconds": [20.0, 40.0]}, {"accuracy": [0.5, 0.6], "seconds": [20.0, 40.0]}]
    row = accuracy.summary(ours, theirs, 0.8)
    assert (row["mean seconds"], row["reached by"], row["former"]) == (15.0, "2 of 2 seeds", 40.0)
    assert row["of the former"] == 0.375
    assert (
        "former" not in accuracy.summary(ours, theirs, 0.9) and accuracy.summary(ours, [], 0.99)["reached by"][0] == "0"
    )


@pytest.mark.records
def test_each_setting_of_the_short_recipe_has_its_gain_over_five_seeds() -> None:
    content = json.loads(short.RESULTS.read_text(encoding="utf-8"))
    rows = {row["variant"]: row for row in content["rows"]}
    assert content["seeds"] == 5 and list(rows) == list(short.VARIANTS)
    base = rows[short.SHORT_NAME]
    assert base["epochs"] == SHORT.epochs == 3 and base["smallest"] > 80
    for name, row in rows.items():
        if name != short.SHORT_NAME:
            assert row["mean"] == pytest.approx(row["accuracy"] - base["accuracy"], abs=0.02), name
            assert row["low"] < row["mean"] < row["high"], name
    # What the recipe is made of, each alone and together, is beyond chance.
    for name in (
        "first layer trained from random kernels",
        "batch norms' shifts at the common rate",
        "neither of the two",
    ):
        assert rows[name]["high"] < 0
    assert rows["former recipe, 4 epochs"]["smallest"] > 80 > rows["former recipe, 3 epochs"]["accuracy"]


def test_variants_are_compared_with_the_first_on_the_same_images(sketches: Cifar10) -> None:
    few = replace(sketches, train_images=sketches.train_images[:500], train_labels=sketches.train_labels[:500])
    small = replace(SHORT, epochs=1, train_images=200)
    rows = short.measure(few, torch.device("cpu"), {"short recipe": small, "other": replace(small, flip=False)}, 2)
    assert [row["variant"] for row in rows] == ["short recipe", "other"] and "mean" not in rows[0]
    assert rows[1]["mean"] == pytest.approx(rows[1]["accuracy"] - rows[0]["accuracy"], abs=0.02)
    assert rows[1]["low"] < rows[1]["mean"] < rows[1]["high"]


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
    with pytest.raises(ValueError, match=r"no part 'x'; there are a, b, c, d, e, f, h, l, p, s$"):
        recorded_benchmark("x")


def test_tables_are_medians_in_columns() -> None:
    assert middle([3.0, 1.0, 2.0]) == {"median": 2.0, "smallest": 1.0, "largest": 3.0, "repeats": 3}
    lines = table("Title", [{"a": 1, "b": 2.5}, {"a": "long", "c": 3}]).splitlines()
    assert lines[1:] == ["Title", "a     b     c", "1     2.50", "long        3"]


@pytest.mark.records
def test_every_recorded_figure_is_found_again_in_a_later_run() -> None:
    recorded = json.loads(command.RESULTS.read_text(encoding="utf-8"))
    parts = [recorded[name]["rows"] for name in command.PARTS if name in recorded]
    for rows in [*parts, *(recorded.get("gpu", {}).get(name, []) for name in ("sweep", "queue", "layers", "compile"))]:
        for row in with_former(rows, rows):
            columns = list(row)
            figure = columns[columns.index("was") - 1]
            assert figure in common.FIGURES and row["was"] == row[figure]


def test_what_a_figure_was_comes_behind_it_and_only_for_the_same_row() -> None:
    rows: list[Row] = [
        {"curve": "CNN", "batch size": 2, "ms per image": 0.5},
        {"what": "step", "GFLOP/s": 3.0, "peak": 4},
        {"what": "step", "share of time": 0.2},
        {"note": "no figure"},
    ]
    former: list[Row] = [
        {"curve": "CNN", "batch size": 1, "ms per image": 0.9},
        {"what": "step", "share of time": 0.3},
        {"what": "step", "GFLOP/s": 2.5, "peak": 9},
    ]
    first, second, third, fourth = with_former(rows, former)
    assert first == rows[0] and fourth == rows[3] and third["was"] == 0.3
    assert list(second.items()) == [("what", "step"), ("GFLOP/s", 3.0), ("was", 2.5), ("peak", 4)]
    assert all("was" not in row for row in rows)


def recorded_before(folder: Path, monkeypatch: pytest.MonkeyPatch, *arguments: str, gpus: int = 0) -> list[str]:
    """`python -m benchmarks ARGUMENTS` where all parts take no time; names of those that ran."""
    ran: list[str] = []

    def part(name: str) -> Callable[[], list[Row]]:
        return lambda: (ran.append(name), [{"engine": "course", "median": 12.5}])[1]

    monkeypatch.setattr(command, "RESULTS", folder / "benchmarks.json")
    monkeypatch.setattr(command, "PARTS", {name: (f"Part {name}", part(name)) for name in command.PARTS})
    monkeypatch.setattr(command, "devices", lambda: [torch.device("cpu")] * (1 + gpus))
    measured: dict[str, object] = {"device": "GPU X", "sweep": [], "layers": [], "compile": []}
    measured["queue"] = [{"side": 8, "queued ms": 0.25, "done ms": 0.5}]
    monkeypatch.setattr(gpu, "measure", lambda device: (ran.append("gpu"), measured)[1])
    monkeypatch.setattr(sys, "argv", ["benchmarks", *arguments])
    command.main()
    return ran


def test_the_benchmark_says_what_was_recorded_before_it_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    former = {
        "machine": {"cores": 64},
        "a": {"rows": [{"engine": "course", "median": 13.1}]},
        "gpu": {"device": "GPU X", "sweep": [], "layers": [], "queue": [{"side": 8, "queued ms": 0.75}]},
    }
    (tmp_path / "benchmarks.json").write_text(json.dumps(former), encoding="utf-8")
    assert recorded_before(tmp_path, monkeypatch, "a", "gpu", gpus=1) == ["gpu", "a"]
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert "`was` is of cores 64" in lines
    assert "engine median was" in lines and "course 12.50 13.10" in lines
    assert "side queued ms was done ms" in lines and "8 0.25 0.75 0.50" in lines
    kept = json.loads((tmp_path / "benchmarks.json").read_text(encoding="utf-8"))
    assert kept["a"]["rows"] == [{"engine": "course", "median": 12.5}]


def test_another_gpu_is_not_compared_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    former = {"gpu": {"device": "GPU Y", "sweep": [], "layers": [], "queue": [{"side": 8, "queued ms": 0.75}]}}
    (tmp_path / "benchmarks.json").write_text(json.dumps(former), encoding="utf-8")
    recorded_before(tmp_path, monkeypatch, "gpu", gpus=1)
    assert "GPU X" in (shown := capsys.readouterr().out) and "was" not in shown


@pytest.mark.parametrize("gpus", [0, 1])
def test_all_parts_run_unless_some_are_named_and_that_of_a_gpu_where_there_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gpus: int
) -> None:
    assert sorted(recorded_before(tmp_path, monkeypatch, gpus=gpus)) == sorted([*command.PARTS, *["gpu"] * gpus])


class Counting(CifarCNN):
    """The course's network; it keeps, for each batch, whether it is trained on it and how many images it has."""

    seen: ClassVar[list[tuple[bool, int]]] = []

    def forward(self, images: Tensor) -> Tensor:
        self.seen.append((self.training, len(images)))
        assert images.dtype == torch.float32 and images.min() < 0  # normalised
        return super().forward(images)


def random_images(count: int) -> ImageSet:
    """Noise with labels."""
    return ImageSet(torch.randint(256, (count, 3, 32, 32), dtype=torch.uint8), torch.arange(count) % 10)


@pytest.mark.parametrize("engine", list(peers.ENGINES))
def test_another_engine_trains_one_epoch_and_validates_once(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    package, epoch_of = peers.ENGINES[engine]
    pytest.importorskip(package)
    monkeypatch.setattr(peers, "CifarCNN", Counting)
    monkeypatch.setattr(peers, "WARM_UP", 2)
    monkeypatch.setattr(Counting, "seen", [])
    assert epoch_of(random_images(30), random_images(12), 4) > 0
    epoch_alone = Counting.seen[-(8 + 3) :]
    assert epoch_alone == [*[(True, 4)] * 7, (True, 2), *[(False, 4)] * 3]
    warm_up = [(True, 4)] * 2 + [(False, 4)] * {"Lightning": 0, "fastai": 2}[engine]
    assert Counting.seen[: -(8 + 3)] == warm_up


def test_half_of_the_images_of_other_engines_are_mirrored() -> None:
    picture = torch.rand(3, 4, 4)
    images = peers.Flipped(picture.expand(200, -1, -1, -1), torch.arange(200))
    torch.manual_seed(0)
    found = [image for image, _ in (images[k] for k in range(200))]
    mirrored = [image for image in found if torch.equal(image, picture.flip(2))]
    assert 60 < len(mirrored) < 140
    assert sum(torch.equal(image, picture) for image in found) == 200 - len(mirrored)


def test_an_engine_that_is_not_installed_is_left_out_and_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(peers, "version", lambda package: None if package == "fastai" else "2.6")
    assert epoch.installed() == ["tutorial", "torchvision", "Lightning", "course"]
    assert capsys.readouterr().out == 'Left out: fastai. To measure them: pip install -e ".[bench]"\n'
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    assert [line.split(">=")[0] for line in extras[peers.EXTRA]] == [package for package, _ in peers.ENGINES.values()]
    monkeypatch.undo()
    assert peers.version("pytest") == pytest.__version__ and peers.version("no-such-package") is None


def test_an_engine_is_compared_with_the_courses_in_the_same_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peers, "version", lambda package: "2.6")
    times = {"tutorial": [9.0, 8.0, 7.0], "fastai": [3.0], "course": [1.0, 2.0, 6.0]}
    rows = epoch.compared(times, dict.fromkeys(times, 100.0))
    assert [row["times the course's"] for row in rows] == [4.0, 1.5, 1.0]
    assert [row.get("version") for row in rows] == [None, "2.6", None]


def test_the_changed_steps_are_of_the_same_network() -> None:
    torch.manual_seed(0)
    usual, changed = CifarCNN(), steps.frozen(steps.pooling_first())
    changed.load_state_dict(
        {new: usual.state_dict()[old] for new, old in zip(changed.state_dict(), usual.state_dict(), strict=True)}
    )
    kinds = [type(layer).__name__ for layer in changed.features[0]]
    assert kinds == ["Conv2d", "BatchNorm2d", "MaxPool2d", "ReLU"]
    images = torch.randn(4, 3, 32, 32)
    torch.manual_seed(1)
    logits = usual(images)
    torch.manual_seed(1)
    assert torch.equal(logits, changed(images))
    trained = [name for name, weights in changed.named_parameters() if weights.requires_grad]
    assert len(trained) == len(list(usual.parameters())) - 2 and "features.0.0.weight" not in trained


def test_each_change_of_a_step_is_measured_against_the_step_as_it_is() -> None:
    rows = steps.measure(2, 1, batch=4, images=8, batches=(4, 8))
    changes, validation = rows[:5], rows[5:]
    assert [row["what"] for row in changes] == list(steps.variants(4))
    assert changes[0]["ratio"] == 1 and validation[0]["ratio"] == 1
    assert all(0 < row["smallest"] <= row["ms per step"] <= row["largest"] for row in changes)
    assert all(0 < row["share of the peak"] < 1 for row in changes)
    assert [row["what"] for row in validation] == ["validation, batches of 4", "validation, batches of 8"]
    sizes = {name: len(step.images) for name, step in steps.variants(4).items()}
    assert sizes.pop("batch twice as large") == 8 and set(sizes.values()) == {4}


def test_a_ratio_is_that_of_the_same_round() -> None:
    assert steps._compared([2.0, 30.0, 6.0], [1.0, 10.0, 3.0]) == {"smallest": 2.0, "largest": 30.0, "ratio": 2.0}


@pytest.fixture(scope="module")
def measured_on_the_cpu() -> dict[str, Any]:
    """What a GPU's owner measures, in little and on the CPU."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(timing, "_WARM_UP", 1)
        return gpu.measure(
            torch.device("cpu"),
            sizes=(1, 2),
            sides=(8, 16),
            batch_size=2,
            copied=1000,
            seconds=0.01,
            compiler=lambda network, _: network,
        )


def test_the_sweep_has_the_ratio_to_the_convolutional_network_at_the_same_size(
    measured_on_the_cpu: dict[str, Any],
) -> None:
    rows = measured_on_the_cpu["sweep"]
    first, *_, last = rows
    assert first["ratio"] == 1 and last["batch size"] == 2 and last["curve"] == "MLP, float32, CPU"
    assert last["ratio"] == pytest.approx(last["ms per image"] / rows[1]["ms per image"], abs=1e-3)


def test_what_is_recorded_of_a_gpu_is_what_the_lesson_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, measured_on_the_cpu: dict[str, Any]
) -> None:
    monkeypatch.setattr(command, "RESULTS", tmp_path / "benchmarks.json")
    monkeypatch.setattr(command, "devices", lambda: [torch.device("cpu")] * 2)
    monkeypatch.setattr(gpu, "measure", lambda device: measured_on_the_cpu)
    monkeypatch.setattr(sys, "argv", ["benchmarks", "gpu"])
    (tmp_path / "benchmarks.json").write_text(
        '{"machine": {"cores": 64}, "f": {"cores": 64, "rows": []}}', encoding="utf-8"
    )
    command.main()
    monkeypatch.setattr(timing, "resources", lambda: tmp_path)
    kept = json.loads((tmp_path / "benchmarks.json").read_text(encoding="utf-8"))
    assert kept["machine"] == {"cores": 64} and kept["gpu"]["device"] == "CPU"
    curves, found = recorded_curves(), recorded_roofline()
    assert set(curves) == {f"{name}, CPU, recorded" for name in ("CNN, float32", "CNN, bfloat16", "MLP, float32")}
    assert all(list(curve) == [1, 2] and min(curve.values()) > 0 for curve in curves.values())
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

    def compiler(network: nn.Module, _: torch.device) -> object:
        def forward(images: torch.Tensor) -> object:
            time.sleep(0 if calls else 0.5)  # only the first call compiles
            calls.append(len(images))
            return network(images)

        return forward

    without, compiled = compiling.measure(4, 0.01, compiler)
    assert without["ms per step"] > 0 and compiled["ms per step"] > 0 and compiled["seconds of the first call"] >= 0.5
    assert set(calls) == {4}
