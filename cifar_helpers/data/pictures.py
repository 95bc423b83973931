"""Open any picture as 8-bit RGB, or say why that is not possible."""

from __future__ import annotations

import importlib
import io
import os
import re
import warnings
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import IO, BinaryIO, Final, TypeAlias
from urllib.parse import urlsplit
from urllib.request import url2pathname

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFile, UnidentifiedImageError, features

from cifar_helpers._paths import reading_problem, user_path
from cifar_helpers.data.layouts import IN_ICLOUD

PictureFile: TypeAlias = str | os.PathLike[str] | bytes | bytearray | memoryview | IO[bytes]
"""A picture file: its path, its bytes, or the file object, open in binary mode."""

_MOST_PIXELS: Final = 64_000_000  # this many need less than 1 GB when decoded and converted
_MOST_BYTES: Final = 400_000_000  # enough for that many pixels with three 16-bit channels
# Pillow reads more formats, but some by starting another program (EPS) or with little-tested decoders.
_FORMATS: Final = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM", "AVIF", "HEIF")
_ADDRESS: Final = re.compile(r"[a-z][a-z0-9+.-]+:/|data:", re.IGNORECASE)  # "C:/" is not one
# How other kinds of file begin: pictures that Pillow cannot read, and files that get saved in place of pictures.
_OTHER_KINDS: Final = (
    (rb"\0\0\0\x0cjP  |\xff\x4f\xff\x51", "a JPEG 2000 picture"),
    (rb"\0\0\0\x0cJXL |\xff\x0a|.{4}ftypjxl", "a JPEG XL picture"),
    (rb".{4}ftypcrx|FUJIFILMCCD-RAW|IIRO|IIU\0|.{8}CR\x02", "a raw photo from a camera"),
    (rb".{4}(?:ftyp|moov|mdat)|\x1a\x45\xdf\xa3|RIFF.{4}AVI ", "a video, or a photo in a format that only phones read"),
    (rb"8BP[SB]", "a Photoshop file"),
    (rb"II\*\0|MM\0\*|II\+\0|MM\0\+", "a kind of TIFF that Pillow cannot read"),
    (rb"%PDF", "a PDF document"),
    (rb"\s*(?:<\?xml[^>]*>\s*)?<svg", "an SVG drawing"),
    (rb"(?i)\s*<(?:!doctype )?html", "a web page"),
    (rb"PK\x03\x04|\x1f\x8b|7z\xbc\xaf|Rar!", "a compressed archive: unpack it first"),
    (rb"version https://git-lfs", "a pointer of Git LFS: run git lfs pull first"),
    (rb"\0\x05\x16\x07", "a file that macOS keeps next to a picture"),
    (rb"bplist|<\?xml", "a settings file, not a picture"),
    (rb"\0\0[\1\2]\0[^\0]\0", "an icon"),
    (rb"\x76\x2f\x31\x01", "an OpenEXR picture"),
)
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
# TIFF tags and some of their values
_BITS: Final = 258
_PHOTOMETRIC: Final = 262
_PLANES: Final = 284
_EXTRA: Final = 338
_SAMPLE_FORMAT: Final = 339
_WHITE_IS_ZERO: Final = 0
_SIGNED: Final = 2
_SEPARATE: Final = 2


class PictureError(ValueError):
    """A picture cannot be used; the message names the picture and the reason, and says what to do."""


def open_rgb(picture: PictureFile | Image.Image, *, at_least: int | None = None) -> Image.Image:
    """Open a picture as upright RGB, with transparent parts on white.

    Args:
        picture: a path (`~` is the home folder), the bytes of a file, a file open in binary mode, which is
            read from its start, or a PIL image. The first frame of an animation is used; 16-bit, palette, CMYK and
            grey pictures, and those with transparency, are converted. A PIL image of more than 8 bits that is not
            from a file counts as 8-bit if no value is above 255, otherwise as 16-bit. The transparent colour of a
            16-bit RGB PNG is compared by its upper 8 bits, which is all that Pillow reads.
        at_least: decode a JPEG at 1/2, 1/4 or 1/8 of its size, as long as both sides keep this many pixels; this is
            fast and needs little memory. `None` decodes it in full.

    Returns:
        An RGB image, rotated as its EXIF orientation says, and without that tag, so that nothing rotates it twice.

    Raises:
        PictureError: if there is no such file, or it is not a picture, truncated or too large.
    """
    with warnings.catch_warnings():
        # Pillow warns about large pictures, which are limited below, and odd headers, which are harmless.
        warnings.simplefilter("ignore")
        if isinstance(picture, Image.Image):
            return _to_rgb(picture, "the picture")
        name = os.fsdecode(picture) if isinstance(picture, (str, os.PathLike)) else "the picture"
        with _stream(picture) as stream:
            return _to_rgb(_open(stream, name, at_least), name)


