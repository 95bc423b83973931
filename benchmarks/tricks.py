"""(b) Each trick of the engine added to those before it, with its gain."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass

import torch
from torch import nn

from benchmarks.common import Row, apart, middle, peak_megabytes, real_data
from cifar_helpers import Augment, BatchLoader, CifarCNN, ImageSet
from cifar_helpers.training import allocator

BATCH, STEPS, CHECKS = 200, 30, 10
EPOCH_STEPS, EPOCH_CHECKS = 40_000 // BATCH, 10_000 // BATCH


@dataclass(frozen=True)
class Engine:
    """What an epoch does and what it leaves out."""

    whole_batches: bool = False  # augment and normalise a batch at once instead of tensor by tensor
    channels_last: bool = False
    short: bool = False  # bfloat16 in training
    short_check: bool = False  # bfloat16 in validation
    fused: bool = False  # one pass over the weights in an update
    kept: bool = False  # freed memory is kept for the next step


LADDER = {
    "tensors one by one, float32": Engine(),
    "+ whole batches": Engine(whole_batches=True),
    "+ channels last": Engine(True, True),
    "+ bfloat16 in training": Engine(True, True, True),
    "+ bfloat16 in validation": Engine(True, True, True, True),
    "+ fused update": Engine(True, True, True, True, True),
    "+ freed memory kept": Engine(True, True, True, True, True, True),
}


def seconds_of_epoch(engine: Engine, images: ImageSet) -> float:
    """A few steps, scaled up to 40,000 training and 10,000 validation images."""
    if engine.kept:
        allocator.keep_freed_memory()
    torch.manual_seed(0)
    model = CifarCNN()
    if engine.channels_last:
        model = model.to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.001, momentum=0.9, fused=engine.fused)
    batches = iter(BatchLoader(images, BATCH if engine.whole_batches else 1, shuffle=True, augment=Augment(flip=True)))

    def batch() -> tuple[torch.Tensor, torch.Tensor]:
        if engine.whole_batches:
            x, y = next(batches)
        else:
            parts = [next(batches) for _ in range(BATCH)]
            x, y = torch.cat([p[0] for p in parts]), torch.cat([p[1] for p in parts])
        return (x.contiguous(memory_format=torch.channels_last) if engine.channels_last else x), y

    def step() -> None:
        x, y = batch()
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=engine.short):
            logits = model(x)
        nn.functional.cross_entropy(logits.float(), y).backward()  # type: ignore[no-untyped-call]
        optimizer.step()

    @torch.no_grad()
    def check() -> None:
        x, _ = batch()
        with torch.autocast("cpu", torch.bfloat16, enabled=engine.short_check):
            model(x)

    total = 0.0
    for work, count, wanted, training in ((step, STEPS, EPOCH_STEPS, True), (check, CHECKS, EPOCH_CHECKS, False)):
        model.train(training)
        work()
        work()
        start = time.perf_counter()
        for _ in range(count):
            work()
        total += (time.perf_counter() - start) / count * wanted
    return total


def measure(rounds: int = 3) -> list[Row]:
    """The ladder in turns, each rung in a new process, because the setting that keeps freed memory cannot be undone."""
    found: dict[str, list[Row]] = {name: [] for name in LADDER}
    for _ in range(rounds):
        for name in LADDER:
            found[name].append(apart("benchmarks.tricks", name))
    rows: list[Row] = []
    for name, runs in found.items():
        times = middle([run["seconds"] for run in runs])
        gain = round(rows[-1]["median"] / times["median"], 2) if rows else 1.0
        rows.append({"engine": name, **times, "gain": gain, "peak MB": runs[0]["peak MB"]})
    return rows


def main() -> None:
    """Time one rung and print it as JSON."""
    images = real_data().split()[0].subset(slice(0, (STEPS + CHECKS + 4) * BATCH))
    seconds = seconds_of_epoch(LADDER[sys.argv[1]], images)
    print(json.dumps({"seconds": seconds, "peak MB": round(peak_megabytes())}))


if __name__ == "__main__":
    main()
