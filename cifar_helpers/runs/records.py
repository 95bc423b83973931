"""Recorded runs: training runs that take too long for a lesson, kept with everything needed to repeat them.

`python -m cifar_helpers.runs record NAME` repeats the run described in `resources/runs/NAME/config.json` and replaces
its record. A record consists of `config.json`, `history.csv`, `metrics.json`, `predictions.npy` and, if the recipe says
so, `weights.pt`, `weights-EPOCH.pt` and `kernels.pt`.
"""

from __future__ import annotations

import json
import os
import platform
import re
import time
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from cifar_helpers._paths import atomic_write, resources
from cifar_helpers.data import Cifar10, ImageSet
from cifar_helpers.evaluation import Metrics, collect_logits, evaluate
from cifar_helpers.models import TestTimeAugmentation
from cifar_helpers.runs.recipes import Network, Recipe, prepare, trained_on
from cifar_helpers.runs.weights import load_weights, save_weights
from cifar_helpers.training import Callback, WeightAveraging, fit
from cifar_helpers.training.history import History

BEST_RUN = "fast-16"
"""The run whose weights `predict(..., model="best")` uses."""

DEFAULT_RUN = "good-25"

"""The run whose weights `predict` uses if it is given no model."""


@dataclass(frozen=True)
class Run:
    """A recorded run.

    Attributes:
        name: its folder in `resources/runs`.
        recipe: how it was trained.
        config: the content of `config.json`: recipe, data, versions, machine, and the seconds that training took since
            its last start, set-up included: a run that was resumed took longer.
        history: one row per epoch, with its seconds; their sum is the time that all epochs took.
        metrics: measured at the end: accuracy and loss on validation and test images, and on the first
            10,000 images that it was trained on (in eval mode, unchanged). Where the weights before training were
            kept, also theirs on validation images.
        folder: where the record is kept.
    """

    name: str
    recipe: Recipe
    config: dict[str, Any]
    history: History
    metrics: dict[str, Any]
    folder: Path

    def model(self, epoch: int | None = None) -> Network:
        """The network after an epoch, in eval mode, on the CPU; `None` means the last epoch.

        Raises:
            ValueError: if the run was recorded without weights, or without those of that epoch.
        """
        if not (self.folder / "weights.pt").exists():
            with_weights = [n for n in run_names() if (self.folder.parent / n / "weights.pt").exists()]
            raise ValueError(
                f"run {self.name!r} was recorded without weights. Choose one with weights: "
                f"{', '.join(with_weights) or 'there is none'}"
            )
        if epoch is not None and epoch not in self.epochs_with_weights:
            kept = ", ".join(map(str, self.epochs_with_weights))
            raise ValueError(f"run {self.name!r} has no weights of epoch {epoch}. Choose one of {kept}")
        name = "weights.pt" if epoch in (None, self.recipe.epochs) else f"weights-{epoch}.pt"
        return load_weights(self.recipe.model(), self.folder / name)

    @property
    def epochs_with_weights(self) -> tuple[int, ...]:
        """Epochs whose weights are stored, in order; 0 is before training."""
        return (*sorted(self.recipe.keep_after), self.recipe.epochs) if self.recipe.keep_weights else ()

    @property
    def untrained_accuracy(self) -> float | None:
        """Accuracy on validation images before training, `None` where the weights before training were not kept."""
        return self.metrics["before training"]["accuracy"] if "before training" in self.metrics else None

    def predictions(self, views: int = 1) -> Tensor:
        """The predicted class of each validation image at the end: int64 `(10_000,)`, in the split's order.

        This allows two runs to be compared image by image.

        Args:
            views: 1, or the recipe's number of views of each image for the predictions with test-time augmentation.

        Raises:
            ValueError: if they were not recorded.
        """
        file = self.folder / _predictions_file(views)
        if not file.exists():
            kind = "its predictions" if views == 1 else f"predictions from {views} views"
            raise ValueError(f"run {self.name!r} was recorded without {kind}. Record it again to compare it")
        return torch.from_numpy(np.load(file, allow_pickle=False)).long()

    def correct(self, views: int = 1) -> Tensor:
        """Whether the network classifies each validation image correctly at the end: bool `(10_000,)`.

        The labels are kept in `resources`, so that runs can be compared image by image without the images.

        Args:
            views: as for `predictions`.

        Raises:
            ValueError: if the predictions were not recorded.
        """
        labels = np.load(resources() / "validation_labels.npy", allow_pickle=False)
        return self.predictions(views) == torch.from_numpy(labels).long()

    def first_kernels(self) -> Tensor:
        """The kernels of the first layer before training and after each epoch: `(epochs + 1, 32, 3, 3, 3)`.

        Raises:
            ValueError: if they were not recorded.
        """
        if not self.recipe.keep_after:
            raise ValueError(f"run {self.name!r} was recorded without the kernels of each epoch")
        kernels: Tensor = torch.load(self.folder / "kernels.pt", weights_only=True)
        return kernels.float()


