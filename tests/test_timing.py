"""Timing: what is measured, scaled and refused; on the CPU, the same code as on a GPU."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from cifar_helpers import MLP, CifarCNN, devices, time_epoch
from cifar_helpers import timing as timing_module
from cifar_helpers.timing import Timing, recorded_curves, recorded_gpu, sweep, time_call, time_of_layers


def tiny() -> MLP:
    torch.manual_seed(0)
    return MLP(hidden=(8,))


class Sleepy(nn.Module):
    """Takes 20 ms a call, on any machine."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = tiny()

    def forward(self, images: Tensor) -> Tensor:
        time.sleep(0.02)
        logits: Tensor = self.inner(images)
        return logits


@pytest.mark.alone
def test_an_epoch_is_scaled_from_steps() -> None:
    timing = time_epoch(Sleepy(), batch_size=50, train_images=1000, validation_images=500, seconds=0.1)
    assert 20 * 0.02 <= timing.train_seconds < 20 * 0.06
    assert 10 * 0.02 <= timing.validation_seconds < 10 * 0.06
    assert timing.seconds == timing.train_seconds + timing.validation_seconds + timing.transfer_seconds
    assert timing.milliseconds_per_image == pytest.approx(timing.train_seconds)


@pytest.mark.alone
def test_a_training_step_takes_longer_than_a_validation_step() -> None:
    timing = time_epoch(MLP(), batch_size=200, train_images=1000, validation_images=1000, seconds=0.3)
    assert timing.train_seconds > timing.validation_seconds > 0
    assert timing.transfer_seconds == 0.0 and timing.device == "cpu" and timing.spread >= 0


def test_the_model_is_not_changed() -> None:
    model = tiny().eval()
    before = [p.clone() for p in model.parameters()]
    time_epoch(model, seconds=0.1)
    assert not model.training
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))


@pytest.mark.alone
def test_a_sweep_has_one_timing_for_each_size_and_large_batches_are_cheaper() -> None:
    found = sweep(MLP(), [1, 128], seconds=0.2)
    assert [t.batch_size for t in found] == [1, 128]
    assert found[0].milliseconds_per_image > found[1].milliseconds_per_image


def test_the_line_says_what_was_measured() -> None:
    line = str(Timing("cpu", 200, "float32", 8.0, 1.5, 0.5, 0.4, 40_000))
    assert "cpu, float32, batch 200: 10.0 s" in line and "± 0.2" in line


def test_the_processor_is_always_there() -> None:
    kinds = [device.type for device in devices()]
    assert kinds[0] == "cpu" and len(kinds) == 1 + torch.accelerator.is_available()


@pytest.mark.parametrize(
    ("options", "says"),
    [({"batch_size": 0}, "batch_size"), ({"precision": "float16"}, "float16"), ({"device": "tpu"}, "there is cpu")],
)
def test_what_is_impossible_is_named(options: dict[str, object], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        time_epoch(tiny(), **options)  # type: ignore[arg-type]


def test_the_shares_of_a_step_add_up_and_convolutions_lead() -> None:
    shares = time_of_layers(CifarCNN(), batch_size=50, steps=2)
    assert sum(shares.values()) == pytest.approx(1) and list(shares.values()) == sorted(shares.values(), reverse=True)
    assert shares["convolutions"] > 0.1
    assert {"batch norm", "pooling", "linear layers", "ReLU", "update"} <= set(shares)
    assert "convolutions" not in time_of_layers(MLP(), batch_size=50, steps=2)


def test_a_short_call_is_warmed_up_and_the_median_of_many_is_returned() -> None:
    calls: list[float] = []

    def work() -> None:
        calls.append(time.perf_counter())
        time.sleep(0.02 if len(calls) > 8 else 0.06)  # the first calls are slower

    assert 0.02 <= time_call(work, 0.2) < 0.055 and len(calls) > 11  # eight slow ones, and more


def test_a_call_that_takes_long_is_not_warmed_up_for_long() -> None:
    calls: list[float] = []
    time_call(lambda: (calls.append(0), time.sleep(0.15)), 0.1)
    assert 4 <= len(calls) <= 6


def test_what_cannot_be_timed_is_named() -> None:
    with pytest.raises(TypeError, match="put lambda: before it"):
        time_call(torch.rand(3))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="seconds must be a number above 0"):
        time_call(lambda: None, 0)


def test_a_recorded_gpu_is_read_beside_the_cpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cpu = {"curve": "CNN, float32", "batch size": 1, "ms per image": 2.0}
    gpu = {**cpu, "curve": "CNN, float32, GPU X", "ms per image": 0.5}
    recorded = {"f": {"cores": 6, "rows": [cpu]}, "gpu": {"sweep": [gpu]}}
    monkeypatch.setattr(timing_module, "resources", lambda: tmp_path)
    (tmp_path / "benchmarks.json").write_text(json.dumps(recorded), encoding="utf-8")
    assert recorded_curves() == {"CNN, float32, 6 cores, recorded": {1: 2.0}, "CNN, float32, GPU X, recorded": {1: 0.5}}
    assert recorded_gpu("queue") == []
    with pytest.raises(ValueError, match="part must be sweep, queue, layers or compile, got 'roof'"):
        recorded_gpu("roof")
