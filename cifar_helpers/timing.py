"""Honest timing of an epoch on any device: warm-up, synchronisation, median and spread."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from cifar_helpers import networks
from cifar_helpers._numbers import whole_number
from cifar_helpers._paths import resources
from cifar_helpers.devices import checked_device, devices
from cifar_helpers.training.precision import trained_format
from cifar_helpers.training.rng import fork_rng

if TYPE_CHECKING:
    from torch.utils.benchmark import Measurement

__all__ = [
    "Timing",
    "devices",
    "recorded_benchmark",
    "recorded_curves",
    "recorded_gpu",
    "sweep",
    "time_call",
    "time_epoch",
    "time_of_layers",
]

_PRECISIONS = ("float32", "bfloat16")
_LONGEST = 3600  # seconds of one measurement
_WARM_UP = 7  # further calls of what is short: the first few can still be slower than those that follow
_SHORT = 0.1  # seconds
# What a person calls the operators of a training step: the first of these that an operator's name contains decides.
_KINDS = {
    "convolution": "convolutions", "mm": "linear layers", "batch_norm": "batch norm", "max_pool": "pooling",
    "fill_": "pooling",  # the gradient of a pooling begins as a tensor of zeros
    "threshold": "ReLU", "clamp_min": "ReLU", "bernoulli": "dropout", "sgd": "update", "SGD": "update",
    "copy_": "copies",  # into another memory format or another precision
}  # fmt: skip


@dataclass(frozen=True)
class Timing:
    """Time of one epoch, scaled up from single steps.

    Attributes:
        device: `cpu`, `cuda`, …
        batch_size: images per step.
        precision: `float32` or `bfloat16`.
        train_seconds: all training steps of an epoch; median.
        validation_seconds: all validation steps; median.
        transfer_seconds: moving all their images to the device; 0 on the CPU, where they are already.
        spread: interquartile range of the single steps, scaled up to the epoch, in seconds.
        train_images: training images of the epoch.
    """

    device: str
    batch_size: int
    precision: str
    train_seconds: float
    validation_seconds: float
    transfer_seconds: float
    spread: float
    train_images: int

    @property
    def seconds(self) -> float:
        """The whole epoch: training, validation and transfers."""
        return self.train_seconds + self.validation_seconds + self.transfer_seconds

    @property
    def milliseconds_per_image(self) -> float:
        """Training time per image, without transfers."""
        return 1000 * self.train_seconds / self.train_images

    def __str__(self) -> str:
        return (
            f"{self.device}, {self.precision}, batch {self.batch_size}: {self.seconds:.1f} s per epoch "
            f"(training {self.train_seconds:.1f}, validation {self.validation_seconds:.1f}, "
            f"transfers {self.transfer_seconds:.1f}; spread ± {self.spread / 2:.1f} s)"
        )


def time_epoch(
    model: nn.Module,
    device: torch.device | str | None = None,
    batch_size: int = 200,
    *,
    train_images: int = 40_000,
    validation_images: int = 10_000,
    precision: str = "float32",
    seconds: float = 1.0,
) -> Timing:
    """Time training and validation steps on random images and scale them to an epoch.

    `torch.utils.benchmark` warms up, waits for the device before it reads the clock, and repeats.

    Args:
        model: takes `(B, 3, 32, 32)`; a copy of it is trained.
        device: where to run; `None` means the CPU.
        batch_size: images per step, at least 1.
        train_images: training images of the epoch that is scaled to.
        validation_images: validation images of the same.
        precision: `float32` or `bfloat16`.
        seconds: how long each of the measurements takes at least, above 0 and below 3,600.

    Raises:
        ValueError: if the batch size, precision or device is not possible; it says what is.
        MemoryError: if a batch does not fit into the device's memory.
    """
    batch_size, target = _checked(device, batch_size, precision)
    train_images, validation_images = (
        whole_number(*named) for named in (("train_images", train_images), ("validation_images", validation_images))
    )
    _check_seconds(seconds)
    if train_images < 1 or validation_images < 0:
        raise ValueError(
            "train_images must be at least 1 and validation_images at least 0, "
            f"got {train_images} and {validation_images}"
        )
    try:
        with fork_rng(target):
            step, check, move = _work(model, target, batch_size, precision)
            train, validation = _measure(step, seconds), _measure(check, seconds)
            transfer = _measure(move, seconds / 4) if target.type != "cpu" else None
    except (torch.OutOfMemoryError, RuntimeError) as error:
        if isinstance(error, torch.OutOfMemoryError) or "allocate memory" in str(error):
            raise MemoryError(f"a batch of {batch_size} does not fit into {target}: use a smaller one") from error
        raise
    steps, checks = train_images / batch_size, validation_images / batch_size
    moved = transfer.median * (steps + checks) if transfer else 0.0
    spread = train.iqr * steps + validation.iqr * checks
    return Timing(
        target.type,
        batch_size,
        precision,
        train.median * steps,
        validation.median * checks,
        moved,
        spread,
        train_images,
    )


def sweep(
    model: nn.Module,
    batch_sizes: Iterable[int],
    device: torch.device | str | None = None,
    *,
    precision: str = "float32",
    seconds: float = 0.5,
) -> list[Timing]:
    """`time_epoch` for several batch sizes.

    Raises:
        TypeError: if `batch_sizes` is no list of whole numbers.
        ValueError: as `time_epoch` does, before anything is measured.
    """
    if not isinstance(batch_sizes, Iterable):
        raise TypeError(f"batch_sizes must be a list, such as [16, 64, 256], got {batch_sizes!r}")
    batch_sizes = [_checked(device, size, precision)[0] for size in batch_sizes]
    return [time_epoch(model, device, size, precision=precision, seconds=seconds) for size in batch_sizes]


def time_of_layers(
    model: nn.Module, batch_size: int = 200, precision: str = "float32", steps: int = 10
) -> dict[str, float]:
    """Where the time of a training step goes on the CPU, as PyTorch's profiler sees it.

    The step runs in channels last where the network takes it, as in `time_epoch` and `fit`.

    Args:
        model: takes `(B, 3, 32, 32)`; a copy of it is trained.
        batch_size: images per step, at least 1.
        precision: `float32` or `bfloat16`.
        steps: how many are profiled, after a warm-up.

    Returns:
        Kind of work to its share of the time, 0..1, the largest first; they add up to 1.

    Raises:
        ValueError: if the batch size or precision is not possible.
    """
    # The profiler's library writes notes for its developers, such as a missing GPU, past Python into the notebook.
    os.environ.setdefault("KINETO_LOG_LEVEL", "99")
    from torch.profiler import ProfilerActivity, profile

    batch_size, target = _checked(None, batch_size, precision)
    if whole_number("steps", steps) < 1:
        raise ValueError(f"steps must be at least 1, got {steps}")
    with fork_rng(target):
        step, _, _ = _work(model, target, batch_size, precision)
        for _ in range(2):
            step()
        with profile(activities=[ProfilerActivity.CPU]) as seen:
            for _ in range(steps):
                step()
    spent: dict[str, float] = {}
    for event in seen.key_averages():
        kind = next((name for part, name in _KINDS.items() if part in event.key), "everything else")
        spent[kind] = spent.get(kind, 0.0) + event.self_cpu_time_total
    total = sum(spent.values())
    return {kind: spent[kind] / total for kind in sorted(spent, key=lambda k: -spent[k])}


def time_call(work: Callable[[], object], seconds: float = 0.5) -> float:
    """Median seconds of one call: warmed up, repeated, and with the device's queue empty before the clock is read.

    Args:
        work: what to time; it runs many times.
        seconds: how long to measure at least, above 0 and below 3,600.

    Raises:
        TypeError: if `work` cannot be called.
        ValueError: if `seconds` is out of range.
    """
    if not callable(work):
        raise TypeError(f"work must be a function without arguments, got {work!r}: put lambda: before it")
    _check_seconds(seconds)
    return float(_measure(work, seconds).median)


def recorded_benchmark(part: str) -> list[dict[str, Any]]:
    """The rows of a part of the project's own benchmark, as `make bench` wrote them last.

    Args:
        part: `a` engines, `b` trick by trick, `c` time to accuracy, `d` share of the peak, `e` costs, `f` batch sizes,
            `h` torch.compile, `l` loading, `p` a folder of photos, `s` changes of a training step. Each part has the
            date on which it was recorded; the processors of two dates differ.

    Raises:
        ValueError: if there is no such part.
    """
    parts = {name: found for name, found in _recorded().items() if name not in ("machine", "gpu")}
    if part not in parts:
        raise ValueError(f"there is no part {part!r}; there are {', '.join(parts)}")
    rows: list[dict[str, Any]] = parts[part]["rows"]
    return rows


def recorded_gpu(part: str) -> list[dict[str, Any]]:
    """The rows that `python -m benchmarks gpu` wrote on a machine with a GPU; none if it has never run on one.

    Args:
        part: `sweep`, `queue`, `layers` or `compile`.

    Raises:
        ValueError: if `part` is none of these.
    """
    if part not in ("sweep", "queue", "layers", "compile"):
        raise ValueError(f"part must be sweep, queue, layers or compile, got {part!r}")
    rows: list[dict[str, Any]] = _recorded().get("gpu", {}).get(part, [])
    return rows


def recorded_curves() -> dict[str, dict[int, float]]:
    """Training time per image against batch size, as recorded on CPU cores and, where one was measured, on a GPU.

    Returns:
        Network, precision and machine, as "CNN, float32, 2 cores, recorded", to `{batch size: milliseconds per image}`.
    """
    cores = f"{_recorded()['f']['cores']} cores"
    rows = [{**row, "curve": f"{row['curve']}, {cores}"} for row in recorded_benchmark("f")]
    curves: dict[str, dict[int, float]] = {}
    for row in rows + recorded_gpu("sweep"):
        curves.setdefault(f"{row['curve']}, recorded", {})[row["batch size"]] = row["ms per image"]
    return curves


def _recorded() -> dict[str, Any]:
    results: dict[str, Any] = json.loads((resources() / "benchmarks.json").read_text(encoding="utf-8"))
    return results


def _check_seconds(seconds: Any) -> None:
    if not isinstance(seconds, int | float) or not 0 < seconds < _LONGEST:
        raise ValueError(f"seconds must be a number above 0 and below {_LONGEST}, got {seconds!r}")


def _checked(device: torch.device | str | None, batch_size: Any, precision: str) -> tuple[int, torch.device]:
    size = whole_number("batch_size", batch_size)
    if size < 1:
        raise ValueError(f"batch_size must be at least 1, got {batch_size}")
    if precision not in _PRECISIONS:
        raise ValueError(f"precision must be one of {', '.join(_PRECISIONS)}, got {precision!r}")
    if not torch.is_grad_enabled():
        raise ValueError(
            "gradients are switched off here, and a training step needs them: call this outside torch.no_grad() and "
            "torch.inference_mode()"
        )
    return size, checked_device("cpu" if device is None else device)


Work = Callable[[], object]


def _work(model: nn.Module, device: torch.device, batch_size: int, precision: str) -> tuple[Work, Work, Work]:
    """A training step, a validation step, and the transfer of a batch, on a copy of the network."""
    model = networks.copy_network(networks.check_network(model)).to(device)
    random = torch.rand(batch_size, 3, 32, 32)
    memory_format, logits = trained_format(model, random.to(device), torch.sum, None, "time_epoch")
    model, kept = model.to(memory_format=memory_format), random.contiguous(memory_format=memory_format)
    images, labels = kept.to(device), torch.randint(logits.shape[1], (batch_size,)).to(device)
    fused = device.type in ("cpu", "cuda")
    optimizer = torch.optim.SGD(model.parameters(), lr=0.001, momentum=0.9, fused=fused)

    def forward() -> Tensor:
        with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16"):
            logits: Tensor = model(images)
        return nn.functional.cross_entropy(logits.float(), labels)

    def step() -> None:
        model.train()
        optimizer.zero_grad()
        forward().backward()  # type: ignore[no-untyped-call]
        optimizer.step()

    @torch.no_grad()
    def check() -> Tensor:
        model.eval()
        return forward()

    return step, check, lambda: kept.to(device)


def _measure(work: Work, seconds: float) -> Measurement:
    # Where there is a CUDA compiler but no GPU, this import logs a warning of no use here.
    logging.getLogger("torch.utils.cpp_extension").setLevel(logging.ERROR)
    from torch.utils.benchmark import Timer

    # The benchmark sets one thread unless asked otherwise; training uses them all.
    timer = Timer("work()", globals={"work": work}, num_threads=torch.get_num_threads())
    if timer.timeit(1).mean < _SHORT:  # makes two calls before the one that it times
        timer.timeit(_WARM_UP)
    return timer.blocked_autorange(min_run_time=seconds)
