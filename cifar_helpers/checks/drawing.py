"""Draw pictures of right answers: arrays as PNG or SVG in HTML, with alt text."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib import colormaps
from PIL import Image

from cifar_helpers.figures._base import PALETTE, SIGNED

Array = npt.NDArray[Any]
Pixels = npt.NDArray[np.uint8]
Frame = tuple[float, float, float, float]
"""Top, left, height and width of a rectangle, in pixels of the picture."""


def in_grey(values: Array) -> Pixels:
    """Brightness `(H, W)` as grey pixels: black at 0 and below, white at 1 and above."""
    return np.asarray(np.repeat((values.clip(0, 1) * 255).astype(np.uint8)[..., None], 3, axis=2))


def in_signs(values: Array) -> Pixels:
    """Numbers `(H, W)`: purple below zero, white at zero, orange above."""
    limit = max(float(np.abs(values).max()), 1e-9)
    return np.asarray(colormaps[SIGNED](values / limit / 2 + 0.5, bytes=True)[..., :3])


def as_rows(picture: Any) -> Pixels:
    """A picture `(3, H, W)`, array or tensor, as `(H, W, 3)`."""
    return np.asarray(picture).transpose(1, 2, 0)


def picture_html(pixels: Pixels, side: int, alt: str, caption: str = "", frames: Sequence[Frame] = ()) -> str:
    """An image of `(H, W, 3)` uint8 pixels, drawn `side` screen pixels high with sharp edges.

    Args:
        pixels: the image.
        side: its height in screen pixels.
        alt: alternative text.
        caption: below it.
        frames: rectangles to draw on it.
    """
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", compress_level=1)
    source = base64.b64encode(buffer.getvalue()).decode("ascii")
    height, width = pixels.shape[:2]
    image = (
        f'<img alt="{html.escape(alt, quote=True)}" src="data:image/png;base64,{source}" '
        f'style="height:{side}px;width:auto;max-width:none;display:block;image-rendering:pixelated">'
    )
    over = f'<div style="position:relative;width:max-content">{image}{_frames_html(frames, height, width)}</div>'
    below = f"<figcaption>{html.escape(caption)}</figcaption>" if caption else ""
    return f'<figure style="display:inline-block;margin:0 12px 8px 0;vertical-align:top">{over}{below}</figure>'


def _frames_html(frames: Sequence[Frame], height: int, width: int) -> str:
    if not frames:
        return ""
    # Black on white, so that a frame is visible on any picture.
    lines = "".join(
        f'<rect x="{left}" y="{top}" width="{w}" height="{h}" fill="none" stroke="{colour}" stroke-width="{thick}" '
        'vector-effect="non-scaling-stroke"/>'
        for top, left, h, w in frames
        for colour, thick in (("white", 4), ("black", 2))
    )
    return (
        f'<svg viewBox="0 0 {width} {height}" preserveAspectRatio="none" aria-hidden="true" '
        'style="position:absolute;left:0;top:0;width:100%;height:100%;overflow:visible;pointer-events:none">'
        f"{lines}</svg>"
    )


def numbers_svg(
    values: Array,
    alt: str,
    *,
    cell: int = 38,
    text: Sequence[Sequence[str]] | None = None,
    signed: bool = False,
    unknown: npt.NDArray[np.bool_] | None = None,
) -> str:
    """A grid of coloured cells with a number in each.

    Args:
        values: float `(rows, columns)`: 0..1 in grey, or with `signed` any numbers in purple and orange.
        alt: alternative text.
        cell: side of a cell in screen pixels.
        text: of each cell; `None` writes the numbers with at most two decimals.
        signed: use purple below zero and orange above.
        unknown: cells that are left empty.
    """
    rows, columns = values.shape
    colours = (in_signs(values) if signed else in_grey(values)).reshape(rows, columns, 3)
    parts = []
    for row in range(rows):
        for column in range(columns):
            x, y = column * cell, row * cell
            if unknown is not None and unknown[row, column]:
                parts.append(
                    f'<rect x="{x}" y="{y}" width="{cell}" height="{cell}" fill="none" stroke="#888" '
                    'stroke-dasharray="2 3"/>'
                )
                continue
            red, green, blue = (int(part) for part in colours[row, column])
            ink = "black" if 0.3 * red + 0.59 * green + 0.11 * blue > 128 else "white"
            words = short(float(values[row, column])) if text is None else text[row][column]
            parts.append(
                f'<g><rect x="{x}" y="{y}" width="{cell}" height="{cell}" fill="rgb({red},{green},{blue})" '
                f'stroke="#888" stroke-width="0.5"/><text x="{x + cell / 2}" y="{y + cell / 2}" fill="{ink}" '
                f'font-size="{_size_of(words, cell)}" text-anchor="middle" dominant-baseline="central">'
                f"{words}</text></g>"
            )
    return svg("".join(parts), columns * cell + 6, rows * cell + 6, alt, offset=3)


def _size_of(words: str, cell: int) -> float:
    return round(min(0.4 * cell, 1.55 * cell / max(len(words), 1)), 1)


def svg(content: str, width: float, height: float, alt: str, offset: float = 0) -> str:
    """A drawing with alt text, whose upper left corner is at `-offset`."""
    return (
        f'<svg role="img" aria-label="{html.escape(alt, quote=True)}" width="{width:g}" height="{height:g}" '
        f'viewBox="{-offset:g} {-offset:g} {width:g} {height:g}" '
        f'style="vertical-align:top;margin:0 8px 8px 0;max-width:none">{content}</svg>'
    )


def short(value: float) -> str:
    """A number with at most two decimals: `0.5`, `-1`, `0.33`."""
    return f"{round(value, 2) + 0.0:.2f}".rstrip("0").rstrip(".").replace("-", "\N{MINUS SIGN}")


def titled(title: str, content: str) -> str:
    """A drawing with a title above it; several are placed side by side."""
    return (
        '<figure style="display:inline-block;margin:0 12px 0 0;vertical-align:top">'
        f"<figcaption>{html.escape(title)}</figcaption>{content}</figure>"
    )


def sentence(text: str) -> str:
    """A sentence that says what the picture shows; screen readers announce it when it changes."""
    return f'<p role="status" style="margin:4px 0">{html.escape(text)}</p>'


def bars_html(shares: Sequence[tuple[str, float]], caption: str, words: Sequence[str] | None = None) -> str:
    """Shares 0..1 as labelled bars with numbers."""
    said = [f"{share:.0%}" for _, share in shares] if words is None else words
    rows = "".join(
        f"<tr><th scope='row' style='text-align:left;font-weight:normal'>{html.escape(name)}</th>"
        f"<td style='width:150px;text-align:left'><div style='background:{PALETTE[0]};height:1em;"
        f"width:{150 * share:.0f}px'></div></td><td style='text-align:right'>{html.escape(text)}</td></tr>"
        for (name, share), text in zip(shares, said, strict=True)
    )
    caption = f"<caption style='text-align:left'>{html.escape(caption)}</caption>"
    return f"<table style='display:inline-table;vertical-align:top;margin:0'>{caption}{rows}</table>"