def located(path: str | os.PathLike[str]) -> Path:
    """The path of a picture or a folder of pictures; `~` is the home folder.

    Raises:
        PictureError: if it cannot be a path, or is an address and no file has that name.
    """
    text = os.fsdecode(path)
    try:
        place = user_path(text)
    except ValueError as error:
        raise PictureError(f"{error}. Give another path") from error
    if _ADDRESS.match(text) and not os.path.lexists(place):
        raise PictureError(_address_problem(text))
    return place


def _address_problem(text: str) -> str:
    scheme = text.partition(":")[0].lower()
    if scheme == "file":
        return f"{text[:80]} is the address of a file: give its path, {url2pathname(urlsplit(text).path)[:80]}"
    if scheme == "data":
        return f"{text[:80]} is a picture encoded as text: give its bytes, base64.b64decode of the part after the comma"
    if scheme in ("content", "blob", "ph", "assets-library"):
        return f"{text[:80]} is an address that only the app it comes from can open: save the picture as a file first"
    return f"{text[:80]} is a web address: download the picture first, then give the path of the file"


def _stream(picture: PictureFile) -> AbstractContextManager[BinaryIO]:
    if isinstance(picture, (bytes, bytearray, memoryview)):
        return io.BytesIO(bytes(picture))
    if isinstance(picture, (str, os.PathLike)):
        return _file(located(picture))
    if hasattr(picture, "read"):
        return io.BytesIO(_content(picture))
    raise PictureError(
        "a picture must be a path, the bytes of a file, a file open in binary mode, a PIL image, a NumPy array "
        f"or a tensor, got {type(picture).__name__}: pass one of these, one picture at a time"
    )


def _file(path: Path) -> BinaryIO:
    try:
        if path.is_dir():
            raise PictureError(f"{path} is a folder: give the path of one picture in it")
        if path.suffix == ".icloud":
            raise PictureError(f"{path} {IN_ICLOUD}")
        problem = reading_problem(path)
    except OSError as error:  # a name that is too long, or an unreadable parent folder
        problem = f"{path} cannot be read ({error.strerror})"
    except UnicodeError as error:
        problem = f"{str(path)!r} is not a file name ({error})"
    if problem:
        raise PictureError(f"{problem}. Give the path of a picture that you can open")
    return path.open("rb")


def _content(stream: IO[bytes]) -> bytes:
    content = bytearray()
    try:
        if hasattr(stream, "seekable") and stream.seekable():
            stream.seek(0)  # a buffer that was just written is positioned at its end
        # In pieces: a pipe yields what is there, and a device such as /dev/zero never ends.
        while len(content) <= _MOST_BYTES and (part := stream.read(1 << 20)):
            content += part
    except Exception as error:  # closed, open for writing or as text, or a file object of someone else's class
        raise PictureError(f"the open file cannot be read ({error}): open it with open(path, 'rb')") from error
    if len(content) > _MOST_BYTES:
        raise PictureError(f"the open file has more than {_MOST_BYTES / 1e6:.0f} MB: make the picture smaller")
    return bytes(content)


def _open(stream: BinaryIO, name: str, at_least: int | None) -> Image.Image:
    try:
        start = stream.read(64)
    except OSError as error:  # a disk or a network that fails
        raise PictureError(f"{name} cannot be read ({error.strerror or error}): check its disk, or copy it") from error
    if not start:
        raise PictureError(f"{name} is empty: give another picture")
    Image.init()
    phone = _phone_format(start)
    if phone == "HEIC":
        _learn_heic()
    try:
        image = Image.open(stream, formats=[f for f in _FORMATS if f in Image.OPEN])
    except UnidentifiedImageError as error:
        raise _unknown(name, start, phone) from error
    except Image.DecompressionBombError as error:
        raise PictureError(f"{name} has too many pixels: make it smaller") from error
    except Exception as error:  # a damaged file can raise almost anything
        raise _damaged(name, error) from error
    if at_least is not None:
        image.draft(None, (at_least, at_least))
    return image


