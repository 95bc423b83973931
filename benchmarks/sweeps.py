"""(f) Training time per image against batch size, for the networks and precisions of the course."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from benchmarks.common import Row
from cifar_helpers import MLP, CifarCNN
from cifar_helpers.timing import sweep

SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)


def measure(device: torch.device | str | None = None, sizes: Sequence[int] = SIZES, seconds: float = 1.0) -> list[Row]:
    """Each network in float32, and the convolutional one in bfloat16 too; `ratio` is to the first, at the same size.

    Args:
        device: where to train; `None` means the CPU.
        sizes: images per batch.
        seconds: how long each measurement takes at least.
    """
    torch.manual_seed(0)
    cnn, mlp = CifarCNN(), MLP()
    rows: list[Row] = []
    first: dict[int, float] = {}
    for name, model, precision in (
        ("CNN, float32", cnn, "float32"),
        ("CNN, bfloat16", cnn, "bfloat16"),
        ("MLP, float32", mlp, "float32"),
    ):
        for timing in sweep(model, sizes, device, precision=precision, seconds=seconds):
            per_image = round(timing.milliseconds_per_image, 5)
            ratio = round(per_image / first.setdefault(timing.batch_size, per_image), 3)
            rows.append({"curve": name, "batch size": timing.batch_size, "ms per image": per_image, "ratio": ratio})
    return rows
