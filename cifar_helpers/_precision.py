"""Choose the number format of a training step: float32, or bfloat16 where it is right and faster."""

from __future__ import annotations

import copy
import time
from contextlib import AbstractContextManager
from typing import Final

import torch
from torch import Tensor, nn

from cifar_helpers import _processes

PRECISIONS: Final = ("auto", "float32", "bfloat16")

# bfloat16 must win clearly: a choice at the noise level would make a seeded run differ from day to day.
_WORTHWHILE: Final = 1.2
# bfloat16 keeps 8 bits of each number, so a loss may differ by about a hundredth, not more.
_AGREEMENT: Final = 0.05
_STEPS: Final = 3

_chosen: dict[tuple[str, str, tuple[int, ...]], str] = {}


def check(precision: str) -> None:
    """Raise ValueError if `precision` is none of `PRECISIONS`."""
    if precision not in PRECISIONS:
        raise ValueError(f"precision must be one of {', '.join(PRECISIONS)}, got {precision!r}")


def choose(precision: str, model: nn.Module, images: Tensor, labels: Tensor) -> str:
    """`float32` or `bfloat16` for this model, batch shape and device.

    `auto` times training steps of each on a copy of the model, once in a process, and takes bfloat16
    only where its loss agrees with float32's and it is clearly faster. (Many CPUs without bfloat16
    instructions are slower with it; some have returned wrong values.)

    Raises:
        ValueError: if `precision` is none of `auto`, `float32`, `bfloat16`.
    """
    check(precision)
    if precision != "auto":
        return precision
    model = _processes.inner(model)
    key = (type(model).__name__, images.device.type, tuple(images.shape[1:]))
    if key not in _chosen:
        _chosen[key] = _processes.agreed(_measure(model, images, labels))
    return _chosen[key]


def own_randomness(device: torch.device) -> AbstractContextManager[None]:
    """What is drawn inside leaves the random numbers outside as they were."""
    if device.type == "cpu":
        return torch.random.fork_rng([])
    return torch.random.fork_rng([device], device_type=device.type)


def _measure(model: nn.Module, images: Tensor, labels: Tensor) -> str:
    with own_randomness(images.device):
        # In turns, and the best of each counts: another program's load must not decide.
        tries = [(_try("float32", model, images, labels), _try("bfloat16", model, images, labels)) for _ in range(3)]
    (loss, _), (short_loss, _) = tries[0]
    seconds, short_seconds = (min(both[k][1] for both in tries) for k in (0, 1))
    agrees = abs(short_loss - loss) <= _AGREEMENT * max(1.0, abs(loss))
    return "bfloat16" if agrees and seconds > _WORTHWHILE * short_seconds else "float32"


def _try(precision: str, model: nn.Module, images: Tensor, labels: Tensor) -> tuple[float, float]:
    """First loss and best time of a few steps on a copy of the model."""
    trial = copy.deepcopy(model).train()
    losses, seconds = [], []
    torch.manual_seed(0)
    for _ in range(_STEPS):
        start = time.perf_counter()
        with torch.autocast(images.device.type, torch.bfloat16, enabled=precision == "bfloat16"):
            loss = nn.functional.cross_entropy(trial(images).float(), labels)
        loss.backward()  # type: ignore[no-untyped-call]
        losses.append(float(loss.detach()))
        seconds.append(time.perf_counter() - start)
    return losses[0], min(seconds)
