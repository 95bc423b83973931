"""The maps of every layer for one picture: all of a layer at a glance, one enlarged."""

from __future__ import annotations

import functools

import ipywidgets as widgets
import numpy as np
import torch
from torch import Tensor

from cifar_helpers.data import CLASSES, ImageSet
from cifar_helpers.inference import shipped_model
from cifar_helpers.models import CifarCNN
from cifar_helpers.widgets._cell import in_this_cell
from cifar_helpers.widgets._controls import choice, limit, on_change, row, slider, whole
from cifar_helpers.widgets._drawing import Array, Pixels, as_rows, in_signs, picture_html, sentence
from cifar_helpers.widgets._layers import activations, layers_of, through
from cifar_helpers.widgets._screen import Screen

__all__ = ["activations", "feature_maps", "mosaic", "render"]

_SIDE = 240
_GREY = 205


def render(maps: Array, channel: int, name: str) -> str:
    """HTML of a mosaic of all maps of a layer, beside one of them enlarged.

    Args:
        maps: float `(channels, h, w)`.
        channel: the one that is enlarged and framed in the mosaic, counted from 0.
        name: of the layer, for the alt text.
    """
    count, height, width = maps.shape
    one = maps[channel]
    what = f"channel {channel} of {count}, {height} × {width}, values {one.min():.2f} to {one.max():.2f}"
    whole_layer = f"all {count} channels, channel {channel} framed"
    colours = "purple below 0, orange above; each channel on its own scale"
    return "".join(
        [
            picture_html(
                mosaic(maps, channel), _SIDE, f"{name}: {whole_layer}", f"{whole_layer}; {colours}", name="mosaic"
            ),
            picture_html(in_signs(one), _SIDE, f"{name}: {what}", what),
        ]
    )


def columns_of(count: int) -> int:
    """Maps side by side in the mosaic of a layer."""
    return 8 if count <= 32 else 16


def mosaic(maps: Array, chosen: int | None = None) -> Pixels:
    """All maps side by side, each on its own scale, with a black frame around one."""
    # Each map is brought to -1..1 first, so that one look-up colours them all.
    scaled = maps / np.maximum(np.abs(maps).max(axis=(1, 2), keepdims=True), 1e-9)
    count, height, width = maps.shape
    columns = columns_of(count)
    places = -(-count // columns) * columns
    tiles = np.full((places, height + 2, width + 2, 3), _GREY, np.uint8)
    if chosen is not None:
        tiles[chosen] = 0
    tiles[:count, 1:-1, 1:-1] = in_signs(scaled.reshape(-1, width)).reshape(count, height, width, 3)
    rows = [np.concatenate(list(tiles[k : k + columns]), axis=1) for k in range(0, places, columns)]
    return np.concatenate(rows)


def feature_maps(
    picture: Tensor | ImageSet, trained: CifarCNN | None = None, untrained: CifarCNN | None = None
) -> widgets.VBox:
    """Choose weights, layer and channel, and see the maps.

    Purple is below zero, white zero, orange above; each map has its own scale.

    Args:
        picture: uint8 `(3, 32, 32)`, or an `ImageSet` to choose pictures from.
        trained: `None` takes the shipped weights.
        untrained: `None` takes fresh random weights, the same each time.

    Returns:
        A widget; a click on one of the maps enlarges it.

    Raises:
        ValueError: if the picture has another shape or type, or there is none.
    """
    pictures, labels = _checked(picture)
    networks = {
        "trained": layers_of(shipped_model() if trained is None else trained),
        "untrained": layers_of(_fresh() if untrained is None else untrained),
    }
    weights = choice("weights", list(networks))
    layer = choice("layer", list(networks["trained"]))
    channel = slider("channel", 0, 31)
    number = whole("picture", 0, len(pictures) - 1)
    found: dict[str, dict[str, Tensor]] = {}

    def clicked(_: str, y: int, x: int) -> None:
        count, height, width = found[weights.value][layer.value].shape
        chosen = y // (height + 2) * columns_of(count) + x // (width + 2)
        channel.value = min(chosen, count - 1)

    shown = Screen(clicked=clicked)

    def run() -> None:
        picked = pictures[number.value][None]
        found.update((name, {k: v[0] for k, v in through(layers, picked)}) for name, layers in networks.items())
        draw()

    def draw() -> None:
        maps = found[weights.value][layer.value]
        limit(channel, len(maps) - 1)  # a channel that this layer lacks becomes its last
        name = f"{layer.value}, {weights.value}"
        zeros = float((maps[channel.value] == 0).float().mean())
        whom = labels[number.value]
        words = f"{whom}Channel {channel.value} of {name}: {zeros:.0%} of its numbers are 0."
        seen = picture_html(as_rows(pictures[number.value]), _SIDE // 3, "The picture", "picture")
        shown.value = render(maps.numpy(), channel.value, name) + seen + sentence(words)

    on_change(run, number)
    on_change(draw, weights, layer, channel)
    run()
    # One picture needs no control to choose it.
    chosen = [number] if len(pictures) > 1 else []
    return in_this_cell(widgets.VBox([row(weights, layer, channel, *chosen), shown]))


def _checked(picture: Tensor | ImageSet) -> tuple[Tensor, list[str]]:
    """Pictures `(N, 3, 32, 32)`, and what each shows, as the beginning of a sentence."""
    if isinstance(picture, ImageSet):
        if not len(picture):
            raise ValueError("feature_maps: there are no images to choose from")
        return picture.images, [f"Picture: {CLASSES[k]}. " for k in picture.labels.tolist()]
    if picture.dtype != torch.uint8 or picture.shape != (3, 32, 32):
        raise ValueError(
            f"feature_maps takes uint8 pixels of shape (3, 32, 32), got {picture.dtype} {tuple(picture.shape)}"
        )
    return picture[None], [""]


@functools.cache
def _fresh() -> CifarCNN:
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        return CifarCNN()
