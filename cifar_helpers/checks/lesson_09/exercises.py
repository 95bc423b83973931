"""Exercises of lesson 09: a few images of each class, and frozen stages."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from cifar_helpers.checks.engine import Exercise


def _labels(generator: torch.Generator, number: int) -> tuple[Any, ...]:
    classes, count = (3, 4, 5, 10)[number % 4], (2, 1, 3, 2, 4, 3, 1, 2)[number]
    # Enough of each class, and some more of random ones, in random order.
    labels = torch.cat([torch.arange(classes).repeat(count + 1), torch.randint(classes, (9,), generator=generator)])
    return labels[torch.randperm(len(labels), generator=generator)], count, classes


def _chosen(labels: Tensor, count: int, classes: int) -> Tensor:
    return torch.cat([(labels == k).nonzero().flatten()[:count] for k in range(classes)])


def _last_of_each(labels: Tensor, count: int, classes: int) -> Tensor:
    return torch.cat([(labels == k).nonzero().flatten()[-count:] for k in range(classes)])


def _as_columns(labels: Tensor, count: int, classes: int) -> Tensor:
    return torch.cat([(labels == k).nonzero()[:count] for k in range(classes)])


few_per_class = Exercise(
    name="few_per_class",
    reference=_chosen,
    draw=_labels,
    mistakes={
        "in_total": lambda labels, count, classes: torch.arange(count),
        "first_images": lambda labels, count, classes: torch.arange(count * classes),
        "labels_instead": lambda labels, count, classes: labels[_chosen(labels, count, classes)],
        "last_of_each": _last_of_each,
        "sorted": lambda labels, count, classes: _chosen(labels, count, classes).sort().values,
        "as_columns": _as_columns,
        "one_class_missing": lambda labels, count, classes: _chosen(labels, count, classes - 1),
        "all_of_each": lambda labels, count, classes: _chosen(labels, len(labels), classes),
    },
    close=0,
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
