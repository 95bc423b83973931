"""Every kind of file that people give to a network is opened correctly, or refused with a reason."""

from __future__ import annotations

import contextlib
import io
import struct
import time
import tracemalloc
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from helpers import RED, STORED, corners, write_png
from PIL import Image

from cifar_helpers.data.pictures import PictureError, open_rgb


def pixel(picture: Image.Image, x: int, y: int) -> list[int]:
    return np.asarray(picture)[y, x].tolist()


# --- opened right ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["png", "bmp", "tiff", "webp", "ppm"])
def test_a_lossless_file_keeps_every_pixel(tmp_path: Path, ending: str) -> None:
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (20, 30, 3), np.uint8)
    path = tmp_path / f"p.{ending}"
    Image.fromarray(pixels).save(path, **({"lossless": True} if ending == "webp" else {}))
    for picture in (path, str(path), path.read_bytes(), Image.open(path)):
        opened = open_rgb(picture)
        assert opened.mode == "RGB" and np.array_equal(np.asarray(opened), pixels)


def test_16_bit_grey_is_scaled_not_clipped(tmp_path: Path) -> None:
    values = np.array([[0, 128, 129, 256], [257, 32768, 65534, 65535]], np.uint16)
    Image.fromarray(values).save(tmp_path / "p.png")
    opened = np.asarray(open_rgb(tmp_path / "p.png"))
    expected = np.rint(values / 257).astype(np.uint8)
    assert np.array_equal(opened, np.repeat(expected[:, :, None], 3, axis=2))


def test_16_bit_rgb_keeps_its_colours(tmp_path: Path) -> None:
    row = b"\0" + struct.pack(">3H", *(257 * c for c in RED)) * 10
    path = write_png(tmp_path / "p.png", 10, 10, depth=16, colour=2, rows=row * 10)
    assert pixel(open_rgb(path), 5, 5) == list(RED)


def test_cmyk_jpeg_comes_out_in_its_colours(tmp_path: Path) -> None:
    Image.new("RGB", (32, 32), RED).convert("CMYK").save(tmp_path / "p.jpg", quality=95)
    assert np.abs(np.array(pixel(open_rgb(tmp_path / "p.jpg"), 9, 9)) - RED).max() <= 6


def rgba() -> Image.Image:
    """Left third red, middle half-transparent black, right fully transparent green."""
    picture = Image.new("RGBA", (30, 10), (0, 255, 0, 0))
    picture.paste((*RED, 255), (0, 0, 10, 10))
    picture.paste((0, 0, 0, 128), (10, 0, 20, 10))
    return picture


def test_transparent_parts_lie_on_white(tmp_path: Path) -> None:
    rgba().save(tmp_path / "p.png")
    opened = open_rgb(tmp_path / "p.png")
    assert pixel(opened, 5, 5) == list(RED) and pixel(opened, 25, 5) == [255] * 3
    assert abs(pixel(opened, 15, 5)[0] - 127) <= 1


def test_grey_with_transparency_is_placed_on_white(tmp_path: Path) -> None:
    picture = Image.new("LA", (20, 10), (0, 0))
    picture.paste((90, 255), (0, 0, 10, 10))
    picture.save(tmp_path / "p.png")
    opened = open_rgb(tmp_path / "p.png")
    assert pixel(opened, 5, 5) == [90] * 3 and pixel(opened, 15, 5) == [255] * 3


@pytest.mark.parametrize("transparency", [1, b"\xff\x00"])
def test_a_palette_with_transparency_is_placed_on_white(tmp_path: Path, transparency: int | bytes) -> None:
    picture = Image.new("P", (20, 10), 1)
    picture.putpalette([*RED, 0, 0, 255])
    picture.paste(0, (0, 0, 10, 10))
    picture.save(tmp_path / "p.png", transparency=transparency)
    opened = open_rgb(tmp_path / "p.png")
    assert pixel(opened, 5, 5) == list(RED) and pixel(opened, 15, 5) == [255] * 3


def test_a_transparent_colour_is_placed_on_white(tmp_path: Path) -> None:
    corners().save(tmp_path / "p.png", transparency=(0, 0, 0))
    opened = open_rgb(tmp_path / "p.png")
    assert pixel(opened, 2, 2) == list(RED) and pixel(opened, 2, 20) == [255] * 3


def test_1_bit_becomes_black_and_white(tmp_path: Path) -> None:
    picture = Image.new("1", (20, 10))
    picture.paste(1, (10, 0, 20, 10))
    picture.save(tmp_path / "p.png")
    opened = open_rgb(tmp_path / "p.png")
    assert pixel(opened, 5, 5) == [0] * 3 and pixel(opened, 15, 5) == [255] * 3


