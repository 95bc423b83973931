"""(e) What an epoch of `fit` costs, against batch size, number of images, threads and width."""

from __future__ import annotations

import json
import sys
from typing import Any

import torch

from benchmarks.common import Row, apart, middle, peak_megabytes, real_data
from cifar_helpers import Augment, BatchLoader, CifarCNN, fit

BASE: dict[str, Any] = {"images": 8000, "batch size": 200, "threads": 0, "width": 1.0}
CHANGES: list[dict[str, Any]] = [
    {},
    *({"batch size": size} for size in (25, 50, 100, 400, 800)),
    *({"images": count} for count in (2000, 4000, 16000)),
    {"threads": 1},
    *({"width": width} for width in (0.5, 2.0)),
]


def seconds_of_epochs(images: int, batch_size: int, threads: int, width: float) -> list[float]:
    """Three epochs after one that warms up."""
    if threads:
        torch.set_num_threads(threads)
    train = real_data().split()[0].subset(slice(0, images))
    model = CifarCNN(width=width)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.001, momentum=0.9, fused=True)
    loader = BatchLoader(train, batch_size, shuffle=True, augment=Augment(flip=True))
    return fit(model, loader, epochs=4, optimizer=optimizer, progress=False)["seconds"][1:]


def measure() -> list[Row]:
    """Each setting in a new process; `ratio` is to the first."""
    rows: list[Row] = []
    for change in CHANGES:
        setting = {**BASE, **change}
        found = apart("benchmarks.costs", json.dumps(setting))
        times = middle(found["seconds"])
        per_image = round(1000 * times["median"] / setting["images"], 3)
        rows.append(
            {
                **setting,
                "threads": found["threads"],
                "ms per image": per_image,
                "ratio": round(per_image / (rows[0]["ms per image"] if rows else per_image), 2),
                "smallest": round(1000 * times["smallest"] / setting["images"], 3),
                "largest": round(1000 * times["largest"] / setting["images"], 3),
                "peak MB": found["peak MB"],
            }
        )
    return rows


def main() -> None:
    """Time one setting and print it as JSON."""
    chosen = json.loads(sys.argv[1])
    seconds = seconds_of_epochs(chosen["images"], chosen["batch size"], chosen["threads"], chosen["width"])
    print(json.dumps({"seconds": seconds, "threads": torch.get_num_threads(), "peak MB": round(peak_megabytes())}))


if __name__ == "__main__":
    main()
