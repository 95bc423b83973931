"""(d) Arithmetic of a training step against a large matrix product of the same type, and where the rest goes."""

from __future__ import annotations

import time

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.common import Row, middle, peak_megabytes
from cifar_helpers import CifarCNN
from cifar_helpers.timing import time_of_layers
from cifar_helpers.training import allocator

BATCH, SIDE = 200, 2000


def matrix_rate(dtype: torch.dtype) -> float:
    """GFLOP/s of the best of ten large matrix products; of small ones, where the processor lacks the type."""
    small = SIDE // 8  # a product of this size tells in a moment how long a large one would take
    takes_long = 2 * SIDE**3 / _rate(dtype, small, 2) / 1e9 > 2
    return _rate(dtype, small if takes_long else SIDE, 10)


def _rate(dtype: torch.dtype, side: int, count: int) -> float:
    a = torch.rand(side, side).to(dtype)
    times = []
    for _ in range(count):
        start = time.perf_counter()
        _ = a @ a
        times.append(time.perf_counter() - start)
    return 2 * side**3 / min(times) / 1e9


class Step:
    """A training step of the course's engine on one batch that stays."""

    def __init__(self, short: bool, network: nn.Module | None = None, batch: int = BATCH) -> None:
        self.short = short
        self.model = (network or CifarCNN()).to(memory_format=torch.channels_last).train()
        self.optimizer = torch.optim.SGD(
            self.model.parameters(), lr=0.01, momentum=0.9, nesterov=True, weight_decay=5e-4, fused=True
        )
        self.images = torch.rand(batch, 3, 32, 32).contiguous(memory_format=torch.channels_last)
        self.labels = torch.randint(10, (batch,))

    def __call__(self) -> None:
        """Forward, backward, update."""
        self.optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cpu", torch.bfloat16, enabled=self.short):
            logits: Tensor = self.model(self.images)
        nn.functional.cross_entropy(logits.float(), self.labels).backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()

    def flop(self) -> int:
        """Floating-point operations of the step."""
        with FlopCounterMode(display=False) as counter:
            self()
        return int(counter.get_total_flops())

    def times(self, count: int = 30) -> list[float]:
        """Seconds of single steps, after a warm-up."""
        found = []
        for k in range(count + 3):
            start = time.perf_counter()
            self()
            if k >= 3:
                found.append(time.perf_counter() - start)
        return found


def measure(rounds: int = 3) -> list[Row]:
    """Both precisions in turns; then the shares of the faster one."""
    allocator.keep_freed_memory()
    steps = {"float32": Step(short=False), "bfloat16": Step(short=True)}
    peaks: dict[str, list[float]] = {name: [] for name in steps}
    rates: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(rounds):
        for name, step in steps.items():
            peaks[name].append(matrix_rate(getattr(torch, name)))
            flop = step.flop()
            rates[name] += [flop / seconds / 1e9 for seconds in step.times()]
    rows: list[Row] = []
    for name in steps:
        peak, rate = max(peaks[name]), middle(rates[name])
        rows.append(
            {"what": f"training step, {name}", "GFLOP/s": rate["median"], "smallest": rate["smallest"],
             "largest": rate["largest"], "peak": round(peak), "share of the peak": round(rate["median"] / peak, 3)}
        )  # fmt: skip
    faster = max(steps, key=lambda name: rates[name][0])
    shares = time_of_layers(CifarCNN(), BATCH, faster)
    rows += [{"what": f"{kind}, {faster}", "share of time": round(share, 3)} for kind, share in shares.items()]
    rows.append({"what": "peak MB", "GFLOP/s": round(peak_megabytes())})
    return rows
