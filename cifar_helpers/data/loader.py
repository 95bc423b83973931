"""Batches of normalised images, without worker processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol

import torch
from torch import Tensor

from cifar_helpers._numbers import whole_number
from cifar_helpers.data.image_set import ImageSet
from cifar_helpers.data.transforms import normalise
from cifar_helpers.devices import checked_device


class Batches(Protocol):
    """What `fit` and `evaluate` iterate over: a `BatchLoader`, or a `torch.utils.data.DataLoader`."""

    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[Any]: ...


class BatchLoader:
    """Iterate over an `ImageSet` in batches of normalised images, without worker processes.

    Each pass gives `(images, labels)`: float32 `(B, 3, 32, 32)` and int64 `(B,)`; the last batch may be
    smaller. Order and augmentation of pass number `epoch` depend only on `seed` and `epoch`; starting a
    pass increases `epoch` by one.

    Args:
        image_set: what to iterate over.
        batch_size: images per batch, at least 1.
        shuffle: a new order in each pass.
        augment: `Augment(...)`, or any `(images, generator) -> images`; leave `None` for validation.
        alternate_flip: mirror half of the images in one pass and the other half in the next, so that two passes
            show each image both ways (Jordan, 2024).
        mix: changes images and labels of a batch together, as `torchvision.transforms.v2.MixUp` does; labels may
            become shares of classes, float `(B, 10)`. Its random numbers come from torch's global generator.
        seed: of order and augmentation.
        shard: `(rank, world_size)`: yield only this process's rows of each batch, with ranks counted from 0. All
            processes draw the same order, so together they see what a single process would see.
        device: where batches are created; the data is moved there once. `None` leaves it where it is.

    Raises:
        TypeError: if an argument has the wrong type.
        ValueError: if `batch_size` is below 1, there are no images, `shard` is not a valid rank, the last batch is
            too small to be shared, or there is no such device.
    """

    def __init__(
        self,
        image_set: ImageSet,
        batch_size: int = 200,
        *,
        shuffle: bool = False,
        augment: Callable[[Tensor, torch.Generator], Tensor] | None = None,
        alternate_flip: bool = False,
        mix: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]] | None = None,
        seed: int = 0,
        shard: tuple[int, int] = (0, 1),
        device: torch.device | str | None = None,
    ) -> None:
        if not isinstance(image_set, ImageSet):
            hint = ": pass one part, as in train, validation = data.split()" if hasattr(image_set, "split") else ""
            raise TypeError(f"image_set must be ImageSet(images, labels), got {type(image_set).__name__}{hint}")
        for name, change in (("augment", augment), ("mix", mix)):
            if change is not None and (isinstance(change, type) or not callable(change)):
                raise TypeError(f"{name} must be a function or an object that can be called, got {change!r}")
        batch_size, seed = whole_number("batch_size", batch_size), whole_number("seed", seed)
        if batch_size < 1:
            raise ValueError(f"batch_size must be at least 1, got {batch_size}")
        if not _is_shard(shard, batch_size):
            raise ValueError(
                f"shard must be (rank, world_size), 0 <= rank < world_size <= batch_size {batch_size}, got {shard!r}"
            )
        if not len(image_set):
            raise ValueError("there are no images to iterate over")
        if 0 < len(image_set) % batch_size < shard[1]:
            raise ValueError(
                f"the last batch holds {len(image_set) % batch_size} images, too few to share among {shard[1]} "
                "processes: choose another batch_size"
            )
        if device is not None:
            target = checked_device(device)
            image_set = ImageSet(image_set.images.to(target), image_set.labels.to(target))
        self.image_set = image_set
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.augment = augment
        self.alternate_flip = alternate_flip
        self.mix = mix
        self.seed = seed
        self.shard = shard
        self.epoch = 0

    def __len__(self) -> int:
        """Number of batches per pass."""
        return -(-len(self.image_set) // self.batch_size)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        # One generator per pass, seeded by (seed, epoch): a resumed run sees the same batches.
        # It draws on the CPU even where torch's default device is another one.
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + self.epoch)
        mirrored = self._mirrored(self.epoch) if self.alternate_flip else None
        self.epoch += 1
        images, labels = self.image_set.images, self.image_set.labels
        count, here = len(labels), labels.device
        order = torch.arange(count, device=here)
        if self.shuffle:
            order = torch.randperm(count, generator=generator, device="cpu").to(here)
        for chosen in torch.split(order, self.batch_size):
            batch, classes = normalise(images[chosen]), labels[chosen]
            if mirrored is not None:
                batch = torch.where(mirrored[chosen][:, None, None, None], batch.flip(3), batch)
            if self.augment is not None:
                batch = self.augment(batch, generator)
            if self.mix is not None:
                batch, classes = self.mix(batch, classes)
            rank, world_size = self.shard
            yield batch[rank::world_size], classes[rank::world_size]

    def _mirrored(self, epoch: int) -> Tensor:
        """Which images are mirrored in this pass: bool `(N,)`."""
        generator = torch.Generator().manual_seed(self.seed)
        half = torch.rand(len(self.image_set), generator=generator, device="cpu") < 0.5
        return (half if epoch % 2 == 0 else ~half).to(self.image_set.labels.device)


def _is_shard(shard: Any, batch_size: int) -> bool:
    if not isinstance(shard, tuple | list) or len(shard) != 2 or not all(isinstance(k, int) for k in shard):
        return False
    return bool(0 <= shard[0] < shard[1] <= batch_size)
