"""Exercises of lesson 07: precision and recall, F1, the bootstrap, temperature, Grad-CAM, calibration error."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from cifar_helpers.checks.engine import Exercise
from cifar_helpers.checks.lesson_07 import pictures
from cifar_helpers.checks.results import plain


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
    name="precision_recall",
    reference=_precision_recall,
    draw=_counts,
    mistakes={
        "exchanged": lambda c: _precision_recall(c)[::-1],
        "both_recall": lambda c: (_precision_recall(c)[1],) * 2,
        "both_precision": lambda c: (_precision_recall(c)[0],) * 2,
        "divided_by_all_images": _of_all,
        "whole_matrices": lambda c: (c / c.sum(0), c / c.sum(1, keepdim=True)),
        "whole_number_division": lambda c: (c.diagonal() // c.sum(0), c.diagonal() // c.sum(1)),
        "mean_of_classes": lambda c: tuple(share.mean() for share in _precision_recall(c)),
    },
    shows=pictures.scored,
)


def _shares(generator: torch.Generator, number: int) -> tuple[Any, ...]:
    count = 10 if number < 2 else 2 + number
    return tuple(torch.rand(2, count, generator=generator).clamp(min=0.02))


def _f1(precision: Tensor, recall: Tensor) -> Tensor:
    return 2 * precision * recall / (precision + recall)


f1 = Exercise(
    name="f1",
    reference=_f1,
    draw=_shares,
    mistakes={
        "arithmetic_mean": lambda p, r: (p + r) / 2,
        "factor_missing": lambda p, r: p * r / (p + r),
        "geometric_mean": lambda p, r: (p * r).sqrt(),
        "brackets_missing": lambda p, r: 2 * p * r / p + r,
        "minimum": torch.minimum,
        "mean_of_classes": lambda p, r: _f1(p, r).mean(),
    },
    shows=pictures.levels,
)


def _redraws(generator: torch.Generator, number: int) -> tuple[Any, ...]:
    count, draws = (60, 200) if number < 2 else (50 + 9 * number, 100 + 37 * number)
    right = torch.rand(count, generator=generator) < 0.55 + 0.04 * number
    of_class = torch.rand(count, generator=generator) < 0.35
    return right, of_class, torch.randint(count, (draws, count), generator=generator)


def _recalls(right: Tensor, of_class: Tensor, picks: Tensor) -> Tensor:
    return (right & of_class)[picks].sum(1) / of_class[picks].sum(1)


def _middle(values: Tensor, share: float = 0.95) -> tuple[Tensor, Tensor]:
    return values.quantile((1 - share) / 2), values.quantile((1 + share) / 2)


def _around(right: Tensor, of_class: Tensor, picks: Tensor) -> tuple[Tensor, Tensor]:
    recalls = _recalls(right, of_class, picks)
    return recalls.mean() - recalls.std(), recalls.mean() + recalls.std()


def _with_any_rule(interval: Callable[..., Any]) -> Callable[..., Any]:
    """The interval, in which an end within one redraw of the quantile is the quantile: rules for it differ by that."""

    def run(right: Tensor, of_class: Tensor, picks: Tensor) -> Any:
        got, recalls = plain(interval(right, of_class, picks)), _recalls(right, of_class, picks).sort().values
        try:
            lower, upper = torch.as_tensor(got)
            ends = [float(lower), float(upper)]
        except Exception:  # not two numbers
            return got
        for place, (end, wanted, share) in enumerate(zip(tuple(ends), _middle(recalls), (0.025, 0.975), strict=True)):
            below = int(share * (len(recalls) - 1))
            if recalls[below - 1] - 1e-6 <= end <= recalls[below + 2] + 1e-6:
                ends[place] = float(wanted)
        return tuple(ends)

    return run


recall_interval = Exercise(
    name="recall_interval",
    reference=_with_any_rule(lambda r, c, p: _middle(_recalls(r, c, p))),
    draw=_redraws,
    mistakes={
        "accuracy": _with_any_rule(lambda r, c, p: _middle(r[p].float().mean(1))),
        "divided_by_all_images": _with_any_rule(lambda r, c, p: _middle((r & c)[p].float().mean(1))),
        "fixed_denominator": _with_any_rule(lambda r, c, p: _middle((r & c)[p].sum(1) / c.sum())),
        "ninety_percent": _with_any_rule(lambda r, c, p: _middle(_recalls(r, c, p), 0.9)),
        "minimum_and_maximum": _with_any_rule(lambda r, c, p: (_recalls(r, c, p).min(), _recalls(r, c, p).max())),
        "one_standard_deviation": _with_any_rule(_around),
        "exchanged": _with_any_rule(lambda r, c, p: _middle(_recalls(r, c, p))[::-1]),
    },
    harness=_with_any_rule,
    shows=pictures.redrawn,
)


_CANDIDATES = [k / 10 for k in range(2, 41)]


def _logits_and_labels(generator: torch.Generator, number: int) -> tuple[Any, ...]:
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
    name="temperature",
    reference=_temperature,
    draw=_logits_and_labels,
    mistakes={
        "multiplied": _lowest(lambda z, y, t: _loss(z * t, y)),
        "highest_accuracy": _lowest(lambda z, y, t: -_accuracy(z / t, y)),
        "highest_loss": _lowest(lambda z, y, t: -_loss(z / t, y)),
        "loss_itself": lambda z, y, c: _loss(z / _temperature(z, y, c), y),
        "softmax_twice": _lowest(lambda z, y, t: _loss((z / t).softmax(1), y)),
        "position": lambda z, y, c: c.index(_temperature(z, y, c)),
    },
    close=1e-6,
    shows=pictures.cooled,
)


class _Network(nn.Module):
    """A small network in two parts, as the course's are."""

    def __init__(self, height: int, width: int) -> None:
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 6, 3), nn.ReLU())
        places = (height - 2) * (width - 2)
        self.classifier = nn.Sequential(nn.Flatten(), nn.Linear(6 * places, 12), nn.ReLU(), nn.Linear(12, 5))

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.classifier(self.features(images))
        return logits


