"""(h) `torch.compile`: seconds of compiling, and what a training step takes with it and without."""

from __future__ import annotations

import time
from collections.abc import Callable

import torch
from torch import Tensor, nn

from benchmarks.common import Row
from cifar_helpers import CifarCNN
from cifar_helpers.timing import time_call
from cifar_helpers.training.loop import compiled


def measure(
    batch_size: int = 200,
    seconds: float = 2.0,
    compiler: Callable[[nn.Module, torch.device], object] = compiled,
    device: torch.device | str = "cpu",
) -> list[Row]:
    """A training step in bfloat16 and channels last, as `fit` makes it: without and with the compiler.

    Args:
        batch_size: images per step.
        seconds: how long each measurement takes at least.
        compiler: gives the network that is to be faster on a device.
        device: where to train.
    """
    home = torch.device(device)
    torch.manual_seed(0)
    network = CifarCNN().to(home).to(memory_format=torch.channels_last)
    images = torch.rand(batch_size, 3, 32, 32, device=home).contiguous(memory_format=torch.channels_last)
    labels = torch.randint(10, (batch_size,), device=home)
    faster = compiler(network, home)

    def step(forward: Callable[[Tensor], Tensor]) -> None:
        network.zero_grad()
        with torch.autocast(home.type, torch.bfloat16):
            logits = forward(images)
        nn.functional.cross_entropy(logits.float(), labels).backward()  # type: ignore[no-untyped-call]
        if home.type != "cpu":
            torch.accelerator.synchronize()

    plain = time_call(lambda: step(network), seconds)
    start = time.perf_counter()
    step(faster)  # type: ignore[arg-type]  # the first call compiles
    first = time.perf_counter() - start
    after = time_call(lambda: step(faster), seconds)  # type: ignore[arg-type]
    rows: list[Row] = [
        {"what": "as it is", "ms per step": round(1000 * plain, 2)},
        {"what": "compiled", "ms per step": round(1000 * after, 2), "seconds of the first call": round(first, 1)},
    ]
    return rows
