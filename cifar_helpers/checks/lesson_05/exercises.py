"""Exercises of lesson 05: honest timing, devices, operations, intensity, the roofline, speed-up."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median
from typing import Any

import torch
from torch import nn

from cifar_helpers.checks.engine import Exercise

Step = Callable[[], None]
Clock = Callable[[], float]


class _Machine:
    """A device that queues: slow the first time, disturbed once, and done only when it is waited for."""

    def __init__(self, repeats: int) -> None:
        self.repeats, self.now, self.calls, self.queued, self.is_timed = repeats, 0.0, 0, 0.0, False

    def work(self) -> None:
        # A second warm-up counts as the first, so that the timed calls cost the same after any number of them.
        self.calls += self.is_timed or not self.calls
        self.now += 0.001
        # Costs that differ among calls and with `repeats`, so that no two rules of timing always give the same number.
        usual = 1 + (self.calls + self.repeats) % 11 / 10
        self.queued += 0.03 * self.repeats * {1: 10.0, 3: 8.0}.get(self.calls, usual)

    def wait(self) -> None:
        self.now += self.queued
        self.queued = 0.0

    def clock(self) -> float:
        self.is_timed = True
        return self.now


def _timed(answer: Callable[..., Any]) -> Callable[[int], Any]:
    def run(repeats: int) -> Any:
        machine = _Machine(repeats)
        return answer(machine.work, machine.wait, machine.clock, repeats)

    return run


def _each(work: Step, wait: Step, clock: Clock, repeats: int) -> list[float]:
    times = []
    for _ in range(repeats):
        start = clock()
        work()
        wait()
        times.append(clock() - start)
    return times


def _warm(work: Step, wait: Step, clock: Clock, repeats: int) -> list[float]:
    work()
    wait()
    return _each(work, wait, clock, repeats)


def _honest(work: Step, wait: Step, clock: Clock, repeats: int) -> float:
    return median(_warm(work, wait, clock, repeats))


def _cold(work: Step, wait: Step, clock: Clock, repeats: int) -> float:
    return median(_each(work, wait, clock, repeats))


def _queue(work: Step, wait: Step, clock: Clock, repeats: int) -> float:
    work()
    wait()
    return median(_each(work, lambda: None, clock, repeats))


def _carried(work: Step, wait: Step, clock: Clock, repeats: int) -> float:
    work()
    return median(_each(work, wait, clock, repeats))


def _mean(work: Step, wait: Step, clock: Clock, repeats: int) -> float:
    return sum(_warm(work, wait, clock, repeats)) / repeats


def _total(work: Step, wait: Step, clock: Clock, repeats: int) -> float:
    return sum(_warm(work, wait, clock, repeats))


def _unsorted(work: Step, wait: Step, clock: Clock, repeats: int) -> float:
    return _warm(work, wait, clock, repeats)[repeats // 2]


seconds_per_call = Exercise(
    name="seconds_per_call",
    reference=_timed(_honest),
    draw=lambda generator, number: (2 * number + 3,),
    mistakes={
        "no_warm_up": _timed(_cold),
        "no_wait": _timed(_queue),
        "warm_up_not_waited_for": _timed(_carried),
        "mean": _timed(_mean),
        "total": _timed(_total),
        "unsorted": _timed(_unsorted),
    },
    harness=_timed,
)


def _placed(answer: Callable[..., Any]) -> Callable[[str, str, int], Any]:
    """Run an answer on a small network and images on two devices; `meta` is one that every machine has."""

    def run(network_place: str, images_place: str, count: int) -> Any:
        network = nn.Linear(3, 2).to(network_place)
        nn.init.constant_(network.weight, 0.5)
        nn.init.zeros_(network.bias)
        images = torch.arange(3.0 * count).reshape(count, 3).to(images_place)
        try:
            made = answer(network, images)
        except NotImplementedError:  # numbers were to leave meta, which has none
            return torch.tensor([-2.0])
        except RuntimeError as error:
            if "expected device" not in str(error):
                raise
            return torch.tensor([-1.0])
        on_meta = isinstance(made, torch.Tensor) and made.device.type == "meta"
        return torch.zeros(made.shape) if on_meta else made

    return run


def _places(generator: torch.Generator, number: int) -> tuple[Any, ...]:
    return (*(("meta", "cpu"), ("cpu", "cpu"), ("meta", "meta"))[number % 3], number + 2)


def _anywhere(network: nn.Module, images: torch.Tensor) -> Any:
    return network(images.to(next(network.parameters()).device))


logits_anywhere = Exercise(
    name="logits_anywhere",
    reference=_placed(_anywhere),
    draw=_places,
    mistakes={
        "left_behind": _placed(lambda network, images: network(images)),
        "always_cpu": _placed(lambda network, images: network(images.to("cpu"))),
        "always_meta": _placed(lambda network, images: network(images.to("meta"))),
        "network_moved": _placed(lambda network, images: network.to(images.device)(images)),
        "away_from_meta": _placed(lambda network, images: _anywhere(network, images).cpu()),
        "moved_images": _placed(lambda network, images: images.to(network.weight.device)),
    },
    harness=_placed,
)


def _layer(generator: torch.Generator, number: int) -> tuple[Any, ...]:
    inputs, outputs = torch.randint(1, 65, (2,), generator=generator).tolist()
    height, width = ((8, 8), (16, 16), (8, 4), (5, 9), (3, 7), (32, 32), (4, 6), (1, 1))[number]
    return inputs, outputs, (3, 1, 5, 3, 2, 3, 7, 4)[number], height, width


operations_of_convolution = Exercise(
    name="operations_of_convolution",
    reference=lambda i, o, k, h, w: 2 * i * o * k * k * h * w,
    draw=_layer,
    mistakes={
        "products_only": lambda i, o, k, h, w: i * o * k * k * h * w,
        "single_place": lambda i, o, k, h, w: 2 * i * o * k * k,
        "kernel_not_squared": lambda i, o, k, h, w: 2 * i * o * k * h * w,
        "input_channels_missing": lambda i, o, k, h, w: 2 * o * k * k * h * w,
    },
    close=0,
)


intensity = Exercise(
    name="intensity",
    reference=lambda inputs, outputs, batch: (
        2 * inputs * outputs * batch / (4 * (inputs * outputs + batch * (inputs + outputs)))
    ),
    draw=lambda generator, number: (
        *torch.randint(8, 2000, (2,), generator=generator).tolist(),
        (1, 2, 8, 64, 200, 1, 500, 16)[number],
    ),
    mistakes={
        "per_number": lambda i, o, b: 2 * i * o * b / (i * o + b * (i + o)),
        "weights_for_each_image": lambda i, o, b: 2 * i * o * b / (4 * b * (i * o + i + o)),
        "products_only": lambda i, o, b: i * o * b / (4 * (i * o + b * (i + o))),
        "inputs_and_outputs_missing": lambda i, o, b: 2 * i * o * b / (4 * i * o),
    },
)


def _limits(generator: torch.Generator, number: int) -> tuple[Any, ...]:
    """An intensity on either side of the ridge, in turns."""
    peak, bandwidth = (10 + 90 * torch.rand(2, generator=generator)).tolist()
    return peak / bandwidth * (0.3, 2.5)[number % 2], peak, bandwidth


reachable = Exercise(
    name="reachable",
    reference=lambda intensity, peak, bandwidth: min(peak, bandwidth * intensity),
    draw=_limits,
    mistakes={
        "peak_alone": lambda i, p, b: p,
        "memory_alone": lambda i, p, b: b * i,
        "larger": lambda i, p, b: max(p, b * i),
        "divided": lambda i, p, b: min(p, b / i),
        "ridge": lambda i, p, b: p / b,
    },
)


def _programs(generator: torch.Generator, number: int) -> tuple[Any, ...]:
    share, times = torch.rand(2, generator=generator).tolist()
    return (share, 1 + 9 * times) if number else (0.5, 2.0)


overall_speedup = Exercise(
    name="overall_speedup",
    reference=lambda share, times: 1 / (1 - share + share / times),
    draw=_programs,
    mistakes={
        "new_time": lambda s, t: 1 - s + s / t,
        "speeds_averaged": lambda s, t: s * t + 1 - s,
        "only_the_part": lambda s, t: t,
        "rest_missing": lambda s, t: 1 / (s / t),
        "exchanged": lambda s, t: 1 / (s + (1 - s) / t),
    },
)
