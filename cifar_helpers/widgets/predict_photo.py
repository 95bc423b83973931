"""Upload a photo, move the crop, and see what the network sees, says, and looked at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import ipywidgets as widgets
import numpy as np
from PIL import Image
from torch import nn

from cifar_helpers.data import CLASSES
from cifar_helpers.evaluation.attribution import attribute
from cifar_helpers.inference import (
    Picture,
    PictureError,
    Prediction,
    checked_network,
    open_picture,
    percent,
    predict,
)
from cifar_helpers.widgets._cell import in_this_cell
from cifar_helpers.widgets._controls import choice, on_change, row, slider
from cifar_helpers.widgets._drawing import Array, as_rows, bars_html, in_signs, message_html, picture_html, sentence
from cifar_helpers.widgets._screen import Screen

__all__ = ["Crop", "predict_photo", "render"]

_SIDE: Final = 220
_HINT: Final = (
    "PNG, JPEG, WebP, AVIF, GIF, BMP or TIFF, up to 10 MB. The picture stays on the computer that runs this notebook."
)
METHODS: Final = ("nothing", "Grad-CAM", "occlusion")


@dataclass(frozen=True)
class Crop:
    """A square of a picture, by shares of it that a slider can move, 0..100.

    Attributes:
        size: side, of the picture's shorter side.
        right: of the room that is left, from the left.
        down: of the room that is left, from the top.
    """

    size: int = 100
    right: int = 50
    down: int = 50

    def box(self, width: int, height: int) -> tuple[int, int, int, int]:
        """Left, top, right and bottom in pixels; the middle is the square that `predict` cuts."""
        shorter = min(width, height)
        side = max(min(8, shorter), round(shorter * self.size / 100))  # fewer than 8 pixels show nothing
        left, top = ((room - side) * share // 100 for room, share in ((width, self.right), (height, self.down)))
        return left, top, left + side, top + side


def render(
    photo: Image.Image, crop: Crop, prediction: Prediction, values: Array | None = None, method: str = ""
) -> str:
    """HTML of the photo with its crop, the 32×32 pixels that the network sees, its top classes, and where it looked.

    Args:
        photo: RGB.
        crop: the square that is predicted.
        prediction: of that square.
        values: float `(32, 32)` of `attribute`, or `None`.
        method: its name.
    """
    small = photo.copy()
    small.thumbnail((2 * _SIDE, 2 * _SIDE))
    scale = small.width / photo.width
    left, top, right, bottom = (scale * edge for edge in crop.box(*photo.size))
    frame = (top, left, bottom - top, right - left)
    parts = [
        picture_html(
            np.asarray(small), _SIDE, f"The photo, {photo.width}×{photo.height}, crop framed", "photo", [frame]
        ),
        picture_html(
            as_rows(prediction.seen),
            _SIDE,
            f"What the network sees, 32×32 pixels. It says: {prediction}",
            "what the network sees",
        ),
    ]
    if values is not None:
        parts.append(_heat(prediction, values, method))
    words = [percent(share) for _, share in prediction.top]
    parts.append(bars_html(prediction.top, f"top {len(prediction.top)} of the ten classes", words))
    return "".join([*parts, sentence(f"Crop of {crop.size} %: {prediction}.")])


def _heat(prediction: Prediction, values: Array, method: str) -> str:
    y, x = divmod(int(values.argmax()), 32)
    part = ("upper", "middle", "lower")[y * 3 // 32], ("left", "centre", "right")[x * 3 // 32]
    # Colours over a pale grey picture, so that both the object and the weight of each part are seen.
    grey = as_rows(prediction.seen).mean(2, keepdims=True)
    mixed = (0.35 * (0.5 * grey + 127) + 0.65 * in_signs(values)).astype(np.uint8)
    alt = f"{method}: most for {prediction.label} in the {part[0]} {part[1]}"
    return picture_html(mixed, _SIDE, alt, f"{method}: orange for {prediction.label}, purple against")


def predict_photo(
    pictures: Picture | Mapping[str, Picture] | None = None, model: nn.Module | None = None
) -> widgets.VBox:
    """Choose or upload a picture, move the crop, and see what the network makes of it.

    Args:
        pictures: one, or name to picture, to choose from before the first upload; see `predict`.
        model: `None` takes the shipped weights.

    Returns:
        A widget. A file or a network that cannot be used gives a message in it; nothing leaves the computer
        that runs it.

    Raises:
        TypeError: if `model` is no network.
    """
    named = pictures if isinstance(pictures, Mapping) else {} if pictures is None else {"the first": pictures}
    return in_this_cell(_Steering(dict(named), checked_network(model)).box)


class _Steering:
    def __init__(self, pictures: dict[str, Picture], model: nn.Module) -> None:
        self.pictures, self.model = pictures, model
        self.photo: Image.Image | None = None
        self.upload = widgets.FileUpload(
            accept="image/*",
            multiple=False,
            description="choose a photo",
            tooltip="choose a photo",
            layout=widgets.Layout(width="auto"),
        )
        self.chosen = choice("picture", list(pictures))
        self.size = slider("crop (%)", 20, 100, 100)
        self.right, self.down = slider("to the right (%)", 0, 100, 50), slider("down (%)", 0, 100, 50)
        self.method = choice("where it looked", METHODS)
        self.shown = Screen()
        self.upload.observe(self.uploaded, "value")
        on_change(self.choose, self.chosen)
        on_change(self.draw, self.size, self.right, self.down, self.method)
        top = row(self.upload, self.chosen, self.method) if len(pictures) > 1 else row(self.upload, self.method)
        self.box = widgets.VBox([top, widgets.Label(_HINT), row(self.size, self.right, self.down), self.shown])
        if pictures:
            self.choose()

    def choose(self) -> None:
        if self.chosen.value is not None:
            self.take(self.pictures[self.chosen.value])

    def uploaded(self, change: dict[str, Any]) -> None:
        if change["new"]:
            self.take(bytes(change["new"][0]["content"]))

    def take(self, picture: Picture) -> None:
        try:
            self.photo = open_picture(picture)
        except PictureError as error:
            self.shown.value = message_html(f"This file cannot be used: {error}.")
            return
        self.draw()

    def draw(self) -> None:
        if self.photo is None:
            return
        crop = Crop(self.size.value, self.right.value, self.down.value)
        try:
            prediction = predict(self.photo.crop(crop.box(*self.photo.size)), self.model)
        except PictureError as error:
            self.shown.value = message_html(f"This crop cannot be used: {error}.")
            return
        except (ValueError, TypeError) as error:
            self.shown.value = message_html(f"This network cannot be used: {error}.")
            return
        values, problem = None, ""
        if self.method.value != METHODS[0]:
            try:
                values = attribute(self.model, prediction.seen, CLASSES.index(prediction.label), self.method.value)
            except ValueError as error:
                problem = message_html(f"{error}.")
        self.shown.value = problem + render(self.photo, crop, prediction, values, self.method.value)
