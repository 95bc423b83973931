"""Exercises of lesson 08: channel means, a residual block, the interval of a gain, mean weights, mixup."""

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
    """A block that keeps the shape, in every second draw; in the others one that halves it, with a 1×1 kernel."""
    channels, height, width = (3, 4, 4) if number < 2 else (number, 5, 2 + number)
    kernel = torch.randn(channels + 2, channels, 1, 1, generator=generator) if number % 2 else None
    outputs, stride = (channels, 1) if kernel is None else (channels + 2, 2)
    with torch.random.fork_rng([]):
        torch.manual_seed(number)
        change = nn.Sequential(nn.Conv2d(channels, outputs, 3, stride=stride, padding=1), nn.Tanh())
    return torch.randn(2, channels, height, width, generator=generator), change.requires_grad_(False), kernel


Block = Callable[[Tensor, nn.Module, Tensor | None], Tensor]


def _strided(values: Tensor, kernel: Tensor) -> Tensor:
    return nn.functional.conv2d(values, kernel, stride=2)


def _pooled(values: Tensor, kernel: Tensor) -> Tensor:
    return nn.functional.conv2d(nn.functional.avg_pool2d(values, 2, ceil_mode=True), kernel)


def _block(join: Callable[[Tensor, Tensor], Tensor], shrink: Callable[[Tensor, Tensor], Tensor] = _strided) -> Block:
    """A block that joins what its layers give and what its skip connection gives, which may have to `shrink`."""

    def block(values: Tensor, change: nn.Module, kernel: Tensor | None) -> Tensor:
        return join(change(values), values if kernel is None else shrink(values, kernel))

    return block


residual = Exercise(
    name="residual",
    reference=_block(lambda changed, skipped: (changed + skipped).relu()),
    draw=_layers,
    mistakes={
        "shortcut_missing": _block(lambda changed, skipped: changed.relu()),
        "layers_missing": _block(lambda changed, skipped: skipped.relu()),
        "relu_missing": _block(lambda changed, skipped: changed + skipped),
        "relu_before": _block(lambda changed, skipped: changed.relu() + skipped),
        "relu_on_each": _block(lambda changed, skipped: changed.relu() + skipped.relu()),
        "multiplied": _block(lambda changed, skipped: (changed * skipped).relu()),
        "mean": _block(lambda changed, skipped: ((changed + skipped) / 2).relu()),
        "pooled": _block(lambda changed, skipped: (changed + skipped).relu(), shrink=_pooled),
    },
    shows=pictures.added,
)


def _two_recipes(generator: torch.Generator, number: int) -> tuple[Any, ...]:
    """Per-image differences of two recipes, the accuracies of each by seed, and Student's t for so many seeds."""
    seeds, images = ((3, 50), (3, 40), (2, 60), (4, 50), (5, 30), (3, 80), (2, 40), (4, 70))[number]
    new, base = (torch.rand(seeds, images, generator=generator) < share for share in (0.8, 0.6))
    differences = (new.float() - base.float()).mean(0)
    return differences, new.float().mean(1), base.float().mean(1), {2: 4.303, 3: 2.776, 4: 2.447, 5: 2.306}[seeds]


def _variances(differences: Tensor, new: Tensor, base: Tensor) -> tuple[Tensor, Tensor]:
    """The two parts of a gain's variance: which images, and which seeds."""
    return differences.var() / len(differences), (new.var() + base.var()) / len(new)


Interval = Callable[[Tensor, Tensor, Tensor, float], tuple[float, float]]


def _around_the_gain(half: Callable[[Tensor, Tensor, Tensor, float], Tensor]) -> Interval:
    """An interval that reaches so far to each side of the gain."""

    def interval(differences: Tensor, new: Tensor, base: Tensor, t: float) -> tuple[float, float]:
        gain, reach = float(differences.mean()), float(half(differences, new, base, t))
        return gain - reach, gain + reach

    return interval


def _half(differences: Tensor, new: Tensor, base: Tensor, t: float) -> Tensor:
    return t * torch.stack(_variances(differences, new, base)).sum().sqrt()


interval_of_gain = Exercise(
    name="interval_of_gain",
    reference=_around_the_gain(_half),
    draw=_two_recipes,
    mistakes={
        "two_errors": _around_the_gain(lambda d, new, base, t: _half(d, new, base, 2)),
        "images_only": _around_the_gain(lambda d, new, base, t: t * _variances(d, new, base)[0].sqrt()),
        "seeds_only": _around_the_gain(lambda d, new, base, t: t * _variances(d, new, base)[1].sqrt()),
        "errors_added": _around_the_gain(
            lambda d, new, base, t: t * torch.stack(_variances(d, new, base)).sqrt().sum()
        ),
        "one_recipe": _around_the_gain(lambda d, new, base, t: t * (d.var() / len(d) + new.var() / len(new)).sqrt()),
        "seeds_in_full": _around_the_gain(
            lambda d, new, base, t: t * (d.var() / len(d) + new.var() + base.var()).sqrt()
        ),
        "no_root": _around_the_gain(lambda d, new, base, t: t * torch.stack(_variances(d, new, base)).sum()),
        "around_zero": lambda d, new, base, t: (-float(_half(d, new, base, t)), float(_half(d, new, base, t))),
    },
    shows=pictures.gained,
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
