"""What identifies a training run, in words, so that `fit` never resumes from the checkpoint of another one."""

from __future__ import annotations

import hashlib
import re
import warnings
from collections.abc import Mapping
from typing import Any, Final

from PIL import Image
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import CyclicLR, LRScheduler, OneCycleLR
from torch.utils.data import DataLoader

from cifar_helpers.data import Batches, BatchLoader
from cifar_helpers.networks import unwrap, without_wrappers
from cifar_helpers.training import schedules
from cifar_helpers.training.description import fingerprint, is_opaque, text_of

# Attributes in which the data sets of torch and torchvision keep images, labels and files.
_CONTENTS: Final = (
    "tensors", "data", "targets", "labels", "samples", "imgs", "images", "image_set", "paths", "files", "x", "y",
)  # fmt: skip
_CHANGES: Final = ("indices", "transform", "target_transform", "transforms")


def signature(
    model: nn.Module,
    optimizer: Optimizer,
    scheduler: LRScheduler | None,
    train: Batches,
    *,
    seed: int,
    label_smoothing: float,
) -> dict[str, str]:
    """Each choice that identifies a training run, by name, with its value in words."""
    moving = _moved_by(scheduler)
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


def _moved_by(scheduler: LRScheduler | None) -> set[str]:
    """Settings of the optimizer that a scheduler changes, and that therefore do not identify the run."""
    if scheduler is None:
        return set()
    moving = {"lr"}
    inner = getattr(scheduler, "_schedulers", ())
    foreign = not type(scheduler).__module__.startswith("torch.")
    if foreign or isinstance(scheduler, OneCycleLR | CyclicLR):
        moving |= {"momentum", "betas", "max_momentum", "base_momentum"}
    return moving.union(*map(_moved_by, inner))


def _of_network(model: nn.Module) -> str:
    """Each layer with its settings; whether a layer is compiled makes no difference."""
    layers = without_wrappers({f"{name}.": layer for name, layer in model.named_modules() if unwrap(layer) is layer})
    texts = [f"{name} {type(layer).__name__}({layer.extra_repr()})" for name, layer in layers.items()]
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
            "sampler": _of_sampler(loader.sampler if loader.batch_size is not None else loader.batch_sampler),
            "collate function": text_of(loader.collate_fn),
        }
    return {"training images": images_of(loader)}


def images_of(loader: Batches | None) -> str:
    """Images and labels of a loader: how many, and a fingerprint if they are accessible."""
    if loader is None:
        return "none"
    if isinstance(loader, BatchLoader):
        images = loader.image_set
        return f"{len(images)} with fingerprint {fingerprint(images.images, images.labels)}"
    if isinstance(loader, DataLoader):
        return _of_dataset(loader.dataset)
    return f"{len(loader)} batches of a {type(loader).__name__}"


def _of_sampler(sampler: Any) -> str:
    settings = {k: v for k, v in vars(sampler).items() if k not in ("data_source", "dataset", "generator", "epoch")}
    inner = settings.pop("sampler", None)
    return f"{type(sampler).__name__} {text_of(settings)}" + (f" of {_of_sampler(inner)}" if inner is not None else "")


def _of_dataset(dataset: Any) -> str:
    contents = {name: getattr(dataset, name, None) for name in (*_CONTENTS, *_CHANGES)}
    parts = [f"{name} {_mark(content)}" for name, content in contents.items() if content is not None]
    inner = [getattr(dataset, "dataset", None), *getattr(dataset, "datasets", ())]
    parts += [_of_dataset(one) for one in inner if one is not None]
    return f"{len(dataset)} of a {type(dataset).__name__}" + (f" with {', '.join(parts)}" if parts else "")


def _is_seen(dataset: Any) -> bool:
    """Whether the text of a data set depends on its images, and not only on their number."""
    inner = [getattr(dataset, "dataset", None), *getattr(dataset, "datasets", ())]
    inner = [one for one in inner if one is not None]
    if inner:
        return all(map(_is_seen, inner))
    held = [getattr(dataset, name, None) for name in _CONTENTS]
    return any(content is not None and not _has_unseen(content) for content in held)


def _mark(value: Any) -> str:
    """A text of what a data set holds: lists as a short hash."""
    if isinstance(value, list | tuple | range):
        return hashlib.sha256(" ".join(map(_item, value)).encode()).hexdigest()[:12]
    return text_of(value)


def _item(value: Any) -> str:
    if isinstance(value, list | tuple):
        return f"({' '.join(map(_item, value))})"
    if isinstance(value, Image.Image):
        return hashlib.sha256(value.tobytes()).hexdigest()[:12]
    return text_of(value)


def _has_unseen(value: Any) -> bool:
    return any(map(_has_unseen, value)) if isinstance(value, list | tuple) else is_opaque(value)


def notes(model: nn.Module, validation: Batches | None) -> dict[str, str]:
    """What may change between two calls without making it another training run, but causes a warning."""
    frozen = [name for name, parameter in model.named_parameters() if not parameter.requires_grad]
    still = [name for name, layer in model.named_modules() if not layer.training]
    return {
        "validation images": images_of(validation),
        "frozen parameters": ", ".join(without_wrappers(dict.fromkeys(frozen))) or "none",
        "layers in eval mode": ", ".join(still) or "none",
    }


def warn_of_differences(train: Batches, kept: Mapping[str, str], now: Mapping[str, str]) -> None:
    """When a run resumes, warn of what cannot be compared and of `notes` that have changed.

    Args:
        train: the training batches.
        kept: the notes of the earlier call.
        now: those of this call.
    """
    if unseen := _unseen(train):
        message = f"resuming from a checkpoint, but {unseen} cannot be compared with the earlier call"
        warnings.warn(message, stacklevel=4)
    for name, value in now.items():
        if kept.get(name, value) != value:
            end = ": earlier validation figures cannot be compared with later ones"
            message = f"resuming from a checkpoint with other {name}: they were {kept[name]}, now {value}"
            warnings.warn(message + (end if name == "validation images" else ""), stacklevel=4)


def _unseen(loader: Batches) -> str:
    if isinstance(loader, BatchLoader):
        opaque = [type(value).__name__ for value in (loader.augment, loader.mix) if is_opaque(value)]
        return f"the settings of {', '.join(opaque)} (give it a __repr__ that shows them)" if opaque else ""
    if isinstance(loader, DataLoader) and _is_seen(loader.dataset):
        return ""
    return f"the images of {type(getattr(loader, 'dataset', loader)).__name__}"
