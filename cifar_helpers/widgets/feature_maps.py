"""The maps of every layer for one picture: all of a layer at a glance, one enlarged."""

from __future__ import annotations

import copy
import functools
from typing import Any

import ipywidgets as widgets
import numpy as np
import torch
from torch import Tensor

from cifar_helpers.data import normalise
from cifar_helpers.inference import shipped_model
from cifar_helpers.models import CifarCNN
from cifar_helpers.widgets._drawing import Array, Pixels, in_signs, picture_html
from cifar_helpers.widgets._screen import Screen

__all__ = ["activations", "feature_maps", "render"]

_STAGES = ("convolution", "batch norm", "ReLU", "pooling")
_SIDE = 300
_GREY = 205


@torch.no_grad()
def activations(model: CifarCNN, picture: Tensor) -> dict[str, Tensor]:
    """What each layer of the convolution blocks makes of one picture, in eval mode.

    Args:
        model: any `CifarCNN`, on any device; it stays as it is.
        picture: uint8 `(3, 32, 32)`.

    Returns:
        Name of the layer to float32 `(channels, h, w)` on the CPU, in order: `block 1, convolution` …
    """
    blocks = copy.deepcopy(model.features).cpu().float().eval()
    found, values = {}, normalise(picture.cpu())[None]
    for number, block in enumerate(blocks, start=1):
        for stage, layer in zip(_STAGES, block.children(), strict=True):
            values = layer(values)
            found[f"block {number}, {stage}"] = values[0]
    return found


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
    whole = f"all {count} channels, channel {channel} framed"
    colours = "purple below 0, orange above; each channel on its own scale"
    return "".join(
        [
            picture_html(_mosaic(maps, channel), _SIDE, f"{name}: {whole}", f"{whole}; {colours}"),
            picture_html(in_signs(one), _SIDE, f"{name}: {what}", what),
        ]
    )


def _mosaic(maps: Array, chosen: int) -> Pixels:
    """All maps side by side, each on its own scale, with a black frame around one."""
    # Each map is brought to -1..1 first, so that one look-up colours them all.
    scaled = maps / np.maximum(np.abs(maps).max(axis=(1, 2), keepdims=True), 1e-9)
    count, height, width = maps.shape
    columns = 8 if count <= 32 else 16
    places = -(-count // columns) * columns
    tiles = np.full((places, height + 2, width + 2, 3), _GREY, np.uint8)
    tiles[chosen] = 0
    tiles[:count, 1:-1, 1:-1] = in_signs(scaled.reshape(-1, width)).reshape(count, height, width, 3)
    rows = [np.concatenate(list(tiles[k : k + columns]), axis=1) for k in range(0, places, columns)]
    return np.concatenate(rows)


def feature_maps(picture: Tensor, trained: CifarCNN | None = None, untrained: CifarCNN | None = None) -> widgets.VBox:
    """Choose weights, layer and channel, and see the maps.

    Purple is below zero, white zero, orange above; each map has its own scale.

    Args:
        picture: uint8 `(3, 32, 32)`.
        trained: `None` takes the shipped weights.
        untrained: `None` takes fresh random weights, the same each time.

    Returns:
        A widget; the networks run once, when it is made.

    Raises:
        ValueError: if the picture has another shape or type.
    """
    if picture.dtype != torch.uint8 or picture.shape != (3, 32, 32):
        raise ValueError(
            f"feature_maps takes uint8 pixels of shape (3, 32, 32), got {picture.dtype} {tuple(picture.shape)}"
        )
    networks = {
        "trained": shipped_model() if trained is None else trained,
        "untrained": _fresh() if untrained is None else untrained,
    }
    found = {name: activations(model, picture) for name, model in networks.items()}
    weights = widgets.Dropdown(options=list(found), description="weights")
    layer = widgets.Dropdown(options=list(found["trained"]), description="layer")
    channel = widgets.BoundedIntText(min=0, max=31, description="channel")
    shown = Screen()

    def draw(_: Any = None) -> None:
        maps = found[weights.value][layer.value]
        channel.max = len(maps) - 1  # a channel that this layer lacks becomes its last
        shown.value = render(maps.numpy(), channel.value, f"{layer.value}, {weights.value}")

    for control in (weights, layer, channel):
        control.observe(draw, "value")
    draw()
    return widgets.VBox([widgets.HBox([weights, layer, channel]), shown])


@functools.cache
def _fresh() -> CifarCNN:
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        return CifarCNN()
