"""Exercises of lesson 04: gradients, the step, momentum, the best epoch, pairs, an epoch's mean, early stopping."""

from __future__ import annotations

import copy
import math
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


def _training(generator: torch.Generator, number: int) -> tuple[Any, ...]:
    with torch.random.fork_rng([]):
        torch.manual_seed(number)
        model = nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 3))
    count = (8, 8, 12, 16)[number % 4]  # in batches of four
    inputs = torch.randn(count, 6, generator=generator)
    labels = torch.randint(3, (count,), generator=generator)
    rate = (0.1, 0.5, 0.05, 0.2, 1.0, 0.3, 0.1, 0.7)[number]
    return model, inputs, labels, rate


_Batches = list[tuple[Tensor, Tensor]]


def _after_two(step: Callable[..., Any]) -> Callable[..., Any]:
    """The parameters of a network after two steps: a gradient that is not forgotten shows in the second."""

    def run(model: nn.Module, inputs: Tensor, labels: Tensor, rate: float) -> Any:
        network = copy.deepcopy(model)
        optimizer = torch.optim.SGD(network.parameters(), lr=rate)
        count = len(labels) // 4
        batches = list(zip(inputs.chunk(count), labels.chunk(count), strict=True))
        for _ in range(2):
            if step(network, optimizer, batches) is ...:
                return ...
        return torch.cat([p.detach().flatten() for p in network.parameters()])

    return run


def _accumulating(model: nn.Module, batches: _Batches, share: float) -> None:
    """Add the gradients of all batches, each times a share."""
    for inputs, labels in batches:
        (share * cross_entropy(model(inputs), labels)).backward()  # type: ignore[no-untyped-call]


def _step(model: nn.Module, optimizer: torch.optim.Optimizer, batches: _Batches) -> None:
    optimizer.zero_grad()
    _accumulating(model, batches, 1 / len(batches))
    optimizer.step()


def _no_zero(model: nn.Module, optimizer: torch.optim.Optimizer, batches: _Batches) -> None:
    _accumulating(model, batches, 1 / len(batches))
    optimizer.step()


def _no_step(model: nn.Module, optimizer: torch.optim.Optimizer, batches: _Batches) -> None:
    optimizer.zero_grad()
    _accumulating(model, batches, 1 / len(batches))


def _last_alone(model: nn.Module, optimizer: torch.optim.Optimizer, batches: _Batches) -> None:
    optimizer.zero_grad()
    _accumulating(model, batches[-1:], 1 / len(batches))
    optimizer.step()


def _sum_of_means(model: nn.Module, optimizer: torch.optim.Optimizer, batches: _Batches) -> None:
    optimizer.zero_grad()
    _accumulating(model, batches, 1.0)
    optimizer.step()


def _step_each(model: nn.Module, optimizer: torch.optim.Optimizer, batches: _Batches) -> None:
    for batch in batches:
        _sum_of_means(model, optimizer, [batch])


def _uphill(model: nn.Module, optimizer: torch.optim.Optimizer, batches: _Batches) -> None:
    optimizer.zero_grad()
    _accumulating(model, batches, -1 / len(batches))
    optimizer.step()


