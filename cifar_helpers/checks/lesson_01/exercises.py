"""Exercises of lesson 01: pixels, axes, class means, normalising, augmenting, splitting."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from cifar_helpers.checks.engine import Exercise
from cifar_helpers.checks.lesson_01 import pictures, splits
from cifar_helpers.checks.lesson_01.splits import verdicts
from cifar_helpers.data import MEAN, STD

_MEAN, _STD = torch.tensor(MEAN).view(3, 1, 1), torch.tensor(STD).view(3, 1, 1)


def _pixels(generator: torch.Generator, number: int) -> tuple[Any, ...]:
    height, width = (6, 6) if number < 2 else (4 + number, 3)
    return (torch.randint(256, (number % 3 + 1, 3, height, width), generator=generator, dtype=torch.uint8),)


def _brighten(image: Tensor, amount: int) -> Tensor:
    return (image.float() + amount).clamp(0, 255).to(torch.uint8)


brighten = Exercise(
    name="brighten",
    reference=_brighten,
    draw=lambda generator, number: (_pixels(generator, number)[0][0], (100, -60, 30, 200, 5, -200, 90, 0)[number]),
    mistakes={
        "wraps_around": lambda i, a: i + a,
        "clamped_to_one": lambda i, a: (i.float() + a).clamp(0, 1).to(torch.uint8),
        "multiplied": lambda i, a: (i.float() * (1 + a / 255)).clamp(0, 255).to(torch.uint8),
        "dark_not_clamped": lambda i, a: (i.float() + a).clamp(max=255).to(torch.uint8),
    },
    close=0,
    shows=pictures.brightened,
)


def _batch(generator: torch.Generator, number: int) -> tuple[Any, ...]:
    """Float images `(N, 3, H, W)` whose channels, images and places differ in brightness."""
    shape = (5 + number % 3, 3, 6 if number < 2 else 4 + number, 6)
    level = torch.rand((shape[0], 3, 1, 1), generator=generator)
    return (255 * (0.5 * level + 0.5 * torch.rand(shape, generator=generator)),)


def _centre(images: Tensor) -> Tensor:
    return images - images.mean((0, 2, 3)).view(3, 1, 1)


centre = Exercise(
    name="centre",
    reference=_centre,
    draw=_batch,
    mistakes={
        "one_mean_for_all": lambda x: x - x.mean(),
        "each_image_alone": lambda x: x - x.mean((2, 3), keepdim=True),
        "mean_image": lambda x: x - x.mean(0),
        "over_channels": lambda x: x - x.mean(1, keepdim=True),
        "only_the_means": lambda x: x.mean((0, 2, 3)),
        "added": lambda x: x + x.mean((0, 2, 3)).view(3, 1, 1),
        "divided": lambda x: x / x.mean((0, 2, 3)).view(3, 1, 1),
    },
    shows=pictures.centred,
)


def _images_and_means(generator: torch.Generator, number: int) -> tuple[Any, ...]:
    """Images scattered so widely around means of unequal brightness that each wrong distance picks other means."""
    shape = (3, 4, 4) if number < 2 else (3, 2 + number, 5)
    means = 100 + 60 * torch.rand((3 + number % 3, *shape), generator=generator)
    chosen = torch.randint(len(means), (30,), generator=generator)
    noise = torch.randn((30, *shape), generator=generator) * torch.rand((30, *shape), generator=generator) ** 3
    return means[chosen] + 400 * noise, means


def _distances(images: Tensor, means: Tensor) -> Tensor:
    """Squared distance of each image from each mean, `(N, K)`."""
    return (images[:, None] - means).square().sum((2, 3, 4))


nearest_mean = Exercise(
    name="nearest_mean",
    reference=lambda images, means: _distances(images, means).argmin(1),
    draw=_images_and_means,
    mistakes={
        "farthest": lambda images, means: _distances(images, means).argmax(1),
        "not_squared": lambda images, means: (images[:, None] - means).sum((2, 3, 4)).argmin(1),
        "absolute": lambda images, means: (images[:, None] - means).abs().sum((2, 3, 4)).argmin(1),
        "brightness_alone": lambda images, means: (
            (images.mean((1, 2, 3))[:, None] - means.mean((1, 2, 3))).square().argmin(1)
        ),
        "image_for_each_mean": lambda images, means: _distances(images, means).argmin(0),
        "distance_itself": lambda images, means: _distances(images, means).min(1).values,
        "all_distances": lambda images, means: _distances(images, means).T,
        "largest_product": lambda images, means: (images[:, None] * means).sum((2, 3, 4)).argmax(1),
    },
    shows=pictures.sorted_by_mean,
)


def _normalise(images: Tensor) -> Tensor:
    return (images.float() / 255 - _MEAN) / _STD


normalise = Exercise(
    name="normalise",
    reference=_normalise,
    draw=_pixels,
    mistakes={
        "without_division_by_255": lambda x: (x.float() - _MEAN) / _STD,
        "std_missing": lambda x: x.float() / 255 - _MEAN,
        "mean_missing": lambda x: x.float() / 255 / _STD,
        "only_scaled": lambda x: x.float() / 255,
        "divided_by_variance": lambda x: (x.float() / 255 - _MEAN) / _STD**2,
        "half_and_half": lambda x: (x.float() / 255 - 0.5) / 0.5,
        "whole_number_division": lambda x: x // 255,
    },
    shows=pictures.normalised,
)


def _with_square(generator: torch.Generator, number: int) -> tuple[Any, ...]:
    """An image, a colour, and the place and side of a square."""
    image = torch.randint(256, (3, 12, 12 if number < 2 else 10 + number), generator=generator, dtype=torch.uint8)
    colour = torch.tensor([40, 120, 200], dtype=torch.uint8) + number
    return image, colour, 1 + number % 3, 4, 5 + number % 2


def _covered(image: Tensor, colour: Tensor, rows: slice, columns: slice) -> Tensor:
    result = image.clone()
    result[:, rows, columns] = colour.view(-1, 1, 1)
    return result


def _cutout(image: Tensor, colour: Tensor, top: int, left: int, side: int) -> Tensor:
    return _covered(image, colour, slice(top, top + side), slice(left, left + side))


cutout = Exercise(
    name="cutout",
    reference=_cutout,
    draw=_with_square,
    mistakes={
        "rows_and_columns_exchanged": lambda i, c, top, left, side: _cutout(i, c, left, top, side),
        "one_number_for_all": lambda i, c, top, left, side: _cutout(i, c[:1], top, left, side),
        "black": lambda i, c, top, left, side: _cutout(i, 0 * c, top, left, side),
        "side_as_end": lambda i, c, top, left, side: _covered(i, c, slice(top, side), slice(left, side)),
        "one_too_many": lambda i, c, top, left, side: _cutout(i, c, top, left, side + 1),
        "square_alone": lambda i, c, top, left, side: i[:, top : top + side, left : left + side],
    },
    close=0,
    shows=pictures.covered,
)


def _values(generator: torch.Generator, number: int) -> tuple[Any, ...]:
    return (_normalise(_pixels(generator, number)[0]),)


def _denormalise(values: Tensor) -> Tensor:
    return ((values * _STD + _MEAN) * 255).round().clamp(0, 255).to(torch.uint8)


denormalise = Exercise(
    name="denormalise",
    reference=_denormalise,
    draw=_values,
    mistakes={
        "not_rounded": lambda v: ((v * _STD + _MEAN) * 255).to(torch.uint8),
        "not_times_255": lambda v: v * _STD + _MEAN,
        "wrong_order": lambda v: (((v + _MEAN) * _STD) * 255).round().clamp(0, 255).to(torch.uint8),
        "mean_and_std_left_in": lambda v: (v * 255).round().clamp(0, 255).to(torch.uint8),
    },
    close=0,
    shows=pictures.back_again,
)


def _unequal(generator: torch.Generator, number: int) -> tuple[Any, ...]:
    counts = [20, 60, 10, 40, 30, 50] if number % 2 else [30] * 6
    labels = torch.cat([torch.full((count,), k) for k, count in enumerate(counts)])
    seed = int(torch.randint(1000, (1,), generator=generator))
    return labels[torch.randperm(len(labels), generator=generator)], 0.2 if number % 4 else 0.5, seed


stratified_split = Exercise(
    name="stratified_split",
    reference=verdicts(splits.stratified),
    draw=_unequal,
    mistakes={
        "not_by_class": verdicts(splits.not_by_class),
        "same_number": verdicts(splits.same_number),
        "leaking": verdicts(splits.leaking),
        "within_class": verdicts(splits.within_class),
        "exchanged": verdicts(splits.exchanged),
        "first_of_each": verdicts(splits.first_of_each),
        "without_seed": verdicts(splits.without_seed),
        "held_out_alone": verdicts(splits.held_out_alone),
    },
    harness=verdicts,
    shows=pictures.dealt,
    contrasts=pictures.dealt_unfairly,
)
