"""Pictures of right answers in lesson 07: scores of classes, redraws of test answers, calibration on drawings."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor

from cifar_helpers.checks.chart import Axis, Line, line_chart
from cifar_helpers.checks.drawing import bars_html, numbers_svg, sentence, titled
from cifar_helpers.data import CLASSES, ImageSet
from cifar_helpers.data.sketches import draw
from cifar_helpers.evaluation import collect_logits, reliability
from cifar_helpers.inference import percent, shipped_model
from cifar_helpers.runs import DEFAULT_RUN, load_run

_DRAWINGS: Final = 200
_REDRAWS: Final = 2000


def scored(answer: Callable[..., Any]) -> str:
    """HTML of the precision and recall that the answer gives the classes, from the recorded validation images."""
    recorded = torch.tensor(load_run(DEFAULT_RUN).metrics["validation"]["confusion"])
    both = dict(zip(("precision", "recall"), answer(recorded), strict=True))
    tables = [
        bars_html(list(zip(CLASSES, shares.tolist(), strict=True)), f"your {name}", list(map(percent, shares.tolist())))
        for name, shares in both.items()
    ]
    lowest = " and ".join(f"{CLASSES[int(shares.argmin())]} has the lowest {name}" for name, shares in both.items())
    return "".join([*tables, sentence(f"{int(recorded.sum()):,} recorded answers: {lowest}.")])


def levels(answer: Callable[..., Any]) -> str:
    """HTML of the answer's F1 for combinations of precision and recall."""
    shares = torch.tensor([0.1, 0.3, 0.5, 0.7, 0.9])
    rows, columns = (grid.flatten() for grid in torch.meshgrid(shares, shares, indexing="ij"))
    values = answer(rows, columns).reshape(5, 5).numpy()
    grid = np.ones((6, 6))
    grid[1:, 1:] = 1 - values
    head = [f"{share:.1f}" for share in shares.tolist()]
    text = [["", *head], *([name, *(f"{v:.2f}" for v in row)] for name, row in zip(head, values, strict=True))]
    said = (
        f"Your F1, precision down and recall across: 0.9 and 0.9 give {values[4, 4]:.2f}, "
        f"0.9 and 0.1 only {values[4, 0]:.2f}."
    )
    return titled(said, numbers_svg(grid, said, cell=44, text=text))


def redrawn(answer: Callable[..., Any]) -> str:
    """HTML of the accuracies of redraws of the recorded test answers, with the interval that the answer gives."""
    recorded = load_run(DEFAULT_RUN).metrics["exact test"]
    count = recorded["images"]
    right = torch.arange(count) < round(recorded["accuracy"] * count)
    picks = torch.randint(count, (_REDRAWS, count), generator=torch.Generator().manual_seed(0))
    low, high = (100 * float(end) for end in answer(right, picks))
    points = (100 * right[picks].double().mean(1)).round()  # in whole points
    counts = torch.bincount(points.long(), minlength=101)
    shown = range(int(points.min()), int(points.max()) + 1)
    said = (
        f"Your interval from {_REDRAWS:,} redraws of {count:,} recorded test answers, "
        f"{100 * recorded['accuracy']:.1f} % of them right: {low:.1f} % to {high:.1f} %."
    )
    line = Line("redraws with that accuracy", [(float(k), float(counts[k])) for k in shown])
    marks = [(low, "lower end"), (high, "upper end")]
    return titled(said, line_chart([line], Axis("accuracy (%)"), Axis("redraws", least=0), said, marks=marks))


@functools.cache
def _on_drawings() -> tuple[Tensor, Tensor]:
    """What the network, trained on photographs, says to drawings: logits `(N, 10)` and labels `(N,)`."""
    labels = torch.arange(_DRAWINGS) % len(CLASSES)
    pixels = [np.asarray(draw(int(label), seed=k)).transpose(2, 0, 1) for k, label in enumerate(labels)]
    return collect_logits(shipped_model(), ImageSet(torch.from_numpy(np.stack(pixels)), labels))


def cooled(answer: Callable[..., Any]) -> str:
    """HTML of the cross-entropy on drawings against the temperature, with the one that the answer chooses."""
    logits, labels = _on_drawings()
    candidates = [k / 20 for k in range(10, 61)]
    chosen = float(answer(logits, labels, candidates))
    losses = [(t, float(torch.nn.functional.cross_entropy(logits / t, labels))) for t in candidates]
    said = (
        f"Your temperature for {len(labels)} drawings: {chosen:g}. The network learned photographs, and of drawings it "
        f"is {'too sure' if chosen > 1 else 'not sure enough'}."
    )
    line = Line("cross-entropy on the drawings", losses)
    chart = line_chart([line], Axis("temperature"), Axis("loss (nats)"), said, marks=[(chosen, "yours")], height=200)
    return titled(said, chart)


def trusted(answer: Callable[..., Any]) -> str:
    """HTML of accuracy against confidence on drawings, and the error that the answer computes of it."""
    logits, labels = _on_drawings()
    shares = logits.softmax(1)
    confidence, answers = shares.max(1)
    error = float(answer(confidence, answers == labels, 10))
    found = reliability(shares, labels)
    there = [(float(c), float(a)) for c, a in zip(found.confidence, found.accuracy, strict=True) if c == c]
    said = (
        f"Your error on {len(labels)} drawings, in ten bins: {100 * error:.1f} points between the two lines on average."
    )
    lines = [Line("right", there), Line("as sure as right", [(0.0, 0.0), (1.0, 1.0)], 1)]
    across, up = Axis("confidence", least=0, greatest=1), Axis("accuracy", least=0, greatest=1)
    return titled(said, line_chart(lines, across, up, said, height=220))
