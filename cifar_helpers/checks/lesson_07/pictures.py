"""Pictures of right answers in lesson 07: scores of classes, redraws, calibration on drawings, a Grad-CAM map."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor

from cifar_helpers._paths import resources
from cifar_helpers.checks.chart import Axis, Line, line_chart
from cifar_helpers.checks.drawing import as_rows, in_grey, numbers_svg, paired_bars_html, picture_html, sentence, titled
from cifar_helpers.checks.pictures import SIDE
from cifar_helpers.data import CLASSES, ImageSet, normalise
from cifar_helpers.data.sketches import draw
from cifar_helpers.evaluation import collect_logits, reliability
from cifar_helpers.inference import preprocess, shipped_model
from cifar_helpers.runs import DEFAULT_RUN, load_run

_DRAWINGS: Final = 200
_REDRAWS: Final = 2000


def scored(answer: Callable[..., Any]) -> str:
    """HTML of the precision and recall that the answer gives the classes, from the recorded validation images."""
    recorded = torch.tensor(load_run(DEFAULT_RUN).metrics["validation"]["confusion"])
    both = dict(zip(("precision", "recall"), answer(recorded), strict=True))
    lowest = " and ".join(f"{CLASSES[int(shares.argmin())]} has the lowest {name}" for name, shares in both.items())
    bars = paired_bars_html(CLASSES, {f"your {name}": shares.tolist() for name, shares in both.items()})
    return bars + sentence(f"{int(recorded.sum()):,} recorded predictions: {lowest}.")


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
    """HTML of the recalls of cat in redraws of recorded test predictions, with the interval that the answer gives."""
    recorded = torch.tensor(load_run(DEFAULT_RUN).metrics["exact test"]["confusion"])
    cat = CLASSES.index("cat")
    labels = torch.arange(len(CLASSES)).repeat_interleave(recorded.sum(1))
    right = torch.cat([torch.arange(int(row.sum())) < row[k] for k, row in enumerate(recorded)])
    of_class = labels == cat
    count, cats = len(labels), int(of_class.sum())
    picks = torch.randint(count, (_REDRAWS, count), generator=torch.Generator().manual_seed(0))
    low, high = (100 * float(end) for end in answer(right, of_class, picks))
    recalls = (right & of_class)[picks].sum(1) / of_class[picks].sum(1)
    points = (100 * recalls).round().long()  # in whole points
    counts = torch.bincount(points, minlength=101)
    shown = range(int(points.min()), int(points.max()) + 1)
    said = (
        f"Your interval from {_REDRAWS:,} redraws of {count:,} recorded test predictions, {int(recorded[cat, cat])} of "
        f"{cats} cats found: {low:.1f} % to {high:.1f} %. So few cats give a wide interval."
    )
    line = Line("redraws with that recall", [(float(k), float(counts[k])) for k in shown])
    marks = [(low, "lower end"), (high, "upper end")]
    return titled(said, line_chart([line], Axis("recall of cat (%)"), Axis("redraws", least=0), said, marks=marks))


@functools.cache
def _on_drawings() -> tuple[Tensor, Tensor]:
    """What the network, trained on photographs, predicts for drawings: logits `(N, 10)` and labels `(N,)`."""
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
        f"Your temperature for {len(labels)} drawings: {chosen:g}. The network was trained on photographs; "
        f"for drawings it is {'overconfident' if chosen > 1 else 'underconfident'}."
    )
    line = Line("cross-entropy on the drawings", losses)
    chart = line_chart([line], Axis("temperature"), Axis("loss (nats)"), said, marks=[(chosen, "yours")], height=200)
    return titled(said, chart)


def trusted(answer: Callable[..., Any]) -> str:
    """HTML of accuracy against confidence on drawings, and the error that the answer computes from them."""
    logits, labels = _on_drawings()
    shares = logits.softmax(1)
    confidence, answers = shares.max(1)
    error = float(answer(confidence, answers == labels, 10))
    found = reliability(shares, labels)
    there = [(float(c), float(a)) for c, a in zip(found.confidence, found.accuracy, strict=True) if c == c]
    said = (
        f"Your error on {len(labels)} drawings, in ten bins: {100 * error:.1f} points between the two lines on average."
    )
    lines = [Line("accuracy", there), Line("perfectly calibrated", [(0.0, 0.0), (1.0, 1.0)], 1)]
    across, up = Axis("confidence", least=0, greatest=1), Axis("accuracy", least=0, greatest=1)
    return titled(said, line_chart(lines, across, up, said, height=220))


def looked(answer: Callable[..., Any]) -> str:
    """HTML of a drawn cat and the answer's map of it for the course's trained network."""
    picture = preprocess(resources() / "inputs" / "cat.png")
    values = answer(shipped_model(), normalise(picture), CLASSES.index("cat")).detach().numpy()
    row, column = divmod(int(values.argmax()), values.shape[1])
    step = picture.shape[1] // len(values)
    said = (
        f"Each square of your map covers {step}×{step} pixels of the cat. The brightest, in row {row} and column "
        f"{column}, speaks for “cat” most."
    )
    before = picture_html(as_rows(picture), SIDE, "A drawn cat, 32×32 pixels", "what the network sees")
    alt = f"Your Grad-CAM map of the cat, brightest in row {row}, column {column}"
    after = picture_html(in_grey(values / max(values.max(), 1e-9)), SIDE, alt, "your map")
    return "".join([before, after, sentence(said)])
