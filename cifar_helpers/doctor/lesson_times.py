"""How long each lesson takes: reading time, and computing time on this machine."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator
from typing import Any, Final

from cifar_helpers._paths import resources
from cifar_helpers.doctor.finding import Finding

READING: Final = {"00": 30, "01": 95, "02": 110, "03": 100, "04": 115, "05": 95, "06": 85, "07": 95, "08": 60, "09": 75}
"""Minutes that a learner needs for each lesson, without the computing."""


def speed(seconds: float = 5.0) -> float:
    """Training steps of `CifarCNN` per second on the CPU with batches of 125, measured for about `seconds`."""
    import torch

    from cifar_helpers.data import BatchLoader, ImageSet
    from cifar_helpers.models import CifarCNN
    from cifar_helpers.training import fit

    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        images = torch.randint(256, (1000, 3, 32, 32), dtype=torch.uint8)
        train = BatchLoader(ImageSet(images, torch.arange(1000) % 10), 125)
        model = CifarCNN()
    steps = len(train)
    warm = fit(model, train, epochs=2, progress=False)["seconds"][-1]
    measured = fit(model, train, epochs=max(2, round(seconds / warm)), progress=False)["seconds"]
    return steps / statistics.median(measured)


def minutes() -> Iterator[Finding]:
    """The time of each lesson: the minutes of `READING`, and the recorded seconds of `make run` scaled by `speed`."""
    file = resources() / "lesson_seconds.json"
    recorded: dict[str, Any] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    seconds = {name[:2]: value for name, value in recorded.get("seconds", {}).items()}
    factor = recorded["steps_per_second"] / speed() if seconds else 0.0
    for lesson, reading in READING.items():
        says = f"{reading} minutes to read"
        if lesson in seconds:
            says += f", {_about(seconds[lesson] * factor / 60)} to compute here"
        yield Finding("ok", f"lesson {lesson}", says)


def _about(minutes: float) -> str:
    return "under 1 minute" if minutes < 1 else f"about {minutes:.0f} {'minute' if minutes < 1.5 else 'minutes'}"
