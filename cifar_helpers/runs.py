"""Recorded runs: trainings too long to wait for, kept with everything that made them.

`python -m cifar_helpers.runs record NAME` trains again what `resources/runs/NAME/config.json` describes
and writes the record anew. A record holds `config.json`, `history.csv`, `metrics.json`, and
`weights.pt` where the recipe says so.
"""

from __future__ import annotations

import argparse
import json
import platform
import re
import time
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import nn
from torch.optim import SGD
from torch.optim.lr_scheduler import LRScheduler, OneCycleLR

from cifar_helpers import _checkpoint
from cifar_helpers._resources import resources
from cifar_helpers.data import Augment, BatchLoader, Cifar10, ImageSet, load_cifar10
from cifar_helpers.history import History
from cifar_helpers.models import CifarCNN
from cifar_helpers.training import Metrics, evaluate, fit

__all__ = ["DEFAULT_RUN", "Recipe", "Run", "load_run", "load_weights", "record", "run_names", "save_weights"]

DEFAULT_RUN = "good-25"
"""The run whose weights `predict` takes where it is given no model."""


ModelT = TypeVar("ModelT", bound=nn.Module)


@dataclass(frozen=True)
class Recipe:
    """All that decides how a `CifarCNN` is trained.

    Attributes:
        about: one sentence for people.
        epochs: passes over the training images.
        batch_size: images a step.
        learning_rate: constant rate, or the peak of the one-cycle schedule.
        one_cycle: raise the rate to its peak and lower it again over the run (Smith and Topin, 2018).
        momentum: of stochastic gradient descent.
        nesterov: look ahead along the momentum.
        weight_decay: L2 penalty on all parameters.
        dropout: of the two hidden layers.
        flip: mirror images at random.
        shift: most pixels by which an image is moved.
        cutout: side of the square that is blanked.
        train_images: how many training images are used; 0 means all of the split's.
        seed: of weights, order, augmentation and dropout.
        keep_weights: store the final weights (float16).
    """

    about: str
    epochs: int
    batch_size: int = 200
    learning_rate: float = 0.001
    one_cycle: bool = False
    momentum: float = 0.9
    nesterov: bool = False
    weight_decay: float = 0.0
    dropout: float = 0.25
    flip: bool = True
    shift: int = 0
    cutout: int = 0
    train_images: int = 0
    seed: int = 0
    keep_weights: bool = False


@dataclass(frozen=True)
class Run:
    """A recorded run.

    Attributes:
        name: its folder in `resources/runs`.
        recipe: how it was trained.
        config: the whole of `config.json`: the recipe, data, versions and machine.
        history: one row for each epoch.
        metrics: what was measured at the end: accuracy and loss on validation and test images.
        folder: where it is kept.
    """

    name: str
    recipe: Recipe
    config: dict[str, Any]
    history: History
    metrics: dict[str, Any]
    folder: Path

    def model(self) -> CifarCNN:
        """The trained network, in eval mode, on the CPU.

        Raises:
            ValueError: if the run was recorded without weights.
        """
        if not (self.folder / "weights.pt").exists():
            with_weights = [n for n in run_names() if (self.folder.parent / n / "weights.pt").exists()]
            raise ValueError(
                f"run {self.name!r} was recorded without weights; these have some: {', '.join(with_weights) or 'none'}"
            )
        return load_weights(CifarCNN(self.recipe.dropout), self.folder / "weights.pt")


def run_names() -> list[str]:
    """Names of all recorded runs, sorted."""
    return sorted(p.parent.name for p in (resources() / "runs").glob("*/history.csv"))


def load_run(name: str) -> Run:
    """Read a recorded run.

    Raises:
        ValueError: if there is no such run; it lists those that there are.
    """
    folder = resources() / "runs" / name
    if not (folder / "history.csv").is_file():
        raise ValueError(f"there is no recorded run {name!r}; there are {', '.join(run_names())}")
    config = _read_json(folder / "config.json")
    metrics = _read_json(folder / "metrics.json")
    history = History.from_csv(folder / "history.csv")
    return Run(name, _recipe(config["recipe"], folder), config, history, metrics, folder)


def _recipe(content: dict[str, Any], folder: Path) -> Recipe:
    unknown = sorted(set(content) - {f.name for f in fields(Recipe)})
    if unknown:
        raise ValueError(f"{folder / 'config.json'}: the recipe has an unknown entry {unknown[0]!r}")
    return Recipe(**content)


def save_weights(model: nn.Module, path: Path) -> None:
    """Write a network's weights as float16, half the size; answers change by less than 0.1 %."""
    halves = {k: v.half() if v.is_floating_point() else v for k, v in model.state_dict().items()}
    part = path.with_name(f"{path.name}.part")
    torch.save({k: v.contiguous().cpu() for k, v in halves.items()}, part)
    part.replace(path)