def test_of_an_animation_the_first_frame_is_taken(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (16, 16), colour) for colour in ("blue", "red", "green")]
    frames[0].save(tmp_path / "p.gif", save_all=True, append_images=frames[1:])
    assert pixel(open_rgb(tmp_path / "p.gif"), 8, 8) == [0, 0, 255]


@pytest.mark.parametrize("ending", ["jpg", "png"])
@pytest.mark.parametrize("orientation", STORED)
def test_exif_turns_a_picture_upright(tmp_path: Path, orientation: int, ending: str) -> None:
    turn = STORED[orientation]
    stored = corners() if turn is None else corners().transpose(turn)
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored.save(tmp_path / f"p.{ending}", exif=exif, **({"quality": 95} if ending == "jpg" else {}))
    opened = open_rgb(tmp_path / f"p.{ending}")
    assert opened.size == (40, 24)
    assert np.abs(np.asarray(opened, int) - np.asarray(corners(), int)).mean() < 4


@pytest.mark.parametrize("exif", [b"Exif\0\0MM\0*\0\0", b"Exif\0\0no such thing", b"Exif\0\0II*\0\xff\xff\xff\xff"])
def test_a_damaged_exif_header_does_no_harm(tmp_path: Path, exif: bytes) -> None:
    corners().save(tmp_path / "p.jpg", exif=exif)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert open_rgb(tmp_path / "p.jpg").size == (40, 24)


