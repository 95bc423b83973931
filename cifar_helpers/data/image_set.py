"""Images with their labels, as tensors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor

from cifar_helpers.data.classes import CLASSES

_WHOLE: Final = (torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)


@dataclass(frozen=True, eq=False)
class ImageSet:
    """Images with their labels.

    Attributes:
        images: uint8 `(N, 3, 32, 32)`, values 0..255, RGB. A NumPy array is converted.
        labels: int64 `(N,)`, values 0..9. A NumPy array, a list, or integers of another size are converted.

    Raises:
        TypeError: if one of them is neither a tensor nor an array.
        ValueError: if a shape, a dtype or a label does not fit; the message says what was given and how to convert it.
    """

    images: Tensor
    labels: Tensor

    def __post_init__(self) -> None:
        images, labels = _tensor("images", self.images), _tensor("labels", self.labels)
        if images.dtype != torch.uint8 or images.shape[1:] != (3, 32, 32):
            raise ValueError(
                f"images must be uint8 of shape (N, 3, 32, 32), got {_kind(images)} of shape {tuple(images.shape)}"
                f"{_remedy(images)}"
            )
        if labels.dtype not in _WHOLE or labels.shape != images.shape[:1]:
            squeeze = ": call labels.squeeze(1)" if labels.shape == (len(images), 1) else ""
            raise ValueError(
                f"labels must be whole numbers (int64) of shape ({len(images)},), "
                f"got {_kind(labels)} of shape {tuple(labels.shape)}{squeeze}"
            )
        object.__setattr__(self, "images", images)
        object.__setattr__(self, "labels", labels.long())
        if len(self.labels) and not 0 <= int(self.labels.min()) <= int(self.labels.max()) < 10:
            low, high = int(self.labels.min()), int(self.labels.max())
            hint = ": subtract 1 if yours count from 1" if (low, high) == (1, 10) else ""
            raise ValueError(f"labels must lie in 0..9, got {low}..{high}{hint}")

    def __eq__(self, other: object) -> bool:
        """Whether both have the same images and labels in the same order."""
        if not isinstance(other, ImageSet):
            return NotImplemented
        return torch.equal(self.images, other.images) and torch.equal(self.labels, other.labels)

    def __hash__(self) -> int:
        return hash(len(self.labels))

    def __len__(self) -> int:
        return len(self.labels)

    def subset(self, indices: Tensor | slice) -> ImageSet:
        """The images at `indices` (int64 positions, one boolean per image, or a slice), in that order.

        Raises:
            ValueError: if `indices` is none of these, or out of range.
        """
        try:
            return ImageSet(self.images[indices], self.labels[indices])
        except (IndexError, TypeError, RuntimeError, ValueError) as error:
            raise ValueError(
                f"indices must be whole numbers from 0 to {len(self) - 1}, {len(self)} booleans, or a slice with a "
                f"positive step ({error})"
            ) from error

    def of_class(self, name: str) -> ImageSet:
        """All images of one class.

        Raises:
            ValueError: if `name` is not one of `CLASSES`.
        """
        if name not in CLASSES:
            raise ValueError(f"no class {name!r}; the ten are {', '.join(CLASSES)}")
        return self.subset((self.labels == CLASSES.index(name)).nonzero().flatten())


def _tensor(name: str, values: Any) -> Tensor:
    """Convert what was given as images or labels to a tensor."""
    if isinstance(values, list | tuple) and all(isinstance(value, int | np.integer) for value in values):
        values = np.array(values, np.int64)
    if isinstance(values, np.ndarray) and values.dtype.kind in "biuf":
        values = values.astype(values.dtype.newbyteorder("="), copy=False)
        # torch cannot share the memory of read-only or mirrored arrays, so copy those.
        own = values if values.flags.writeable and values.flags.c_contiguous else np.array(values, order="C")
        return torch.from_numpy(own)
    if not isinstance(values, Tensor) or values.is_meta or values.layout != torch.strided:
        tensors = isinstance(values, list | tuple) and any(isinstance(value, Tensor) for value in values)
        hint = ": torch.stack turns a list of tensors into one tensor" if tensors else ""
        raise TypeError(f"{name} must be a tensor or a NumPy array of numbers, got {type(values).__name__}{hint}")
    return values


def _kind(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def _remedy(images: Tensor) -> str:
    """How to convert images of another layout to uint8 `(N, 3, 32, 32)`; empty if there is no obvious way."""
    if images.shape[1:] == (32, 32, 3):
        return ": images.permute(0, 3, 1, 2) puts the channels first (NumPy: images.transpose(0, 3, 1, 2))"
    if images.shape[1:] == (3072,):
        return ": for rows of the official batches, call images.reshape(-1, 3, 32, 32)"
    if images.shape == (3, 32, 32):
        return ": images[None] makes a set of one image"
    if images.is_floating_point():
        return ": if they are scaled to 0..1, convert them with (images * 255).round().to(torch.uint8)"
    return ""
