"""Open any picture as 8-bit RGB, or say why that cannot be done."""

from __future__ import annotations

import io
import warnings
from contextlib import AbstractContextManager
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np
from PIL import Image, UnidentifiedImageError

_MOST_PIXELS: Final = 64_000_000  # decoded and converted, these need less than 1 GB
# Pillow reads more, but some of it by starting another program (EPS) or with little-tested decoders.
_FORMATS: Final = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM")
_ORIENTATION: Final = 0x0112  # the EXIF tag that says how the camera was held
_UPRIGHT: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class PictureError(ValueError):
    """A picture cannot be used; the message names it, the reason and what to do."""


def open_rgb(picture: Path | str | bytes | Image.Image, *, at_least: int | None = None) -> Image.Image:
    """Open a picture and turn it into RGB, upright, with transparent parts on white.

    Args:
        picture: a path, the bytes of a file, or a PIL image. Of an animation the first frame is taken;
            16-bit, palette, CMYK and grey pictures, and those with transparency, are converted.
        at_least: a JPEG may be decoded at 1/2, 1/4 or 1/8 of its size as long as both sides keep this many
            pixels, which is quick and needs little memory; `None` decodes it in full.

    Returns:
        An RGB image, turned as its EXIF orientation says.

    Raises:
        PictureError: if there is no such file, it is no picture, is cut off, or is too large.
    """
    with warnings.catch_warnings():
        # Pillow warns of large pictures, which are bounded below, and of odd headers, which do no harm.
        warnings.simplefilter("ignore")
        if isinstance(picture, Image.Image):
            return _to_rgb(picture, "the picture")
        name = "the picture" if isinstance(picture, bytes) else str(picture)
        with _stream(picture) as stream:
            return _to_rgb(_open(stream, name, at_least), name)


def _stream(picture: Path | str | bytes) -> AbstractContextManager[BinaryIO]:
    if isinstance(picture, bytes):
        return io.BytesIO(picture)
    path = Path(picture)
    try:
        if path.is_dir():
            raise PictureError(f"{path} is a folder: name one picture in it")
        return path.open("rb")
    except FileNotFoundError as error:
        raise PictureError(f"there is no file {path}") from error
    except OSError as error:
        raise PictureError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:  # a null character in the name
        raise PictureError(f"{str(picture)!r} is no file name: {error}") from error


def _open(stream: BinaryIO, name: str, at_least: int | None) -> Image.Image:
    start = stream.read(12)
    if not start:
        raise PictureError(f"{name} is empty")
    Image.init()
    try:
        image = Image.open(stream, formats=[f for f in _FORMATS if f in Image.OPEN])
    except UnidentifiedImageError as error:
        raise PictureError(
            f"{name} is not a picture that can be read (it starts with {start!r}). Save it as PNG or JPEG"
        ) from error
    except Image.DecompressionBombError as error:
        raise PictureError(f"{name} has too many pixels: make it smaller") from error
    except Exception as error:  # a damaged file can raise almost anything
        raise _damaged(name, error) from error
    if at_least is not None:
        image.draft(None, (at_least, at_least))
    return image


def _to_rgb(image: Image.Image, name: str) -> Image.Image:
    if image.width * image.height > _MOST_PIXELS:
        raise PictureError(f"{name} is {image.width}×{image.height} pixels, over {_MOST_PIXELS:,}: make it smaller")
    try:
        image.load()
    except Exception as error:  # as above
        raise _damaged(name, error) from error
    image = _upright(image)
    if image.mode == "F":
        raise PictureError(f"{name} holds floating-point pixels: save it with 8 bits a channel")
    if image.mode.startswith("I"):
        return _from_sixteen_bit(image, name)
    try:
        if image.has_transparency_data:
            image = image.convert("RGBA")
            paper = Image.new("RGB", image.size, "white")
            paper.paste(image, mask=image.getchannel("A"))
            return paper
        return image if image.mode == "RGB" else image.convert("RGB")
    except ValueError as error:
        raise PictureError(f"{name} has the colour mode {image.mode}: save it as RGB") from error


def _upright(image: Image.Image) -> Image.Image:
    try:
        orientation = image.getexif().get(_ORIENTATION)
    except Exception:  # a damaged header: the pixels are fine, and may well be upright
        return image
    turn = _UPRIGHT.get(orientation) if isinstance(orientation, int) else None
    return image if turn is None else image.transpose(turn)


def _from_sixteen_bit(image: Image.Image, name: str) -> Image.Image:
    """Scale 0..65535 to 0..255; clipping, as `convert` does it, would turn most of a picture white."""
    values = np.asarray(image)
    low, high = int(values.min()), int(values.max())
    if low < 0 or high > 65535:
        raise PictureError(f"{name} holds 32-bit numbers from {low} to {high}: save it with 8 or 16 bits a channel")
    # 257 = 65535 / 255; the 128 rounds to the nearest.
    return Image.fromarray(((values.astype(np.uint32) + 128) // 257).astype(np.uint8)).convert("RGB")


def _damaged(name: str, error: Exception) -> PictureError:
    return PictureError(f"{name} is cut off or damaged ({error}). Get the file again")
