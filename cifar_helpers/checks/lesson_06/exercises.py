"""Exercises of lesson 06: preparing a photo, the best classes, confusion, saliency."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from cifar_helpers.checks.engine import Exercise, Mistake
from cifar_helpers.checks.lesson_06 import pictures
from cifar_helpers.data import MEAN, STD

_MEAN, _STD = torch.tensor(MEAN).view(3, 1, 1), torch.tensor(STD).view(3, 1, 1)


def _photo(generator: torch.Generator, number: int) -> tuple[Any, ...]:
    height, width = (32, 32) if number < 2 else (32, 24 + number)
    return (torch.randint(256, (height, width, 3), generator=generator, dtype=torch.uint8),)


def _prepare(photo: Tensor) -> Tensor:
    return ((photo.permute(2, 0, 1).float() / 255 - _MEAN) / _STD)[None]


prepare = Exercise(
    "prepare",
    6,
    _prepare,
    _photo,
    "the axes are moved, not relabelled; the numbers are those of training; and a batch of one is a batch.",
    (
        "A photo is (height, width, 3); the network takes (batch, 3, height, width).",
        "permute(2, 0, 1) moves the colours to the front; reshape would mix the pixels.",
        "Normalise as in training, then [None] adds the batch.",
        """the solution:
def my_prepare(photo):
    mean, std = torch.tensor(MEAN).view(3, 1, 1), torch.tensor(STD).view(3, 1, 1)
    return ((photo.permute(2, 0, 1).float() / 255 - mean) / std)[None]""",
    ),
    (
        Mistake(
            lambda p: ((p.reshape(3, *p.shape[:2]).float() / 255 - _MEAN) / _STD)[None],
            "reshape mixes the pixels: it keeps their order in memory and cuts it anew. permute moves the axes.",
        ),
        Mistake(
            lambda p: ((p.permute(2, 1, 0).float() / 255 - _MEAN) / _STD)[None],
            "rows and columns are exchanged: the photo lies on its side. permute(2, 0, 1).",
        ),
        Mistake(lambda p: _prepare(p)[0], "the batch is missing: a network takes (1, 3, H, W)."),
        Mistake(lambda p: (p.permute(2, 0, 1).float() / 255)[None], "it is not normalised by MEAN and STD."),
        Mistake(
            lambda p: ((p.permute(2, 0, 1).float() - _MEAN) / _STD)[None],
            "the pixels are still 0..255: divide by 255 first.",
        ),
        Mistake(lambda p: _prepare(p.flip(2)), "red and blue are exchanged."),
    ),
    shows=pictures.prepared,
)


def _probabilities(generator: torch.Generator, number: int) -> tuple[Any, ...]:
    return torch.randn(10, generator=generator).softmax(0), (1, 3, 2, 5, 3, 10, 4, 1)[number]


def _top(probabilities: Tensor, k: int) -> list[int]:
    found: list[int] = probabilities.argsort(descending=True)[:k].tolist()
    return found


top_k = Exercise(
    "top_k",
    6,
    _top,
    _probabilities,
    "sorting the numbers of the classes, not the probabilities, keeps who is who.",
    (
        "You need the *numbers of the classes*, ordered by probability.",
        "argsort gives positions instead of values.",
        "descending=True puts the largest first; [:k] keeps the first k; .tolist() makes a list.",
        """the solution:
def my_top_k(probabilities, k):
    return probabilities.argsort(descending=True)[:k].tolist()""",
    ),
    (
        Mistake(lambda p, k: p.argsort()[:k].tolist(), "these are the least probable: sort in descending order."),
        Mistake(lambda p, k: p.argsort()[-k:].tolist(), "the right classes, but the best must come first."),
        Mistake(
            lambda p, k: p.sort(descending=True).values[:k].tolist(),
            "these are probabilities; asked are the numbers of the classes.",
        ),
        Mistake(lambda p, k: [int(p.argmax())], "only the best one: return k of them."),
        Mistake(lambda p, k: list(range(k)), "these are the first classes, not the most probable ones."),
    ),
    close=0,
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
    "confusion",
    6,
    _confusion,
    _pairs,
    "each pair becomes one number from 0 to 99, and counting numbers needs no loop over images.",
    (
        "Give each of the 100 cells a number of its own. Which number belongs to row `true`, column `said`?",
        "10 * true + said; torch.bincount counts how often each number occurs.",
        "minlength=100 counts the cells too that never occur; view(10, 10) makes the matrix.",
        """the solution:
def my_confusion(true, said):
    return torch.bincount(10 * true + said, minlength=100).view(10, 10)""",
    ),
    (
        Mistake(lambda t, s: _confusion(s, t), "rows and columns are exchanged: rows are true, columns are said."),
        Mistake(_once, "matrix[true, said] += 1 adds only once where a pair occurs several times."),
        Mistake(lambda t, s: torch.diag(_confusion(t, s).diagonal()), "only right answers are counted."),
        Mistake(
            lambda t, s: _confusion(t, s) / _confusion(t, s).sum(1, keepdim=True).clamp(min=1),
            "these are shares of the rows; asked are counts.",
        ),
    ),
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
    "saliency",
    6,
    _largest(_gradient),
    _network,
    "it tells which pixels move the score if they change a little; not which ones made it.",
    (
        "By how much does the class's score change if a pixel changes a little? That is a gradient by the *image*.",
        "pixels = image.clone().requires_grad_(), then the score model(pixels[None])[0, label].",
        "torch.autograd.grad(score, pixels)[0] is (3, H, W): take the absolute value and the largest over the colours.",
        """the solution:
def my_saliency(model, image, label):
    pixels = image.clone().requires_grad_()
    score = model(pixels[None])[0, label]
    (slope,) = torch.autograd.grad(score, pixels)
    return slope.abs().amax(0)
(Simonyan and others, 2014)""",
    ),
    (
        Mistake(_gradient, "one number for each colour: take the absolute value, then the largest of the three."),
        Mistake(
            lambda m, i, y: _gradient(m, i, y).amax(0),
            "the absolute value is missing: a pixel that lowers the score matters too.",
        ),
        Mistake(_sum_of_all, "it follows the sum of all logits; take that of the class alone."),
        Mistake(
            lambda m, i, y: _gradient(m, i, y).abs().mean(0),
            "it takes the mean over the colours; asked is the largest.",
        ),
        Mistake(lambda m, i, y: _gradient(m, i, y).abs().amax(0)[None], "one map (H, W), without a batch."),
    ),
    shows=pictures.salient,
)
