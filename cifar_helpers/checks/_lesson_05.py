"""Exercises of lesson 05: operations, intensity, honest timing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from cifar_helpers.checks._engine import Exercise, Mistake


def _layer(generator: torch.Generator, number: int) -> tuple[Any, ...]:
    inputs, outputs = torch.randint(1, 65, (2,), generator=generator).tolist()
    height, width = ((8, 8), (16, 16), (8, 4), (5, 9), (3, 7), (32, 32), (4, 6), (1, 1))[number]
    return inputs, outputs, (3, 1, 5, 3, 2, 3, 7, 4)[number], height, width


operations_of_convolution = Exercise(
    "operations_of_convolution",
    5,
    lambda i, o, k, h, w: 2 * i * o * k * k * h * w,
    _layer,
    "parameters are used at every place, so operations grow with the picture and parameters do not.",
    (
        "How many products make one number of the output? How many numbers has the output?",
        "One output number: kernel * kernel * inputs products, and as many additions.",
        "There are outputs * height * width of them.",
        """the solution:
def my_operations_of_convolution(inputs, outputs, kernel, height, width):
    return 2 * kernel * kernel * inputs * outputs * height * width""",
    ),
    (
        Mistake(
            lambda i, o, k, h, w: i * o * k * k * h * w,
            "these are the products; each one is added as well, so twice as many.",
        ),
        Mistake(
            lambda i, o, k, h, w: 2 * i * o * k * k,
            "that is for a single place: the kernel works at height * width of them.",
        ),
        Mistake(lambda i, o, k, h, w: 2 * i * o * k * h * w, "a kernel is a square: kernel * kernel numbers."),
        Mistake(lambda i, o, k, h, w: 2 * o * k * k * h * w, "each output number adds over all input channels."),
    ),
    close=0,
)


def _programs(generator: torch.Generator, number: int) -> tuple[Any, ...]:
    share, times = torch.rand(2, generator=generator).tolist()
    return (share, 1 + 9 * times) if number else (0.5, 2.0)


overall_speedup = Exercise(
    "overall_speedup",
    5,
    lambda share, times: 1 / (1 - share + share / times),
    _programs,
    "what is not made faster soon rules: with half of the time left as it is, no gain goes beyond 2.",
    (
        "Call the whole time 1. How long does the part take afterwards, and how long the rest?",
        "The part takes share / times, the rest 1 - share as before.",
        "The speed-up is the old time divided by the new one (Amdahl, 1967).",
        """the solution:
def my_overall_speedup(share, times):
    return 1 / (1 - share + share / times)""",
    ),
    (
        Mistake(lambda s, t: 1 - s + s / t, "that is the new time; the speed-up is the old time, 1, divided by it."),
        Mistake(lambda s, t: s * t + 1 - s, "speeds cannot be averaged like that: add up *times*, then divide."),
        Mistake(lambda s, t: t, "only a part becomes so much faster; the rest stays as it is."),
        Mistake(lambda s, t: 1 / (s / t), "the rest of the time, 1 - share, is still there."),
        Mistake(
            lambda s, t: 1 / (s + (1 - s) / t), "the shares are exchanged: *share* is the part that becomes faster."
        ),
    ),
)


class _Machine:
    """Tells what was called when: work is slow the first time, and done only once it is waited for."""

    def __init__(self, cost: float) -> None:
        self.cost, self.now, self.calls, self.queued = cost, 0.0, 0, 0.0

    def work(self) -> None:
        self.calls += 1
        self.now += 0.001
        self.queued += self.cost * (10 if self.calls == 1 else 1)

    def wait(self) -> None:
        self.now += self.queued
        self.queued = 0.0

    def clock(self) -> float:
        return self.now


def _timed(answer: Callable[..., Any]) -> Callable[[int], Any]:
    def run(repeats: int) -> Any:
        machine = _Machine(0.03 * repeats)
        return answer(machine.work, machine.wait, machine.clock, repeats)

    return run


def _honest(work: Callable[[], None], wait: Callable[[], None], clock: Callable[[], float], repeats: int) -> float:
    work()
    wait()
    start = clock()
    for _ in range(repeats):
        work()
    wait()
    return (clock() - start) / repeats


def _cold(work: Callable[[], None], wait: Callable[[], None], clock: Callable[[], float], repeats: int) -> float:
    start = clock()
    for _ in range(repeats):
        work()
    wait()
    return (clock() - start) / repeats


def _queue(work: Callable[[], None], wait: Callable[[], None], clock: Callable[[], float], repeats: int) -> float:
    work()
    wait()
    start = clock()
    for _ in range(repeats):
        work()
    return (clock() - start) / repeats


def _carried(work: Callable[[], None], wait: Callable[[], None], clock: Callable[[], float], repeats: int) -> float:
    work()
    start = clock()
    for _ in range(repeats):
        work()
    wait()
    return (clock() - start) / repeats


def _total(work: Callable[[], None], wait: Callable[[], None], clock: Callable[[], float], repeats: int) -> float:
    return _honest(work, wait, clock, repeats) * repeats


seconds_per_call = Exercise(
    "seconds_per_call",
    5,
    _timed(_honest),
    lambda generator, number: (number + 2,),
    "warm up, wait, start the clock, work, wait, stop the clock.",
    (
        "The first call sets things up. Where must it stand so that the clock does not see it?",
        "A device queues work and returns at once: wait() returns when all of it is done.",
        "Wait twice: after the warm-up, before the clock starts, and after the loop, before it stops.",
        """the solution:
def my_seconds_per_call(work, wait, clock, repeats):
    work()
    wait()
    start = clock()
    for _ in range(repeats):
        work()
    wait()
    return (clock() - start) / repeats""",
    ),
    (
        Mistake(
            _timed(_cold), "the first call, which sets things up, is counted: call work() once before the clock starts."
        ),
        Mistake(_timed(_queue), "the clock stops while work is still queued: wait() before you read it."),
        Mistake(_timed(_carried), "the warm-up is still queued when the clock starts: wait() for it first."),
        Mistake(_timed(_total), "that is the time of all calls; divide by their number."),
    ),
    harness=_timed,
)


intensity = Exercise(
    "intensity",
    5,
    lambda inputs, outputs, batch: 2 * inputs * outputs * batch / (4 * (inputs * outputs + batch * (inputs + outputs))),
    lambda generator, number: (
        *torch.randint(8, 2000, (2,), generator=generator).tolist(),
        (1, 2, 8, 64, 200, 1, 500, 16)[number],
    ),
    "with one image it stays near a half; the weights are read for a single product each.",
    (
        "Arithmetic: two operations for each weight and image. Traffic: weights once, inputs and outputs always.",
        "A linear layer has inputs * outputs weights; each number takes 4 bytes.",
        "Bytes: 4 * (inputs * outputs + batch * (inputs + outputs)).",
        """the solution:
def my_intensity(inputs, outputs, batch):
    operations = 2 * inputs * outputs * batch
    return operations / (4 * (inputs * outputs + batch * (inputs + outputs)))""",
    ),
    (
        Mistake(
            lambda i, o, b: 2 * i * o * b / (i * o + b * (i + o)),
            "that is for each *number*; a float32 number has 4 bytes.",
        ),
        Mistake(
            lambda i, o, b: 2 * i * o * b / (4 * b * (i * o + i + o)),
            "the weights are read once for the whole batch, not once for each image.",
        ),
        Mistake(
            lambda i, o, b: i * o * b / (4 * (i * o + b * (i + o))),
            "each weight is multiplied *and* added: two operations.",
        ),
        Mistake(lambda i, o, b: 2 * i * o * b / (4 * i * o), "inputs and outputs are moved too, for each image."),
    ),
)
