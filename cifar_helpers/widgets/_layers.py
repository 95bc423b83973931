"""What each layer of a `CifarCNN` makes of pictures, and how far its units see."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from cifar_helpers.data import normalise
from cifar_helpers.models import CifarCNN

STAGES = ("convolution", "batch norm", "ReLU", "pooling")


def layers_of(model: nn.Module) -> dict[str, nn.Module]:
    """The layers of the convolution blocks by name, `block 1, convolution` first; copies on the CPU in eval mode.

    Raises:
        TypeError: if the network is no `CifarCNN`.
    """
    if not isinstance(model, CifarCNN):
        raise TypeError(f"its layers can be shown of a CifarCNN, not of a {type(model).__name__}")
    blocks = copy.deepcopy(model.features).cpu().float().eval()
    return {
        f"block {number}, {stage}": layer
        for number, block in enumerate(blocks, start=1)
        for stage, layer in zip(STAGES, block.children(), strict=True)
    }


def through(layers: dict[str, nn.Module], pictures: Tensor) -> Iterator[tuple[str, Tensor]]:
    """Each layer's name and its output `(N, channels, h, w)` for uint8 pictures `(N, 3, 32, 32)`."""
    values = normalise(pictures.cpu())
    with torch.no_grad():
        for name, layer in layers.items():
            values = layer(values)
            yield name, values


@torch.no_grad()
def activations(model: CifarCNN, picture: Tensor) -> dict[str, Tensor]:
    """What each layer of the convolution blocks makes of one picture, in eval mode.

    Args:
        model: any `CifarCNN`, on any device; it stays as it is.
        picture: uint8 `(3, 32, 32)`.

    Returns:
        Name of the layer to float32 `(channels, h, w)` on the CPU, in order: `block 1, convolution` …
    """
    return {name: values[0] for name, values in through(layers_of(model), picture[None])}


@dataclass(frozen=True)
class Sight:
    """What the units of a layer can see of the picture (Araujo, Norris and Sim, 2019).

    Attributes:
        side: of the square, in pixels.
        step: pixels between the squares of two neighbouring units.
        start: row and column of the first unit's square; below 0 where padding is part of it.
    """

    side: int = 1
    step: int = 1
    start: int = 0

    def square(self, row: int, column: int, size: int = 32) -> tuple[int, int, int, int]:
        """Top, left, height and width of a unit's square, cut at the edge of the picture."""
        ends = [
            (max(0, first), min(size, first + self.side))
            for first in (self.start + place * self.step for place in (row, column))
        ]
        (top, bottom), (left, right) = ends
        return top, left, bottom - top, right - left


def sights(layers: dict[str, nn.Module]) -> dict[str, Sight]:
    """Name of the layer to what its units see."""
    seen, found = Sight(), {}
    for name, layer in layers.items():
        if isinstance(layer, (nn.Conv2d, nn.MaxPool2d)):
            kernel, stride, padding = (_one(v) for v in (layer.kernel_size, layer.stride, layer.padding))
            seen = Sight(seen.side + (kernel - 1) * seen.step, seen.step * stride, seen.start - padding * seen.step)
        found[name] = seen
    return found


def _one(value: Any) -> int:
    """The layers of the course are square."""
    return int(value[0] if isinstance(value, tuple) else value)