def test_an_opened_picture_is_left_as_it_is(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    rgba().save(tmp_path / "p.png", exif=exif)
    with Image.open(tmp_path / "p.png") as picture:
        assert open_rgb(picture).size == (10, 30)
        assert picture.size == (30, 10) and picture.mode == "RGBA" and picture.getexif()[0x0112] == 6


# --- large ones ------------------------------------------------------------------------------------------


def test_a_large_jpeg_may_be_decoded_at_a_fraction(tmp_path: Path) -> None:
    corners(1600, 1200).save(tmp_path / "p.jpg", quality=95)
    assert open_rgb(tmp_path / "p.jpg").size == (1600, 1200)
    small = open_rgb(tmp_path / "p.jpg", at_least=512)
    assert small.size == (800, 600)
    difference = np.asarray(small, int) - np.asarray(corners(800, 600), int)
    assert np.abs(difference).mean() < 4


def test_too_many_pixels_are_refused_before_they_are_decoded(tmp_path: Path) -> None:
    Image.new("1", (20_000, 3_300)).save(tmp_path / "p.png")
    tracemalloc.start()
    started = time.process_time()
    with pytest.raises(PictureError, match=r"20000×3300 pixels, more than 64,000,000: make it smaller"):
        open_rgb(tmp_path / "p.png")
    assert tracemalloc.get_traced_memory()[1] < 5e6 and time.process_time() - started < 5
    tracemalloc.stop()


@pytest.mark.parametrize("side", [12_000, 60_000])
def test_a_decompression_bomb_is_refused_without_a_warning(tmp_path: Path, side: int) -> None:
    path = write_png(tmp_path / "p.png", side, side, depth=1, colour=0, rows=b"\0" * 100)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(PictureError, match="make it smaller"):
            open_rgb(path)


# --- refused ---------------------------------------------------------------------------------------------


def test_a_missing_file_a_folder_and_an_empty_file_are_named(tmp_path: Path) -> None:
    with pytest.raises(PictureError, match=r"there is no file .*none\.png"):
        open_rgb(tmp_path / "none.png")
    with pytest.raises(PictureError, match="is a folder: give the path of one picture"):
        open_rgb(tmp_path)
    with pytest.raises(PictureError, match="not a file name: it contains a null character"):
        open_rgb("a\0b.png")
    (tmp_path / "empty.png").touch()
    with pytest.raises(PictureError, match=r"empty\.png is empty"):
        open_rgb(tmp_path / "empty.png")
    with pytest.raises(PictureError, match="the picture is empty"):
        open_rgb(b"")


@pytest.mark.parametrize("ending", ["png", "jpg", "gif", "webp", "tiff", "bmp"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_truncated_file_says_so(tmp_path: Path, ending: str, share: float) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    path = tmp_path / f"p.{ending}"
    Image.fromarray(pixels).save(path)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(PictureError, match=r"p\.\w+ is (truncated or damaged|not a picture)"):
        open_rgb(path)


@pytest.mark.parametrize("seed", range(60))
def test_flipped_bytes_never_end_in_another_error(seed: int) -> None:
    rng = np.random.default_rng(seed)
    buffer = io.BytesIO()
    picture = Image.fromarray(rng.integers(0, 256, (24, 24, 3), np.uint8))
    ending = ("png", "jpeg", "gif", "tiff", "webp", "bmp")[seed % 6]
    exif = Image.Exif()
    exif[0x0112] = 6
    picture.save(buffer, ending, **({"exif": exif} if ending not in ("gif", "bmp") else {}))
    content = np.frombuffer(buffer.getvalue(), np.uint8).copy()
    for place in rng.integers(0, min(len(content), 200), 6):
        content[place] = rng.integers(256)
    with contextlib.suppress(PictureError):
        assert open_rgb(content.tobytes()).mode == "RGB"


@pytest.mark.parametrize(
    "content",
    [b"just words", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"],
)
def test_what_is_no_picture_shows_its_beginning(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "p.png").write_bytes(content)
    with pytest.raises(PictureError, match=r"p\.png is not a picture .*starts with b'.*Save it as PNG or JPEG"):
        open_rgb(tmp_path / "p.png")


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Image.fromarray(np.ones((9, 9), np.float32)), "floating-point pixels"),
        (lambda: Image.fromarray(np.full((9, 9), 70_000, np.int32)), "32-bit values from 70000 to 70000"),
        (lambda: Image.fromarray(np.full((9, 9), -1, np.int32)), "32-bit values from -1 to -1"),
    ],
)
def test_pixels_that_have_no_8_bit_meaning_are_refused(
    tmp_path: Path, make: Callable[[], Image.Image], says: str
) -> None:
    make().save(tmp_path / "p.tiff")
    for picture in (tmp_path / "p.tiff", make()):
        with pytest.raises(PictureError, match=says):
            open_rgb(picture)


def tiff(pixels: np.ndarray, bits: int, tags: dict[int, int], *, samples: int = 3, big: bool = False) -> bytes:
    """A TIFF of 32×32 pixels, of a kind that Pillow cannot write; numbers that do not fit a tag follow the tags."""
    order, content = (">", b"MM\0*") if big else ("<", b"II*\0")
    planes = samples if tags.get(284) == 2 else 1
    all_tags = {256: 32, 257: 32, 258: [bits] * samples, 259: 1, 262: 2, 273: 0, 277: samples, 278: 32, 279: 0, **tags}
    start = 8 + 2 + 12 * len(all_tags) + 4
    size = len(pixels.tobytes()) // planes
    all_tags[279] = [size] * planes
    more, entries, first = b"", b"", start + 4 * 3 * samples * 2
    all_tags[273] = [first + k * size for k in range(planes)]
    for tag, value in sorted(all_tags.items()):
        values = value if isinstance(value, list) else [value]
        packed = struct.pack(f"{order}{len(values)}I", *values)
        place = packed if len(values) == 1 else struct.pack(f"{order}I", start + len(more))
        entries += struct.pack(f"{order}HHI", tag, 4, len(values)) + place
        more += b"" if len(values) == 1 else packed
    head = content + struct.pack(f"{order}IH", 8, len(all_tags)) + entries + struct.pack(f"{order}I", 0) + more
    return head.ljust(first, b"\0") + pixels.tobytes()


COLOURS = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)


def test_the_planes_of_a_tiff_are_read_or_refused() -> None:
    planes = np.ascontiguousarray(COLOURS.transpose(2, 0, 1))
    assert np.array_equal(np.asarray(open_rgb(tiff(planes, 8, {284: 2}))), COLOURS)
    wide = COLOURS.astype("<u2") * 257
    assert np.array_equal(np.asarray(open_rgb(tiff(wide, 16, {}))), COLOURS)
    with pytest.raises(PictureError, match="TIFF that keeps 16-bit colours in separate planes"):
        open_rgb(tiff(np.ascontiguousarray(wide.transpose(2, 0, 1)), 16, {284: 2}))
    opened = Image.open(io.BytesIO(tiff(np.ascontiguousarray(wide.transpose(2, 0, 1)), 16, {284: 2})))
    with pytest.raises(PictureError, match="separate planes"):
        open_rgb(opened)


def test_signed_8_bit_numbers_in_a_tiff_are_refused() -> None:
    with pytest.raises(PictureError, match="TIFF that holds signed 8-bit numbers"):
        open_rgb(tiff(COLOURS[:, :, 0].copy(), 8, {339: 2, 262: 1}, samples=1))


