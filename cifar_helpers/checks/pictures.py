"""Shared pictures of right answers: a drawn horse, and channels side by side."""

from __future__ import annotations

from typing import Final

import numpy as np
import torch
from torch import Tensor

from cifar_helpers.checks.drawing import in_signs, picture_html
from cifar_helpers.data import CLASSES
from cifar_helpers.data.sketches import draw

SIDE: Final = 128
"""Height of a picture in screen pixels."""


def horse() -> Tensor:
    """A horse that the course draws itself, uint8 `(3, 32, 32)`; it needs no data."""
    photo = np.asarray(draw(CLASSES.index("horse"), seed=3))
    return torch.from_numpy(photo.transpose(2, 0, 1).copy())


def channels_html(values: Tensor, ending: str = "") -> str:
    """Three channels of signed numbers `(3, H, W)`, side by side; `ending` is appended to the alt texts."""
    parts = []
    for name, channel in zip(("red", "green", "blue"), values.numpy(), strict=True):
        alt = f"Your {name} channel, from {channel.min():.1f} to {channel.max():.1f}{ending}"
        parts.append(picture_html(in_signs(channel), SIDE, alt, f"{name}, normalised"))
    return "".join(parts)
