"""Exercises of lesson 04: the best epoch, accuracy, means over an epoch, the step, early stopping."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from cifar_helpers.checks.engine import Exercise, Mistake
from cifar_helpers.checks.lesson_04 import pictures


def _curve(generator: torch.Generator, number: int) -> tuple[Any, ...]:
    curves = (
        [3.0, 2.0, 2.5, 1.0, 1.5],
        [1.0, 1.0, 1.0],
        [0.9, 0.5, 0.7, 0.5, 0.6],
        [2.0, 1.5, 1.6, 1.2, 1.1],
    )
    return (curves[number] if number < len(curves) else torch.rand(5 + number, generator=generator).tolist(),)


def _before_the_rise(losses: list[float]) -> int:
    return next((k for k in range(1, len(losses)) if losses[k] > losses[k - 1]), len(losses))


best_epoch = Exercise(
    "best_epoch",
    4,
    lambda losses: losses.index(min(losses)) + 1,
    _curve,
    "this one number decides which weights to keep, and it takes the whole curve to find it.",
    (
        "The best epoch is the one with the lowest validation loss.",
        "min(losses) is the lowest loss; losses.index(...) tells where it stands, counted from 0.",
        """the solution:
def my_best_epoch(losses):
    return losses.index(min(losses)) + 1
(epochs count from 1, the places of a list from 0)""",
    ),
    (
        Mistake(lambda v: v.index(min(v)), "lists count from 0, epochs from 1: add 1."),
        Mistake(lambda v: v.index(max(v)) + 1, "that is the epoch with the *highest* loss."),
        Mistake(min, "that is the lowest loss; asked is the number of its epoch."),
        Mistake(len, "that is the last epoch. A training may well have been better before its end."),
        Mistake(
            _before_the_rise,
            "it takes the epoch before the first rise. A curve wobbles: a lower loss may still follow.",
        ),
        Mistake(
            lambda v: len(v) - v[::-1].index(min(v)),
            "of equal losses it takes the last; the first one was there after less training.",
        ),
    ),
    close=0,
)


def _batches(generator: torch.Generator, number: int) -> tuple[Any, ...]:
    # The first has batches of one size: there the unweighted mean is right.
    sizes = [50, 50] if number == 0 else torch.randint(1, 60, (number % 4 + 2,), generator=generator).tolist()
    return (3 * torch.rand(len(sizes), generator=generator)).tolist(), sizes


def _mean(losses: list[float], sizes: list[int]) -> float:
    return sum(loss * size for loss, size in zip(losses, sizes, strict=True)) / sum(sizes)


epoch_loss = Exercise(
    "epoch_loss",
    4,
    _mean,
    _batches,
    "a small last batch counts as little as it holds.",
    (
        "The mean over all images is not the mean of the batches' means, unless all batches are of one size.",
        "Turn each batch's mean back into a sum: times its size.",
        "Divide by the number of images, sum(sizes).",
        """the solution:
def my_epoch_loss(losses, sizes):
    return sum(loss * size for loss, size in zip(losses, sizes)) / sum(sizes)""",
    ),
    (
        Mistake(
            lambda a, n: sum(a) / len(a),
            "every batch counts the same, so images in a small batch count more: weight by size.",
        ),
        Mistake(
            lambda a, n: sum(a) / sum(n),
            "the means are added without their sizes, and divided by the number of images.",
        ),
        Mistake(lambda a, n: a[-1], "that is the last batch alone."),
        Mistake(lambda a, n: _mean(a, n) * sum(n), "that is the sum over all images; divide by how many there are."),
    ),
)


def _answers(generator: torch.Generator, number: int) -> tuple[Any, ...]:
    count = (10, 10, 7, 33, 3, 20, 15, 50)[number]
    logits = torch.randn(count, 10, generator=generator)
    labels = logits.argmax(1)
    change = torch.rand(count, generator=generator) < 0.4
    return logits, torch.where(change, (labels + 1) % 10, labels)


accuracy = Exercise(
    "accuracy",
    4,
    lambda logits, labels: (logits.argmax(1) == labels).float().mean(),
    _answers,
    "softmax would not change which logit is the largest, so it is not needed.",
    (
        "Which class does the network answer for each picture? The one with the largest logit.",
        "logits.argmax(1) gives the answers; == compares them with the labels.",
        "The mean of True and False needs numbers: .float().mean().",
        """the solution:
def my_accuracy(logits, labels):
    return (logits.argmax(1) == labels).float().mean()""",
    ),
    (
        Mistake(lambda z, y: (z.argmax(1) == y).sum(), "that counts the right answers; accuracy is their share."),
        Mistake(lambda z, y: (z.argmax(1) != y).float().mean(), "that is the share of *wrong* answers."),
        Mistake(lambda z, y: (z.argmin(1) == y).float().mean(), "it takes the smallest logit."),
        Mistake(
            lambda z, y: (z.argmax(1) == y).float().sum() / z.numel(),
            "it divides by all logits, ten for each picture; divide by the number of pictures.",
        ),
        Mistake(
            lambda z, y: (z.argmax(1) == y).float().mean() * 100, "that is in percent; asked is a share from 0 to 1."
        ),
    ),
    close=1e-6,
)


def _losses(generator: torch.Generator, number: int) -> tuple[Any, ...]:
    curves = (
        [3.0, 2.0, 1.0, 1.5, 1.2, 0.9, 1.3, 1.4, 1.5],
        [3.0, 2.0, 1.0],
        [1.0, 1.0, 1.0, 1.0],
    )
    if number < 3:
        return curves[number], 2
    return torch.rand(12, generator=generator).tolist(), number % 4 + 1


def _stop(losses: list[float], patience: int) -> tuple[int, int]:
    best, best_epoch = float("inf"), 0
    for epoch, loss in enumerate(losses, start=1):
        if loss < best:
            best, best_epoch = loss, epoch
        if epoch - best_epoch >= patience:
            return epoch, best_epoch
    return len(losses), best_epoch


def _stop_on_rise(losses: list[float], patience: int) -> tuple[int, int]:
    for epoch in range(2, len(losses) + 1):
        if losses[epoch - 1] > losses[epoch - 2]:
            return epoch, epoch - 1
    return len(losses), len(losses)


def _stop_late(losses: list[float], patience: int) -> tuple[int, int]:
    return _stop(losses, patience + 1)


def _from_zero(losses: list[float], patience: int) -> tuple[int, int]:
    stopped, best = _stop(losses, patience)
    return stopped - 1, best - 1


def _keeps_last(losses: list[float], patience: int) -> tuple[int, int]:
    return (_stop(losses, patience)[0],) * 2


def _or_equal(losses: list[float], patience: int) -> tuple[int, int]:
    best, best_epoch = float("inf"), 0
    for epoch, loss in enumerate(losses, start=1):
        if loss <= best:
            best, best_epoch = loss, epoch
        if epoch - best_epoch >= patience:
            return epoch, best_epoch
    return len(losses), best_epoch


early_stopping = Exercise(
    "early_stopping",
    4,
    _stop,
    _losses,
    "the epoch that is kept lies before the epoch that stops, by the patience.",
    (
        "Remember two things while you walk through the epochs: the lowest loss so far, and its epoch.",
        "Stop when as many epochs as the patience have passed since the best one. Epochs count from 1.",
        "enumerate(losses, start=1) counts; a new best where loss < best; stop at epoch - best_epoch >= patience.",
        """the solution:
def my_early_stopping(losses, patience):
    best, best_epoch = float("inf"), 0
    for epoch, loss in enumerate(losses, start=1):
        if loss < best:
            best, best_epoch = loss, epoch
        if epoch - best_epoch >= patience:
            return epoch, best_epoch
    return len(losses), best_epoch""",
    ),
    (
        Mistake(
            _stop_on_rise, "it stops at the first rise: patience is how many epochs without a new best are waited for."
        ),
        Mistake(_stop_late, "it waits one epoch too long: patience 2 allows two epochs without a new best."),
        Mistake(_from_zero, "epochs count from 1 here: enumerate(losses, start=1)."),
        Mistake(_keeps_last, "it keeps the weights of the last epoch; kept are those with the lowest loss."),
        Mistake(_or_equal, "an equal loss is no improvement: only a lower one is a new best."),
        Mistake(
            lambda losses, patience: _stop(losses, patience)[::-1],
            "the two are exchanged: first where it stops, then what is kept.",
        ),
    ),
    close=0,
    shows=pictures.stopping,
)


def _training(generator: torch.Generator, number: int) -> tuple[Any, ...]:
    with torch.random.fork_rng([]):
        torch.manual_seed(number)
        model = nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 3))
    inputs = torch.randn(8, 6, generator=generator)
    labels = torch.randint(3, (8,), generator=generator)
    rate = (0.1, 0.5, 0.05, 0.2, 1.0, 0.3, 0.1, 0.7)[number]
    return model, inputs, labels, rate


def _after_two(step: Callable[..., Any]) -> Callable[..., Any]:
    """The parameters of a network after two steps: a gradient that is not forgotten shows in the second."""

    def run(model: nn.Module, inputs: Tensor, labels: Tensor, rate: float) -> Any:
        network = copy.deepcopy(model)
        optimizer = torch.optim.SGD(network.parameters(), lr=rate)
        for _ in range(2):
            if step(network, optimizer, inputs, labels) is ...:
                return ...
        return torch.cat([p.detach().flatten() for p in network.parameters()])

    return run


def _step(model: nn.Module, optimizer: torch.optim.Optimizer, inputs: Tensor, labels: Tensor) -> None:
    optimizer.zero_grad()
    cross_entropy(model(inputs), labels).backward()  # type: ignore[no-untyped-call]
    optimizer.step()


def _no_zero(model: nn.Module, optimizer: torch.optim.Optimizer, inputs: Tensor, labels: Tensor) -> None:
    cross_entropy(model(inputs), labels).backward()  # type: ignore[no-untyped-call]
    optimizer.step()


def _no_step(model: nn.Module, optimizer: torch.optim.Optimizer, inputs: Tensor, labels: Tensor) -> None:
    optimizer.zero_grad()
    cross_entropy(model(inputs), labels).backward()  # type: ignore[no-untyped-call]


def _twice(model: nn.Module, optimizer: torch.optim.Optimizer, inputs: Tensor, labels: Tensor) -> None:
    optimizer.zero_grad()
    cross_entropy(model(inputs).softmax(1), labels).backward()  # type: ignore[no-untyped-call]
    optimizer.step()


def _uphill(model: nn.Module, optimizer: torch.optim.Optimizer, inputs: Tensor, labels: Tensor) -> None:
    optimizer.zero_grad()
    (-cross_entropy(model(inputs), labels)).backward()  # type: ignore[no-untyped-call]
    optimizer.step()


training_step = Exercise(
    "training_step",
    4,
    _after_two(_step),
    _training,
    "zero_grad, forward, loss, backward, step: the five words of every training.",
    (
        "Four lines: forget the old gradients, compute the loss, compute new gradients, move the parameters.",
        "Gradients add up until they are forgotten: optimizer.zero_grad() comes before backward().",
        "loss = cross_entropy(model(inputs), labels), then loss.backward(), then ...",
        """the solution:
def my_training_step(model, optimizer, inputs, labels):
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(inputs), labels)
    loss.backward()
    optimizer.step()""",
    ),
    (
        Mistake(_after_two(_no_zero), "zero_grad is missing: the second step moves by the gradients of both."),
        Mistake(
            _after_two(_no_step),
            "the parameters did not move: step() is missing, or the gradients were forgotten before it used them.",
        ),
        Mistake(_after_two(_twice), "softmax is applied twice: cross_entropy takes the logits."),
        Mistake(_after_two(_uphill), "the sign is wrong: the loss rises."),
    ),
    harness=_after_two,
    shows=pictures.falling,
)
