"""Lightning and fastai's `Learner` on the course's network, images, batch and optimizer, for `benchmarks.epoch`.

Both get the images as a user with arrays in memory would hand them over: tensors normalised beforehand, a `Dataset`
that flips them one by one, a `DataLoader` without workers. Both train in float32, as they do unless asked otherwise.
Switched off: loggers, checkpoints, progress bars, the model summary, and Lightning's validation before training.
Lightning is not asked to log the training loss. Imports and set-up are not timed, and five steps warm up, as for the
other engines.
"""

from __future__ import annotations

import importlib.metadata
import time
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset
from torchvision.transforms import RandomHorizontalFlip

from cifar_helpers import CifarCNN, ImageSet
from cifar_helpers.data import normalise

EXTRA = "bench"
"""The extra of the package that installs them."""
WARM_UP = 5  # batches


class Flipped(TensorDataset):
    """Images `(3, 32, 32)` and their labels; every second image on average is mirrored."""

    def __init__(self, images: Tensor, labels: Tensor) -> None:
        super().__init__(images, labels)
        self.flip = RandomHorizontalFlip()

    def __getitem__(self, index: Any) -> tuple[Tensor, Tensor]:
        image, label = super().__getitem__(index)  # type: ignore[no-untyped-call]
        return self.flip(image), label


def version(package: str) -> str | None:
    """What is installed of a package, if it is."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def lightning(train: ImageSet, check: ImageSet, batch: int) -> float:
    """Seconds of an epoch of Lightning's `Trainer`, validation included."""
    from lightning import LightningModule, Trainer

    class Module(LightningModule):  # type: ignore[misc]  # skipped by mypy, because it may be missing
        def __init__(self) -> None:
            super().__init__()
            self.network = CifarCNN()

        def training_step(self, batch: tuple[Tensor, Tensor], index: int) -> Tensor:
            images, labels = batch
            return nn.functional.cross_entropy(self.network(images), labels)

        def validation_step(self, batch: tuple[Tensor, Tensor], index: int) -> None:
            images, labels = batch
            self.log("accuracy", (self.network(images).argmax(1) == labels).float().mean())

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.SGD(self.parameters(), lr=0.001, momentum=0.9)

    module = Module()

    def fit(*loaders: Any) -> None:
        Trainer(
            accelerator="cpu",
            max_epochs=1,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
        ).fit(module, *loaders)

    warm, *loaders = _loaders(train, check, batch)
    fit(warm)
    start = time.perf_counter()
    fit(*loaders)
    return time.perf_counter() - start


def fastai(train: ImageSet, check: ImageSet, batch: int) -> float:
    """Seconds of an epoch of fastai's `Learner`, validation included, with the optimizer of torch."""
    from fastai.data.core import DataLoaders
    from fastai.learner import Learner
    from fastai.metrics import accuracy
    from fastai.optimizer import OptimWrapper

    warm, *loaders = _loaders(train, check, batch)
    learner = Learner(
        DataLoaders(warm, warm, device=torch.device("cpu")),
        CifarCNN(),
        loss_func=nn.CrossEntropyLoss(),
        opt_func=partial(OptimWrapper, opt=torch.optim.SGD, momentum=0.9),
        metrics=accuracy,
    )
    with learner.no_logging():  # a progress bar comes only with the import of `fastai.callback.progress`
        learner.fit(1, lr=0.001)
        learner.dls = DataLoaders(*loaders, device=torch.device("cpu"))
        start = time.perf_counter()
        learner.fit(1, lr=0.001)
        return time.perf_counter() - start


ENGINES = {"Lightning": ("lightning", lightning), "fastai": ("fastai", fastai)}
"""Name of the row to the package and to what times it."""


def _loaders(train: ImageSet, check: ImageSet, batch: int) -> list[DataLoader[tuple[Tensor, ...]]]:
    """A few batches that warm up, the training images, the validation images."""
    images, few = normalise(train.images), WARM_UP * batch
    sets = (
        Flipped(images[:few], train.labels[:few]),
        Flipped(images, train.labels),
        TensorDataset(normalise(check.images), check.labels),
    )
    return [DataLoader(images, batch, shuffle=isinstance(images, Flipped)) for images in sets]