def _phone_format(start: bytes) -> str:
    """`AVIF` or `HEIC`, which share one container and differ in its brands, else an empty string."""
    if start[4:8] != b"ftyp":
        return ""
    brands = start[8 : int.from_bytes(start[:4], "big")]
    if b"avif" in brands or b"avis" in brands:
        return "AVIF"
    return "HEIC" if any(brand in brands for brand in (b"hei", b"hev", b"mif1", b"msf1")) else ""


def _learn_heic() -> None:
    """Let Pillow read HEIC if the package for it is installed."""
    with suppress(ImportError):
        importlib.import_module("pillow_heif").register_heif_opener()


def _unknown(name: str, start: bytes, phone: str) -> PictureError:
    if not phone:
        kinds = (f"it is {kind}" for begin, kind in _OTHER_KINDS if re.match(begin, start, re.DOTALL))
        what = next(kinds, f"it starts with {start[:12]!r}")
        return PictureError(f"{name} is not a picture that can be read ({what}). Save it as PNG or JPEG")
    if phone == "HEIC" and "HEIF" not in Image.OPEN:
        return PictureError(
            f"{name} is a HEIC picture, the format of iPhones, which Pillow alone cannot read. Save it as JPEG "
            '(on the iPhone: Settings, Camera, Formats, "Most Compatible"), or run: pip install pillow-heif'
        )
    if phone == "AVIF" and not features.check("avif"):
        return PictureError(
            f"{name} is an AVIF picture, which this version of Pillow cannot read. Save it as PNG or JPEG, "
            "or run: pip install --upgrade pillow"
        )
    return PictureError(f"{name} is a damaged {phone} picture. Get the file again, or save it as PNG or JPEG")


def _to_rgb(image: Image.Image, name: str) -> Image.Image:
    if image.width * image.height > _MOST_PIXELS:
        raise PictureError(
            f"{name} is {image.width}×{image.height} pixels, more than {_MOST_PIXELS:,}: make it smaller"
        )
    if image.width * image.height == 0:
        raise PictureError(f"{name} is empty, {image.width}×{image.height} pixels. Use another picture")
    stored = _stored_as(image)
    _refuse_misread(image, name)
    _load(image, name)
    turn = _turn(image)
    coloured = _in_colours(image, name, stored)
    if turn is None:
        return coloured
    upright = coloured.transpose(turn)
    upright.info = {}  # its EXIF data would rotate it again
    return upright


def _refuse_misread(image: Image.Image, name: str) -> None:
    """Refuse the kinds of TIFF that Pillow opens without an error but reads wrongly."""
    bits = _tag(image, _BITS) or 8
    what = ""
    if bits > 8 and _tag(image, _PLANES) == _SEPARATE and image.mode in ("RGB", "RGBA", "CMYK"):
        what = f"keeps {bits}-bit colours in separate planes"
    if bits <= 8 and _tag(image, _SAMPLE_FORMAT) == _SIGNED:
        what = f"holds signed {bits}-bit numbers"
    if what:
        raise PictureError(f"{name} is a TIFF that {what}, which Pillow reads wrongly. Save it as an 8-bit PNG")


def _load(image: Image.Image, name: str) -> None:
    try:
        image.load()
    except Exception as error:  # as above
        # After `with Image.open(path) as image:` an image that was not loaded no longer has a file.
        if "closed" in str(error) or (isinstance(image, ImageFile.ImageFile) and image.fp is None):
            raise PictureError(
                f"{name} was closed before its pixels were read: call load() on it while its file is open, "
                "or give the path of the file"
            ) from error
        raise _damaged(name, error) from error


def _turn(image: Image.Image) -> Image.Transpose | None:
    try:
        orientation = image.getexif().get(_ORIENTATION)
    except Exception:  # a damaged header; the pixels are fine, and may well be upright
        return None
    return _UPRIGHT.get(orientation) if isinstance(orientation, int) else None


