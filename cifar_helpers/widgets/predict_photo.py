"""Upload a photo and see what the network sees and says."""

from __future__ import annotations

import html
from typing import Any

import ipywidgets as widgets
import numpy as np
from torch import nn

from cifar_helpers.figures._base import PALETTE
from cifar_helpers.inference import Picture, PictureError, Prediction, percent, predict
from cifar_helpers.widgets._drawing import message_html, picture_html
from cifar_helpers.widgets._screen import Screen

__all__ = ["predict_photo", "render", "respond"]

_SIDE = 200
_HINT = "PNG, JPEG, WebP, GIF, BMP or TIFF, up to 10 MB. The picture stays on the computer that runs this notebook."


def render(prediction: Prediction) -> str:
    """HTML of the 32×32 pixels that the network saw, and its top classes as bars with numbers."""
    pixels = np.asarray(prediction.seen).transpose(1, 2, 0)
    alt = f"What the network sees, 32×32 pixels. It says: {prediction}"
    image = picture_html(pixels, _SIDE, alt, "what the network sees")
    rows = "".join(
        f"<tr><th scope='row' style='text-align:left'>{html.escape(name)}</th>"
        f"<td><div style='background:{PALETTE[0]};height:1em;width:{200 * share:.0f}px'></div></td>"
        f"<td>{html.escape(percent(share))}</td></tr>"
        for name, share in prediction.top
    )
    caption = f"<caption>Top {len(prediction.top)} of the ten classes</caption>"
    return f"{image}<table style='display:inline-table;vertical-align:top'>{caption}{rows}</table>"


def respond(picture: Picture, model: nn.Module | None = None) -> str:
    """HTML of the answer to a picture, or of a message that says why there is none."""
    try:
        return render(predict(picture, model))
    except PictureError as error:
        return message_html(f"This file cannot be used: {error}.")


def predict_photo(picture: Picture | None = None, model: nn.Module | None = None) -> widgets.VBox:
    """A button that takes a picture from your computer; nothing leaves it.

    Args:
        picture: shown before the first upload; see `predict`.
        model: `None` takes the shipped weights.

    Returns:
        A widget. A file that cannot be used gives a message in it.
    """
    upload = widgets.FileUpload(
        accept="image/*",
        multiple=False,
        description="choose a photo",
        tooltip="choose a photo",
        layout=widgets.Layout(width="auto"),
    )
    shown = Screen("" if picture is None else respond(picture, model))

    def uploaded(change: dict[str, Any]) -> None:
        if change["new"]:
            shown.value = respond(bytes(change["new"][0]["content"]), model)

    upload.observe(uploaded, "value")
    return widgets.VBox([upload, widgets.HTML(html.escape(_HINT)), shown])