def _two_parts(generator: torch.Generator, number: int) -> tuple[Any, ...]:
    height, width = (6, 6) if number < 2 else (5 + number, 7)
    with torch.random.fork_rng([]):
        torch.manual_seed(number)
        model = _Network(height, width).eval()
    return model, torch.randn(3, height, width, generator=generator), number % 5


_Score = Callable[[Tensor, int], Tensor]


def _one_logit(logits: Tensor, label: int) -> Tensor:
    return logits[0, label]


def _maps_and_gradient(model: _Network, image: Tensor, label: int, score: _Score = _one_logit) -> tuple[Tensor, Tensor]:
    network = copy.deepcopy(model)
    maps = network.features(image[None])
    (gradient,) = torch.autograd.grad(score(network.classifier(maps), label), maps)
    return maps.detach(), gradient


def _cam(model: _Network, image: Tensor, label: int, score: _Score = _one_logit) -> Tensor:
    """The weighted sum of the maps `(H, W)`, before the ReLU."""
    maps, gradient = _maps_and_gradient(model, image, label, score)
    return (gradient.mean((2, 3), keepdim=True) * maps).sum(1)[0]


def _relu_too_early(model: _Network, image: Tensor, label: int) -> Tensor:
    maps, gradient = _maps_and_gradient(model, image, label)
    return (gradient.mean((2, 3), keepdim=True) * maps).relu().sum(1)[0]


def _place_by_place(model: _Network, image: Tensor, label: int) -> Tensor:
    maps, gradient = _maps_and_gradient(model, image, label)
    return (gradient * maps).sum(1)[0].relu()


def _of_sums(model: _Network, image: Tensor, label: int) -> Tensor:
    maps, gradient = _maps_and_gradient(model, image, label)
    return (gradient.sum((2, 3), keepdim=True) * maps).sum(1)[0].relu()


grad_cam = Exercise(
    name="grad_cam",
    reference=lambda m, i, y: _cam(m, i, y).relu(),
    draw=_two_parts,
    mistakes={
        "relu_missing": _cam,
        "relu_too_early": _relu_too_early,
        "unweighted": lambda m, i, y: m.features(i[None]).detach().sum(1)[0],
        "gradient_not_averaged": _place_by_place,
        "sum_for_mean": _of_sums,
        "all_classes": lambda m, i, y: _cam(m, i, y, lambda logits, _: logits.sum()).relu(),
        "of_probability": lambda m, i, y: _cam(m, i, y, lambda logits, k: logits.softmax(1)[0, k]).relu(),
        "with_batch": lambda m, i, y: _cam(m, i, y).relu()[None],
    },
    shows=pictures.looked,
)


def _confidences(generator: torch.Generator, number: int) -> tuple[Any, ...]:
    count, bins = (40, 10) if number < 2 else (15 + 30 * number, 4 + 2 * number)
    confidence = 0.2 + 0.79 * torch.rand(count, generator=generator) ** 0.5
    # At the ends of two bins that floating point represents exactly; a network's confidence is often exactly 1.
    confidence[:2] = torch.tensor([0.5, 1.0])
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


def _nan_of_empty_bins(confidence: Tensor, right: Tensor, bins: int) -> float:
    places = ((confidence * bins).ceil().long() - 1).clamp(0, bins - 1)
    empty = bool((torch.bincount(places, minlength=bins) == 0).any())
    return float("nan") if empty else _calibration_error(confidence, right, bins)


def _lower_end(confidence: Tensor, right: Tensor, bins: int) -> float:
    """The error with bins that include their lower end instead of the upper one, so that 1 is in none."""
    return _calibration_error(torch.nextafter(confidence, torch.tensor(2.0)), right, bins)


def _mean_gap(confidence: Tensor, right: Tensor, bins: int) -> float:
    gaps = _gaps(confidence, right, bins)
    return sum(abs(gap) for gap, _ in gaps) / len(gaps)


calibration_error = Exercise(
    name="calibration_error",
    reference=_calibration_error,
    draw=_confidences,
    mistakes={
        "unweighted_mean": _mean_gap,
        "unweighted_sum": lambda c, r, b: sum(abs(gap) for gap, _ in _gaps(c, r, b)),
        "signed": lambda c, r, b: sum(share * gap for gap, share in _gaps(c, r, b)),
        "one_bin": lambda c, r, b: abs(float(r.double().mean() - c.double().mean())),
        "single_answers": lambda c, r, b: float((r.double() - c.double()).abs().mean()),
        "maximum": lambda c, r, b: max(abs(gap) for gap, _ in _gaps(c, r, b)),
        "lower_end": _lower_end,
        "empty_bins": _nan_of_empty_bins,
    },
    shows=pictures.trusted,
)
