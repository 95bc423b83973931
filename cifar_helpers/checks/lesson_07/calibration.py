"""Exercises of lesson 07 on calibration: the temperature, and the expected calibration error."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from cifar_helpers.checks.engine import Exercise, Mistake
from cifar_helpers.checks.lesson_07 import pictures

_CANDIDATES = [k / 10 for k in range(2, 41)]


def _too_sure(generator: torch.Generator, number: int) -> tuple[Any, ...]:
    truth = (0.5, 2.0, 1.4, 0.7, 2.6, 1.7, 0.8, 3.0)[number]
    logits = 2 * torch.randn(300 + 50 * number, 5 + number, generator=generator)
    labels = torch.multinomial((logits / truth).softmax(1), 1, generator=generator).flatten()
    return logits, labels, _CANDIDATES


def _loss(logits: Tensor, labels: Tensor) -> float:
    return float(nn.functional.cross_entropy(logits, labels))


def _lowest(loss: Callable[[Tensor, Tensor, float], float]) -> Callable[[Tensor, Tensor, list[float]], float]:
    return lambda logits, labels, candidates: min(candidates, key=lambda t: loss(logits, labels, t))


def _accuracy(logits: Tensor, labels: Tensor) -> float:
    return float((logits.argmax(1) == labels).float().mean())


_temperature = _lowest(lambda z, y, t: _loss(z / t, y))

temperature = Exercise(
    "temperature",
    7,
    _temperature,
    _too_sure,
    "one number mends the probabilities, and no answer changes.",
    (
        "Try each candidate: divide the logits by it. Which measure says how good the probabilities are?",
        "Cross-entropy, from logits and labels; the candidate with the lowest one is wanted.",
        "min(candidates, key=...) finds it, where key is a function of a candidate that gives the loss.",
        """the solution:
def my_temperature(logits, labels, candidates):
    def loss(t):
        return nn.functional.cross_entropy(logits / t, labels)
    return min(candidates, key=loss)
(Guo and others, 2017)""",
    ),
    (
        Mistake(_lowest(lambda z, y, t: _loss(z * t, y)), "the logits are multiplied; divide them by the temperature."),
        Mistake(
            _lowest(lambda z, y, t: -_accuracy(z / t, y)),
            "accuracy is the same at every temperature, so the first candidate won. Compare cross-entropies.",
        ),
        Mistake(_lowest(lambda z, y, t: -_loss(z / t, y)), "that is the one with the *highest* loss."),
        Mistake(
            lambda z, y, c: _loss(z / _temperature(z, y, c), y),
            "that is the lowest loss; asked is the temperature that gives it.",
        ),
        Mistake(
            _lowest(lambda z, y, t: _loss((z / t).softmax(1), y)),
            "softmax twice: cross_entropy takes logits and applies softmax itself.",
        ),
        Mistake(
            lambda z, y, c: c.index(_temperature(z, y, c)),
            "that is the place of the temperature in the list; return the temperature itself.",
        ),
    ),
    close=1e-6,
    shows=pictures.cooled,
)


def _surely(generator: torch.Generator, number: int) -> tuple[Any, ...]:
    count, bins = (40, 10) if number < 2 else (15 + 30 * number, 4 + 2 * number)
    confidence = 0.2 + 0.79 * torch.rand(count, generator=generator) ** 0.5
    return confidence, torch.rand(count, generator=generator) < confidence**2, bins


def _gaps(confidence: Tensor, right: Tensor, bins: int) -> list[tuple[float, float]]:
    """Of each bin that has answers: accuracy minus confidence, and its share of all answers."""
    found = []
    for k in range(bins):
        inside = (confidence > k / bins) & (confidence <= (k + 1) / bins)
        if inside.any():
            gap = right[inside].double().mean() - confidence[inside].double().mean()
            found.append((float(gap), float(inside.double().mean())))
    return found


def _calibration_error(confidence: Tensor, right: Tensor, bins: int) -> float:
    return sum(share * abs(gap) for gap, share in _gaps(confidence, right, bins))


def _unguarded(confidence: Tensor, right: Tensor, bins: int) -> float:
    places = ((confidence * bins).ceil().long() - 1).clamp(0, bins - 1)
    empty = bool((torch.bincount(places, minlength=bins) == 0).any())
    return float("nan") if empty else _calibration_error(confidence, right, bins)


def _mean_gap(confidence: Tensor, right: Tensor, bins: int) -> float:
    gaps = _gaps(confidence, right, bins)
    return sum(abs(gap) for gap, _ in gaps) / len(gaps)


calibration_error = Exercise(
    "calibration_error",
    7,
    _calibration_error,
    _surely,
    "a bin counts as much as it has answers; ten answers far off weigh less than a thousand slightly off.",
    (
        "Sort the answers into bins by their confidence. In each, compare how many are right with how sure they were.",
        "inside = (confidence > k / bins) & (confidence <= (k + 1) / bins); the gap is |accuracy - confidence| there.",
        "Weigh each gap by inside.float().mean(), the share of the answers in that bin, and pass over empty bins.",
        """the solution:
def my_calibration_error(confidence, right, bins):
    error = 0.0
    for k in range(bins):
        inside = (confidence > k / bins) & (confidence <= (k + 1) / bins)
        if inside.any():
            gap = right[inside].float().mean() - confidence[inside].mean()
            error += float(inside.float().mean() * gap.abs())
    return error
(Naeini and others, 2015)""",
    ),
    (
        Mistake(_mean_gap, "every bin counts alike; weigh it by its share of the answers."),
        Mistake(
            lambda c, r, b: sum(abs(gap) for gap, _ in _gaps(c, r, b)),
            "the gaps are added up without weights; weigh each by its share of the answers.",
        ),
        Mistake(
            lambda c, r, b: sum(share * gap for gap, share in _gaps(c, r, b)),
            "a bin that is too sure makes up for one that is not sure enough: take the absolute value of each gap.",
        ),
        Mistake(
            lambda c, r, b: abs(float(r.double().mean() - c.double().mean())),
            "one gap for all answers together: compare bin by bin.",
        ),
        Mistake(
            lambda c, r, b: float((r.double() - c.double()).abs().mean()),
            "single answers are right or wrong, never 80 % right: compare the means of each bin.",
        ),
        Mistake(
            lambda c, r, b: max(abs(gap) for gap, _ in _gaps(c, r, b)),
            "that is the largest gap (the maximum calibration error); asked is the mean over the answers.",
        ),
        Mistake(_unguarded, "a bin without answers has no mean, and its nan spoils the sum: pass over empty bins."),
    ),
    shows=pictures.trusted,
)
