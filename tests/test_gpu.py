"""The same code where its network is on a GPU. Skipped on machines without one."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from helpers import coloured, sgd
from torch import Tensor, nn

from cifar_helpers import CifarCNN, collect_logits, evaluate, fit, load_weights, predict, save_weights
from cifar_helpers.data import BatchLoader
from cifar_helpers.timing import time_call, time_epoch

pytestmark = pytest.mark.skipif(not torch.accelerator.is_available(), reason="needs a GPU")


@pytest.fixture
def gpu() -> torch.device:
    found = torch.accelerator.current_accelerator()
    assert found is not None
    return found


def trained(device: torch.device, epochs: int = 2, **options: object) -> tuple[CifarCNN, list[float]]:
    """A network after a few steps, and its training loss by epoch."""
    torch.manual_seed(0)
    model = CifarCNN(0.25)
    options = {"precision": "float32", "progress": False, **options}
    history = fit(model, coloured(), coloured(100, 1), epochs=epochs, optimizer=sgd(model), device=device, **options)  # type: ignore[arg-type]
    return model, history["train_loss"]


def values(model: nn.Module) -> dict[str, Tensor]:
    return {name: value.cpu() for name, value in model.state_dict().items()}


def test_a_network_learns_on_a_gpu_as_on_a_cpu_and_stays_there(gpu: torch.device) -> None:
    model, losses = trained(gpu)
    assert {value.device.type for value in model.state_dict().values()} == {gpu.type}
    assert losses == pytest.approx(trained(torch.device("cpu"))[1], rel=0.05) and losses[1] < losses[0]


def test_the_same_seed_gives_the_same_bits_on_a_gpu(gpu: torch.device) -> None:
    first, second = (values(trained(gpu)[0]) for _ in range(2))
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_a_compiled_network_learns_the_same_on_a_gpu(gpu: torch.device) -> None:
    plain, compiled = (trained(gpu, compile=compile)[1] for compile in (False, True))
    assert compiled == pytest.approx(plain, rel=0.02)


def test_the_precision_that_is_chosen_by_time_learns_the_same(gpu: torch.device) -> None:
    assert trained(gpu, precision="auto")[1] == pytest.approx(trained(gpu)[1], rel=0.05)


def test_a_run_that_was_interrupted_goes_on_on_a_gpu(gpu: torch.device, tmp_path: Path) -> None:
    whole = values(trained(gpu, epochs=2)[0])
    trained(gpu, epochs=1, checkpoint=tmp_path / "run.pt")
    resumed = values(trained(gpu, epochs=2, checkpoint=tmp_path / "run.pt")[0])
    assert all(torch.allclose(whole[name], resumed[name], atol=1e-5) for name in whole)


def test_weights_from_a_gpu_are_read_on_a_cpu_and_answer_alike(gpu: torch.device, tmp_path: Path) -> None:
    model, _ = trained(gpu)
    save_weights(model, tmp_path / "weights.pt")
    here = load_weights(CifarCNN(0.25), tmp_path / "weights.pt")
    assert next(here.parameters()).device.type == "cpu"
    images = coloured(200, 2)
    there, again = (collect_logits(one, BatchLoader(images))[0].cpu() for one in (model, here))
    # Convolutions may multiply in TF32 there, which keeps ten bits.
    assert torch.allclose(there, again, atol=0.02 * float(again.abs().max()))
    assert evaluate(model, images).accuracy == pytest.approx(evaluate(here, images).accuracy, abs=0.01)
    first, second = (predict(images.images[0], one).probabilities for one in (model, here))
    assert first.device.type == "cpu" and torch.allclose(first, second, atol=0.01)


def test_times_wait_until_a_gpu_has_done_its_work(gpu: torch.device) -> None:
    big = torch.randn(8192, 8192, device=gpu)
    # 1.1 PFLOP per second would be needed for less, more than any GPU multiplies in float32.
    assert time_call(lambda: big @ big, seconds=0.05) > 1e-3
    timing = time_epoch(CifarCNN(0.25), device=gpu, batch_size=64, seconds=0.05)
    assert timing.device == gpu.type and timing.transfer_seconds > 0 and timing.train_seconds > 0