@pytest.mark.parametrize(
    ("pixels", "bits", "tags", "samples", "big"),
    [
        (COLOURS.astype("<f4"), 32, {339: [3, 3, 3]}, 3, False),
        (COLOURS[:, :, 0].astype(">u2"), 16, {262: 0}, 1, True),
    ],
)
def test_a_tiff_that_pillow_does_not_read_is_called_one(
    pixels: np.ndarray, bits: int, tags: dict[int, int], samples: int, big: bool
) -> None:
    with pytest.raises(PictureError, match=r"it is a kind of TIFF that Pillow cannot read.*Save it as PNG"):
        open_rgb(tiff(pixels, bits, tags, samples=samples, big=big))


def bmp(alpha: int, header: int = 108) -> bytes:
    """A BMP with 32 bits for a pixel, as Windows' programs write it, whose header names a mask for alpha."""
    rows = np.dstack([COLOURS[::-1, :, ::-1], np.full((32, 32), alpha, np.uint8)]).tobytes()
    masks = struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    info = struct.pack("<IiiHHIIiiII", header, 32, 32, 1, 32, 3, len(rows), 0, 0, 0, 0) + masks
    content = info.ljust(header, b"\0") + rows
    return b"BM" + struct.pack("<IHHI", 14 + len(content), 0, 0, 14 + header) + content


@pytest.mark.parametrize("header", [108, 124])
@pytest.mark.parametrize("alpha", [0, 255])
def test_a_channel_of_padding_in_a_bmp_is_no_transparency(alpha: int, header: int) -> None:
    assert np.array_equal(np.asarray(open_rgb(bmp(alpha, header))), COLOURS)


def test_a_channel_of_padding_in_a_tiff_is_no_transparency() -> None:
    padded = np.dstack([COLOURS, np.zeros((32, 32), np.uint8)])
    assert np.array_equal(np.asarray(open_rgb(tiff(padded, 8, {}, samples=4))), COLOURS)
    assert (np.asarray(open_rgb(tiff(padded, 8, {338: 2}, samples=4))) == 255).all()  # here it says it is alpha


def test_16_bit_images_of_8_bit_numbers_keep_their_brightness(tmp_path: Path) -> None:
    grey = np.arange(256, dtype=np.uint8).reshape(16, 16)
    for kind in (np.uint16, np.int32):
        assert np.array_equal(np.asarray(open_rgb(Image.fromarray(grey.astype(kind))))[:, :, 0], grey)
    Image.fromarray(grey.astype(np.uint16)).save(tmp_path / "dark.png")
    assert np.asarray(open_rgb(tmp_path / "dark.png")).max() == 1


OTHER_KINDS = {
    "JPEG 2000": b"\0\0\0\x0cjP  \r\n\x87\n",
    "JPEG XL": b"\xff\x0a" + b"\x12" * 20,
    "JPEG XL picture": b"\0\0\0\x0cJXL \r\n\x87\n",
    "raw photo": b"\0\0\0\x18ftypcrx \0\0\0\1crx isom",
    "Photoshop": b"8BPS\0\1" + bytes(20),
    "video": b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom",
    "SVG": b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>',
    "web page": b"<!DOCTYPE html><html>",
    "PDF": b"%PDF-1.4\n",
    "git lfs pull": b"version https://git-lfs.github.com/spec/v1\noid sha256:1\n",
    "archive": b"PK\3\4" + bytes(20),
}


@pytest.mark.parametrize("kind", OTHER_KINDS)
def test_files_of_other_kinds_are_named(tmp_path: Path, kind: str) -> None:
    (tmp_path / "p.png").write_bytes(OTHER_KINDS[kind])
    with pytest.raises(PictureError, match=rf"p\.png is not a picture that can be read \(it is .*{kind}.*PNG or JPEG"):
        open_rgb(tmp_path / "p.png")


def test_a_picture_in_icloud_is_not_called_damaged(tmp_path: Path) -> None:
    (tmp_path / ".p.png.icloud").write_bytes(b"bplist00")
    with pytest.raises(PictureError, match="is in iCloud, and not on this disk"):
        open_rgb(tmp_path / ".p.png.icloud")


@pytest.mark.parametrize("mode", ["L", "P", "RGB"])
def test_colours_that_cannot_be_converted_are_named(mode: str) -> None:
    picture = Image.new(mode, (9, 9))
    picture.info["transparency"] = "red"  # no number
    with pytest.raises(PictureError, match=f"colour mode {mode}, which cannot be converted .*: save it as RGB"):
        open_rgb(picture)
