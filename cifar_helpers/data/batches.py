"""Checks on the loaders and batches that `fit` and `evaluate` are given, with errors that say how to fix them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sized
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, IterableDataset

from cifar_helpers.data.classes import CLASSES
from cifar_helpers.data.image_set import ImageSet
from cifar_helpers.data.load import Cifar10
from cifar_helpers.data.loader import BatchLoader

_SIDE: Final = 32
_WHOLE: Final = (torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)


def check_loader(loader: Any, name: str, *, counted: bool = True) -> None:
    """Check that a loader can give batches.

    Args:
        loader: an `ImageSet`, a `BatchLoader`, a `DataLoader`, or a list of batches.
        name: name of the argument, for the message.
        counted: whether the number of batches must be known in advance.

    Raises:
        TypeError: if it is none of these; the message says what to pass.
        ValueError: if its length is needed but unknown, or it has no batches.
    """
    if isinstance(loader, Cifar10):
        raise TypeError(f"{name} is the whole data set. Pass a part of it, as in train, validation = data.split()")
    if isinstance(loader, ImageSet):
        if not len(loader):
            raise ValueError(f"{name} has no images")
        return
    if isinstance(loader, Tensor | Dataset | nn.Module | str | bytes | dict) or not hasattr(loader, "__iter__"):
        raise TypeError(
            f"{name} must be an ImageSet, a BatchLoader or a torch DataLoader, got {type(loader).__name__}: "
            "pass ImageSet(images, labels), or DataLoader(dataset, batch_size=...)"
        )
    if not counted:
        return
    try:
        count = len(loader)
    except TypeError as error:
        raise ValueError(
            f"{name} must know how many batches it has: pass a BatchLoader, a DataLoader of a dataset with a length, "
            f"or a list of batches, not {type(loader).__name__}"
        ) from error
    if count == 0:
        raise ValueError(f"{name} has no batches: there are no images, or fewer than one batch with drop_last=True")


def check_not_augmented(loader: Any, name: str) -> None:
    """Check that a loader does not augment the images to be measured.

    Raises:
        ValueError: if it does; the message names the option.
    """
    if isinstance(loader, BatchLoader):
        changes = {
            "augment": loader.augment is not None,
            "alternate_flip": loader.alternate_flip,
            "mix": loader.mix is not None,
        }
        for option in (option for option, on in changes.items() if on):
            raise ValueError(f"{name} must not be augmented: make the loader without {option}=")


class OnceOnly:
    """A loader that can be iterated only once: a first batch that was inspected is yielded again first."""

    def __init__(self, loader: Any) -> None:
        self._loader, self._rest = loader, iter(loader)
        self._looked_at: list[Any] = []

    def __len__(self) -> int:
        return len(self._loader)

    def __iter__(self) -> Iterator[Any]:
        looked_at, self._looked_at = self._looked_at, []
        yield from looked_at
        yield from self._rest

    def look(self) -> Any:
        """The first batch, or `None`."""
        if not self._looked_at:
            self._looked_at = [batch for batch in [next(self._rest, None)] if batch is not None]
        return self._looked_at[0] if self._looked_at else None


def repeatable(loader: Any) -> Any:
    """The loader, wrapped if inspecting its first batch would use that batch up."""
    if isinstance(loader, ImageSet | BatchLoader | DataLoader | list | tuple) or iter(loader) is not iter(loader):
        return loader
    return OnceOnly(loader)


def first_batch(loader: Any, name: str) -> tuple[Tensor, Tensor]:
    """The first batch; the loader is left unchanged.

    Raises:
        TypeError: if it is not a pair of images and labels.
        ValueError: if it cannot be made, is empty, or contains NaN or infinite numbers.
    """
    states = [(generator, generator.get_state()) for generator in generators_of(loader)]
    source = loader
    if isinstance(loader, DataLoader) and loader.num_workers and not isinstance(loader.dataset, IterableDataset):
        # Starting worker processes just to inspect one batch takes seconds.
        source = DataLoader(loader.dataset, batch_sampler=loader.batch_sampler, collate_fn=loader.collate_fn)
        if loader.batch_size is None and loader.batch_sampler is None:  # the data set holds whole batches
            source = DataLoader(loader.dataset, None, sampler=loader.sampler, collate_fn=loader.collate_fn)
    epoch = loader.epoch if isinstance(loader, BatchLoader) else 0
    try:
        batch = loader.look() if isinstance(loader, OnceOnly) else next(iter(source), None)
    except Exception as error:  # someone else's data set can raise anything
        raise ValueError(f"{name}: its first batch cannot be made ({type(error).__name__}: {error})") from error
    finally:
        if isinstance(loader, BatchLoader):
            loader.epoch = epoch
        for generator, state in states:
            generator.set_state(state)
    if batch is None:
        raise ValueError(f"{name} has no images")
    images, labels = pair(batch, name)
    if not len(labels) or not images.numel():
        raise ValueError(f"{name}: the first batch has no images")
    if images.is_inference():
        raise ValueError(
            f"{name}: the images were made in torch.inference_mode(), so no network can be trained on them"
        )
    if images.is_floating_point() and not bool(images.isfinite().all()):
        raise ValueError(f"{name}: the first batch has pixels that are NaN or infinite")
    return images.detach(), labels


def generators_of(loader: Any) -> list[torch.Generator]:
    """The random number generators that were passed to one of torch's own loaders."""
    samplers = [getattr(loader, "sampler", None), getattr(loader, "batch_sampler", None)]
    samplers += [getattr(samplers[1], "sampler", None)]
    found = {getattr(one, "generator", None) for one in (loader, *samplers)}
    return [generator for generator in found if isinstance(generator, torch.Generator)]


