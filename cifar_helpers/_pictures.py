"""Open any picture as 8-bit RGB, or say why that cannot be done."""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

_MOST_PIXELS: Final = 200_000_000
_SIXTEEN_BIT: Final = ("I", "I;16", "I;16B", "I;16L", "I;16N")


class PictureError(ValueError):
    """A picture cannot be used; the message names it, the reason and what to do."""


def open_rgb(picture: Path | str | bytes | Image.Image) -> Image.Image:
    """Open a picture and turn it into RGB, upright, with transparent parts on white.

    Args:
        picture: a path, the bytes of a file, or a PIL image. Of an animation the first frame is taken;
            16-bit grey, palette, CMYK, and pictures with transparency are converted.

    Returns:
        An RGB image of the full size, turned as its EXIF orientation says.

    Raises:
        PictureError: if there is no such file, it is no picture, is cut off, or is too large.
    """
    if isinstance(picture, Image.Image):
        return _to_rgb(picture, "the picture")
    name = "the picture" if isinstance(picture, bytes) else str(picture)
    content = picture if isinstance(picture, bytes) else _read(Path(picture))
    if not content:
        raise PictureError(f"{name} is empty")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # bounded below
            image = Image.open(io.BytesIO(content))
            if image.width * image.height > _MOST_PIXELS:
                raise PictureError(
                    f"{name} is {image.width}×{image.height} pixels, over {_MOST_PIXELS:,}: make it smaller"
                )
            image.draft("RGB", (512, 512))  # lets a large JPEG be decoded at a fraction of its size
            return _to_rgb(image, name)
    except UnidentifiedImageError as error:
        raise PictureError(
            f"{name} is not a picture that Pillow can read (it starts with {content[:12]!r}). "
            "Save it as PNG or JPEG"
        ) from error
    except Image.DecompressionBombError as error:
        raise PictureError(f"{name} has too many pixels: make it smaller") from error


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise PictureError(f"there is no file {path}") from error
    except OSError as error:
        raise PictureError(f"{path} cannot be read: {error.strerror}") from error


def _to_rgb(image: Image.Image, name: str) -> Image.Image:
    try:
        image.load()
        # The orientation stands in the header and is lost by a conversion, so it comes first.
        image = ImageOps.exif_transpose(image)
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise PictureError(f"{name} is cut off or damaged ({error}). Get the file again") from error
    if image.mode in _SIXTEEN_BIT:
        return Image.fromarray((np.asarray(image).clip(0, 65535) // 257).astype(np.uint8)).convert("RGB")
    if image.mode == "F":
        raise PictureError(f"{name} holds floating-point pixels: save it with 8 bits a channel")
    if image.has_transparency_data:
        white = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(white, image.convert("RGBA")).convert("RGB")
    return image.convert("RGB")
