"""Exercises of lesson 03: parameters, shapes, batch norm, softmax, cross-entropy."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy as torch_cross_entropy

from cifar_helpers.checks.engine import Exercise
from cifar_helpers.checks.lesson_03 import pictures


def _sizes(generator: torch.Generator, number: int) -> tuple[Any, ...]:
    first, second = torch.randint(1, 129, (2,), generator=generator).tolist()
    return first, second, (3, 1, 5, 3, 7, 2, 3, 4)[number]


parameters_of_convolution = Exercise(
    name="parameters_of_convolution",
    reference=lambda inputs, outputs, kernel: outputs * (inputs * kernel * kernel + 1),
    draw=_sizes,
    mistakes={
        "biases_missing": lambda i, o, k: o * i * k * k,
        "exchanged": lambda i, o, k: i * (o * k * k + 1),
        "kernel_not_squared": lambda i, o, k: o * (i * k + 1),
        "input_channels_missing": lambda i, o, k: o * (k * k + 1),
        "one_bias": lambda i, o, k: o * i * k * k + 1,
    },
    close=0,
)


def _blocks(generator: torch.Generator, number: int) -> tuple[Any, ...]:
    height, width = ((32, 32), (64, 64), (32, 48), (30, 30), (28, 32), (37, 100), (50, 27), (96, 33))[number]
    count = (3, 4, 2, 4, 1, 3, 4, 3)[number]
    return torch.randint(1, 257, (count,), generator=generator).tolist(), height, width


def _halved(halve: Callable[[int], Any]) -> Callable[..., list[tuple[Any, ...]]]:
    """Shapes where each block does this to either side."""

    def shapes(channels: list[int], height: Any, width: Any) -> list[tuple[Any, ...]]:
        found = []
        for outputs in channels:
            height, width = halve(height), halve(width)
            found.append((outputs, height, width))
        return found

    return shapes


_shapes = _halved(lambda side: side // 2)


def _before_pooling(channels: list[int], height: int, width: int) -> list[tuple[int, ...]]:
    return [(outputs, height >> k, width >> k) for k, outputs in enumerate(channels)]


shapes = Exercise(
    name="shapes",
    reference=_shapes,
    draw=_blocks,
    mistakes={
        "rounded_up": _halved(lambda side: -(-side // 2)),
        "half_pixels": _halved(lambda side: side / 2),
        "convolutions_shrink": _halved(lambda side: (side - 2) // 2),
        "quartered": _halved(lambda side: side // 4),
        "halved_once": lambda c, h, w: [(outputs, h // 2, w // 2) for outputs in c],
        "before_pooling": _before_pooling,
        "channels_last": lambda c, h, w: [(*sides, outputs) for outputs, *sides in _shapes(c, h, w)],
        "square_only": lambda c, h, w: _shapes(c, h, h),
    },
    close=0,
    shows=pictures.narrowing,
)


def _logits(generator: torch.Generator, number: int) -> tuple[Any, ...]:
    size = (1, 3, 8, 100, 1000, 5, 1000, 2)[number]
    return (size * torch.randn(number + 2, 4 + number, generator=generator),)


softmax = Exercise(
    name="softmax",
    reference=lambda logits: logits.softmax(1),
    draw=_logits,
    mistakes={
        "overflow": lambda z: z.exp() / z.exp().sum(1, keepdim=True),
        "by_columns": lambda z: z.softmax(0),
        "not_divided": lambda z: (z - z.amax(1, keepdim=True)).exp(),
        "logits_divided": lambda z: z / z.sum(1, keepdim=True),
        "twice": lambda z: z.softmax(1).softmax(1),
        "logarithms": lambda z: z.log_softmax(1),
    },
    close=1e-5,
    shows=pictures.shared_out,
)


def _activations(generator: torch.Generator, number: int) -> tuple[Any, ...]:
    height, width = (4, 4) if number < 2 else (2 + number, 3)
    x = 3 * torch.randn(number + 2, 5, height, width, generator=generator) + 2
    return x, torch.rand(5, generator=generator) + 0.5, torch.randn(5, generator=generator)


def _batch_norm(x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    return torch.nn.functional.batch_norm(x, None, None, scale, shift, training=True)


def _by(
    x: Tensor, scale: Tensor, shift: Tensor, axes: tuple[int, ...], correction: int, epsilon: float = 1e-5
) -> Tensor:
    mean, variance = x.mean(axes, keepdim=True), x.var(axes, keepdim=True, correction=correction)
    return (x - mean) / (variance + epsilon).sqrt() * scale.view(1, -1, 1, 1) + shift.view(1, -1, 1, 1)


batch_norm = Exercise(
    name="batch_norm",
    reference=_batch_norm,
    draw=_activations,
    mistakes={
        "divided_by_n_minus_1": lambda x, a, b: _by(x, a, b, (0, 2, 3), 1),
        "over_images_alone": lambda x, a, b: _by(x, a, b, (0,), 0),
        "instance_norm": lambda x, a, b: _by(x, a, b, (2, 3), 0),
        "layer_norm": lambda x, a, b: _by(x, a, b, (1, 2, 3), 0),
        "scale_and_shift_missing": lambda x, a, b: _by(x, torch.ones_like(a), torch.zeros_like(b), (0, 2, 3), 0),
        "divided_by_variance": lambda x, a, b: (
            (x - x.mean((0, 2, 3), keepdim=True))
            / (x.var((0, 2, 3), keepdim=True, correction=0) + 1e-5)
            * a.view(1, -1, 1, 1)
            + b.view(1, -1, 1, 1)
        ),
    },
    close=1e-4,
    shows=pictures.levelled,
)


def _labelled(generator: torch.Generator, number: int) -> tuple[Any, ...]:
    (logits,) = _logits(generator, number)
    return logits, torch.randint(logits.shape[1], (len(logits),), generator=generator)


def _naive(logits: Tensor, labels: Tensor) -> Tensor:
    powers = logits.exp()
    return -(powers / powers.sum(1, keepdim=True))[range(len(labels)), labels].log().mean()


cross_entropy = Exercise(
    name="cross_entropy",
    reference=lambda logits, labels: torch_cross_entropy(logits, labels),
    draw=_labelled,
    mistakes={
        "overflow": _naive,
        "softmax_twice": lambda z, y: torch_cross_entropy(z.softmax(1), y),
        "sum": lambda z, y: torch_cross_entropy(z, y, reduction="sum"),
        "wrong_sign": lambda z, y: -torch_cross_entropy(z, y),
        "bits": lambda z, y: torch_cross_entropy(z, y) / math.log(2),
        "not_averaged": lambda z, y: torch_cross_entropy(z, y, reduction="none"),
        "softmax_missing": lambda z, y: -z[range(len(y)), y].mean(),
    },
    close=1e-4,
    shows=pictures.costs,
)