def _in_colours(image: Image.Image, name: str, stored: str) -> Image.Image:
    if image.mode == "F":
        raise PictureError(
            f"{name} has floating-point pixels, and nothing says which value is white: "
            "save it with 8 bits per channel, or give an array with values in 0..1"
        )
    if image.mode.startswith("I"):
        return _from_many_bits(image, name)
    try:
        if image.has_transparency_data and not _is_padding(image):
            image = _with_alpha(image, stored)
            paper = Image.new("RGB", image.size, "white")
            paper.paste(image, mask=image.getchannel("A"))
            return paper
        return image if image.mode == "RGB" else image.convert("RGB")
    except (ValueError, TypeError, ImportError) as error:  # not every version of Pillow converts LAB
        raise PictureError(
            f"{name} has the colour mode {image.mode}, which cannot be converted ({error}): save it as RGB"
        ) from error


def _is_padding(image: Image.Image) -> bool:
    """Whether a fourth channel of zeros is padding, as in a BMP or a TIFF that declares no alpha channel."""
    may_pad = image.format == "BMP" or (image.format == "TIFF" and _tag(image, _EXTRA) is None)
    return may_pad and image.mode == "RGBA" and image.getchannel("A").getbbox() is None


def _stored_as(image: Image.Image) -> str:
    """The raw mode of the pixels in a PNG that is not loaded yet, such as `L;4`; else an empty string."""
    tiles = getattr(image, "tile", None) if image.format == "PNG" else None
    return str(tiles[0][3]) if tiles else ""


def _with_alpha(image: Image.Image, stored: str) -> Image.Image:
    if image.mode == "La":
        image = image.convert("LA")
    transparent = image.info.get("transparency")
    if image.mode == "L" and isinstance(transparent, int):
        image = image.copy()
        image.info["transparency"] = _scaled(transparent, stored)
    elif image.mode == "RGB" and isinstance(transparent, tuple):
        image = image.copy()
        image.info["transparency"] = tuple(_scaled(value, stored) for value in transparent)
    return image.convert("RGBA")


def _scaled(value: int, stored: str) -> int:
    """The transparent value of a PNG, scaled to 8 bits: Pillow scales the pixels, but not this value."""
    if stored == "L;2":
        return (value & 3) * 85
    if stored == "L;4":
        return (value & 15) * 17
    return value >> 8 if stored == "RGB;16B" or value > 255 else value


def _from_many_bits(image: Image.Image, name: str) -> Image.Image:
    """Scale to 0..255; clipping, as `convert` does, would turn most of a 16-bit picture white."""
    values = np.asarray(image)
    low, high = int(values.min()), int(values.max())
    white = _white(image, high)
    if low < 0 or high > white:
        raise PictureError(
            f"{name} has {'32-bit ' if image.mode == 'I' else ''}values from {low} to {high}, and only 0 to {white} "
            "can be scaled: save it with 8 or 16 bits per channel"
        )
    table = np.rint(np.arange(white + 1) * (255 / white)).astype(np.uint8)
    if _tag(image, _PHOTOMETRIC) == _WHITE_IS_ZERO:
        table = table[::-1].copy()
    transparent = image.info.get("transparency")
    if isinstance(transparent, int) and 0 <= transparent <= white:
        table[transparent] = 255
    pixels: npt.NDArray[np.uint8] = table[values]
    return Image.fromarray(pixels).convert("RGB")


def _white(image: Image.Image, high: int) -> int:
    """The value of white in a picture of more than 8 bits whose highest value is `high`."""
    bits = _tag(image, _BITS)
    if bits is not None and bits <= 16:
        signs = 1 if _tag(image, _SAMPLE_FORMAT) == _SIGNED else 0
        return (1 << (bits - signs)) - 1
    # Pillow uses mode I for 32 bits and, before version 11, for 16-bit PNG; others put 8-bit values in both.
    is_wide = image.format in ("PNG", "PPM") or (image.mode != "I" and image.format is not None)
    return 65535 if is_wide or high > 255 else 255


def _tag(image: Image.Image, number: int) -> int | None:
    """A tag of a TIFF; `None` if it is missing, or the picture is not a TIFF."""
    value: object = getattr(image, "tag_v2", {}).get(number)
    if isinstance(value, tuple) and value:  # one number per channel
        value = value[0]
    return value if isinstance(value, int) else None


def _damaged(name: str, error: Exception) -> PictureError:
    return PictureError(f"{name} is truncated or damaged ({error}). Get the file again")
