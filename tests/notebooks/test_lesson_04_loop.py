"""What lesson 04 writes out agrees with `fit`, `evaluate`, `EarlyStopping` and PyTorch's SGD."""

from __future__ import annotations

import math
from typing import Any

import nbformat
import pytest
import torch
from helpers import NOTEBOOKS, random_images
from torch import nn

from cifar_helpers import BatchLoader, CifarCNN, EarlyStopping, Epoch, History, evaluate, fit, load_run

LESSON = NOTEBOOKS / "04_training_and_overfitting.ipynb"


SMALL = [
    name + seed
    for name in ("small-plain", "small-decay", "small-dropout", "small-augment", "more-data-same-steps", "more-data")
    for seed in ("", "-seed-1", "-seed-2")
]


def from_lesson(name: str) -> Any:
    """A function as the lesson defines it."""
    cells = nbformat.read(LESSON, as_version=4).cells
    (source,) = [c.source for c in cells if c.cell_type == "code" and f"def {name}(" in c.source]
    namespace: dict[str, Any] = {"torch": torch, "nn": nn, "load_run": load_run}
    exec(compile(source, f"{LESSON.name}: {name}", "exec"), namespace)
    return namespace[name]


def start() -> tuple[nn.Module, BatchLoader, torch.optim.Optimizer]:
    torch.manual_seed(0)
    model = CifarCNN(dropout=0.0)
    # 130 images in batches of 40: the last batch is smaller, so a mean over batches would be another number.
    loader = BatchLoader(random_images(130), 40, shuffle=True)
    return model, loader, torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)


def test_the_loop_of_the_lesson_and_fit_have_the_same_losses() -> None:
    one_epoch = from_lesson("one_epoch")
    model, loader, optimizer = start()
    written_out = [one_epoch(model, loader, optimizer) for _ in range(3)]
    model, loader, optimizer = start()
    fitted = fit(model, loader, epochs=3, optimizer=optimizer, precision="float32", progress=False)
    # The first epoch agrees to rounding; later ones start from weights that rounding has moved apart.
    assert fitted["train_loss"][0] == pytest.approx(written_out[0], abs=1e-4)
    assert fitted["train_loss"] == pytest.approx(written_out, abs=0.01)
    assert written_out[0] - written_out[2] > 0.05, "nothing was learnt, so nothing was compared"


def test_the_validation_half_of_the_lesson_measures_what_evaluate_does() -> None:
    model, loader, _ = start()
    images = loader.image_set
    with torch.no_grad():
        model(next(iter(loader))[0])  # running statistics that differ from those of a batch
    loss, accuracy = from_lesson("measure")(model, BatchLoader(images, 40))
    metrics = evaluate(model, images)
    assert loss == pytest.approx(metrics.loss, abs=1e-4) and accuracy == pytest.approx(metrics.accuracy)
    assert not model.training


@pytest.mark.parametrize(("momentum", "nesterov"), [(0.0, False), (0.9, False), (0.9, True)])
def test_the_walk_of_the_lesson_is_that_of_sgd(momentum: float, nesterov: bool) -> None:
    walk = from_lesson("walk")
    path = walk(0.005, momentum, nesterov)
    weights = path[0].clone().requires_grad_()
    optimizer = torch.optim.SGD([weights], lr=0.005, momentum=momentum, nesterov=nesterov)
    for expected in path[1:]:
        optimizer.zero_grad()
        (torch.tensor([1.0, 100.0]) * weights**2 / 2).sum().backward()
        optimizer.step()
        assert torch.allclose(weights.detach(), expected, atol=1e-5)


def test_the_ball_gets_lower_and_looking_ahead_hardly_swings() -> None:
    walk = from_lesson("walk")

    def loss(path: torch.Tensor) -> float:
        return float((torch.tensor([1.0, 100.0]) * path[-1] ** 2).sum() / 2)

    plain, ball, nesterov = walk(0.018), walk(0.005, 0.9), walk(0.005, 0.9, True)
    assert loss(ball) < loss(plain) / 10 and loss(nesterov) < loss(plain) / 10  # "much lower"
    assert loss(walk(0.021)) > loss(plain[:1]) and loss(walk(0.019)) < loss(plain)  # "above that it diverges"
    assert walk(0.02)[:, 1].abs() == pytest.approx([0.4] * 61, abs=1e-4)  # "from wall to wall for ever"
    signs = plain[:12, 1].sign()
    assert bool((signs[1:] == -signs[:-1]).all())  # "zig-zags"
    assert float(nesterov[3:, 1].abs().mean()) < float(ball[3:, 1].abs().mean()) / 5  # "hardly swings"


def stopped_by_callback(history: History, patience: int) -> tuple[int, int]:
    callback = EarlyStopping(patience)
    model = nn.Linear(1, 1)
    for k in range(1, len(history) + 1):
        if callback.after_epoch(model, History(history.rows[:k])):
            break
    return k, callback.best_epoch


@pytest.mark.parametrize("patience", [1, 2, 3, 5, 10, 20])
def test_the_stopping_rule_of_the_lesson_is_that_of_early_stopping(patience: int) -> None:
    stop_after = from_lesson("stop_after")
    generator = torch.Generator().manual_seed(patience)
    wobble = (0.05 * torch.randn(60, generator=generator)).tolist()
    losses = [0.5 + ((k - 25) / 40) ** 2 + w for k, w in enumerate(wobble)]
    made_up = History([Epoch(k, 0.0, 0.0, v, 0.0, 0.1, 1.0) for k, v in enumerate(losses, start=1)])
    for history in (made_up, load_run("published-100").history):
        assert stop_after(history, patience) == stopped_by_callback(history, patience)


@pytest.mark.records
def test_records_of_the_lesson_are_complete() -> None:
    """A run cut off before its last epoch would make the lesson's tables compare unequal things."""
    for name in ("published-100", "published-25", "good-25", *SMALL):
        run = load_run(name)
        last = run.history.rows[-1]
        assert [row.epoch for row in run.history] == list(range(1, run.recipe.epochs + 1))
        assert all(math.isfinite(value) for value in (last.train_loss, last.validation_loss))
        # The history may have been measured in bfloat16.
        assert run.metrics["validation"]["accuracy"] == pytest.approx(last.validation_accuracy, abs=2e-3)
