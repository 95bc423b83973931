"""The door of `fit` and `evaluate`: what loaders and batches must be, and what to do where they are not."""

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
    """Refuse what cannot give batches.

    Args:
        loader: an `ImageSet`, a `BatchLoader`, a `DataLoader`, or a list of batches.
        name: of the argument.
        counted: whether the number of batches must be known beforehand.

    Raises:
        TypeError: if it is none of these; it says what to pass.
        ValueError: if its length is wanted and unknown, or it has no batches.
    """
    if isinstance(loader, Cifar10):
        raise TypeError(f"{name} is the whole data set: pass a part of it, as in train, validation = data.split()")
    if isinstance(loader, ImageSet):
        if not len(loader):
            raise ValueError(f"{name}: there are no images")
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
    """Refuse a loader that changes the images to be measured.

    Raises:
        ValueError: naming what changes them.
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
    """A loader that can be gone through once, whose first batch was looked at: it is given back first."""

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
    """The loader, wrapped where looking at its first batch would take it away."""
    if isinstance(loader, ImageSet | BatchLoader | DataLoader | list | tuple) or iter(loader) is not iter(loader):
        return loader
    return OnceOnly(loader)


def first_batch(loader: Any, name: str) -> tuple[Tensor, Tensor]:
    """The first batch, with the loader left as it was.

    Raises:
        TypeError: if it is no pair of images and labels.
        ValueError: if it cannot be made, is empty, or holds numbers that are none.
    """
    states = [(generator, generator.get_state()) for generator in generators_of(loader)]
    source = loader
    if isinstance(loader, DataLoader) and loader.num_workers and not isinstance(loader.dataset, IterableDataset):
        # Starting worker processes for a look takes seconds.
        source = DataLoader(loader.dataset, batch_sampler=loader.batch_sampler, collate_fn=loader.collate_fn)
    epoch = loader.epoch if isinstance(loader, BatchLoader) else 0
    try:
        batch = loader.look() if isinstance(loader, OnceOnly) else next(iter(source), None)
    except Exception as error:  # a data set of somebody else's can raise anything
        raise ValueError(f"{name}: its first batch cannot be made ({type(error).__name__}: {error})") from error
    finally:
        if isinstance(loader, BatchLoader):
            loader.epoch = epoch
        for generator, state in states:
            generator.set_state(state)
    if batch is None:
        raise ValueError(f"{name}: there are no images")
    images, labels = pair(batch, name)
    if not len(labels) or not images.numel():
        raise ValueError(f"{name}: the first batch has no images")
    if images.is_inference():
        raise ValueError(f"{name}: the images were made in torch.inference_mode(), and nothing can learn from them")
    if images.is_floating_point() and not bool(images.isfinite().all()):
        raise ValueError(f"{name}: the first batch has pixels that are NaN or infinite")
    return images.detach(), labels


def generators_of(loader: Any) -> list[torch.Generator]:
    """The generators of random numbers that a loader of torch's own was given."""
    samplers = [getattr(loader, "sampler", None), getattr(loader, "batch_sampler", None)]
    samplers += [getattr(samplers[1], "sampler", None)]
    found = {getattr(one, "generator", None) for one in (loader, *samplers)}
    return [generator for generator in found if isinstance(generator, torch.Generator)]


def pair(batch: Any, name: str) -> tuple[Tensor, Tensor]:
    """Images and labels of a batch.

    Raises:
        TypeError: if it is not a pair of tensors; it says what it is.
    """
    if not isinstance(batch, tuple | list) or len(batch) != 2:
        got = f"{type(batch).__name__} of {len(batch)}" if isinstance(batch, tuple | list | dict) else _named(batch)
        raise TypeError(f"{name} must give pairs (images, labels), got {got}")
    for part, value in zip(("images", "labels"), batch, strict=True):
        if not isinstance(value, Tensor):
            hint = ": torch.from_numpy makes one of an array" if type(value).__module__ == "numpy" else ""
            raise TypeError(f"{name} must give {part} as a tensor, got {_named(value)}{hint}")
    return batch[0], batch[1]


