"""(s) What could bring a training step nearer to the roof: each change against the step as it is, in turns.

A step runs in bfloat16 and channels last, as `fit` makes it. The network's function is the same in all: max pooling
before ReLU gives the same numbers as after it. What is frozen gets no gradient and no update.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from benchmarks.common import Row, middle
from benchmarks.roof import BATCH, Step, matrix_rate
from cifar_helpers import CifarCNN
from cifar_helpers.training import allocator

IMAGES = 10_000
BATCHES = (200, 1000, 2000)
"""Validation images at a time."""


def pooling_first() -> CifarCNN:
    """The course's network with each block's pooling before its ReLU, which then has a quarter of the numbers."""
    network = CifarCNN()
    blocks = [nn.Sequential(conv, norm, pool, relu) for conv, norm, relu, pool in map(_layers, network.features)]
    network.features = nn.Sequential(*blocks)
    return network


def frozen(network: CifarCNN) -> CifarCNN:
    """The same network; its first convolution is not trained."""
    _layers(network.features[0])[0].requires_grad_(False)
    return network


def variants(batch: int = BATCH) -> dict[str, Step]:
    """Name to step; the first is what the others are compared with."""
    return {
        "as it is": Step(short=True, batch=batch),
        "pooling before ReLU": Step(short=True, network=pooling_first(), batch=batch),
        "batch twice as large": Step(short=True, batch=2 * batch),
        "frozen first layer": Step(short=True, network=frozen(CifarCNN()), batch=batch),
        "pooling before ReLU, frozen first layer": Step(short=True, network=frozen(pooling_first()), batch=batch),
    }


def measure(
    rounds: int = 5, count: int = 30, *, batch: int = BATCH, images: int = IMAGES, batches: Sequence[int] = BATCHES
) -> list[Row]:
    """The steps, then validation with batches of several sizes.

    Args:
        rounds: how often each takes its turn; the rows have the median of the rounds and their range.
        count: steps in a turn.
        batch: images of a step as it is.
        images: how many are validated.
        batches: validation images at a time.

    Returns:
        Rows with milliseconds of a step, for as many images as the step as it is has, and the share of the rate of a
        large product; then rows with seconds of a validation. `ratio` is to the first row of its kind: the median of
        the ratios in each round.
    """
    torch.manual_seed(0)
    allocator.keep_freed_memory()
    steps = variants(batch)
    found: dict[str, list[float]] = {name: [] for name in steps}
    checks: dict[int, list[float]] = {size: [] for size in batches}
    peak = 0.0
    for _ in range(rounds):
        # Where the processor has no arithmetic in the short type, float32 is the faster one.
        peak = max(peak, matrix_rate(torch.bfloat16), matrix_rate(torch.float32))
        for name, step in steps.items():
            found[name].append(statistics.median(step.times(count)))
        for size in batches:
            checks[size].append(seconds_of_validation(images, size))
    rows: list[Row] = []
    for name, step in steps.items():
        scaled = [1000 * seconds * batch / len(step.images) for seconds in found[name]]
        as_it_is = [1000 * seconds for seconds in found["as it is"]]
        share = step.flop() / statistics.median(found[name]) / 1e9 / peak
        row = {"what": name, "ms per step": middle(scaled)["median"], **_compared(scaled, as_it_is)}
        rows.append({**row, "share of the peak": round(share, 3)})
    for size, seconds in checks.items():
        row = {"what": f"validation, batches of {size}", "seconds": middle(seconds)["median"]}
        rows.append({**row, **_compared(seconds, checks[batches[0]])})
    return rows


@torch.no_grad()
def seconds_of_validation(images: int, batch: int) -> float:
    """Seconds in which the network classifies random images, after a batch that warms up."""
    network = CifarCNN().to(memory_format=torch.channels_last).eval()
    inputs = torch.rand(images, 3, 32, 32).contiguous(memory_format=torch.channels_last)
    with torch.autocast("cpu", torch.bfloat16):
        network(inputs[:batch])
        start = time.perf_counter()
        for k in range(0, images, batch):
            logits: Tensor = network(inputs[k : k + batch])
            logits.argmax(1)
        return time.perf_counter() - start


def _layers(block: nn.Module) -> list[nn.Module]:
    return list(block.children())


def _compared(values: Sequence[float], first: Sequence[float]) -> Row:
    """Range of the rounds, and the median ratio to what was measured in the same round."""
    ratio = statistics.median(a / b for a, b in zip(values, first, strict=True))
    return {"smallest": round(min(values), 2), "largest": round(max(values), 2), "ratio": round(ratio, 3)}