def pair(batch: Any, name: str) -> tuple[Tensor, Tensor]:
    """Images and labels of a batch.

    Raises:
        TypeError: if it is not a pair of tensors; the message says what it is.
    """
    if not isinstance(batch, tuple | list) or len(batch) != 2:
        got = f"{type(batch).__name__} of {len(batch)}" if isinstance(batch, tuple | list | dict) else _named(batch)
        raise TypeError(f"{name} must give pairs (images, labels), got {got}")
    for part, value in zip(("images", "labels"), batch, strict=True):
        if not isinstance(value, Tensor):
            hint = ". Convert the array with torch.from_numpy" if type(value).__module__ == "numpy" else ""
            raise TypeError(f"{name} must give {part} as a tensor, got {_named(value)}{hint}")
    return batch[0], batch[1]


def to_device(batch: Any, device: torch.device, memory_format: torch.memory_format) -> tuple[Tensor, Tensor]:
    """Images and labels of a batch on a device, the images in a memory format."""
    images, labels = pair(batch, "the loader")
    images = images.to(device)
    return images.contiguous(memory_format=memory_format) if images.dim() == 4 else images, labels.to(device)


def check_labels(images: Tensor, labels: Tensor, name: str, *, shares: bool) -> None:
    """Check that labels are class numbers, one per image.

    Args:
        images: of the batch.
        labels: of the batch; whole numbers `(B,)`.
        name: name of the argument that gave them, for the message.
        shares: whether shares of classes, float `(B, classes)`, are allowed too.

    Raises:
        ValueError: if they are not; the message says what was given, what is expected, and how to convert it.
    """
    got = f"{name}: labels are {_kind(labels)} of shape {tuple(labels.shape)}"
    count = len(images) if images.dim() else 0
    if labels.dim() == 2 and labels.shape[1] == 1:
        raise ValueError(f"{got}, but must be int64 of shape ({count},). Use labels.squeeze(1)")
    if labels.dim() == 2 and not (shares and labels.is_floating_point()):
        raise ValueError(f"{got}, but must be class numbers, int64 ({count},). Use labels.argmax(1)")
    if labels.dim() == 2:
        sums = labels.float().sum(1)
        if len(labels) != count or bool((labels < 0).any()) or not torch.allclose(sums, sums.new_ones(()), atol=1e-2):
            raise ValueError(f"{got}: shares of classes must have one row per image, and each row must add up to 1")
        return
    if labels.dim() != 1 or len(labels) != count:
        raise ValueError(f"{got} for images of shape {tuple(images.shape)}, but must be one whole number per image")
    if labels.dtype not in _WHOLE:
        raise ValueError(f"{got}, but must be class numbers, int64 ({count},). Use labels.long()")


def class_numbers(labels: Tensor, classes: int, name: str) -> Tensor:
    """Labels as `cross_entropy` expects them: int64, each one of the network's classes.

    Raises:
        ValueError: if one is out of range; the message says what to do.
    """
    if labels.dim() == 2:
        if labels.shape[1] != classes:
            raise ValueError(
                f"{name} has shares of {labels.shape[1]} classes, but the network has {classes} outputs: "
                "give it one output per class"
            )
        return labels
    low, high = int(labels.min()), int(labels.max())
    if low < 0:
        raise ValueError(
            f"{name} has the label {low}; labels must be in 0..{classes - 1}. "
            "Leave out images without a class: no label value is ignored"
        )
    if high >= classes:
        count = f"the network has {classes} outputs"
        hint = "subtract 1 if yours count from 1, or give the network one output per class"
        raise ValueError(f"{name} has the label {high}, but {count}, so labels must be in 0..{classes - 1}: {hint}")
    return labels.long()


def check_logits(logits: Any, images: Tensor, loader: Any, name: str) -> int:
    """The number of classes that a network predicts.

    Raises:
        TypeError: if its output is not one tensor.
        ValueError: if that does not contain logits, one per class of the data.
    """
    if not isinstance(logits, Tensor):
        raise TypeError(
            f"the network returns {_named(logits)}, but must return one tensor of logits (B, classes): "
            "return only the logits from its forward"
        )
    if logits.dim() != 2 or len(logits) != len(images) or not logits.is_floating_point():
        raise ValueError(
            f"the network returns {_kind(logits)} of shape {tuple(logits.shape)} for images of shape "
            f"{tuple(images.shape)}, but must return logits, ({len(images)}, classes). End it with nn.Flatten() and "
            "nn.Linear(..., classes)"
        )
    known = _classes_of(loader)
    if known is not None and logits.shape[1] != known:
        raise ValueError(
            f"the network returns {logits.shape[1]} logits per image, but {name} has {known} classes: "
            f"end it with nn.Linear(..., {known})"
        )
    return logits.shape[1]


