"""Exercises of lesson 03: parameters, shapes, batch norm, softmax, cross-entropy."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy as torch_cross_entropy

from cifar_helpers.checks.engine import Exercise, Mistake
from cifar_helpers.checks.lesson_03 import pictures


def _sizes(generator: torch.Generator, number: int) -> tuple[Any, ...]:
    first, second = torch.randint(1, 129, (2,), generator=generator).tolist()
    return first, second, (3, 1, 5, 3, 7, 2, 3, 4)[number]


parameters_of_convolution = Exercise(
    "parameters_of_convolution",
    3,
    lambda inputs, outputs, kernel: outputs * (inputs * kernel * kernel + 1),
    _sizes,
    "the size of the picture is not in it: the same numbers serve every place.",
    (
        "How many numbers has *one* kernel of a layer with this many input channels?",
        "One kernel has a layer for each input channel, and there is one for each output channel.",
        "Each output channel has one bias on top.",
        """the solution:
def my_parameters_of_convolution(inputs, outputs, kernel):
    return outputs * (inputs * kernel * kernel + 1)""",
    ),
    (
        Mistake(lambda i, o, k: o * i * k * k, "the biases are missing: one for each output channel."),
        Mistake(
            lambda i, o, k: i * (o * k * k + 1), "inputs and outputs are exchanged: the biases belong to the outputs."
        ),
        Mistake(
            lambda i, o, k: o * (i * k + 1), "a kernel is a square: it has kernel * kernel numbers for each channel."
        ),
        Mistake(lambda i, o, k: o * (k * k + 1), "a kernel has a layer for *each input channel*."),
        Mistake(lambda i, o, k: o * i * k * k + 1, "there is one bias for each output channel, not one in all."),
    ),
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
    "shapes",
    3,
    _shapes,
    _blocks,
    "only pooling changes the size, and an odd side loses a row: 15 becomes 7.",
    (
        "What does a 3 × 3 convolution with padding=1 do to height and width? And 2 × 2 max pooling?",
        "Go from block to block: each starts with the height and width that the one before left.",
        "height // 2 halves and drops the rest, as pooling does with a row that fills no window.",
        """the solution:
def my_shapes(channels, height, width):
    found = []
    for outputs in channels:
        height, width = height // 2, width // 2
        found.append((outputs, height, width))
    return found""",
    ),
    (
        Mistake(
            _halved(lambda side: -(-side // 2)),
            "odd sides are rounded up; pooling leaves out a row that fills no window: 15 becomes 7.",
        ),
        Mistake(_halved(lambda side: side / 2), "there are no half pixels: // drops the rest where a side is odd."),
        Mistake(
            _halved(lambda side: (side - 2) // 2),
            "the convolutions take nothing away: padding=1 gives back the border that a 3 × 3 kernel costs.",
        ),
        Mistake(
            _halved(lambda side: side // 4),
            "each side becomes a half, not a quarter; it is the number of places that becomes a quarter.",
        ),
        Mistake(
            lambda c, h, w: [(outputs, h // 2, w // 2) for outputs in c],
            "each block halves what the one before left, not the picture itself.",
        ),
        Mistake(_before_pooling, "these are the shapes before pooling, the last layer of each block."),
        Mistake(
            lambda c, h, w: [(*sides, outputs) for outputs, *sides in _shapes(c, h, w)],
            "the channels come first: (channels, height, width).",
        ),
        Mistake(lambda c, h, w: _shapes(c, h, h), "right only for square pictures: the width is halved by itself."),
    ),
    close=0,
    shows=pictures.narrowing,
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
    "batch_norm",
    3,
    _batch_norm,
    _activations,
    "one mean and one variance for each channel, over all images and places of the batch.",
    (
        "Which axes of (B, C, H, W) are averaged over, if each *channel* has its own mean?",
        "mean((0, 2, 3), keepdim=True) keeps the shape (1, C, 1, 1), which lines up with x.",
        "The variance divides by n: x.var(..., correction=0). Add 0.00001 before the square root.",
        """the solution:
def my_batch_norm(x, scale, shift):
    mean = x.mean((0, 2, 3), keepdim=True)
    variance = x.var((0, 2, 3), keepdim=True, correction=0)
    return (x - mean) / (variance + 1e-5).sqrt() * scale.view(1, -1, 1, 1) + shift.view(1, -1, 1, 1)""",
    ),
    (
        Mistake(
            lambda x, a, b: _by(x, a, b, (0, 2, 3), 1),
            "the variance divides by n - 1 (torch's default); batch norm divides by n: correction=0.",
        ),
        Mistake(
            lambda x, a, b: _by(x, a, b, (0,), 0),
            "it averages over images alone; a channel's mean runs over all places too: axes (0, 2, 3).",
        ),
        Mistake(
            lambda x, a, b: _by(x, a, b, (2, 3), 0),
            "it averages within each image (that is instance norm); the batch counts too: axes (0, 2, 3).",
        ),
        Mistake(
            lambda x, a, b: _by(x, a, b, (1, 2, 3), 0),
            "it averages over the channels of an image (that is layer norm); here each channel has a mean of its own.",
        ),
        Mistake(
            lambda x, a, b: _by(x, torch.ones_like(a), torch.zeros_like(b), (0, 2, 3), 0),
            "mean and spread are right; scale and shift are left out.",
        ),
        Mistake(
            lambda x, a, b: (
                (x - x.mean((0, 2, 3), keepdim=True))
                / (x.var((0, 2, 3), keepdim=True, correction=0) + 1e-5)
                * a.view(1, -1, 1, 1)
                + b.view(1, -1, 1, 1)
            ),
            "it divides by the variance; the standard deviation is its square root.",
        ),
    ),
    close=1e-4,
    shows=pictures.levelled,
)


def _logits(generator: torch.Generator, number: int) -> tuple[Any, ...]:
    size = (1, 3, 8, 100, 1000, 5, 1000, 2)[number]
    return (size * torch.randn(number + 2, 4 + number, generator=generator),)


softmax = Exercise(
    "softmax",
    3,
    lambda logits: logits.softmax(1),
    _logits,
    "only differences between logits count, so the largest may be subtracted from all.",
    (
        "e to the power of each logit, divided by the sum of its *row*.",
        "exp(1000) is infinite. What happens to the result if you subtract the same number from all logits of a row?",
        "Subtract the row's largest logit first: logits.amax(1, keepdim=True).",
        """the solution:
def my_softmax(logits):
    powers = (logits - logits.amax(1, keepdim=True)).exp()
    return powers / powers.sum(1, keepdim=True)""",
    ),
    (
        Mistake(
            lambda z: z.exp() / z.exp().sum(1, keepdim=True),
            "large logits give nan: exp(1000) is infinite. Subtract the largest logit of each row first.",
        ),
        Mistake(
            lambda z: z.softmax(0),
            "it divides by sums of columns; each *picture*, a row, has probabilities that add up to 1.",
        ),
        Mistake(
            lambda z: (z - z.amax(1, keepdim=True)).exp(), "the powers are right; divide them by the sum of their row."
        ),
        Mistake(
            lambda z: z / z.sum(1, keepdim=True),
            "the logits themselves are divided; take e to the power of each first.",
        ),
        Mistake(
            lambda z: z.softmax(1).softmax(1), "softmax is applied twice: the probabilities come too close together."
        ),
        Mistake(lambda z: z.log_softmax(1), "these are logarithms of the probabilities."),
    ),
    close=1e-5,
    shows=pictures.shared_out,
)


def _labelled(generator: torch.Generator, number: int) -> tuple[Any, ...]:
    (logits,) = _logits(generator, number)
    return logits, torch.randint(logits.shape[1], (len(logits),), generator=generator)


def _naive(logits: Tensor, labels: Tensor) -> Tensor:
    powers = logits.exp()
    return -(powers / powers.sum(1, keepdim=True))[range(len(labels)), labels].log().mean()


cross_entropy = Exercise(
    "cross_entropy",
    3,
    lambda logits, labels: torch_cross_entropy(logits, labels),
    _labelled,
    "the logarithm of the softmax is taken in one go, so nothing overflows.",
    (
        "Minus the logarithm of the probability of the right class, averaged over the pictures.",
        "log(softmax) = logit - log(sum of the powers): no division is needed.",
        "logits.logsumexp(1) is that logarithm, safely; logits[range(len(labels)), labels] are the right ones.",
        """the solution:
def my_cross_entropy(logits, labels):
    return (logits.logsumexp(1) - logits[range(len(labels)), labels]).mean()""",
    ),
    (
        Mistake(_naive, "large logits give nan or infinity: take log(softmax) in one go, with logsumexp."),
        Mistake(
            lambda z, y: torch_cross_entropy(z.softmax(1), y),
            "softmax is applied twice: torch's cross_entropy takes logits, not probabilities.",
        ),
        Mistake(
            lambda z, y: torch_cross_entropy(z, y, reduction="sum"), "it adds up; take the mean over the pictures."
        ),
        Mistake(
            lambda z, y: -torch_cross_entropy(z, y),
            "the sign is wrong: a loss is small where the right class is likely.",
        ),
        Mistake(
            lambda z, y: torch_cross_entropy(z, y) / math.log(2), "these are bits; the natural logarithm gives nats."
        ),
        Mistake(
            lambda z, y: torch_cross_entropy(z, y, reduction="none"), "one loss for each picture; take their mean."
        ),
        Mistake(
            lambda z, y: -z[range(len(y)), y].mean(),
            "it takes the logits for logarithms of probabilities: softmax is missing.",
        ),
    ),
    close=1e-4,
    shows=pictures.costs,
)
