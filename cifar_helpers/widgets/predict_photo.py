"""Upload a photo and see what the network sees and says."""

from __future__ import annotations

import html
from typing import Any

import ipywidgets as widgets
import numpy as np
from torch import nn

from cifar_helpers.inference import Picture, PictureError, Prediction, predict
from cifar_helpers.widgets._drawing import message_html, picture_html

__all__ = ["predict_photo", "render"]

_SIDE = 200


def render(prediction: Prediction) -> str:
    """HTML of the 32×32 pixels that the network saw, and its top classes as bars with numbers."""
    pixels = np.asarray(prediction.seen).transpose(1, 2, 0)
    image = picture_html(
        pixels, _SIDE, f"What the network sees; it says {prediction}", "what the network sees"
    )
    rows = "".join(
        f"<tr><td>{html.escape(name)}</td><td><div style='background:#0173b2;height:1em;width:{200 * share:.0f}px'>"
        f"</div></td><td>{share:.1%}</td></tr>"
        for name, share in prediction.top
    )
    return f"{image}<table style='display:inline-table;vertical-align:top'>{rows}</table>"


def predict_photo(picture: Picture | None = None, model: nn.Module | None = None) -> widgets.VBox:
    """A button that takes a picture from your computer; nothing leaves it.

    Args:
        picture: shown before the first upload; see `predict`.
        model: `None` takes the shipped weights.

    Returns:
        A widget. A file that cannot be used gives a message in it.
    """
    upload = widgets.FileUpload(accept="image/*", multiple=False, description="choose a photo")
    shown = widgets.HTML()

    def show(chosen: Picture) -> None:
        try:
            shown.value = render(predict(chosen, model))
        except PictureError as error:
            shown.value = message_html(f"This file cannot be used: {error}.")

    def uploaded(change: dict[str, Any]) -> None:
        if change["new"]:
            show(bytes(change["new"][0]["content"]))

    upload.observe(uploaded, "value")
    if picture is not None:
        show(picture)
    return widgets.VBox([upload, shown])
