"""Pictures of right answers in lesson 04: where a training stops, and a loss that falls."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from cifar_helpers.checks.chart import Axis, Line, line_chart
from cifar_helpers.checks.drawing import titled
from cifar_helpers.runs import load_run

_PATIENCE = 10
_FROM = 10  # the first epochs fall so far that the turn would look flat beside them
_STEPS = 60


def stopping(answer: Callable[..., Any]) -> str:
    """HTML of the validation loss of 100 recorded epochs, with those where the answer stops and what it keeps."""
    losses = load_run("published-100").history["validation_loss"]
    stopped, kept = (int(epoch) for epoch in answer(list(losses), _PATIENCE, 0.0))
    said = (
        f"Your rule on {len(losses)} recorded epochs, patience {_PATIENCE}: "
        f"it stops after epoch {stopped} and keeps epoch {kept}."
    )
    points = [(float(epoch), loss) for epoch, loss in enumerate(losses, start=1) if epoch >= _FROM]
    line = Line(f"validation loss from epoch {_FROM} on", points)
    marks = [(float(kept), "keeps"), (float(stopped), "stops")]
    return titled(said, line_chart([line], Axis("epoch", least=0), Axis("loss (nats)"), said, marks=marks))


def falling(answer: Callable[..., Any]) -> str:
    """HTML of the loss of a small network on made-up points, while the answer trains it."""
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 2))
        points = torch.randn(200, 2)
    labels = (points.norm(dim=1) > 1.2).long()  # inside or outside a circle
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    losses = []
    for _ in range(_STEPS):
        answer(model, optimizer, list(zip(points.chunk(4), labels.chunk(4), strict=True)))
        with torch.no_grad():
            losses.append(float(nn.functional.cross_entropy(model(points), labels)))
    said = (
        f"Your step, {_STEPS} times on {len(points)} points in and around a circle, in batches of 50: "
        f"the loss falls from {losses[0]:.2f} to {losses[-1]:.2f}."
    )
    line = Line("loss of all points", [(float(step), loss) for step, loss in enumerate(losses, start=1)])
    return titled(said, line_chart([line], Axis("step", least=0), Axis("loss (nats)", least=0), said, height=200))