def run_names() -> list[str]:
    """Names of all recorded runs, sorted."""
    return sorted(p.parent.name for p in (resources() / "runs").glob("*/history.csv"))


def load_run(name: str) -> Run:
    """Read a recorded run.

    Raises:
        ValueError: if there is no such run; the message lists all runs.
    """
    if name not in run_names():
        raise ValueError(f"there is no recorded run {name!r}. Choose one of {', '.join(run_names())}")
    folder = resources() / "runs" / name
    config = _read_json(folder / "config.json")
    metrics = _read_json(folder / "metrics.json")
    history = History.from_csv(folder / "history.csv")
    return Run(name, read_recipe(folder), config, history, metrics, folder)


def gain_by_seed(name: str, base: str) -> list[float]:
    """By how many points of validation accuracy a recipe's recorded runs with seeds 0, 1 and 2 beat those of another.

    Args:
        name: of the run with seed 0.
        base: the same of the recipe that it is compared with, seed by seed.
    """
    accuracies = [
        [float(load_run(run + seed).metrics["validation"]["accuracy"]) for seed in ("", "-seed-1", "-seed-2")]
        for run in (name, base)
    ]
    return [100 * (new - old) for new, old in zip(*accuracies, strict=True)]


def read_recipe(folder: Path) -> Recipe:
    """The recipe in a run's `config.json`.

    Raises:
        ValueError: if it has an entry that is not part of a recipe.
    """
    content = _read_json(folder / "config.json")["recipe"]
    unknown = sorted(set(content) - {f.name for f in fields(Recipe)})
    if unknown:
        raise ValueError(f"{folder / 'config.json'}: the recipe has an unknown entry {unknown[0]!r}")
    entries: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in content.items()}
    return Recipe(**entries)


def record(name: str, recipe: Recipe, data: Cifar10, folder: Path | None = None) -> Run:
    """Train with a recipe and write the record.

    Args:
        name: of the run and of its folder.
        recipe: how to train.
        data: the whole data set; it is split 80/20 with seed 0.
        folder: where runs are kept; `None` means `resources/runs`.
    """
    target = (folder or resources() / "runs") / name
    target.mkdir(parents=True, exist_ok=True)
    start = time.perf_counter()
    model, history, precision = train_by(recipe, data, target)
    seconds = time.perf_counter() - start
    train, validation = trained_on(recipe, data), data.split()[1]
    unrounded: dict[str, Any] = {}
    if recipe.keep_weights:
        save_weights(model, target / "weights.pt", int8=recipe.int8)
    if recipe.int8:
        unrounded = {"validation, float32 weights": _summary(evaluate(model, validation))}
        model = load_weights(recipe.model(), target / "weights.pt")
    metrics = unrounded | {
        "training": _summary(evaluate(model, train.subset(slice(0, 10_000)))),
        "validation": _summary(_measure(model, validation, target)),
        "exact test": _summary(evaluate(model, data.exact_test)) if data.exact_test_images else None,
        "all test": _summary(evaluate(model, data.test)) if len(data.test_labels) else None,
        "test images": {"all": len(data.test_labels), "exact": data.exact_test_images},
    }
    if 0 in recipe.keep_after:
        untrained = load_weights(recipe.model(), target / "weights-0.pt")
        metrics["before training"] = _summary(evaluate(untrained, validation))
    if recipe.views:
        several = TestTimeAugmentation(model, shift=0 if recipe.views == 2 else 1)
        metrics[f"validation, {recipe.views} views"] = _summary(_measure(several, validation, target, recipe.views))
        if data.exact_test_images:
            metrics[f"exact test, {recipe.views} views"] = _summary(evaluate(several, data.exact_test))
    config = {
        "recipe": asdict(recipe),
        "data": {
            "source": data.source,
            "fingerprint": data.fingerprint,
            "train images": recipe.train_images or round(0.8 * len(data.train_labels)),
        },
        "machine": {**_machine(), "precision": precision},
        "seconds since the last start": round(seconds, 1),
    }
    _write_json(target / "config.json", config)
    _write_json(target / "metrics.json", metrics)
    history.to_csv(target / "history.csv")
    for part in target.glob("checkpoint.part*"):
        part.unlink()
    return Run(name, recipe, config, history, metrics, target)