def to_device(batch: Any, device: torch.device, memory_format: torch.memory_format) -> tuple[Tensor, Tensor]:
    """Images, in a memory format, and labels of a batch on a device."""
    images, labels = pair(batch, "the loader")
    images = images.to(device)
    return images.contiguous(memory_format=memory_format) if images.dim() == 4 else images, labels.to(device)


def check_labels(images: Tensor, labels: Tensor, name: str, *, shares: bool) -> None:
    """Refuse labels that are no numbers of classes, one for each image.

    Args:
        images: of the batch.
        labels: of the batch; whole numbers `(B,)`.
        name: of the argument that gave them.
        shares: whether shares of classes, float `(B, classes)`, will do.

    Raises:
        ValueError: saying what came, what is wanted, and how to get there.
    """
    got = f"{name}: labels are {_kind(labels)} of shape {tuple(labels.shape)}"
    count = len(images) if images.dim() else 0
    if labels.dim() == 2 and labels.shape[1] == 1:
        raise ValueError(f"{got}; wanted is int64 of shape ({count},): labels.squeeze(1) makes it so")
    if labels.dim() == 2 and not (shares and labels.is_floating_point()):
        raise ValueError(f"{got}; wanted are class numbers, int64 ({count},): labels.argmax(1) makes them of these")
    if labels.dim() == 2:
        sums = labels.float().sum(1)
        if len(labels) != count or bool((labels < 0).any()) or not torch.allclose(sums, sums.new_ones(()), atol=1e-2):
            raise ValueError(f"{got}: shares of classes must be one row for each image, and each row must add up to 1")
        return
    if labels.dim() != 1 or len(labels) != count:
        raise ValueError(f"{got} for images of shape {tuple(images.shape)}; wanted is one whole number for each image")
    if labels.dtype not in _WHOLE:
        raise ValueError(f"{got}; wanted are class numbers, int64 ({count},): labels.long() makes them of these")


def class_numbers(labels: Tensor, classes: int, name: str) -> Tensor:
    """Labels as `cross_entropy` wants them: int64, each a class that the network knows.

    Raises:
        ValueError: if one lies outside; it says what to do.
    """
    if labels.dim() == 2:
        if labels.shape[1] != classes:
            raise ValueError(
                f"{name} has shares of {labels.shape[1]} classes, but the network tells {classes} apart: "
                "give it an output for each class"
            )
        return labels
    low, high = int(labels.min()), int(labels.max())
    if low < 0:
        raise ValueError(
            f"{name} has the label {low}; labels must lie in 0..{classes - 1}. "
            "Leave images without a class out: no label is ignored"
        )
    if high >= classes:
        count = f"the network tells {classes} classes apart"
        hint = "subtract 1 if yours count from 1, or give the network an output for each class"
        raise ValueError(f"{name} has the label {high}, but {count}, so labels must lie in 0..{classes - 1}: {hint}")
    return labels.long()


def check_logits(logits: Any, images: Tensor, loader: Any, name: str) -> int:
    """How many classes a network tells apart.

    Raises:
        TypeError: if it does not give one tensor.
        ValueError: if that holds no logits, or not one for each class of the data.
    """
    if not isinstance(logits, Tensor):
        raise TypeError(
            f"the network gives {_named(logits)} and must give one tensor of logits (B, classes): "
            "let its forward return the logits alone"
        )
    if logits.dim() != 2 or len(logits) != len(images) or not logits.is_floating_point():
        raise ValueError(
            f"the network gives {_kind(logits)} of shape {tuple(logits.shape)} for images of shape "
            f"{tuple(images.shape)}; wanted are logits, float ({len(images)}, classes): end it with nn.Flatten() and "
            "nn.Linear(..., classes)"
        )
    known = _classes_of(loader)
    if known is not None and logits.shape[1] != known:
        raise ValueError(
            f"the network gives {logits.shape[1]} logits for each image, but {name} has {known} classes: "
            f"end it with nn.Linear(..., {known})"
        )
    return logits.shape[1]


