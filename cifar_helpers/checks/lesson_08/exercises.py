"""Exercises of lesson 08: channel means, a way round, a running mean of weights, mixup, two views."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from cifar_helpers.checks.engine import Exercise, Mistake
from cifar_helpers.checks.lesson_08 import pictures


def _maps(generator: torch.Generator, number: int) -> tuple[Any, ...]:
    height, width = (4, 4) if number < 2 else (3 + number, 2)
    return (torch.randn(number % 3 + 2, 5, height, width, generator=generator),)


global_average_pool = Exercise(
    "global_average_pool",
    8,
    lambda maps: maps.mean(dim=(2, 3)),
    _maps,
    "the shape that comes out no longer depends on the size of the picture.",
    (
        "Each map, H × W numbers, becomes one number: its mean.",
        "Batch and channels stay. Over which two of the four dimensions does the mean go?",
        "maps.mean(dim=(..., ...)), with the two that are rows and columns; dimensions count from 0.",
        """the solution:
def my_global_average_pool(maps):
    return maps.mean(dim=(2, 3))
(Lin and others, 2014)""",
    ),
    (
        Mistake(lambda m: m.amax(dim=(2, 3)), "that is the largest number of each map; asked is the mean."),
        Mistake(lambda m: m.sum(dim=(2, 3)), "that is the sum: on larger pictures all numbers would grow. Divide."),
        Mistake(lambda m: m.mean(dim=(2, 3), keepdim=True), "the numbers are right; the shape is to be (B, C)."),
        Mistake(
            lambda m: m.mean(1),
            "that is the mean over the channels, at each place. Keep the channels: they tell what was found.",
        ),
        Mistake(lambda m: m.mean(dim=(1, 2)), "that is over channels and rows. Dimensions count from 0: (B, C, H, W)."),
        Mistake(lambda m: m.mean(3), "that is the mean of each row; go over rows and columns."),
        Mistake(lambda m: m.mean(dim=(0, 2, 3)), "the pictures are mixed: each keeps its own means."),
        Mistake(lambda m: m.mean(), "that is one number for all; each map of each picture has its own."),
    ),
    shows=pictures.pooled,
)


def _layers(generator: torch.Generator, number: int) -> tuple[Any, ...]:
    channels, height, width = (3, 4, 4) if number < 2 else (number, 5, 2 + number)
    with torch.random.fork_rng([]):
        torch.manual_seed(number)
        change = nn.Sequential(nn.Conv2d(channels, channels, 3, padding=1), nn.Tanh())
    return torch.randn(2, channels, height, width, generator=generator), change.requires_grad_(False)


residual = Exercise(
    "residual",
    8,
    lambda values, change: values + change(values),
    _layers,
    "if the change is zero, the block hands its input on: a deep network can begin as a shallow one.",
    (
        "There are two ways from the input to the output: through the layers, and round them.",
        "change(values) is what the layers make. What went in is added to it.",
        "values + ..., without +=, which would overwrite what the caller still needs.",
        """the solution:
def my_residual(values, change):
    return values + change(values)
(He and others, 2016)""",
    ),
    (
        Mistake(lambda v, change: change(v), "the way round the layers is missing: add what went in."),
        Mistake(lambda v, change: v, "the layers are not used: add change(values)."),
        Mistake(lambda v, change: v - change(v), "the change is subtracted; add it."),
        Mistake(lambda v, change: change(v) - v, "what went in is subtracted; add it."),
        Mistake(
            lambda v, change: v * change(v), "the two are multiplied: where the change is zero, all would be lost."
        ),
        Mistake(
            lambda v, change: torch.cat([v, change(v)], 1),
            "the two lie behind each other, with twice the channels. Add them, number by number.",
        ),
        Mistake(lambda v, change: (v + change(v)) / 2, "that is the mean of the two; asked is the sum."),
        Mistake(
            lambda v, change: (v + change(v)).relu(),
            "a ReLU behind the sum cuts off what is negative, also of what took the way round.",
        ),
    ),
    shows=pictures.added,
)

Weights = list[Tensor]


def _two_networks(generator: torch.Generator, number: int) -> tuple[Any, ...]:
    shapes = [(3, 3), (3,)] if number < 2 else [(number, 2, 3), (number,), (1,)]
    mean, weights = ([torch.randn(shape, generator=generator) for shape in shapes] for _ in range(2))
    return mean, weights, (0.9, 0.99, 0.8, 0.95, 0.7, 0.9, 0.6, 0.98)[number]


def _each(rule: Callable[[Tensor, Tensor, float], Tensor]) -> Callable[[Weights, Weights, float], Weights]:
    """A rule for one tensor as a rule for lists of them."""
    return lambda mean, weights, decay: [rule(m, w, decay) for m, w in zip(mean, weights, strict=True)]


running_mean = Exercise(
    "running_mean",
    8,
    _each(lambda m, w, decay: decay * m + (1 - decay) * w),
    _two_networks,
    "a decay of 0.99 reaches back about 100 steps, and no old weights need to be kept for that.",
    (
        "The new mean is nearly the old one: it keeps the share `decay` of it.",
        "The rest, 1 - decay, comes from the new weights. The two shares add up to 1.",
        "[decay * m + ... for m, w in zip(mean, weights)]: a new list, and the old one stays as it is.",
        """the solution:
def my_running_mean(mean, weights, decay):
    return [decay * m + (1 - decay) * w for m, w in zip(mean, weights)]
(an exponential moving average: weights of k steps ago count decay ** k times as much as the newest)""",
    ),
    (
        Mistake(
            _each(lambda m, w, decay: (1 - decay) * m + decay * w),
            "decay and 1 - decay are exchanged: this mean follows every jump. The old mean keeps the share decay.",
        ),
        Mistake(
            _each(lambda m, w, decay: m + (1 - decay) * w),
            "the old mean is not made smaller, so it grows with each step: decay * m.",
        ),
        Mistake(_each(lambda m, w, decay: decay * m + w), "the new weights count in full; their share is 1 - decay."),
        Mistake(_each(lambda m, w, decay: (m + w) / 2), "both count half: use the decay."),
        Mistake(_each(lambda m, w, decay: w), "these are the last weights; nothing of the old mean is left."),
        Mistake(
            _each(lambda m, w, decay: m - (1 - decay) * (w - m)),
            "the sign is wrong: the mean moves away from the weights.",
        ),
    ),
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
    "mixup",
    8,
    _mixup,
    _pictures,
    "cross_entropy takes such shares in the place of labels, as they are.",
    (
        "Picture k is laid over picture order[k], and the label follows: images[order] are the partners.",
        "A label becomes shares first, 1 for its class and 0 for the others: nn.functional.one_hot(labels, classes).",
        "Mix twice by the same rule, share * own + (1 - share) * partner: the images, and the shares as float.",
        """the solution:
def my_mixup(images, labels, share, order, classes=10):
    shares = nn.functional.one_hot(labels, classes).float()
    mixed = share * images + (1 - share) * images[order]
    return mixed, share * shares + (1 - share) * shares[order]
(Zhang and others, 2018)""",
    ),
    (
        Mistake(
            lambda i, y, s, o, n: (_mixed(i, s, o), _one_hot(y, n)),
            "the images are mixed, and the labels are still those of one picture: mix them by the same order.",
        ),
        Mistake(
            lambda i, y, s, o, n: (_mixed(i, s, o), _mixed(_one_hot(y, n), 1 - s, o)),
            "share and 1 - share are exchanged in the labels: what shows mostly a cat is called mostly a dog.",
        ),
        Mistake(
            lambda i, y, s, o, n: _mixup(i, y, 1 - s, o, n),
            "share and 1 - share are exchanged: `share` belongs to a picture itself, the rest to its partner.",
        ),
        Mistake(
            lambda i, y, s, o, n: (i, _mixed(_one_hot(y, n), s, o)),
            "the labels are mixed, and the images are not: images[order] are the partners.",
        ),
        Mistake(
            lambda i, y, s, o, n: (_mixed(i, s, o), _mixed(y, s, o)),
            "it mixes the numbers of the classes: half a cat (3) and half a dog (5) are no deer (4). Use one_hot.",
        ),
        Mistake(
            lambda i, y, s, o, n: (_mixed(i, s, o), _one_hot(y[o], n)),
            "the labels are those of the partners alone: mix both.",
        ),
        Mistake(lambda i, y, s, o, n: _mixup(i, y, 0.5, o, n), "both pictures count half: use `share`."),
        Mistake(
            lambda i, y, s, o, n: (i + i[o], _one_hot(y, n) + _one_hot(y[o], n)),
            "the two are added in full: twice as bright, and shares that add up to 2.",
        ),
    ),
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
    """The mean answer to the images and to what is made of them."""
    return lambda model, images: (model(images) + model(second(images))) / 2


mean_of_views = Exercise(
    "mean_of_views",
    8,
    _views(lambda images: images.flip(3)),
    _network,
    "two answers for twice the time: it is paid for every picture that is ever asked about.",
    (
        "Ask the network twice: about the images, and about their mirror images.",
        "images is (B, 3, H, W). Mirrored means that the columns run backwards: which dimension is that?",
        "Add model(images) and model(images.flip(...)), and divide by the number of views.",
        """the solution:
def my_mean_of_views(model, images):
    return (model(images) + model(images.flip(3))) / 2
(test-time augmentation)""",
    ),
    (
        Mistake(
            _views(lambda images: images.flip(2)),
            "the rows run backwards: the pictures stand on their heads, as none did in training. Columns are 3.",
        ),
        Mistake(
            _views(lambda images: images.flip(2, 3)),
            "rows and columns run backwards: the pictures are turned by half a turn. Only the columns, 3.",
        ),
        Mistake(_views(lambda images: images.flip(1)), "red and blue are exchanged. The columns are dimension 3."),
        Mistake(
            lambda model, images: model(images) + model(images.flip(3)),
            "that is the sum; divide by the number of views.",
        ),
        Mistake(
            lambda model, images: (model(images).softmax(1) + model(images.flip(3)).softmax(1)) / 2,
            "that is the mean of the probabilities; asked is that of the logits.",
        ),
        Mistake(
            lambda model, images: torch.maximum(model(images), model(images.flip(3))),
            "it takes the larger of two logits: the view that shouts wins. Take the mean.",
        ),
        Mistake(lambda model, images: model(images.flip(3)), "only the mirror image is asked about: ask about both."),
        Mistake(lambda model, images: model(images), "only the image itself is asked about: ask about both."),
    ),
    shows=pictures.two_views,
)