def _classes_of(loader: Any) -> int | None:
    """The number of classes of the data, if the loader says."""
    if isinstance(loader, ImageSet | BatchLoader):
        return len(CLASSES)
    names = getattr(getattr(loader, "dataset", None), "classes", None)
    return len(names) if isinstance(names, list | tuple) and names else None


def not_taken(images: Tensor, model: nn.Module, name: str, error: Exception) -> ValueError:
    """The error for images that a network cannot take: what they are, what is expected, how to convert them."""
    weights = next(itertools.chain(model.parameters(), model.buffers()), torch.empty(0))
    got = f"{name} gives images {_kind(images)} of shape {tuple(images.shape)}"
    if images.dtype == weights.dtype == torch.float32 and images.shape[1:] == (3, _SIDE, _SIDE):
        return ValueError(
            f"{type(model).__name__} fails on the first batch. {got}, which the networks of the course also expect, so "
            f"the cause is in the network: {_first_line(error)}"
        )
    return ValueError(
        f"{type(model).__name__} cannot take the first batch. {got}; the networks of the course expect float32 "
        f"(B, 3, {_SIDE}, {_SIDE}), normalised{_remedy(images, weights)}. The original error: {_first_line(error)}"
    )


def not_taken_later(images: Tensor, number: int, name: str, error: Exception) -> ValueError:
    """The error for a network that takes the first batch but fails on a later one."""
    return ValueError(
        f"the network took the first batch of {name} but fails on batch {number}, {_kind(images)} of shape "
        f"{tuple(images.shape)}. Make all batches the same size (drop_last=True leaves out a smaller last one), or "
        f"let the network accept any size. The original error: {_first_line(error)}"
    )


def _remedy(images: Tensor, weights: Tensor) -> str:
    if images.dtype == torch.uint8:
        return ". Use cifar_helpers.normalise(images)"
    if images.dtype != weights.dtype and images.is_floating_point():
        if weights.dtype != torch.float32:
            return f". The weights are {_kind(weights)}: use model.float()"
        return ". Use images.float()"
    if images.dim() == 4 and images.shape[3] in (1, 3) and images.shape[1] not in (1, 3):
        return ". images.permute(0, 3, 1, 2) puts the channels first"
    if images.dim() == 3:
        return ". images[None] makes a batch of one image, images[:, None] gives grey images their channel axis"
    if images.dim() == 2:
        return f". images.view(-1, 3, {_SIDE}, {_SIDE}) restores the shape of flattened ones"
    if images.dim() == 4 and images.shape[1] == 1:
        return ". images.expand(-1, 3, -1, -1) makes three channels from one"
    if images.dim() == 4 and tuple(images.shape[2:]) != (_SIDE, _SIDE):
        return f". torch.nn.functional.interpolate(images, ({_SIDE}, {_SIDE})) resizes them"
    return ""


def smallest_batch(loader: Any, name: str) -> int | None:
    """Number of images in the smallest batch of a pass; `None` if that is not known in advance."""
    if isinstance(loader, BatchLoader):
        rank, world_size = loader.shard
        last = len(loader.image_set) % loader.batch_size or min(loader.batch_size, len(loader.image_set))
        return len(range(rank, last, world_size))
    if isinstance(loader, list | tuple):
        return min(len(pair(batch, name)[1]) for batch in loader)
    if not isinstance(loader, DataLoader) or loader.batch_size is None:
        return None
    try:
        images = len(loader.dataset if isinstance(loader.dataset, IterableDataset) else loader.sampler)  # type: ignore[arg-type]
    except TypeError:
        return None
    last = images % loader.batch_size
    return loader.batch_size if loader.drop_last or last == 0 else last


def sizes_that_work(loader: Any) -> str:
    """Advice: batch sizes near the loader's own that do not leave a single image over, or dropping the last batch."""
    size = getattr(loader, "batch_size", None)
    if isinstance(loader, BatchLoader):
        images = len(loader.image_set)
    else:
        images = len(loader.sampler) if isinstance(getattr(loader, "sampler", None), Sized) else 0
    if not isinstance(size, int) or images < 2:
        return "give each batch at least two images"
    works = [b for b in range(2, max(size, 2) + 100) if images % b != 1]
    near = sorted(sorted(works, key=lambda b: abs(b - size))[:2])
    drop = ", or drop_last=True" if isinstance(loader, DataLoader) and size > 1 else ""
    return f"use a batch size such as {' or '.join(map(str, near))}{drop}"


def _kind(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def _named(value: object) -> str:
    if value is None:
        return "None"
    size = f" of {len(value)}" if isinstance(value, tuple | list | dict) else ""
    return f"{type(value).__name__}{size}"


def _first_line(error: Exception) -> str:
    text = str(error).strip()
    return f"{type(error).__name__}: {text.splitlines()[0][:200]}" if text else type(error).__name__