def _classes_of(loader: Any) -> int | None:
    """The number of classes of the data, where it is said."""
    if isinstance(loader, ImageSet | BatchLoader):
        return len(CLASSES)
    names = getattr(getattr(loader, "dataset", None), "classes", None)
    return len(names) if isinstance(names, list | tuple) and names else None


def not_taken(images: Tensor, model: nn.Module, name: str, error: Exception) -> ValueError:
    """What to say where a network cannot take the images: what came, what is wanted, how to get there."""
    weights = next(itertools.chain(model.parameters(), model.buffers()), torch.empty(0))
    got = f"{name} gives images {_kind(images)} of shape {tuple(images.shape)}"
    if images.dtype == weights.dtype == torch.float32 and images.shape[1:] == (3, _SIDE, _SIDE):
        return ValueError(
            f"{type(model).__name__} fails on the first batch. {got}, which the networks of the course want too, so "
            f"the reason lies in the network: {_first_line(error)}"
        )
    return ValueError(
        f"{type(model).__name__} cannot take the first batch. {got}; the networks of the course want float32 "
        f"(B, 3, {_SIDE}, {_SIDE}), normalised{_remedy(images, weights)}. The network itself says: {_first_line(error)}"
    )


def not_taken_later(images: Tensor, number: int, name: str, error: Exception) -> ValueError:
    """What to say where a network took the first batch, and not a later one."""
    return ValueError(
        f"the network took the first batch of {name} and fails on batch {number}, {_kind(images)} of shape "
        f"{tuple(images.shape)}: give all batches the same size (drop_last=True leaves out a smaller last one), or "
        f"write the network for any. The network itself says: {_first_line(error)}"
    )


def _remedy(images: Tensor, weights: Tensor) -> str:
    if images.dtype == torch.uint8:
        return ": cifar_helpers.normalise(images) makes them of these"
    if images.dtype != weights.dtype and images.is_floating_point():
        if weights.dtype != torch.float32:
            return f". The weights are {_kind(weights)}: model.float() makes them float32"
        return ": images.float() makes them of these"
    if images.dim() == 4 and images.shape[3] in (1, 3) and images.shape[1] not in (1, 3):
        return ": images.permute(0, 3, 1, 2) puts the channels first"
    if images.dim() == 3:
        return ": images[None] makes a batch of one image, images[:, None] gives grey images their channel"
    if images.dim() == 2:
        return f": images.view(-1, 3, {_SIDE}, {_SIDE}) makes them of flat ones"
    if images.dim() == 4 and images.shape[1] == 1:
        return ": images.expand(-1, 3, -1, -1) makes three channels of one"
    if images.dim() == 4 and tuple(images.shape[2:]) != (_SIDE, _SIDE):
        return f": torch.nn.functional.interpolate(images, ({_SIDE}, {_SIDE})) resizes them"
    return ""


def smallest_batch(loader: Any) -> int | None:
    """Images in the smallest batch of a pass; `None` where that is not known beforehand."""
    if isinstance(loader, BatchLoader):
        rank, world_size = loader.shard
        last = len(loader.image_set) % loader.batch_size or min(loader.batch_size, len(loader.image_set))
        return len(range(rank, last, world_size))
    if isinstance(loader, list | tuple):
        return min(len(pair(batch, "train")[1]) for batch in loader)
    if not isinstance(loader, DataLoader) or loader.batch_size is None:
        return None
    try:
        images = len(loader.dataset if isinstance(loader.dataset, IterableDataset) else loader.sampler)  # type: ignore[arg-type]
    except TypeError:
        return None
    last = images % loader.batch_size
    return loader.batch_size if loader.drop_last or last == 0 else last


def sizes_that_work(loader: Any) -> str:
    """Batch sizes near the loader's own that leave no single image over, and the other way out."""
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
    return f"take a batch size such as {' or '.join(map(str, near))}{drop}"


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