class _Snapshots(Callback):
    """Keeps the weights after chosen epochs, and the kernels of the first layer after every epoch."""

    def __init__(self, model: Network, recipe: Recipe, folder: Path) -> None:
        self.recipe, self.folder = recipe, folder
        self.kernels = [self._first(model)]
        self._keep(model, 0)

    def after_epoch(self, model: nn.Module, history: History) -> bool:
        self.kernels.append(self._first(model))
        self._keep(model, len(history))
        return False

    def state_dict(self) -> dict[str, Any]:
        return {"kernels": self.kernels}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.kernels = state["kernels"]

    def _first(self, model: nn.Module) -> Tensor:
        return next(model.parameters()).detach().contiguous().half().cpu()

    def _keep(self, model: nn.Module, epoch: int) -> None:
        if epoch in self.recipe.keep_after:
            save_weights(model, self.folder / f"weights-{epoch}.pt")


def train_by(
    recipe: Recipe,
    data: Cifar10,
    folder: Path | None = None,
    *,
    device: torch.device | str | None = None,
    precision: str = "auto",
    progress: bool = True,
) -> tuple[Network, History, str]:
    """Train a network with a recipe, on the training part of the 80/20 split with seed 0.

    Args:
        recipe: how to train.
        data: the whole data set.
        folder: for the checkpoint, from which an interrupted run continues, and for the weights of
            `recipe.keep_after`; `None` keeps nothing.
        device: where to train; `None` means the CPU.
        precision: `float32`, `bfloat16` or `auto`, see `fit`.
        progress: show a progress bar.

    Returns:
        The network, its history, and the numerical precision that was used.
    """
    plan = prepare(recipe, data, device)
    snapshots = [_Snapshots(plan.model, recipe, folder)] if recipe.keep_after and folder else []
    means = [WeightAveraging(plan.model, plan.optimizer, recipe.averaging)] if recipe.averaging else []
    history = fit(
        plan.model,
        plan.loader,
        plan.validation,
        epochs=recipe.epochs,
        optimizer=plan.optimizer,
        scheduler=plan.scheduler,
        precision=precision,
        label_smoothing=recipe.label_smoothing,
        callbacks=[*snapshots, *means],
        seed=recipe.seed,
        checkpoint=folder / "checkpoint.part" if folder else None,
        progress=progress,
    )
    for snapshot in snapshots:
        torch.save(torch.stack(snapshot.kernels), snapshot.folder / "kernels.pt")
    return plan.model, history, history.precision


def _measure(model: nn.Module, validation: ImageSet, folder: Path, views: int = 1) -> Metrics:
    """Measure a network on the validation images, and keep its predictions."""
    logits, labels = collect_logits(model, validation)
    with atomic_write(folder / _predictions_file(views)) as part, part.open("wb") as file:
        np.save(file, logits.argmax(1).numpy().astype(np.uint8))
    return Metrics.of(logits, labels)


def _predictions_file(views: int) -> str:
    return "predictions.npy" if views == 1 else f"predictions-{views}-views.npy"


def _summary(metrics: Metrics) -> dict[str, Any]:
    return {
        "loss": round(metrics.loss, 5),
        "accuracy": round(metrics.accuracy, 5),
        "images": int(metrics.confusion.sum()),
        "confusion": metrics.confusion.tolist(),
    }


def _machine() -> dict[str, Any]:
    return {
        "processor": platform.machine(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "python": platform.python_version(),
        "torch": torch.__version__,
    }


def _read_json(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def _write_json(path: Path, content: dict[str, Any]) -> None:
    text = json.dumps(content, indent=1)
    # Put each row of a confusion matrix on one line: ten lines instead of a hundred.
    text = re.sub(r"\[\s*([\d,\s]+?)\s*\]", lambda m: f"[{re.sub(chr(92) + 's+', ' ', m[1])}]", text)
    with atomic_write(path) as part:
        part.write_text(text + "\n", encoding="utf-8")
