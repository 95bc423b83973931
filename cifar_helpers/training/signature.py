"""What makes a training the training that it is, in words: a checkpoint of another one must not be gone on with."""

from __future__ import annotations

import re
import warnings
from typing import Any, Final

import numpy as np
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler
from torch.utils.data import DataLoader

from cifar_helpers.data import Batches, BatchLoader
from cifar_helpers.networks import unwrap, without_wrappers
from cifar_helpers.training import schedules
from cifar_helpers.training.description import fingerprint, is_opaque, text_of

# Where torch's and torchvision's data sets keep images, labels, files and what they are made of.
_CONTENTS: Final = (
    "tensors", "data", "targets", "labels", "samples", "imgs", "indices", "images", "image_set", "transform",
    "target_transform", "transforms",
)  # fmt: skip


def signature(
    model: nn.Module,
    optimizer: Optimizer,
    scheduler: LRScheduler | None,
    train: Batches,
    *,
    seed: int,
    label_smoothing: float,
) -> dict[str, str]:
    """Name of each choice that makes this training what it is, to its value in words."""
    # A schedule moves rate and momentum, so that they are no marks of the training then; its own numbers are.
    moving = {"lr", "momentum", "betas", "max_momentum", "base_momentum"} if scheduler else set()
    groups = [
        {k: v for k, v in group.items() if k != "params" and k not in moving} | {"parameters": len(group["params"])}
        for group in optimizer.param_groups
    ]
    return {
        "network": _of_network(unwrap(model)),
        "optimizer": f"{type(optimizer).__name__} {text_of(groups)}",
        "scheduler": schedules.settings_of(scheduler),
        "seed": str(seed),
        "label smoothing": str(float(label_smoothing)),
        "batches per epoch": str(len(train)),
        **_of_loader(train),
    }


def _of_network(model: nn.Module) -> str:
    """Each layer with its settings; whether a layer is compiled makes no difference."""
    layers = without_wrappers({f"{name}.": layer for name, layer in model.named_modules() if unwrap(layer) is layer})
    texts = [
        f"{name} {type(layer).__name__}({layer.extra_repr()})" if list(layer.children()) else f"{name} {text_of(layer)}"
        for name, layer in layers.items()
    ]
    return re.sub(r"\s+", " ", ", ".join(texts)).strip()


def _of_loader(loader: Batches) -> dict[str, str]:
    if isinstance(loader, BatchLoader):
        return {
            "training images": images_of(loader),
            "batch size": str(loader.batch_size),
            "shuffle": str(loader.shuffle),
            "augmentation": text_of(loader.augment),
            "alternate flip": str(loader.alternate_flip),
            "mixing": text_of(loader.mix),
            "seed of the loader": str(loader.seed),
        }
    if isinstance(loader, DataLoader):
        return {
            "training images": images_of(loader),
            "batch size": str(loader.batch_size),
            "sampler": type(loader.sampler).__name__,
        }
    return {"training images": images_of(loader)}


def images_of(loader: Batches | None) -> str:
    """Images and labels of a loader: how many, and a fingerprint where they can be seen."""
    if loader is None:
        return "none"
    if isinstance(loader, BatchLoader):
        images = loader.image_set
        return f"{len(images)} with fingerprint {fingerprint(images.images, images.labels)}"
    if isinstance(loader, DataLoader):
        return _of_dataset(loader.dataset)
    return f"{len(loader)} batches of a {type(loader).__name__}"


def _of_dataset(dataset: Any) -> str:
    parts = [
        f"{name} {_mark(getattr(dataset, name))}" for name in _CONTENTS if getattr(dataset, name, None) is not None
    ]
    inner = [getattr(dataset, "dataset", None), *getattr(dataset, "datasets", ())]
    parts += [_of_dataset(one) for one in inner if one is not None]
    return f"{len(dataset)} of a {type(dataset).__name__}" + (f" with {', '.join(parts)}" if parts else "")


def _mark(value: Any) -> str:
    if isinstance(value, list | tuple) and value and all(isinstance(one, Tensor) for one in value):
        return fingerprint(*value)
    if isinstance(value, list | tuple | range):
        return fingerprint(np.array([str(one) for one in value], dtype=object))
    return text_of(value)


def warn_of_differences(train: Batches, kept: str, now: str) -> None:
    """Say, where a training goes on, what could not be compared or has changed without harm to the training.

    Args:
        train: the training batches.
        kept: the validation images of the earlier call, in words.
        now: those of this call.
    """
    if unseen := _unseen(train):
        warnings.warn(
            f"going on from a checkpoint, without a way to compare {unseen} with the earlier call", stacklevel=4
        )
    if kept != now:
        warnings.warn(
            f"going on from a checkpoint with other validation images (they were {kept}, now {now}): "
            "validation figures of the epochs before cannot be compared with those to come",
            stacklevel=4,
        )


def _unseen(loader: Batches) -> str:
    if isinstance(loader, BatchLoader):
        opaque = [type(value).__name__ for value in (loader.augment, loader.mix) if is_opaque(value)]
        return f"the settings of {', '.join(opaque)} (a __repr__ that names them would do)" if opaque else ""
    if isinstance(loader, DataLoader) and " with " in _of_dataset(loader.dataset):
        return ""
    return f"the images of {type(getattr(loader, 'dataset', loader)).__name__}"
