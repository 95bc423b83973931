"""Exercises of lesson 09: features on one scale, and frozen stages."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from cifar_helpers.checks.engine import Exercise


def _features(generator: torch.Generator, number: int) -> tuple[Any, ...]:
    count, others, width = (6, 4, 3) if number < 2 else (5 + number, 12 - number, number)
    scale, shift = torch.tensor([1.0, 20.0, 0.1]).repeat(3)[:width], torch.tensor([0.0, -3.0, 7.0]).repeat(3)[:width]
    train, rest = (scale * torch.randn(n, width, generator=generator) + shift for n in (count, others))
    if number % 2:
        train[:, -1] = 0.0  # a feature that no training image has
    return train, rest


_Pair = tuple[Tensor, Tensor]


def _with(train: Tensor, others: Tensor, mean: Tensor, deviation: Tensor) -> _Pair:
    return (train - mean) / deviation, (others - mean) / deviation


def _never_zero(deviation: Tensor) -> Tensor:
    return torch.where(deviation == 0, 1.0, deviation)


def _standardised(train: Tensor, others: Tensor) -> _Pair:
    return _with(train, others, train.mean(0), _never_zero(train.std(0)))


def _own_statistics(train: Tensor, others: Tensor) -> _Pair:
    return _standardised(train, others)[0], _standardised(others, train)[0]


def _together(train: Tensor, others: Tensor) -> _Pair:
    both = torch.cat([train, others])
    return _with(train, others, both.mean(0), _never_zero(both.std(0)))


def _of_all_images(train: Tensor, others: Tensor) -> _Pair:
    return _with(train, others, train.mean(), train.std())


def _biased(train: Tensor, others: Tensor) -> _Pair:
    return _with(train, others, train.mean(0), _never_zero(train.std(0, correction=0)))


def _variance(train: Tensor, others: Tensor) -> _Pair:
    return _with(train, others, train.mean(0), _never_zero(train.var(0)))


standardise = Exercise(
    name="standardise",
    reference=_standardised,
    draw=_features,
    mistakes={
        "own_statistics": _own_statistics,
        "together": _together,
        "one_number": _of_all_images,
        "training_only": lambda t, o: (_standardised(t, o)[0], o),
        "not_divided": lambda t, o: (t - t.mean(0), o - t.mean(0)),
        "not_centred": lambda t, o: _with(t, o, torch.tensor(0.0), _never_zero(t.std(0))),
        "variance": _variance,
        "biased": _biased,
    },
)


def _stages(generator: torch.Generator, number: int) -> tuple[Any, ...]:
    count = (3, 4, 5)[number % 3]
    with torch.random.fork_rng([]):
        torch.manual_seed(number)
        stages = [
            nn.Sequential(nn.Conv2d(3, 3, 3, padding=1), nn.BatchNorm2d(3), nn.ReLU(), nn.BatchNorm2d(3))
            for _ in range(count)
        ]
        network = nn.Sequential(*stages, nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 10)))
    return network.train(), (1, 2, 1, 3, 2, 4, 2, 3)[number]


def _state_after(freeze: Callable[..., Any]) -> Callable[..., Any]:
    """Which parameters are trained, and which batch norms follow the batches, after an answer has changed a copy."""

    def run(network: nn.Sequential, count: int) -> Any:
        changed = copy.deepcopy(network)
        if freeze(changed, count) is ...:
            return ...
        trained = [p.requires_grad for p in changed.parameters()]
        following = [layer.training for layer in changed.modules() if isinstance(layer, nn.BatchNorm2d)]
        return torch.tensor([*trained, *following]).float()

    return run


def _freeze(network: nn.Sequential, count: int) -> None:
    for stage in network[:count]:
        stage.requires_grad_(False)
        stage.eval()


def _parameters_only(network: nn.Sequential, count: int) -> None:
    network[:count].requires_grad_(False)


def _statistics_only(network: nn.Sequential, count: int) -> None:
    network[:count].eval()


def _weights_only(network: nn.Sequential, count: int) -> None:
    for name, parameter in network[:count].eval().named_parameters():
        parameter.requires_grad_("bias" in name)


def _all_in_eval(network: nn.Sequential, count: int) -> None:
    network.eval()[:count].requires_grad_(False)


def _the_others(network: nn.Sequential, count: int) -> None:
    network[count:].requires_grad_(False).eval()


def _everything(network: nn.Sequential, count: int) -> None:
    network.requires_grad_(False).eval()


freeze = Exercise(
    name="freeze",
    reference=_state_after(_freeze),
    draw=_stages,
    mistakes={
        "batch_norm_follows": _state_after(_parameters_only),
        "still_trained": _state_after(_statistics_only),
        "biases_trained": _state_after(_weights_only),
        "all_in_eval": _state_after(_all_in_eval),
        "wrong_end": _state_after(_the_others),
        "everything": _state_after(_everything),
        "one_too_many": _state_after(lambda network, count: _freeze(network, count + 1)),
        "one_too_few": _state_after(lambda network, count: _freeze(network, count - 1)),
    },
    harness=_state_after,
)
