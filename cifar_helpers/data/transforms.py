"""Normalising and augmenting images."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

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
        TypeError: if `images` is not uint8: numbers that are already scaled must not be scaled again.
    """
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
    """
    mean, std = _channel_statistics(images.device)
    return images.float().mul(std).add_(mean).mul_(255).round_().clamp_(0, 255).to(torch.uint8)


def _channel_statistics(device: torch.device) -> tuple[Tensor, Tensor]:
    # A tensor that is made while torch traces a network (for an export, say) has no numbers, and must not be kept.
    return _new_statistics(device) if torch.compiler.is_compiling() else _kept_statistics(device)


@functools.cache
def _kept_statistics(device: torch.device) -> tuple[Tensor, Tensor]:
    return _new_statistics(device)


def _new_statistics(device: torch.device) -> tuple[Tensor, Tensor]:
    return (
        torch.tensor(MEAN, device=device).view(3, 1, 1),
        torch.tensor(STD, device=device).view(3, 1, 1),
    )


@dataclass(frozen=True)
class Augment:
    """Random changes that keep the label true, drawn independently for each image of a batch.

    Attributes:
        flip: mirror left and right with probability 0.5.
        shift: move by up to this many pixels in each direction, 0 to 31; the border is filled by reflection.
        cutout: side in pixels, 0 to 32, of a square at a random place that is set to zero, the mean colour
            after normalisation (DeVries and Taylor, 2017); 0 cuts nothing.

    Raises:
        ValueError: if `shift` or `cutout` is out of range.
    """

    flip: bool = True
    shift: int = 0
    cutout: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.shift < 32 or not 0 <= self.cutout <= 32:
            raise ValueError(f"shift must lie in 0..31 and cutout in 0..32, got {self.shift} and {self.cutout}")

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Augment normalised float images `(B, 3, 32, 32)`; random numbers come from the CPU `generator`."""
        if self.flip:
            chosen = torch.rand(len(images), generator=generator) < 0.5
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
    rows, columns = torch.randint(2 * most + 1, size, generator=generator).to(images.device)
    return windows[torch.arange(len(images), device=images.device), :, rows, columns]


def _cutout_mask(images: Tensor, side: int, generator: torch.Generator) -> Tensor:
    count, _, height, width = images.shape
    centre = torch.rand((2, count, 1), generator=generator)
    top = (centre[0] * (height - side + 1)).floor()
    left = (centre[1] * (width - side + 1)).floor()
    y, x = torch.arange(height), torch.arange(width)
    rows = (y >= top) & (y < top + side)
    columns = (x >= left) & (x < left + side)
    hole = rows[:, None, :, None] & columns[:, None, None, :]
    return (~hole).to(images.device, images.dtype)
