"""(gpu) The lesson's measurements on a GPU: batch sizes, the queue, and the roofline. `python -m benchmarks gpu`."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn

from benchmarks import compiling, sweeps
from benchmarks.common import Row
from cifar_helpers import CifarCNN
from cifar_helpers.roofline import measure_roofline
from cifar_helpers.training.loop import compiled

SIDES = (500, 1000, 2000, 4000, 8000)
COPIED = 50_000_000


def measure(
    device: torch.device,
    *,
    sizes: Sequence[int] = sweeps.SIZES,
    sides: Sequence[int] = SIDES,
    batch_size: int = 200,
    copied: int = COPIED,
    seconds: float = 1.0,
    compiler: Callable[[nn.Module, torch.device], object] = compiled,
) -> dict[str, Any]:
    """All that lesson 05 draws of a GPU.

    Args:
        device: an accelerator; the CPU works too, which tests use.
        sizes: batch sizes of the sweep.
        sides: sides of the square matrices whose products are queued.
        batch_size: images of the roofline.
        copied: numbers in the copy that measures the bandwidth.
        seconds: how long each measurement takes at least.
        compiler: gives the network that is to be faster on a device.

    Returns:
        The device's name and torch's version, and the rows of `sweep`, `queue`, `layers` and `compile` (a step on the
        device and on this machine's CPU, without and with `torch.compile`).
    """
    name = device_name(device)
    rows = sweeps.measure(device, sizes, seconds)
    return {
        "title": "What lesson 05 measures, on a GPU",
        "device": name,
        "torch": torch.__version__,
        "sweep": [{**row, "curve": f"{row['curve']}, {name}"} for row in rows],
        "queue": [queue(device, side) for side in sides],
        "layers": layers(device, batch_size, copied, seconds / 10),
        "compile": compile_rows(device, batch_size, seconds, compiler),
    }


def device_name(device: torch.device) -> str:
    """What the maker calls it, where torch says so."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return {"mps": "Apple GPU", "cpu": "CPU"}.get(device.type, device.type.upper())


def queue(device: torch.device, side: int, repeats: int = 11) -> Row:
    """Milliseconds until the product of two matrices is queued, and until it is done; medians after a warm-up."""
    a = torch.rand(side, side, device=device)
    _ = a @ a
    _wait(device)
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        _ = a @ a
        queued = time.perf_counter() - start
        _wait(device)
        times.append((queued, time.perf_counter() - start))
    queued_ms, done_ms = (sorted(1000 * one[k] for one in times)[repeats // 2] for k in (0, 1))
    return {"side": side, "queued ms": round(queued_ms, 4), "done ms": round(done_ms, 4)}


def layers(device: torch.device, batch_size: int, copied: int, seconds: float) -> list[Row]:
    """A row for each layer of the roofline, then one with both limits."""
    torch.manual_seed(0)
    found = measure_roofline(CifarCNN(), batch_size, device, seconds=seconds, copied=copied)
    rows: list[Row] = [
        {"layer": one.name, "FLOP": one.flop, "bytes": one.moved, "ms": round(1000 * one.seconds, 5)}
        for one in found.layers
    ]
    return [*rows, {"layer": "limits", "GFLOP/s": round(found.peak, 1), "GB/s": round(found.bandwidth, 1)}]


def compile_rows(
    device: torch.device, batch_size: int, seconds: float, compiler: Callable[[nn.Module, torch.device], object]
) -> list[Row]:
    """A training step without and with `torch.compile`, on the device and on the CPU beside it."""
    rows: list[Row] = []
    for home in dict.fromkeys((device, torch.device("cpu"))):
        name = f"CPU, {os.cpu_count()} cores" if home.type == "cpu" else device_name(home)
        rows += [{"device": name, **row} for row in compiling.measure(batch_size, seconds, compiler, home)]
    return rows


def _wait(device: torch.device) -> None:
    if device.type != "cpu":
        torch.accelerator.synchronize()
