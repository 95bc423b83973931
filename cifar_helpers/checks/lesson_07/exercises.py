"""Exercises of lesson 07: precision and recall, F1, an interval from redraws; two on calibration are next door."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from cifar_helpers.checks.engine import Exercise, Mistake
from cifar_helpers.checks.lesson_07 import pictures


def _counts(generator: torch.Generator, number: int) -> tuple[Any, ...]:
    size = 10 if number < 2 else 2 + number
    counts = torch.randint(1, 40, (size, size), generator=generator)
    return (counts + torch.diag(torch.randint(20, 300, (size,), generator=generator)),)


def _precision_recall(confusion: Tensor) -> tuple[Tensor, Tensor]:
    found = confusion.diagonal()
    return found / confusion.sum(0), found / confusion.sum(1)


def _of_all(confusion: Tensor) -> tuple[Tensor, Tensor]:
    share = confusion.diagonal() / confusion.sum()
    return share, share


precision_recall = Exercise(
    "precision_recall",
    7,
    _precision_recall,
    _counts,
    "the same right answers, divided by two different sums: what was called so, and what is so.",
    (
        "The right answers of each class lie on the diagonal. By what are they divided?",
        "Column: everything that was called so, for the precision. Row: everything that is so, for the recall.",
        "confusion.sum(0) adds up each column, confusion.sum(1) each row; confusion.diagonal() are the right ones.",
        """the solution:
def my_precision_recall(confusion):
    right = confusion.diagonal()
    return right / confusion.sum(0), right / confusion.sum(1)""",
    ),
    (
        Mistake(
            lambda c: _precision_recall(c)[::-1],
            "the two are exchanged: precision asks about what was *called* so (a column), recall about what *is* so.",
        ),
        Mistake(
            lambda c: (_precision_recall(c)[1],) * 2,
            "both are recalls: for the precision, add up what was called so, a column.",
        ),
        Mistake(
            lambda c: (_precision_recall(c)[0],) * 2,
            "both are precisions: for the recall, add up what is so, a row.",
        ),
        Mistake(_of_all, "both are divided by the number of all images; each class has its own sum."),
        Mistake(
            lambda c: (c / c.sum(0), c / c.sum(1, keepdim=True)),
            "these are whole matrices of shares; the right answers are the diagonal.",
        ),
        Mistake(
            lambda c: (c.diagonal() // c.sum(0), c.diagonal() // c.sum(1)),
            "// divides without remainder and leaves zeros; use /.",
        ),
        Mistake(
            lambda c: tuple(share.mean() for share in _precision_recall(c)),
            "these are means over the classes; asked is one number for each class.",
        ),
    ),
    shows=pictures.scored,
)


def _shares(generator: torch.Generator, number: int) -> tuple[Any, ...]:
    count = 10 if number < 2 else 2 + number
    return tuple(torch.rand(2, count, generator=generator).clamp(min=0.02))


def _f1(precision: Tensor, recall: Tensor) -> Tensor:
    return 2 * precision * recall / (precision + recall)


f1 = Exercise(
    "f1",
    7,
    _f1,
    _shares,
    "whichever of the two is lower pulls it down: a class cannot buy one with the other.",
    (
        "F1 is the harmonic mean of the two: the inverse of the mean of their inverses.",
        "1 / F1 is (1 / precision + 1 / recall) / 2. Solve that for F1.",
        "Twice their product, divided by their sum.",
        """the solution:
def my_f1(precision, recall):
    return 2 * precision * recall / (precision + recall)""",
    ),
    (
        Mistake(
            lambda p, r: (p + r) / 2,
            "that is the plain mean: 100 % and 0 % would make 50 %. The harmonic mean makes 0 of them.",
        ),
        Mistake(lambda p, r: p * r / (p + r), "the 2 is missing: two equal numbers must have themselves as the mean."),
        Mistake(lambda p, r: (p * r).sqrt(), "that is the geometric mean; asked is the harmonic one."),
        Mistake(
            lambda p, r: 2 * p * r / p + r, "a fraction's whole lower part needs brackets: / (precision + recall)."
        ),
        Mistake(torch.minimum, "that is the lower of the two; F1 lies between them."),
        Mistake(lambda p, r: _f1(p, r).mean(), "that is the mean over the classes; asked is one number for each."),
    ),
    shows=pictures.levels,
)


def _redraws(generator: torch.Generator, number: int) -> tuple[Any, ...]:
    count, draws = (50, 200) if number < 2 else (30 + 9 * number, 100 + 37 * number)
    right = torch.rand(count, generator=generator) < 0.55 + 0.05 * number
    return right, torch.randint(count, (draws, count), generator=generator)


def _interval(right: Tensor, picks: Tensor, share: float = 0.95) -> tuple[Tensor, Tensor]:
    means = right[picks].float().mean(1)
    return means.quantile((1 - share) / 2), means.quantile((1 + share) / 2)


def _by_formula(right: Tensor, picks: Tensor) -> tuple[Tensor, Tensor]:
    share = right.float().mean()
    error = (share * (1 - share) / len(right)).sqrt()
    return share - 1.96 * error, share + 1.96 * error


def _across(right: Tensor, picks: Tensor) -> tuple[Tensor, Tensor]:
    means = right[picks].float().mean(0)
    return means.quantile(0.025), means.quantile(0.975)


def _around(right: Tensor, picks: Tensor) -> tuple[Tensor, Tensor]:
    means = right[picks].float().mean(1)
    return means.mean() - means.std(), means.mean() + means.std()


bootstrap_interval = Exercise(
    "bootstrap_interval",
    7,
    _interval,
    _redraws,
    "nothing in it is about accuracies: redraw, measure again, take the middle 95 %, whatever you measure.",
    (
        "right[picks] is a table: a row for each redraw, in it what the images of that redraw were.",
        "Each row has an accuracy: right[picks].float().mean(1). Where does the middle 95 % of these lie?",
        "2.5 % are left out at each end: quantile(0.025) and quantile(0.975).",
        """the solution:
def my_bootstrap_interval(right, picks):
    accuracies = right[picks].float().mean(1)
    return accuracies.quantile(0.025), accuracies.quantile(0.975)
(Efron, 1979)""",
    ),
    (
        Mistake(
            lambda r, p: _interval(r, p, 0.9),
            "5 % are left out at each end, so it is an interval of 90 %. Share the 5 % between the two.",
        ),
        Mistake(
            lambda r, p: (r[p].float().mean(1).min(), r[p].float().mean(1).max()),
            "lowest and highest of all redraws: the more redraws, the wider. Take quantiles.",
        ),
        Mistake(
            _by_formula,
            "that is lesson 04's formula, and close; asked is what the redraws say, which needs no formula.",
        ),
        Mistake(_around, "mean ± one standard deviation holds about two thirds of the redraws, not 95 %."),
        Mistake(
            lambda r, p: (r[p].float().quantile(0.025), r[p].float().quantile(0.975)),
            "quantiles of single images are 0 and 1: first the mean of each redraw, then the quantiles.",
        ),
        Mistake(_across, "mean(0) goes down the redraws; the images of a redraw stand in a row: mean(1)."),
        Mistake(
            lambda r, p: _interval(r, p)[::-1],
            "the ends are exchanged: the lower one comes first.",
        ),
    ),
    shows=pictures.redrawn,
)
