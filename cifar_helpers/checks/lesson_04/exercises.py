"""Exercises of lesson 04: gradients, momentum, the step, an epoch's mean, the best epoch, pairs, early stopping."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from cifar_helpers.checks.engine import Exercise
from cifar_helpers.checks.lesson_04 import pictures


def _two_layers(generator: torch.Generator, number: int) -> tuple[Any, ...]:
    # The last of each four has a negative hidden value, which ReLU stops.
    numbers = (0.5 + 2 * torch.rand(4, generator=generator)).tolist()
    x, y, w1, w2 = (round(value, 2) for value in numbers)
    return x, y, (-w1 if number % 4 == 3 else w1), w2


def _backwards(x: float, y: float, w1: float, w2: float) -> tuple[float, float]:
    h = max(0.0, w1 * x)
    of_output = 2 * (w2 * h - y)
    return (of_output * w2 * x if h > 0 else 0.0), of_output * h


def _scaled(first: float, second: float) -> Callable[..., tuple[float, float]]:
    """Both gradients, each times a number."""

    def run(x: float, y: float, w1: float, w2: float) -> tuple[float, float]:
        gradients = _backwards(x, y, w1, w2)
        return first * gradients[0], second * gradients[1]

    return run


def _relu_passes_all(x: float, y: float, w1: float, w2: float) -> tuple[float, float]:
    h = max(0.0, w1 * x)
    of_output = 2 * (w2 * h - y)
    return of_output * w2 * x, of_output * h


def _no_relu(x: float, y: float, w1: float, w2: float) -> tuple[float, float]:
    of_output = 2 * (w2 * w1 * x - y)
    return of_output * w2 * x, of_output * w1 * x


def _later_weight_missing(x: float, y: float, w1: float, w2: float) -> tuple[float, float]:
    first, second = _backwards(x, y, w1, w2)
    return first / w2, second


def _input_missing(x: float, y: float, w1: float, w2: float) -> tuple[float, float]:
    first, second = _backwards(x, y, w1, w2)
    return first / x, second


two_gradients = Exercise(
    name="two_gradients",
    reference=_backwards,
    draw=_two_layers,
    mistakes={
        "relu_passes_all": _relu_passes_all,
        "no_relu": _no_relu,
        "later_weight_missing": _later_weight_missing,
        "input_missing": _input_missing,
        "two_missing": _scaled(0.5, 0.5),
        "downhill": _scaled(-1, -1),
        "exchanged": lambda x, y, w1, w2: _backwards(x, y, w1, w2)[::-1],
    },
)


def _moving(generator: torch.Generator, number: int) -> tuple[Any, ...]:
    weight, velocity, gradient = (torch.randn(3, generator=generator) for _ in range(3))
    # The first moves off from rest: there the velocity is the gradient.
    return weight, velocity * (number > 0), gradient, (0.1, 0.05, 0.2, 0.01)[number % 4], (0.9, 0.8, 0.5)[number % 3]


def _momentum(
    weight: Tensor, velocity: Tensor, gradient: Tensor, rate: float, momentum: float
) -> tuple[Tensor, Tensor]:
    velocity = momentum * velocity + gradient
    return weight - rate * velocity, velocity


def _nesterov(
    weight: Tensor, velocity: Tensor, gradient: Tensor, rate: float, momentum: float
) -> tuple[Tensor, Tensor]:
    velocity = momentum * velocity + gradient
    return weight - rate * (gradient + momentum * velocity), velocity


momentum_step = Exercise(
    name="momentum_step",
    reference=_momentum,
    draw=_moving,
    mistakes={
        "plain": lambda w, v, g, r, m: (w - r * g, m * v + g),
        "old_velocity": lambda w, v, g, r, m: (w - r * v, m * v + g),
        "not_damped": lambda w, v, g, r, m: _momentum(w, v, g, r, 1.0),
        "uphill": lambda w, v, g, r, m: (w + r * (m * v + g), m * v + g),
        "gradient_damped": lambda w, v, g, r, m: _momentum(w, v, (1 - m) * g, r, m),
        "nesterov": _nesterov,
        "velocity_forgotten": lambda w, v, g, r, m: (_momentum(w, v, g, r, m)[0], g),
        "exchanged": lambda w, v, g, r, m: _momentum(w, v, g, r, m)[::-1],
    },
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
    name="training_step",
    reference=_after_two(_step),
    draw=_training,
    mistakes={
        "no_zero_grad": _after_two(_no_zero),
        "no_step": _after_two(_no_step),
        "softmax_twice": _after_two(_twice),
        "wrong_sign": _after_two(_uphill),
    },
    harness=_after_two,
    shows=pictures.falling,
)


def _batches(generator: torch.Generator, number: int) -> tuple[Any, ...]:
    # The first has batches of one size: there the unweighted mean is right.
    sizes = [50, 50] if number == 0 else torch.randint(1, 60, (number % 4 + 2,), generator=generator).tolist()
    return (3 * torch.rand(len(sizes), generator=generator)).tolist(), sizes


def _mean(losses: list[float], sizes: list[int]) -> float:
    return sum(loss * size for loss, size in zip(losses, sizes, strict=True)) / sum(sizes)


epoch_loss = Exercise(
    name="epoch_loss",
    reference=_mean,
    draw=_batches,
    mistakes={
        "unweighted": lambda a, n: sum(a) / len(a),
        "sizes_missing": lambda a, n: sum(a) / sum(n),
        "last_batch": lambda a, n: a[-1],
        "sum": lambda a, n: _mean(a, n) * sum(n),
    },
)


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
    name="best_epoch",
    reference=lambda losses: losses.index(min(losses)) + 1,
    draw=_curve,
    mistakes={
        "from_zero": lambda v: v.index(min(v)),
        "highest": lambda v: v.index(max(v)) + 1,
        "loss_itself": min,
        "last_epoch": len,
        "before_the_rise": _before_the_rise,
        "last_of_equals": lambda v: len(v) - v[::-1].index(min(v)),
    },
    close=0,
)


def _pairs(generator: torch.Generator, number: int) -> tuple[Any, ...]:
    count = (100, 50, 200, 80, 500, 1000, 60, 300)[number]
    first = torch.rand(count, generator=generator) < 0.7
    changed = torch.rand(count, generator=generator) < 0.2
    return first, torch.where(changed, torch.rand(count, generator=generator) < 0.8, first)


def _paired(first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    differences = second.float() - first.float()
    return differences.mean(), differences.std() / len(differences) ** 0.5


def _unpaired(first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    both = [values.float() for values in (first, second)]
    return both[1].mean() - both[0].mean(), torch.stack([b.var() / len(b) for b in both]).sum().sqrt()


paired_difference = Exercise(
    name="paired_difference",
    reference=_paired,
    draw=_pairs,
    mistakes={
        "unpaired": _unpaired,
        "exchanged_runs": lambda a, b: _paired(b, a),
        "spread_of_one_image": lambda a, b: (_paired(a, b)[0], (b.float() - a.float()).std()),
        "root_missing": lambda a, b: (_paired(a, b)[0], (b.float() - a.float()).std() / len(a)),
        "two_errors": lambda a, b: (_paired(a, b)[0], 2 * _paired(a, b)[1]),
        "share_that_differs": lambda a, b: ((a != b).float().mean(), _paired(a, b)[1]),
    },
    close=1e-2,
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
    name="early_stopping",
    reference=_stop,
    draw=_losses,
    mistakes={
        "first_rise": _stop_on_rise,
        "too_late": _stop_late,
        "from_zero": _from_zero,
        "keeps_last": _keeps_last,
        "equal_is_better": _or_equal,
        "exchanged": lambda losses, patience: _stop(losses, patience)[::-1],
    },
    close=0,
    shows=pictures.stopping,
)