def load_weights(model: ModelT, path: Path | str) -> ModelT:
    """Put the weights in a file into `model`, without running any code that the file may hold.

    Returns:
        `model`, in eval mode.

    Raises:
        CheckpointError: if the file is missing, damaged, holds more than tensors, or the weights of
            another network; it names the first difference.
    """
    path = Path(path)
    try:
        weights = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise _checkpoint.CheckpointError(f"there is no file {path}") from error
    except Exception as error:  # a damaged or hostile file can raise almost anything
        raise _checkpoint.CheckpointError(
            f"{path} cannot be loaded as weights: it is damaged, or holds more than tensors, "
            "which could run code on your machine. Get the file again from a source that you trust"
        ) from error
    _checkpoint.check_weights(weights, model, path)
    model.load_state_dict(weights)
    return model.eval()


def record(name: str, recipe: Recipe, data: Cifar10, folder: Path | None = None) -> Run:
    """Train by a recipe and write the record.

    Args:
        name: of the run and its folder.
        recipe: how to train.
        data: the whole data set; it is split 80/20 with seed 0.
        folder: where runs are kept; `None` means `resources/runs`.
    """
    target = (folder or resources() / "runs") / name
    target.mkdir(parents=True, exist_ok=True)
    train, validation = data.split()
    if recipe.train_images:
        train = train.subset(slice(0, recipe.train_images))
    torch.manual_seed(recipe.seed)
    model = CifarCNN(recipe.dropout)
    start = time.perf_counter()
    history = _train(model, recipe, train, validation, target / "checkpoint.part")
    seconds = time.perf_counter() - start
    metrics = {
        "validation": _summary(evaluate(model, validation)),
        "exact test": _summary(evaluate(model, data.exact_test)) if data.exact_test_images else None,
        "all test": _summary(evaluate(model, data.test)) if len(data.test_labels) else None,
        "test images": {"all": len(data.test_labels), "exact": data.exact_test_images},
    }
    config = {
        "recipe": asdict(recipe),
        "data": {"source": data.source, "fingerprint": data.fingerprint, "train images": len(train)},
        "machine": _machine(),
        "seconds": round(seconds, 1),
    }
    if recipe.keep_weights:
        save_weights(model, target / "weights.pt")
    _write_json(target / "config.json", config)
    _write_json(target / "metrics.json", metrics)
    history.to_csv(target / "history.csv")
    (target / "checkpoint.part").unlink(missing_ok=True)
    return Run(name, recipe, config, history, metrics, target)


def _train(model: nn.Module, recipe: Recipe, train: ImageSet, validation: ImageSet, checkpoint: Path) -> History:
    augment = Augment(recipe.flip, recipe.shift, recipe.cutout)
    loader = BatchLoader(train, recipe.batch_size, shuffle=True, augment=augment, seed=recipe.seed)
    optimizer = SGD(
        model.parameters(),
        lr=recipe.learning_rate,
        momentum=recipe.momentum,
        nesterov=recipe.nesterov,
        weight_decay=recipe.weight_decay,
    )
    schedule: LRScheduler | None = None
    if recipe.one_cycle:
        schedule = OneCycleLR(optimizer, recipe.learning_rate, total_steps=recipe.epochs * len(loader))
    return fit(
        model,
        loader,
        validation,
        epochs=recipe.epochs,
        optimizer=optimizer,
        schedule=schedule,
        seed=recipe.seed,
        checkpoint=checkpoint,
    )


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
    # A row of a confusion matrix on one line: ten short lines instead of a hundred.
    text = re.sub(r"\[\s*([\d,\s]+?)\s*\]", lambda m: f"[{re.sub(chr(92) + 's+', ' ', m[1])}]", text)
    path.write_text(text + "\n", encoding="utf-8")


def main(arguments: list[str] | None = None) -> None:
    """Record runs by name, or list them."""
    parser = argparse.ArgumentParser(prog="python -m cifar_helpers.runs", description=__doc__)
    parser.add_argument("command", choices=["record", "list"])
    parser.add_argument("names", nargs="*", help="runs to record again from their config.json")
    parser.add_argument("--root", default=None, help="folder of the data")
    chosen = parser.parse_args(arguments)
    if chosen.command == "list":
        for name in run_names():
            print(f"{name}: {load_run(name).recipe.about}")
        return
    data = load_cifar10(chosen.root, source="cifar10", download=False)
    for name in chosen.names:
        folder = resources() / "runs" / name
        if not (folder / "config.json").is_file():
            parser.error(f"{folder} has no config.json with a recipe")
        run = record(name, _recipe(_read_json(folder / "config.json")["recipe"], folder), data)
        print(f"{name}: validation accuracy {run.metrics['validation']['accuracy']:.2%}", flush=True)


if __name__ == "__main__":
    main()
