"""The exercise of lesson 00: accuracy, in plain Python."""

from __future__ import annotations

from typing import Any

import torch

from cifar_helpers.checks.drawing import bars_html, sentence
from cifar_helpers.checks.engine import Exercise
from cifar_helpers.data import CLASSES


def _names(generator: torch.Generator, number: int) -> tuple[Any, ...]:
    """Predicted and true names of 4 to 18 pictures; each prediction is right with probability one half."""
    count = 4 + 2 * number
    true, other = torch.randint(len(CLASSES), (2, count), generator=generator)
    predicted = torch.where(torch.rand(count, generator=generator) < 0.5, true, other)
    predicted[0], predicted[1] = true[0], (true[1] + 1) % len(CLASSES)  # neither all right nor all wrong
    return [CLASSES[k] for k in predicted.tolist()], [CLASSES[k] for k in true.tolist()]


def _count(predicted: list[str], true: list[str]) -> int:
    return sum(a == b for a, b in zip(predicted, true, strict=True))


def _shown(answer: Any) -> str:
    """HTML of the accuracy of three made-up predictions."""
    true = ["cat", "dog", "frog", "ship"]
    cases = {"all four correct": true, "one of four correct": ["cat"] * 4, "none correct": ["horse"] * 4}
    shares = [(name, float(answer(predicted, true))) for name, predicted in cases.items()]
    said = "Your function gives " + ", ".join(f"{share:.0%}" for _, share in shares) + "."
    return bars_html(shares, "accuracy") + sentence(said)


accuracy = Exercise(
    name="accuracy",
    reference=lambda predicted, true: _count(predicted, true) / len(true),
    draw=_names,
    mistakes={
        "counted": _count,
        "in_percent": lambda predicted, true: 100 * _count(predicted, true) / len(true),
        "errors": lambda predicted, true: 1 - _count(predicted, true) / len(true),
        "whole_number": lambda predicted, true: _count(predicted, true) // len(true),
        "any_place": lambda predicted, true: sum(name in true for name in predicted) / len(true),
    },
    shows=_shown,
)
