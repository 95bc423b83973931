"""What the widgets draw with: arrays to PNG to HTML, with alt text."""

from __future__ import annotations

import base64
import html
import io
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib import colormaps
from PIL import Image

from cifar_helpers.figures._base import SIGNED

Array = npt.NDArray[Any]
Pixels = npt.NDArray[np.uint8]


def in_grey(values: Array) -> Pixels:
    """Brightness `(H, W)` as grey pixels: 0 and below black, 1 and above white."""
    return np.asarray(np.repeat((values.clip(0, 1) * 255).astype(np.uint8)[..., None], 3, axis=2))


def in_colour(values: Array, name: str = "viridis") -> Pixels:
    """Numbers `(H, W)` in a colour map, from least to greatest."""
    low, high = float(values.min()), float(values.max())
    scaled = (values - low) / (high - low) if high > low else np.full(values.shape, 0.5)
    return np.asarray(colormaps[name](scaled, bytes=True)[..., :3])


def in_signs(values: Array) -> Pixels:
    """Numbers `(H, W)`: purple below zero, white at zero, orange above."""
    limit = max(float(np.abs(values).max()), 1e-9)
    return np.asarray(colormaps[SIGNED](values / limit / 2 + 0.5, bytes=True)[..., :3])


def picture_html(pixels: Pixels, side: int, alt: str, caption: str = "") -> str:
    """An image of `(H, W, 3)` uint8 pixels, drawn `side` screen pixels high with sharp edges."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", compress_level=1)
    source = base64.b64encode(buffer.getvalue()).decode("ascii")
    image = (
        f'<img alt="{html.escape(alt, quote=True)}" src="data:image/png;base64,{source}" '
        f'style="height:{side}px;width:auto;image-rendering:pixelated">'
    )
    below = f"<figcaption>{html.escape(caption)}</figcaption>"
    return f'<figure style="display:inline-block;margin:0 12px 0 0">{image}{below}</figure>'


def message_html(text: str) -> str:
    """A message in the place of a picture."""
    return f'<p role="alert"><b>{html.escape(text)}</b></p>'
