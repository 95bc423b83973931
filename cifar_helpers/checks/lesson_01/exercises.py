"""Exercises of lesson 01: pixels, normalising, augmenting, splitting."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from cifar_helpers.checks.engine import Exercise, Mistake
from cifar_helpers.checks.lesson_01 import pictures, splits
from cifar_helpers.checks.lesson_01.splits import verdicts
from cifar_helpers.data import MEAN, STD

_MEAN, _STD = torch.tensor(MEAN).view(3, 1, 1), torch.tensor(STD).view(3, 1, 1)


def _pixels(generator: torch.Generator, number: int) -> tuple[Any, ...]:
    height, width = (6, 6) if number < 2 else (4 + number, 3)
    return (torch.randint(256, (number % 3 + 1, 3, height, width), generator=generator, dtype=torch.uint8),)


def _normalise(images: Tensor) -> Tensor:
    return (images.float() / 255 - _MEAN) / _STD


normalise = Exercise(
    "normalise",
    1,
    _normalise,
    _pixels,
    "each channel has its own mean and std, and view(3, 1, 1) lines them up with the channels.",
    (
        "Three steps: numbers from 0 to 1, less the mean, divided by the std.",
        "uint8 wraps around: turn the pixels into float first.",
        "MEAN and STD hold three numbers: as tensors of the shape (3, 1, 1) they meet the channels.",
        """the solution:
def my_normalise(images):
    mean, std = torch.tensor(MEAN).view(3, 1, 1), torch.tensor(STD).view(3, 1, 1)
    return (images.float() / 255 - mean) / std""",
    ),
    (
        Mistake(
            lambda x: (x.float() - _MEAN) / _STD,
            "the pixels are still 0..255: divide by 255 before you subtract the mean.",
        ),
        Mistake(lambda x: x.float() / 255 - _MEAN, "the mean is subtracted, but the division by the std is missing."),
        Mistake(lambda x: x.float() / 255 / _STD, "the std divides, but the mean is not subtracted."),
        Mistake(lambda x: x.float() / 255, "that scales to 0..1: subtract the mean and divide by the std as well."),
        Mistake(
            lambda x: (x.float() / 255 - _MEAN) / _STD**2,
            "it divides by the variance; the standard deviation is its square root.",
        ),
        Mistake(lambda x: (x.float() / 255 - 0.5) / 0.5, "it uses 0.5 and 0.5; the course uses MEAN and STD."),
        Mistake(lambda x: x // 255, "// divides whole numbers and rounds down to 0 or 1: use float and /."),
    ),
    shows=pictures.normalised,
)


def _values(generator: torch.Generator, number: int) -> tuple[Any, ...]:
    return (_normalise(_pixels(generator, number)[0]),)


def _denormalise(values: Tensor) -> Tensor:
    return ((values * _STD + _MEAN) * 255).round().clamp(0, 255).to(torch.uint8)


denormalise = Exercise(
    "denormalise",
    1,
    _denormalise,
    _values,
    "the steps run backwards, and round() keeps 99.9999 from becoming 99.",
    (
        "Undo the steps of normalise in the opposite order.",
        "Multiply by the std, add the mean, multiply by 255; then whole numbers again.",
        "to(torch.uint8) cuts off what stands behind the point: round() first.",
        """the solution:
def my_denormalise(values):
    mean, std = torch.tensor(MEAN).view(3, 1, 1), torch.tensor(STD).view(3, 1, 1)
    return ((values * std + mean) * 255).round().clamp(0, 255).to(torch.uint8)""",
    ),
    (
        Mistake(
            lambda v: ((v * _STD + _MEAN) * 255).to(torch.uint8),
            "some pixels are one too dark: to(torch.uint8) cuts off what stands behind the point, so round() first.",
        ),
        Mistake(lambda v: v * _STD + _MEAN, "these are still numbers from 0 to 1: multiply by 255, and make uint8."),
        Mistake(
            lambda v: (((v + _MEAN) * _STD) * 255).round().clamp(0, 255).to(torch.uint8),
            "the order is wrong: what was done last is undone first, so multiply by the std before you add the mean.",
        ),
        Mistake(
            lambda v: (v * 255).round().clamp(0, 255).to(torch.uint8),
            "mean and std are still in it: multiply by the std and add the mean before you multiply by 255.",
        ),
    ),
    close=0,
    shows=pictures.back_again,
)


def _brighten(image: Tensor, amount: int) -> Tensor:
    return (image.float() + amount).clamp(0, 255).to(torch.uint8)


brighten = Exercise(
    "brighten",
    1,
    _brighten,
    lambda generator, number: (_pixels(generator, number)[0], (100, -60, 30, 200, 5, -200, 90, 0)[number]),
    "what would leave 0..255 stays at the limit, as in an overexposed photograph.",
    (
        "What did 250 + 10 give in uint8? In which type does it not wrap?",
        "clamp(0, 255) keeps numbers between two limits.",
        "Add as float, clamp, and go back to uint8.",
        """the solution:
def my_brighten(image, amount):
    return (image.float() + amount).clamp(0, 255).to(torch.uint8)""",
    ),
    (
        Mistake(lambda i, a: i + a, "uint8 wraps around: bright pixels became dark. Add in float."),
        Mistake(lambda i, a: (i.float() + a).clamp(0, 1).to(torch.uint8), "pixels go up to 255 here, not up to 1."),
        Mistake(
            lambda i, a: (i.float() * (1 + a / 255)).clamp(0, 255).to(torch.uint8),
            "it multiplies; asked is a sum, the same amount for dark and bright pixels.",
        ),
        Mistake(
            lambda i, a: (i.float() + a).clamp(max=255).to(torch.uint8),
            "bright pixels are right, dark ones are not: with a negative amount the sum falls below 0.",
        ),
    ),
    close=0,
    shows=pictures.brightened,
)


def _labels(generator: torch.Generator, number: int) -> tuple[Any, ...]:
    counts = [10, 20, 30] if number % 2 else [20, 20, 20]
    labels = torch.cat([torch.full((count,), k) for k, count in enumerate(counts)])
    return labels[torch.randperm(len(labels), generator=generator)], 0.2 if number % 3 else 0.5


def _held_out(labels: Tensor, share: float) -> Tensor:
    """The reference of `class_counts`: how many of each class a stratified split holds out."""
    return (torch.bincount(labels) * share).round().long()


class_counts = Exercise(
    "class_counts",
    1,
    _held_out,
    _labels,
    "each class gives the same share, so both parts are mixed like the whole.",
    (
        "How many images has each class? torch.bincount(labels) counts.",
        "Each class gives the same share of its own images.",
        "Round, and make whole numbers: .round().long().",
        """the solution:
def my_class_counts(labels, share):
    return (torch.bincount(labels) * share).round().long()""",
    ),
    (
        Mistake(
            lambda labels, share: torch.full((3,), round(len(labels) * share / 3)),
            "every class gives the same *number*; in a stratified split it gives the same *share*.",
        ),
        Mistake(
            lambda labels, share: torch.bincount(labels) - _held_out(labels, share),
            "these are the images that stay; asked are those that are held out.",
        ),
        Mistake(
            lambda labels, share: torch.bincount(labels),
            "these are all images of each class; only a share is held out.",
        ),
    ),
    shows=pictures.counted,
)


def _unequal(generator: torch.Generator, number: int) -> tuple[Any, ...]:
    counts = [20, 60, 10, 40, 30, 50] if number % 2 else [30] * 6
    labels = torch.cat([torch.full((count,), k) for k, count in enumerate(counts)])
    seed = int(torch.randint(1000, (1,), generator=generator))
    return labels[torch.randperm(len(labels), generator=generator)], 0.2 if number % 4 else 0.5, seed


stratified_split = Exercise(
    "stratified_split",
    1,
    verdicts(splits.stratified),
    _unequal,
    "every class gives the same share, by chance, and the seed makes it repeatable: so does data.split().",
    (
        "Go through the classes: labels.unique() names them. Each is shuffled and cut by itself.",
        "(labels == label).nonzero().flatten() gives the positions of one class.",
        "members[torch.randperm(len(members), generator=generator)] shuffles them, with one "
        "generator = torch.Generator().manual_seed(seed) for all classes; cut at round(len(members) * share), and "
        "join what each class gives with torch.cat.",
        """the solution:
def my_stratified_split(labels, share, seed):
    generator = torch.Generator().manual_seed(seed)
    kept, held_out = [], []
    for label in labels.unique():
        members = (labels == label).nonzero().flatten()
        members = members[torch.randperm(len(members), generator=generator)]
        count = round(len(members) * share)
        kept.append(members[count:])
        held_out.append(members[:count])
    return torch.cat(kept), torch.cat(held_out)
Both parts are cut from one shuffled list, so no image can be in both.""",
    ),
    (
        Mistake(
            verdicts(splits.not_by_class),
            "the classes give different shares. Chance evens out only in large numbers: shuffle and cut each class "
            "by itself.",
        ),
        Mistake(
            verdicts(splits.same_number),
            "every class gives the same *number*; in a stratified split it gives the same *share*.",
        ),
        Mistake(
            verdicts(splits.leaking),
            "some images are in both parts: the network would be judged by images that it has learned.",
        ),
        Mistake(
            verdicts(splits.within_class),
            "positions are missing, or occur twice. randperm counts from 0 in every class; members[...] makes of that "
            "positions in labels.",
        ),
        Mistake(
            verdicts(splits.exchanged), "the parts are exchanged: first what stays, then what is held out, by `share`."
        ),
        Mistake(
            verdicts(splits.first_of_each),
            "each seed gives the same split. Files are often in an order, by camera or day, so shuffle before you cut.",
        ),
        Mistake(
            verdicts(splits.without_seed),
            "the same seed gives another split each time, so nobody can repeat it: hand randperm a generator.",
        ),
        Mistake(
            verdicts(splits.held_out_alone),
            "it does not give two lists of positions: asked are whole numbers, those that stay and those held out.",
        ),
    ),
    harness=verdicts,
    shows=pictures.dealt,
)
