"""Exercises of lesson 05: a typical time, operations, intensity, speed-up, honest timing."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median
from typing import Any

import torch

from cifar_helpers.checks.engine import Exercise, Mistake

Step = Callable[[], None]
Clock = Callable[[], float]


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


def _times(generator: torch.Generator, number: int) -> tuple[Any, ...]:
    """A slow first call, then an odd number of calls, one of them disturbed by something else."""
    later = 0.07 + 0.01 * torch.rand(2 * number + 3, generator=generator)
    later[int(torch.randint(len(later), (1,), generator=generator))] *= 4
    return ([0.11 + 0.01 * number, *later.tolist()],)


typical_time = Exercise(
    "typical_time",
    5,
    lambda times: median(times[1:]),
    _times,
    "one call that was disturbed moves the mean, and leaves the median where it is.",
    (
        "Which of the times is no fair one? And which number is not moved by a single slow call?",
        "times[1:] leaves out the first; the median is the middle of the sorted rest.",
        """the solution:
def my_typical_time(times):
    rest = sorted(times[1:])
    return rest[len(rest) // 2]
(or statistics.median(times[1:]))""",
    ),
    (
        Mistake(lambda t: median(t), "the first call, which sets things up, is still among them: times[1:]."),
        Mistake(
            lambda t: sum(t[1:]) / (len(t) - 1),
            "that is the mean, which a single disturbed call moves: take the median.",
        ),
        Mistake(lambda t: sum(t) / len(t), "that is the mean of all calls, with the warm-up and with disturbed ones."),
        Mistake(lambda t: min(t), "that is the luckiest call; asked is the usual one."),
        Mistake(lambda t: t[1:][(len(t) - 1) // 2], "the middle of the list is the median only once it is sorted."),
    ),
    close=1e-6,
)


class _Machine:
    """Tells what was called when: slow the first time, disturbed once, and done only when it is waited for."""

    def __init__(self, cost: float) -> None:
        self.cost, self.now, self.calls, self.queued = cost, 0.0, 0, 0.0

    def work(self) -> None:
        self.calls += 1
        self.now += 0.001
        # Calls differ among themselves, so that no two rules of timing give the same number.
        usual = 1 + (3 * self.calls + 1) % 7 / 10
        self.queued += self.cost * {1: 10.0, 3: 8.0}.get(self.calls, usual)

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
    "seconds_per_call",
    5,
    _timed(_honest),
    lambda generator, number: (2 * number + 3,),
    "warm up and wait; then for each call start the clock, work, wait, stop it; and take the median.",
    (
        "The first call sets things up. Where must it stand so that the clock does not see it?",
        "A device queues work and returns at once: wait() returns when all of it is done.",
        "work() and wait() to warm up; then for each call: start = clock(), work(), wait(), and keep clock() - start.",
        """the solution:
def my_seconds_per_call(work, wait, clock, repeats):
    work()
    wait()
    times = []
    for _ in range(repeats):
        start = clock()
        work()
        wait()
        times.append(clock() - start)
    return sorted(times)[repeats // 2]
(the first wait is for the warm-up, so that the first time does not pay for it)""",
    ),
    (
        Mistake(
            _timed(_cold), "the first call, which sets things up, is counted: call work() once before the clock starts."
        ),
        Mistake(_timed(_queue), "the clock stops while work is still queued: wait() before you read it."),
        Mistake(_timed(_carried), "the warm-up is still queued when the clock starts: wait() for it first."),
        Mistake(_timed(_mean), "that is the mean: a single disturbed call moves it. Time each call, take the median."),
        Mistake(_timed(_total), "that is the time of all calls together; asked is that of one."),
        Mistake(_timed(_unsorted), "the middle of the list is the median only once the list is sorted."),
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
