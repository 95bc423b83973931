"""Exercises of lesson 08: channel means, a skip connection, a running mean of weights, mixup, two views."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from cifar_helpers.checks.engine import Exercise
from cifar_helpers.checks.lesson_08 import pictures


def _maps(generator: torch.Generator, number: int) -> tuple[Any, ...]:
    height, width = (4, 4) if number < 2 else (3 + number, 2)
    return (torch.randn(number % 3 + 2, 5, height, width, generator=generator),)


global_average_pool = Exercise(
    name="global_average_pool",
    reference=lambda maps: maps.mean(dim=(2, 3)),
    draw=_maps,
    mistakes={
        "maximum": lambda m: m.amax(dim=(2, 3)),
        "sum": lambda m: m.sum(dim=(2, 3)),
        "kept_dimensions": lambda m: m.mean(dim=(2, 3), keepdim=True),
        "over_channels": lambda m: m.mean(1),
        "wrong_dimensions": lambda m: m.mean(dim=(1, 2)),
        "rows_only": lambda m: m.mean(3),
        "over_pictures": lambda m: m.mean(dim=(0, 2, 3)),
        "one_number": lambda m: m.mean(),
    },
    shows=pictures.pooled,
)


def _layers(generator: torch.Generator, number: int) -> tuple[Any, ...]:
    channels, height, width = (3, 4, 4) if number < 2 else (number, 5, 2 + number)
    with torch.random.fork_rng([]):
        torch.manual_seed(number)
        change = nn.Sequential(nn.Conv2d(channels, channels, 3, padding=1), nn.Tanh())
    return torch.randn(2, channels, height, width, generator=generator), change.requires_grad_(False)


residual = Exercise(
    name="residual",
    reference=lambda values, change: values + change(values),
    draw=_layers,
    mistakes={
        "shortcut_missing": lambda v, change: change(v),
        "layers_missing": lambda v, change: v,
        "change_subtracted": lambda v, change: v - change(v),
        "input_subtracted": lambda v, change: change(v) - v,
        "multiplied": lambda v, change: v * change(v),
        "concatenated": lambda v, change: torch.cat([v, change(v)], 1),
        "mean": lambda v, change: (v + change(v)) / 2,
        "relu_after": lambda v, change: (v + change(v)).relu(),
    },
    shows=pictures.added,
)


def _two_networks(generator: torch.Generator, number: int) -> tuple[Any, ...]:
    shapes = [(3, 3), (3,)] if number < 2 else [(number, 2, 3), (number,), (1,)]
    mean, weights = ([torch.randn(shape, generator=generator) for shape in shapes] for _ in range(2))
    return mean, weights, (0.9, 0.99, 0.8, 0.95, 0.7, 0.9, 0.6, 0.98)[number]


Weights = list[Tensor]


def _each(rule: Callable[[Tensor, Tensor, float], Tensor]) -> Callable[[Weights, Weights, float], Weights]:
    """A rule for one tensor as a rule for lists of them."""
    return lambda mean, weights, decay: [rule(m, w, decay) for m, w in zip(mean, weights, strict=True)]


running_mean = Exercise(
    name="running_mean",
    reference=_each(lambda m, w, decay: decay * m + (1 - decay) * w),
    draw=_two_networks,
    mistakes={
        "exchanged": _each(lambda m, w, decay: (1 - decay) * m + decay * w),
        "grows": _each(lambda m, w, decay: m + (1 - decay) * w),
        "weights_in_full": _each(lambda m, w, decay: decay * m + w),
        "half_each": _each(lambda m, w, decay: (m + w) / 2),
        "last_weights": _each(lambda m, w, decay: w),
        "wrong_sign": _each(lambda m, w, decay: m - (1 - decay) * (w - m)),
    },
    shows=pictures.steadied,
)


def _pictures(generator: torch.Generator, number: int) -> tuple[Any, ...]:
    count, classes = (4, 6, 5, 7, 3, 8, 10, 5)[number], (10, 10, 10, 4)[number % 4]
    height, width = (4, 4) if number < 2 else (3, 2 + number)
    images = torch.randn(count, 3, height, width, generator=generator)
    # One random ring: the partner is the next in it, and of another class, as a mixture of a class with itself would
    # hide what is done to the labels.
    ring = torch.randperm(count, generator=generator)
    order, labels = torch.empty_like(ring), torch.empty_like(ring)
    order[ring] = ring.roll(-1)
    labels[ring] = (torch.arange(count) + 3 * number) % classes
    share = (0.7, 0.3, 0.9, 0.6, 0.2, 0.8, 0.35, 0.45)[number]
    return images, labels, share, order, classes


def _mixed(values: Tensor, share: float, order: Tensor) -> Tensor:
    return share * values + (1 - share) * values[order]


def _one_hot(labels: Tensor, classes: int) -> Tensor:
    return nn.functional.one_hot(labels, classes).float()


def _mixup(images: Tensor, labels: Tensor, share: float, order: Tensor, classes: int = 10) -> tuple[Tensor, Tensor]:
    return _mixed(images, share, order), _mixed(_one_hot(labels, classes), share, order)


mixup = Exercise(
    name="mixup",
    reference=_mixup,
    draw=_pictures,
    mistakes={
        "labels_not_mixed": lambda i, y, s, o, n: (_mixed(i, s, o), _one_hot(y, n)),
        "label_shares_exchanged": lambda i, y, s, o, n: (_mixed(i, s, o), _mixed(_one_hot(y, n), 1 - s, o)),
        "shares_exchanged": lambda i, y, s, o, n: _mixup(i, y, 1 - s, o, n),
        "images_not_mixed": lambda i, y, s, o, n: (i, _mixed(_one_hot(y, n), s, o)),
        "class_numbers_mixed": lambda i, y, s, o, n: (_mixed(i, s, o), _mixed(y, s, o)),
        "partner_labels": lambda i, y, s, o, n: (_mixed(i, s, o), _one_hot(y[o], n)),
        "half_each": lambda i, y, s, o, n: _mixup(i, y, 0.5, o, n),
        "added_in_full": lambda i, y, s, o, n: (i + i[o], _one_hot(y, n) + _one_hot(y[o], n)),
    },
    shows=pictures.mixed,
)


def _network(generator: torch.Generator, number: int) -> tuple[Any, ...]:
    height, width = (6, 6) if number < 2 else (5 + number, 7)
    with torch.random.fork_rng([]):
        torch.manual_seed(number)
        model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Tanh(), nn.Flatten(), nn.LazyLinear(5))
        model(torch.zeros(1, 3, height, width))
    return model.eval().requires_grad_(False), torch.randn(4, 3, height, width, generator=generator)


def _views(second: Callable[[Tensor], Tensor]) -> Callable[[nn.Module, Tensor], Tensor]:
    """The mean of the logits of the images and of a second view of them."""
    return lambda model, images: (model(images) + model(second(images))) / 2


mean_of_views = Exercise(
    name="mean_of_views",
    reference=_views(lambda images: images.flip(3)),
    draw=_network,
    mistakes={
        "upside_down": _views(lambda images: images.flip(2)),
        "half_turn": _views(lambda images: images.flip(2, 3)),
        "colours_reversed": _views(lambda images: images.flip(1)),
        "sum": lambda model, images: model(images) + model(images.flip(3)),
        "probabilities": lambda model, images: (model(images).softmax(1) + model(images.flip(3)).softmax(1)) / 2,
        "maximum": lambda model, images: torch.maximum(model(images), model(images.flip(3))),
        "mirror_only": lambda model, images: model(images.flip(3)),
        "image_only": lambda model, images: model(images),
    },
    shows=pictures.two_views,
)
