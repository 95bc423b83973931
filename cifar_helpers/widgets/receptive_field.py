"""Choose a unit of the network: what it can see of a picture, and which pictures excite it most."""

from __future__ import annotations

from dataclasses import dataclass

import ipywidgets as widgets
import numpy as np
import torch
from torch import Tensor, nn

from cifar_helpers.data import CLASSES, ImageSet
from cifar_helpers.inference import shipped_model
from cifar_helpers.models import CifarCNN
from cifar_helpers.widgets._cell import in_this_cell
from cifar_helpers.widgets._controls import choice, limit, on_change, row, slider, whole
from cifar_helpers.widgets._drawing import Array, as_rows, in_signs, picture_html, sentence
from cifar_helpers.widgets._layers import Sight, layers_of, sights, through
from cifar_helpers.widgets._screen import Screen

__all__ = ["Exciting", "most_exciting", "receptive_field", "render"]

_SIDE = 260
_SMALL = 84
_BEST = 8


@dataclass(frozen=True)
class Exciting:
    """Where each channel of a layer answers most.

    Attributes:
        pictures: int64 `(channels, n)`: numbers of the pictures, the most exciting first.
        places: int64 `(channels, n)`: which unit of the map, row by row.
        values: float32 `(channels, n)`: its activation.
    """

    pictures: Tensor
    places: Tensor
    values: Tensor


def most_exciting(model: nn.Module, pictures: Tensor, count: int = _BEST) -> dict[str, Exciting]:
    """For each layer and channel the pictures with the greatest activation, each picture once.

    Args:
        model: any `CifarCNN`; it stays as it is.
        pictures: uint8 `(N, 3, 32, 32)`.
        count: how many are kept for a channel.
    """
    layers = layers_of(model)
    peaks: dict[str, list[tuple[Tensor, Tensor]]] = {name: [] for name in layers}
    for start in range(0, len(pictures), 100):
        for name, values in through(layers, pictures[start : start + 100]):
            best = values.flatten(2).max(2)
            peaks[name].append((best.values, best.indices))
    found = {}
    for name, parts in peaks.items():
        values, places = (torch.cat(kind).T for kind in zip(*parts, strict=True))
        top = values.topk(min(count, len(pictures)), dim=1)
        found[name] = Exciting(top.indices, places.gather(1, top.indices), top.values)
    return found


def render(picture: Array, plane: Array, unit: tuple[int, int], sight: Sight, name: str) -> str:
    """HTML of a picture with the square that a unit sees, and of the map that the unit is part of.

    Args:
        picture: uint8 `(3, 32, 32)`.
        plane: float `(h, w)`, the channel's map.
        unit: row and column in it.
        sight: of the layer.
        name: of layer and channel.
    """
    top, left, height, width = square = sight.square(*unit)
    value = float(plane[unit])
    place = f"rows {top} to {top + height - 1}, columns {left} to {left + width - 1}"
    size = f"{plane.shape[0]} × {plane.shape[1]}"
    words = (
        f"The unit in row {unit[0]}, column {unit[1]} of {name} can see {place}: {height} × {width} pixels of 32 × 32"
        f"{_cut(sight, height, width)}. Its activation is {value:.2f}."
    )
    return "".join(
        [
            picture_html(as_rows(picture), _SIDE, f"The picture, framed: {place}", "what the unit can see", [square]),
            picture_html(
                in_signs(plane),
                _SIDE,
                f"{name}, {size}, the unit framed, activation {value:.2f}",
                f"map of {size}; purple below 0, orange above",
                [(*unit, 1, 1)],
                "unit",
            ),
            sentence(words),
        ]
    )


def _cut(sight: Sight, height: int, width: int) -> str:
    return "" if height == width == sight.side else f" (of {sight.side} × {sight.side}; the rest lies outside)"


def _gallery(images: ImageSet, best: Exciting, channel: int, columns: int, sight: Sight) -> str:
    parts = []
    for picture, place, value in zip(
        *(kind[channel].tolist() for kind in (best.pictures, best.places, best.values)), strict=True
    ):
        square = sight.square(*divmod(place, columns))
        label = CLASSES[int(images.labels[picture])]
        alt = f"{label}, image {picture}, activation {value:.2f}, framed where the channel answers most"
        parts.append(picture_html(as_rows(images.images[picture]), _SMALL, alt, f"{label} {value:.1f}", [square]))
    title = f"The {len(parts)} of {len(images):,} pictures that excite channel {channel} most, framed where:"
    return f"<div>{sentence(title)}{''.join(parts)}</div>"


def receptive_field(images: ImageSet, model: CifarCNN | None = None) -> widgets.VBox:
    """Choose layer, channel and unit; see its receptive field and the pictures that excite its channel most.

    Args:
        images: to choose a picture from, and to search for exciting ones; a thousand take about a second.
        model: `None` takes the shipped weights.

    Returns:
        A widget; a click on the map chooses a unit.

    Raises:
        ValueError: if there are no images.
    """
    if not len(images):
        raise ValueError("receptive_field: there are no images")
    network = shipped_model() if model is None else model
    layers = layers_of(network)
    seen, best = sights(layers), most_exciting(network, images.images)
    layer = choice("layer", list(layers))
    channel = slider("channel", 0, 31)
    number = whole("picture", 0, len(images) - 1)
    place = [whole(f"unit, {name}", 0, 31, 16) for name in ("row", "column")]
    maps: dict[str, Tensor] = {}

    def clicked(_: str, y: int, x: int) -> None:
        place[0].value, place[1].value = y, x

    shown = Screen(clicked=clicked)

    def take_picture() -> None:
        maps.update((name, values[0]) for name, values in through(layers, images.images[number.value][None]))
        take_layer()

    def take_layer() -> None:
        channels, height, width = maps[layer.value].shape
        limit(channel, channels - 1)
        for control, size in zip(place, (height, width), strict=True):
            limit(control, size - 1)
        draw()

    def draw() -> None:
        planes = maps[layer.value]
        unit = (min(place[0].value, planes.shape[1] - 1), min(place[1].value, planes.shape[2] - 1))
        chosen = min(channel.value, len(planes) - 1)
        name = f"{layer.value}, channel {chosen}"
        sight = seen[layer.value]
        page = render(np.asarray(images.images[number.value]), planes[chosen].numpy(), unit, sight, name)
        shown.value = page + _gallery(images, best[layer.value], chosen, planes.shape[2], sight)

    on_change(take_picture, number)
    on_change(take_layer, layer)
    on_change(draw, channel, *place)
    take_picture()
    return in_this_cell(widgets.VBox([row(layer, channel), row(number, *place), shown]))