training_step = Exercise(
    name="training_step",
    reference=_after_two(_step),
    draw=_training,
    mistakes={
        "no_zero_grad": _after_two(_no_zero),
        "no_step": _after_two(_no_step),
        "last_batch_alone": _after_two(_last_alone),
        "not_the_mean": _after_two(_sum_of_means),
        "step_for_each": _after_two(_step_each),
        "wrong_sign": _after_two(_uphill),
    },
    harness=_after_two,
    parts=("the parameters after two steps",),
    shows=pictures.falling,
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


def _counts(generator: torch.Generator, number: int) -> tuple[Any, ...]:
    total = (100, 50, 200, 80, 500, 1000, 60, 300)[number]
    shares = torch.rand(2, generator=generator) * torch.tensor([0.3, 0.1]) + 0.1
    gained, lost = (int(count) for count in (shares * total).round())
    return gained, lost, total


def _paired(gained: int, lost: int, total: int) -> tuple[float, float]:
    gain = (gained - lost) / total
    return gain, math.sqrt(((gained + lost) / total - gain**2) / total)


def _of_changed(gained: int, lost: int, total: int) -> tuple[float, float]:
    return _paired(gained, lost, gained + lost)


paired_difference = Exercise(
    name="paired_difference",
    reference=_paired,
    draw=_counts,
    mistakes={
        "exchanged_runs": lambda g, k, n: _paired(k, g, n),
        "count_of_images": lambda g, k, n: (g - k, _paired(g, k, n)[1]),
        "changed_images_only": _of_changed,
        "share_that_differs": lambda g, k, n: ((g + k) / n, _paired(g, k, n)[1]),
        "spread_of_one_image": lambda g, k, n: (_paired(g, k, n)[0], _paired(g, k, n)[1] * math.sqrt(n)),
        "root_missing": lambda g, k, n: (_paired(g, k, n)[0], _paired(g, k, n)[1] / math.sqrt(n)),
        "two_errors": lambda g, k, n: (_paired(g, k, n)[0], 2 * _paired(g, k, n)[1]),
        "mean_forgotten": lambda g, k, n: (_paired(g, k, n)[0], math.sqrt(g + k) / n),
    },
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


def _losses(generator: torch.Generator, number: int) -> tuple[Any, ...]:
    curves = (
        [3.0, 2.0, 1.0, 1.5, 1.2, 0.9, 1.3, 1.4, 1.5],
        [3.0, 2.0, 1.0],
        [1.0, 1.0, 1.0, 1.0],
        [2.0, 1.0, 0.95, 0.9, 0.85, 0.8],
    )
    if number < 4:
        return curves[number], 2, (0.0, 0.0, 0.0, 0.08)[number]
    return torch.rand(12, generator=generator).tolist(), number % 4 + 1, 0.1


def _stop(losses: list[float], patience: int, min_delta: float) -> tuple[int, int]:
    best, best_epoch = float("inf"), 0
    for epoch, loss in enumerate(losses, start=1):
        if loss < best - min_delta:
            best, best_epoch = loss, epoch
        if epoch - best_epoch >= patience:
            return epoch, best_epoch
    return len(losses), best_epoch


def _stop_on_rise(losses: list[float], patience: int, min_delta: float) -> tuple[int, int]:
    for epoch in range(2, len(losses) + 1):
        if losses[epoch - 1] > losses[epoch - 2]:
            return epoch, epoch - 1
    return len(losses), len(losses)


def _or_equal(losses: list[float], patience: int, min_delta: float) -> tuple[int, int]:
    return _stop(losses, patience, min_delta - 1e-9)


def _best_moves(losses: list[float], patience: int, min_delta: float) -> tuple[int, int]:
    best, best_epoch = float("inf"), 0
    for epoch, loss in enumerate(losses, start=1):
        if loss < best - min_delta:
            best_epoch = epoch
        best = min(best, loss)
        if epoch - best_epoch >= patience:
            return epoch, best_epoch
    return len(losses), best_epoch


early_stopping = Exercise(
    name="early_stopping",
    reference=_stop,
    draw=_losses,
    mistakes={
        "first_rise": _stop_on_rise,
        "any_improvement": lambda losses, patience, min_delta: _stop(losses, patience, 0.0),
        "best_moves": _best_moves,
        "too_late": lambda losses, patience, min_delta: _stop(losses, patience + 1, min_delta),
        "from_zero": lambda losses, patience, min_delta: tuple(k - 1 for k in _stop(losses, patience, min_delta)),
        "keeps_last": lambda losses, patience, min_delta: (_stop(losses, patience, min_delta)[0],) * 2,
        "equal_is_better": _or_equal,
        "exchanged": lambda losses, patience, min_delta: _stop(losses, patience, min_delta)[::-1],
    },
    close=0,
    shows=pictures.stopping,
)
