"""Exercises of lesson 06: preprocessing, silent mistakes, a threshold, the top classes, confusion, saliency."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from cifar_helpers.checks.engine import Exercise
from cifar_helpers.checks.lesson_06 import pictures
from cifar_helpers.data import MEAN, STD, normalise

_MEAN, _STD = torch.tensor(MEAN).view(3, 1, 1), torch.tensor(STD).view(3, 1, 1)


def _photo(generator: torch.Generator, number: int) -> tuple[Any, ...]:
    height, width = (32, 32) if number < 2 else (32, 24 + number)
    return (torch.randint(256, (height, width, 3), generator=generator, dtype=torch.uint8),)


def _preprocess(photo: Tensor) -> Tensor:
    return ((photo.permute(2, 0, 1).float() / 255 - _MEAN) / _STD)[None]


preprocess = Exercise(
    name="preprocess",
    reference=_preprocess,
    draw=_photo,
    mistakes={
        "reshaped": lambda p: ((p.reshape(3, *p.shape[:2]).float() / 255 - _MEAN) / _STD)[None],
        "transposed": lambda p: ((p.permute(2, 1, 0).float() / 255 - _MEAN) / _STD)[None],
        "batch_missing": lambda p: _preprocess(p)[0],
        "not_normalised": lambda p: (p.permute(2, 0, 1).float() / 255)[None],
        "not_divided_by_255": lambda p: ((p.permute(2, 0, 1).float() - _MEAN) / _STD)[None],
        "blue_first": lambda p: _preprocess(p.flip(2)),
    },
    shows=pictures.preprocessed,
)


def _forgetful(generator: torch.Generator, number: int) -> tuple[Any, ...]:
    """A small network without dropout, so that a mistake can be told from another, mostly in training mode; photos."""
    count = (5, 1, 20, 8, 40, 12, 30, 16)[number]
    with torch.random.fork_rng([]):
        torch.manual_seed(number)
        norm = nn.BatchNorm2d(6)
        norm.running_mean, norm.running_var = torch.randn(6), 0.2 + torch.rand(6)
        network = nn.Sequential(nn.Conv2d(3, 6, 3), norm, nn.ReLU(), nn.Flatten(), nn.Linear(6 * 36, 10))
    return network.train(number % 3 < 2), torch.randint(256, (count, 3, 8, 8), generator=generator, dtype=torch.uint8)


@torch.no_grad()
def _classes(
    network: nn.Module, photos: Tensor, *, as_in_training: bool = True, evaluates: bool = True, axis: int = 1
) -> Tensor:
    """The classes of the photos, with any of the three mistakes."""
    inputs = normalise(photos) if as_in_training else photos / 127.5 - 1
    if evaluates:
        network.eval()
    logits: Tensor = network(inputs)
    return logits.softmax(axis).argmax(1)


classify = Exercise(
    name="classify",
    reference=_classes,
    draw=_forgetful,
    mistakes={
        "unchanged": lambda n, p: _classes(n, p, as_in_training=False, evaluates=False, axis=0),
        "training_mode": lambda n, p: _classes(n, p, evaluates=False),
        "normalised_by_half": lambda n, p: _classes(n, p, as_in_training=False),
        "softmax_over_images": lambda n, p: _classes(n, p, axis=0),
        "only_normalised": lambda n, p: _classes(n, p, evaluates=False, axis=0),
        "only_eval": lambda n, p: _classes(n, p, as_in_training=False, axis=0),
        "only_softmax": lambda n, p: _classes(n, p, as_in_training=False, evaluates=False),
        "logits": lambda n, p: n.eval()(normalise(p)),
    },
    close=0,
)


def _guesses(generator: torch.Generator, number: int) -> tuple[Any, ...]:
    count = (8, 30, 200, 12, 50, 100, 20, 400)[number]
    labels = torch.randint(10, (count,), generator=generator)
    logits = 2 * torch.randn(count, 10, generator=generator)
    logits[torch.arange(count), labels] += 2
    probabilities = logits.softmax(1)
    # Between two of the largest probabilities, so that some images have an answer and some have none.
    threshold = float(probabilities.amax(1).quantile(0.2 + 0.07 * number))
    return probabilities, labels, round(threshold, 2)


def _selective(probabilities: Tensor, labels: Tensor, threshold: float) -> tuple[Tensor, Tensor]:
    confidence, predicted = probabilities.max(1)
    answered = confidence > threshold
    return answered.float().mean(), (predicted == labels)[answered].float().mean()


def _correct(probabilities: Tensor, labels: Tensor) -> Tensor:
    return (probabilities.argmax(1) == labels).float()


def _by_true_class(probabilities: Tensor, labels: Tensor, threshold: float) -> tuple[Tensor, Tensor]:
    answered = probabilities.gather(1, labels[:, None])[:, 0] > threshold
    return answered.float().mean(), _correct(probabilities, labels)[answered].mean()


def _rejected(probabilities: Tensor, labels: Tensor, threshold: float) -> tuple[Tensor, Tensor]:
    kept = probabilities.amax(1) <= threshold
    return kept.float().mean(), _correct(probabilities, labels)[kept].mean()


def _over_all(probabilities: Tensor, labels: Tensor, threshold: float) -> tuple[Tensor, Tensor]:
    coverage, accuracy = _selective(probabilities, labels, threshold)
    return coverage, coverage * accuracy


def _mean_confidence(probabilities: Tensor, labels: Tensor, threshold: float) -> tuple[Tensor, Tensor]:
    confidence = probabilities.amax(1)
    return _selective(probabilities, labels, threshold)[0], confidence[confidence > threshold].mean()


selective = Exercise(
    name="selective",
    reference=_selective,
    draw=_guesses,
    mistakes={
        "over_all_images": _over_all,
        "rejected": _rejected,
        "exchanged": lambda p, y, t: _selective(p, y, t)[::-1],
        "true_class": _by_true_class,
        "no_threshold": lambda p, y, t: (_selective(p, y, t)[0], _correct(p, y).mean()),
        "mean_confidence": _mean_confidence,
    },
)


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


def _pairs(generator: torch.Generator, number: int) -> tuple[Any, ...]:
    count = (20, 50, 200, 7, 1000, 31, 300, 90)[number]
    true = torch.randint(10, (count,), generator=generator)
    predicted = torch.where(
        torch.rand(count, generator=generator) < 0.6, true, torch.randint(10, (count,), generator=generator)
    )
    return true, predicted


def _confusion(true: Tensor, predicted: Tensor) -> Tensor:
    return torch.bincount(10 * true + predicted, minlength=100).view(10, 10)


def _once(true: Tensor, predicted: Tensor) -> Tensor:
    matrix = torch.zeros(10, 10, dtype=torch.int64)
    matrix[true, predicted] += 1
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
