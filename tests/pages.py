"""What tests read in the HTML that a widget shows."""

from __future__ import annotations

import base64
import html
import io
import re
from typing import Any

import numpy as np
from PIL import Image


def alts(page: str) -> list[str]:
    """Alt texts of all pictures and drawings, in order."""
    return [html.unescape(text) for text in re.findall(r'(?:alt|aria-label)="([^"]*)"', page)]


def pictures(page: str) -> list[np.ndarray[Any, Any]]:
    """Pixels of all pictures, in order."""
    return [
        np.asarray(Image.open(io.BytesIO(base64.b64decode(source))))
        for source in re.findall(r'src="data:image/png;base64,([^"]+)"', page)
    ]


def status(page: str) -> str:
    """The sentences that say what is seen."""
    return " ".join(html.unescape(text) for text in re.findall(r'<p role="status"[^>]*>(.*?)</p>', page))


def alert(page: str) -> str:
    """The message in the place of a picture; empty where there is none."""
    found = re.search(r'<p role="alert"><b>(.*?)</b>', page)
    return html.unescape(found[1]) if found else ""


def frames(page: str) -> list[tuple[float, ...]]:
    """Top, left, height and width of the black frames on pictures."""
    found = re.findall(
        r'<rect x="([-\d.]+)" y="([-\d.]+)" width="([\d.]+)" height="([\d.]+)" '
        r'fill="none" stroke="black" stroke-width="2"',
        page,
    )
    return [(float(y), float(x), float(height), float(width)) for x, y, width, height in found]


def cells(page: str, alt: str) -> list[str]:
    """Texts in the grid of numbers whose alt text begins so."""
    start = page.index(f'aria-label="{html.escape(alt, quote=True)}')
    return re.findall(r"<text[^>]*>([^<]*)</text>", page[start : page.index("</svg>", start)])
