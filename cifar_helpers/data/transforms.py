"""Normalising and augmenting images."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor

from cifar_helpers._numbers import whole_number

MEAN: Final = (0.49140, 0.48216, 0.44653)

"""Mean of each colour channel over the 50,000 training images, pixel values scaled to 0..1."""

STD: Final = (0.24703, 0.24349, 0.26159)

"""Standard deviation of each colour channel over the same pixels."""


def normalise(images: Tensor) -> Tensor:
    """Convert uint8 pixels into the numbers that the network sees.

    Args:
        images: uint8 `(B, 3, H, W)` or `(3, H, W)`, 0..255.

    Returns:
        float32 of the same shape: `(value / 255 - MEAN) / STD` for each channel, roughly -2..2.

    Raises:
        TypeError: if `images` is not a uint8 tensor: numbers that are already scaled must not be scaled again.
        ValueError: if its shape is another one.
    """
    _check_images("normalise", images)
    if images.dtype != torch.uint8:
        raise TypeError(f"normalise takes uint8 images with values 0..255, got {images.dtype}")
    mean, std = _channel_statistics(images.device)
    return images.float().div_(255).sub_(mean).div_(std)


def denormalise(images: Tensor) -> Tensor:
    """The inverse of `normalise`.

    Args:
        images: float `(B, 3, H, W)` or `(3, H, W)`, normalised.

    Returns:
        uint8 of the same shape; values outside 0..255 are clipped.

    Raises:
        TypeError: if `images` is not a float tensor: pixels that are whole numbers are not normalised.
        ValueError: if its shape is another one.
    """
    _check_images("denormalise", images)
    if not images.is_floating_point():
        raise TypeError(f"denormalise takes normalised images, which are float, got {images.dtype}")
    mean, std = _channel_statistics(images.device)
    # Without a gradient, statistics that were kept in inference mode can be used, too.
    return images.detach().float().mul(std).add_(mean).mul_(255).round_().clamp_(0, 255).to(torch.uint8)


def _check_images(name: str, images: Any) -> None:
    if not isinstance(images, Tensor):
        hint = ": convert the array with torch.from_numpy" if type(images).__module__ == "numpy" else ""
        raise TypeError(f"{name} takes a tensor of images, got {type(images).__name__}{hint}")
    if images.dim() not in (3, 4) or images.shape[-3] != 3:
        hint = ": images.movedim(-1, -3) puts the channels first" if images.shape[-1:] == (3,) else ""
        raise ValueError(f"{name} takes images (B, 3, H, W) or (3, H, W), got {tuple(images.shape)}{hint}")


def _channel_statistics(device: torch.device) -> tuple[Tensor, Tensor]:
    # A tensor that is made while torch traces a network (for an export, say) has no numbers, and must not be kept.
    return _new_statistics(device) if torch.compiler.is_compiling() else _kept_statistics(device)


@functools.cache
def _kept_statistics(device: torch.device) -> tuple[Tensor, Tensor]:
    return _new_statistics(device)


def _new_statistics(device: torch.device) -> tuple[Tensor, Tensor]:
    mean, std = (torch.tensor(numbers, dtype=torch.float32, device=device) for numbers in (MEAN, STD))
    return mean.view(3, 1, 1), std.view(3, 1, 1)


@dataclass(frozen=True)
class Augment:
    """Random changes that keep the label true, drawn independently for each image of a batch.

    Attributes:
        flip: mirror left and right with probability 0.5.
        shift: move by up to this many pixels in each direction, 0 to 31; the border is filled by reflection.
        cutout: side in pixels, 0 to 32, of a square at a random place that is set to zero, the mean colour
            after normalisation (DeVries and Taylor, 2017); 0 cuts nothing.

    Raises:
        TypeError: if `shift` or `cutout` is not a whole number.
        ValueError: if one of them is out of range.
    """

    flip: bool = True
    shift: int = 0
    cutout: int = 0

    def __post_init__(self) -> None:
        for name in ("shift", "cutout"):
            # An integer of NumPy would make another text of the same augmentation, and so another training run.
            object.__setattr__(self, name, whole_number(name, getattr(self, name)))
        if not 0 <= self.shift < 32 or not 0 <= self.cutout <= 32:
            raise ValueError(f"shift must lie in 0..31 and cutout in 0..32, got {self.shift} and {self.cutout}")

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Augment normalised float images `(B, 3, 32, 32)`; random numbers come from the CPU `generator`."""
        if self.flip:
            chosen = torch.rand(len(images), generator=generator, device="cpu") < 0.5
            images = torch.where(chosen.to(images.device)[:, None, None, None], images.flip(3), images)
        if self.shift:
            images = _shift(images, self.shift, generator)
        if self.cutout:
            images = images * _cutout_mask(images, self.cutout, generator)
        return images


def _shift(images: Tensor, most: int, generator: torch.Generator) -> Tensor:
    padded = torch.nn.functional.pad(images, (most,) * 4, mode="reflect")
    windows = padded.unfold(2, images.shape[2], 1).unfold(3, images.shape[3], 1)
    size = (2, len(images))
    rows, columns = torch.randint(2 * most + 1, size, generator=generator, device="cpu").to(images.device)
    return windows[torch.arange(len(images), device=images.device), :, rows, columns]


def _cutout_mask(images: Tensor, side: int, generator: torch.Generator) -> Tensor:
    count, _, height, width = images.shape
    centre = torch.rand((2, count, 1), generator=generator, device="cpu")
    top = (centre[0] * (height - side + 1)).floor()
    left = (centre[1] * (width - side + 1)).floor()
    y, x = torch.arange(height, device="cpu"), torch.arange(width, device="cpu")
    rows = (y >= top) & (y < top + side)
    columns = (x >= left) & (x < left + side)
    hole = rows[:, None, :, None] & columns[:, None, None, :]
    return (~hole).to(images.device, images.dtype)
