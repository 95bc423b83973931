"""Exercises of lesson 06: preparing a photo, the best classes, confusion, saliency."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from cifar_helpers.checks.engine import Exercise
from cifar_helpers.checks.lesson_06 import pictures
from cifar_helpers.data import MEAN, STD

_MEAN, _STD = torch.tensor(MEAN).view(3, 1, 1), torch.tensor(STD).view(3, 1, 1)


def _probabilities(generator: torch.Generator, number: int) -> tuple[Any, ...]:
    return torch.randn(10, generator=generator).softmax(0), (1, 3, 2, 5, 3, 10, 4, 1)[number]


def _top(probabilities: Tensor, k: int) -> list[int]:
    found: list[int] = probabilities.argsort(descending=True)[:k].tolist()
    return found


top_k = Exercise(
    name="top_k",
    reference=_top,
    draw=_probabilities,
    mistakes={
        "least_probable": lambda p, k: p.argsort()[:k].tolist(),
        "best_last": lambda p, k: p.argsort()[-k:].tolist(),
        "probabilities": lambda p, k: p.sort(descending=True).values[:k].tolist(),
        "only_the_best": lambda p, k: [int(p.argmax())],
        "first_classes": lambda p, k: list(range(k)),
    },
    close=0,
)


def _photo(generator: torch.Generator, number: int) -> tuple[Any, ...]:
    height, width = (32, 32) if number < 2 else (32, 24 + number)
    return (torch.randint(256, (height, width, 3), generator=generator, dtype=torch.uint8),)


def _prepare(photo: Tensor) -> Tensor:
    return ((photo.permute(2, 0, 1).float() / 255 - _MEAN) / _STD)[None]


prepare = Exercise(
    name="prepare",
    reference=_prepare,
    draw=_photo,
    mistakes={
        "reshaped": lambda p: ((p.reshape(3, *p.shape[:2]).float() / 255 - _MEAN) / _STD)[None],
        "transposed": lambda p: ((p.permute(2, 1, 0).float() / 255 - _MEAN) / _STD)[None],
        "batch_missing": lambda p: _prepare(p)[0],
        "not_normalised": lambda p: (p.permute(2, 0, 1).float() / 255)[None],
        "not_divided_by_255": lambda p: ((p.permute(2, 0, 1).float() - _MEAN) / _STD)[None],
        "blue_first": lambda p: _prepare(p.flip(2)),
    },
    shows=pictures.prepared,
)


def _pairs(generator: torch.Generator, number: int) -> tuple[Any, ...]:
    count = (20, 50, 200, 7, 1000, 31, 300, 90)[number]
    true = torch.randint(10, (count,), generator=generator)
    said = torch.where(
        torch.rand(count, generator=generator) < 0.6, true, torch.randint(10, (count,), generator=generator)
    )
    return true, said


def _confusion(true: Tensor, said: Tensor) -> Tensor:
    return torch.bincount(10 * true + said, minlength=100).view(10, 10)


def _once(true: Tensor, said: Tensor) -> Tensor:
    matrix = torch.zeros(10, 10, dtype=torch.int64)
    matrix[true, said] += 1
    return matrix


confusion = Exercise(
    name="confusion",
    reference=_confusion,
    draw=_pairs,
    mistakes={
        "transposed": lambda t, s: _confusion(s, t),
        "counted_once": _once,
        "right_answers_only": lambda t, s: torch.diag(_confusion(t, s).diagonal()),
        "shares": lambda t, s: _confusion(t, s) / _confusion(t, s).sum(1, keepdim=True).clamp(min=1),
    },
    close=0,
    shows=pictures.confused,
)


def _network(generator: torch.Generator, number: int) -> tuple[Any, ...]:
    with torch.random.fork_rng([]):
        torch.manual_seed(number)
        model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Tanh(), nn.Flatten(), nn.LazyLinear(5))
        height, width = (6, 6) if number < 2 else (5 + number, 7)
        model(torch.zeros(1, 3, height, width))
    return model.eval(), torch.randn(3, height, width, generator=generator), number % 5


def _gradient(model: nn.Module, image: Tensor, label: int) -> Tensor:
    pixels = image.clone().requires_grad_()
    score = copy.deepcopy(model)(pixels[None])[0, label]
    (slope,) = torch.autograd.grad(score, pixels)
    return slope


def _sum_of_all(model: nn.Module, image: Tensor, label: int) -> Tensor:
    pixels = image.clone().requires_grad_()
    (slope,) = torch.autograd.grad(copy.deepcopy(model)(pixels[None]).sum(), pixels)
    return slope.abs().amax(0)


def _largest(slope: Callable[..., Tensor]) -> Callable[..., Tensor]:
    return lambda model, image, label: slope(model, image, label).abs().amax(0)


saliency = Exercise(
    name="saliency",
    reference=_largest(_gradient),
    draw=_network,
    mistakes={
        "each_colour": _gradient,
        "absolute_value_missing": lambda m, i, y: _gradient(m, i, y).amax(0),
        "sum_of_logits": _sum_of_all,
        "mean_of_colours": lambda m, i, y: _gradient(m, i, y).abs().mean(0),
        "with_batch": lambda m, i, y: _gradient(m, i, y).abs().amax(0)[None],
    },
    shows=pictures.salient,
)
