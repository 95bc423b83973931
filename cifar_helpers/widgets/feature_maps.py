"""The maps of every layer for one picture: all of a layer at a glance, one enlarged."""

from __future__ import annotations

import functools
from typing import Any

import ipywidgets as widgets
import numpy as np
import torch
from torch import Tensor

from cifar_helpers.data import normalise
from cifar_helpers.inference import shipped_model
from cifar_helpers.models import CifarCNN
from cifar_helpers.widgets._drawing import Array, in_colour, picture_html

__all__ = ["activations", "feature_maps", "render"]

_STAGES = ("convolution", "batch norm", "ReLU", "pooling")
_SIDE = 300


@torch.no_grad()
def activations(model: CifarCNN, picture: Tensor) -> dict[str, Tensor]:
    """What each layer of the convolution blocks makes of one picture, in eval mode.

    Args:
        model: any `CifarCNN`; its mode is the same afterwards.
        picture: uint8 `(3, 32, 32)`.

    Returns:
        Name of the layer to float `(channels, h, w)`, in order: `block 1, convolution` …
    """
    was_training = model.training
    model.eval()
    found, values = {}, normalise(picture)[None]
    for number, block in enumerate(model.features, start=1):
        for stage, layer in zip(_STAGES, block.children(), strict=True):
            values = layer(values)
            # ReLU and batch norm make new tensors, so what is kept here stays as it is.
            found[f"block {number}, {stage}"] = values[0]
    model.train(was_training)
    return found


def render(maps: Array, channel: int, name: str) -> str:
    """HTML of a mosaic of all maps of a layer, beside one of them enlarged.

    Args:
        maps: float `(channels, h, w)`.
        channel: the one that is enlarged, counted from 0.
        name: of the layer, for the alt text.
    """
    count, height, width = maps.shape
    columns = 8 if count <= 64 else 16
    tiles = np.stack(
        [np.pad(in_colour(plane), ((0, 1), (0, 1), (0, 0)), constant_values=255) for plane in maps]
    )
    rows = [np.concatenate(list(tiles[k : k + columns]), axis=1) for k in range(0, count, columns)]
    one = maps[channel]
    alt = (
        f"{name}, map {channel} of {count}, {height} × {width}, "
        f"values {float(one.min()):.2f} to {float(one.max()):.2f}"
    )
    whole = picture_html(np.concatenate(rows), _SIDE, f"{name}: all {count} maps", f"all {count} maps")
    return whole + picture_html(in_colour(one), _SIDE, alt, alt.removeprefix(f"{name}, "))


def feature_maps(
    picture: Tensor, trained: CifarCNN | None = None, untrained: CifarCNN | None = None
) -> widgets.VBox:
    """Choose layer, map, and trained or untrained weights.

    Args:
        picture: uint8 `(3, 32, 32)`.
        trained: `None` takes the shipped weights.
        untrained: `None` takes fresh random weights.

    Returns:
        A widget; the networks run once, when it is made.

    Raises:
        ValueError: if the picture has another shape or type.
    """
    if picture.dtype != torch.uint8 or picture.shape != (3, 32, 32):
        raise ValueError(
            f"feature_maps takes uint8 pixels of shape (3, 32, 32), got {picture.dtype} {tuple(picture.shape)}"
        )
    networks = {"trained": trained or shipped_model(), "untrained": untrained or _fresh()}
    found = {name: activations(model, picture) for name, model in networks.items()}
    weights = widgets.Dropdown(options=list(found), description="weights")
    layer = widgets.Dropdown(options=list(found["trained"]), description="layer")
    channel = widgets.BoundedIntText(min=0, max=31, description="map")
    shown = widgets.HTML()

    def draw(_: Any = None) -> None:
        maps = found[weights.value][layer.value]
        channel.max = len(maps) - 1
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
