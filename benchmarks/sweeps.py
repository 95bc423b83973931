"""(f) Training time of an image against batch size, for the networks and number formats of the course."""

from __future__ import annotations

import torch

from benchmarks.common import Row
from cifar_helpers import MLP, CifarCNN
from cifar_helpers.timing import sweep

SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)


def measure() -> list[Row]:
    """Each network in float32, and the convolutional one in bfloat16 too."""
    torch.manual_seed(0)
    cnn, mlp = CifarCNN(), MLP()
    rows: list[Row] = []
    for name, model, precision in (
        ("CNN, float32", cnn, "float32"),
        ("CNN, bfloat16", cnn, "bfloat16"),
        ("MLP, float32", mlp, "float32"),
    ):
        for timing in sweep(model, SIZES, precision=precision, seconds=1.0):
            per_image = round(timing.milliseconds_per_image, 4)
            rows.append({"curve": name, "batch size": timing.batch_size, "ms an image": per_image})
    return rows
