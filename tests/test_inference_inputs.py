"""Other people's pictures, folders and networks: predicted correctly, or refused with what to do."""

from __future__ import annotations

import importlib.util
import io
import os
import signal
import socket
import struct
import warnings
import zlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers import (
    STORED,
    Fixed,
    corners,
    network,
    noise,
    write_png,
)
from PIL import Image, PngImagePlugin, features
from torch import Tensor, nn
from torchvision import tv_tensors

from cifar_helpers.data.pictures import open_rgb
from cifar_helpers.inference import PictureError, predict, predict_folder, preprocess
from cifar_helpers.widgets import predict_photo as predict_photo_widget

needs_posix = pytest.mark.skipif(os.name != "posix", reason="needs named pipes and devices")
needs_avif = pytest.mark.skipif(not features.check("avif"), reason="needs a Pillow that reads AVIF")


@pytest.fixture(autouse=True)
def _no_hang() -> Iterator[None]:
    """Ends a test that waits forever, for example for someone to write to a pipe."""

    def stop(*_: object) -> None:
        raise AssertionError("it hangs")

    if not hasattr(signal, "SIGALRM"):
        yield
        return
    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(20)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def encoded(picture: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def grey_of(picture: Any) -> int:
    """The one grey value of a uniform picture."""
    values = preprocess(picture).unique()
    assert len(values) == 1
    return int(values)


def write_tiff(
    path: Path, rows: bytes, bits: int, *, photometric: int = 1, signed: bool = False, deflate: bool = False
) -> Path:
    """A grey TIFF of 32×32 pixels, of a kind that Pillow reads but cannot write."""
    rows = zlib.compress(rows) if deflate else rows
    tags = {256: 32, 257: 32, 258: bits, 259: 8 if deflate else 1, 262: photometric}
    tags |= {273: 8, 277: 1, 278: 32, 279: len(rows), 339: 2 if signed else 1}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in sorted(tags.items()))
    head = b"II*\0" + struct.pack("<I", 8 + len(rows) + len(rows) % 2)
    directory = struct.pack("<H", len(tags)) + entries + struct.pack("<I", 0)
    path.write_bytes(head + rows + b"\0" * (len(rows) % 2) + directory)
    return path


# --- orientation -----------------------------------------------------------------------------------------


def photo(orientation: int, kind: str) -> bytes:
    """A picture from a camera that was held so."""
    turn, picture = STORED[orientation], corners(80, 48)
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encoded(picture if turn is None else picture.transpose(turn), kind, exif=exif)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", pytest.param("AVIF", marks=needs_avif)])
@pytest.mark.parametrize("orientation", STORED)
def test_an_opened_picture_is_turned_once(orientation: int, kind: str) -> None:
    content = photo(orientation, kind)
    opened = open_rgb(content)
    assert opened.size == (80, 48) and opened.getexif().get(0x0112, 1) == 1
    assert np.abs(np.asarray(opened, int) - np.asarray(corners(80, 48), int)).mean() < 12
    for again in (open_rgb(opened), open_rgb(opened.copy()), open_rgb(opened.crop((0, 0, 80, 48)))):
        assert np.array_equal(np.asarray(again), np.asarray(opened))


@pytest.mark.parametrize("orientation", STORED)
def test_the_widget_sees_the_same_pixels_as_predict(orientation: int) -> None:
    content = photo(orientation, "JPEG")
    widget = predict_photo_widget(content)
    answer = predict(content)
    assert np.array_equal(widget.seen, answer.seen.permute(1, 2, 0)) and str(widget.prediction) == str(answer)
    assert Image.open(io.BytesIO(widget.read("photo/0"))).size == (80, 48)


def test_an_orientation_that_xmp_alone_names_is_honoured_once() -> None:
    notes = PngImagePlugin.PngInfo()
    notes.add_itxt("XML:com.adobe.xmp", '<x:xmpmeta><rdf:Description tiff:Orientation="6"/></x:xmpmeta>')
    opened = open_rgb(encoded(corners().transpose(Image.Transpose.ROTATE_90), pnginfo=notes))
    assert opened.size == (40, 24) and open_rgb(opened).size == (40, 24)


def test_grey_and_transparent_photos_are_turned_once() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    for mode in ("L", "RGBA", "P", "LA", "1", "I;16"):
        stored = Image.new(mode, (20, 40))
        opened = open_rgb(encoded(stored, "PNG", exif=exif))
        assert opened.size == (40, 20) and open_rgb(opened).size == (40, 20), mode


@pytest.mark.parametrize(
    "picture", [noise(90, 60, 3), torch.from_numpy(noise(3, 60, 90)), noise(64, 64) / 255], ids=["HWC", "CHW", "grey"]
)
def test_the_widget_crops_arrays_at_their_full_size(picture: Any) -> None:
    widget = predict_photo_widget(picture, network())
    assert np.array_equal(widget.seen, preprocess(picture).permute(1, 2, 0))
    width = 90 if picture.shape[0] == 3 else picture.shape[1]
    assert Image.open(io.BytesIO(widget.read("photo/0"))).width == width


# --- kinds of files --------------------------------------------------------------------------------------


@needs_avif
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_avif_is_read(tmp_path: Path, mode: str) -> None:
    picture = Image.new(mode, (40, 40), (200, 40, 20, 255)[: len(mode)])
    picture.save(tmp_path / "p.avif")
    for form in (tmp_path / "p.avif", (tmp_path / "p.avif").read_bytes(), Image.open(tmp_path / "p.avif")):
        assert (preprocess(form)[:, 9, 9].int() - torch.tensor([200, 40, 20])).abs().max() <= 3


@needs_avif
def test_a_damaged_avif_is_named_without_its_bytes() -> None:
    whole = encoded(Image.fromarray(noise(64, 64, 3)), "AVIF")
    for share in (0.05, 0.3, 0.9):
        with pytest.raises(PictureError, match="damaged") as caught:
            preprocess(whole[: int(share * len(whole))])
        assert "ftyp" not in str(caught.value)


def container(*brands: bytes) -> bytes:
    """The beginning of a file from a phone: its major brand, a version, and the compatible brands."""
    content = b"ftyp" + brands[0] + b"\0\0\0\0" + b"".join(brands)
    return struct.pack(">I", 4 + len(content)) + content + b"\0" * 40


@pytest.mark.parametrize(
    "brands", [(b"heic", b"mif1"), (b"heix",), (b"mif1", b"heic"), (b"hevc",), (b"msf1", b"hevc"), (b"mif1", b"miaf")]
)
def test_heic_is_named_with_what_to_do(tmp_path: Path, brands: tuple[bytes, ...]) -> None:
    if importlib.util.find_spec("pillow_heif"):
        pytest.skip("HEIC is read here")
    (tmp_path / "IMG_0001.HEIC").write_bytes(container(*brands))
    with pytest.raises(PictureError, match=r"IMG_0001\.HEIC is a HEIC picture.*Save it as JPEG.*pillow-heif") as caught:
        preprocess(tmp_path / "IMG_0001.HEIC")
    assert "ftyp" not in str(caught.value)
    with pytest.raises(PictureError, match="HEIC"):
        predict_photo_widget(container(*brands))


def test_an_mp4_is_not_called_heic() -> None:
    with pytest.raises(PictureError, match="is not a picture that can be read"):
        preprocess(container(b"isom", b"mp42"))


def test_heic_is_read_where_pillow_heif_is_installed(tmp_path: Path) -> None:
    pytest.importorskip("pillow_heif").register_heif_opener()
    exif = Image.Exif()
    exif[0x0112] = 6
    stored = corners(80, 48).transpose(Image.Transpose.ROTATE_90)
    stored.save(tmp_path / "p.heic", quality=95, exif=exif.tobytes())
    opened = open_rgb(tmp_path / "p.heic")
    assert opened.size == (80, 48) and open_rgb(opened).size == (80, 48)
    assert np.abs(np.asarray(opened, int) - np.asarray(corners(80, 48), int)).mean() < 12
    (tmp_path / "p.heic").write_bytes((tmp_path / "p.heic").read_bytes()[:300])
    with pytest.raises(PictureError, match="damaged"):
        open_rgb(tmp_path / "p.heic")


# --- more than 8 bits, and white in other places ---------------------------------------------------------


@pytest.mark.parametrize(
    ("array", "grey"),
    [
        (np.full((32, 32), 200, np.int32), 200),
        (np.full((32, 32), 255, np.int32), 255),
        (np.zeros((32, 32), np.int32), 0),
        (np.full((32, 32), 65535, np.int32), 255),
        (np.full((32, 32), 25700, np.int32), 100),
        (np.full((32, 32), 25700, np.uint16), 100),
        (np.full((32, 32), 65535, ">u2"), 255),
    ],
)
def test_grey_images_from_arrays_of_whole_numbers(array: np.ndarray, grey: int) -> None:
    assert grey_of(Image.fromarray(array)) == grey


@pytest.mark.parametrize("mode", ["I;16", "I;16B", "I;16L"])
def test_16_bit_modes_are_scaled(mode: str) -> None:
    assert [grey_of(Image.new(mode, (32, 32), value)) for value in (0, 25700, 65535)] == [0, 100, 255]


def in_words(value: int, kind: str = "<H") -> bytes:
    return struct.pack(kind, value) * 32 * 32


@pytest.mark.parametrize("deflate", [False, True])
@pytest.mark.parametrize(
    ("rows", "bits", "options", "grey"),
    [
        (b"\xff" * 32 * 48, 12, {}, 255),
        (b"\0" * 32 * 48, 12, {}, 0),
        (b"\x80\x08\x00" * 16 * 32, 12, {}, 128),
        (in_words(65535), 16, {}, 255),
        (in_words(100), 16, {}, 0),
        (in_words(0), 16, {"photometric": 0}, 255),
        (in_words(65535), 16, {"photometric": 0}, 0),
        (in_words(55 * 257), 16, {"photometric": 0}, 200),
        (in_words(32767, "<h"), 16, {"signed": True}, 255),
        (in_words(200, "<i"), 32, {"signed": True}, 200),
        (b"\0" * 1024, 8, {"photometric": 0}, 255),
        (b"\x37" * 1024, 8, {"photometric": 0}, 200),
        (b"\0" * 128, 1, {"photometric": 0}, 255),
        (b"\xff" * 128, 1, {"photometric": 0}, 0),
        (b"\0" * 512, 4, {"photometric": 0}, 255),
    ],
)
def test_grey_tiffs_are_as_bright_as_they_say(
    tmp_path: Path, rows: bytes, bits: int, options: dict[str, Any], grey: int, deflate: bool
) -> None:
    path = write_tiff(tmp_path / "p.tiff", rows, bits, deflate=deflate, **options)
    assert [grey_of(path), grey_of(Image.open(path))] == [grey, grey]


@pytest.mark.parametrize(
    ("rows", "bits", "options"),
    [(in_words(-1, "<h"), 16, {"signed": True}), (in_words(70_000, "<i"), 32, {}), (b"\xff" * 1280, 10, {})],
)
def test_tiffs_that_say_nothing_of_white_are_refused(
    tmp_path: Path, rows: bytes, bits: int, options: dict[str, Any]
) -> None:
    with pytest.raises(PictureError, match=r"[Ss]ave it"):
        preprocess(write_tiff(tmp_path / "p.tiff", rows, bits, **options))


def test_a_16_bit_pgm_is_scaled_by_its_own_white(tmp_path: Path) -> None:
    (tmp_path / "p.pgm").write_bytes(b"P5 32 32 4095\n" + in_words(4095, ">H"))
    assert grey_of(tmp_path / "p.pgm") == 255
    (tmp_path / "p.pgm").write_bytes(b"P5 32 32 65535\n" + in_words(200, ">H"))
    assert grey_of(tmp_path / "p.pgm") == 1


def png_with_transparent(path: Path, depth: int, colour: int, row: bytes, transparent: bytes) -> Path:
    """32×32 pixels of one value, which is the transparent one if `transparent` names it."""
    write_png(path, 32, 32, depth, colour, (b"\0" + row) * 32)
    content = path.read_bytes()
    chunk = struct.pack(">I", len(transparent)) + b"tRNS" + transparent
    chunk += struct.pack(">I", zlib.crc32(b"tRNS" + transparent))
    path.write_bytes(content[:33] + chunk + content[33:])
    return path


@pytest.mark.parametrize(
    ("depth", "colour", "row", "transparent", "pixel"),
    [
        (16, 0, struct.pack(">H", 51400) * 32, struct.pack(">H", 51400), 255),
        (16, 0, struct.pack(">H", 51400) * 32, struct.pack(">H", 51401), 200),
        (16, 2, struct.pack(">3H", 51400, 51400, 51400) * 32, struct.pack(">3H", 51400, 51400, 51400), 255),
        (16, 2, struct.pack(">3H", 51400, 51400, 51400) * 32, struct.pack(">3H", 0, 51400, 51400), 200),
        (16, 2, struct.pack(">3H", 0, 0, 0) * 32, struct.pack(">3H", 200, 200, 200), 255),
        (8, 0, b"\xc8" * 32, struct.pack(">H", 200), 255),
        (4, 0, b"\x77" * 16, struct.pack(">H", 7), 255),
        (4, 0, b"\x77" * 16, struct.pack(">H", 6), 119),
        (2, 0, b"\x55" * 8, struct.pack(">H", 1), 255),
        (1, 0, b"\0" * 4, struct.pack(">H", 0), 255),
    ],
)
def test_the_transparent_value_of_a_png_is_white(
    tmp_path: Path, depth: int, colour: int, row: bytes, transparent: bytes, pixel: int
) -> None:
    path = png_with_transparent(tmp_path / "p.png", depth, colour, row, transparent)
    opened = Image.open(path)
    before = dict(opened.info)
    assert [grey_of(path), grey_of(opened)] == [pixel, pixel] and opened.info == before


@pytest.mark.parametrize("mode", ["LA", "La", "PA", "RGBA", "RGBa"])
def test_transparent_modes_lie_on_white(mode: str) -> None:
    clear = Image.new("RGBA", (32, 32), (90, 90, 90, 0))
    solid = Image.new("RGBA", (32, 32), (90, 90, 90, 255))
    by_way_of = {"La": ("LA", "La"), "PA": ("P", "PA"), "RGBa": ("RGBa",), "LA": ("LA",), "RGBA": ("RGBA",)}[mode]
    for picture, grey in ((clear, 255), (solid, 90)):
        alpha = picture.getchannel("A")
        for step in by_way_of:
            picture = picture.convert(step)
        if mode == "PA":
            picture.putalpha(alpha)
        assert picture.mode == mode and grey_of(picture) == grey


@pytest.mark.parametrize(
    ("mode", "tolerance"), [("1", 0), ("L", 0), ("CMYK", 1), ("YCbCr", 2), ("HSV", 3), ("RGBX", 0), ("LAB", 5)]
)
def test_other_modes_keep_their_colours(mode: str, tolerance: int) -> None:
    picture = Image.new("RGB", (32, 32), (255, 255, 255) if mode in "1L" else (200, 60, 30))
    seen = preprocess(picture.convert(mode))
    assert (seen.int() - preprocess(picture).int()).abs().max() <= tolerance


@pytest.mark.parametrize(
    ("picture", "says"),
    [
        (Image.fromarray(np.ones((32, 32), np.float32)), "floating-point pixels.*array with values in 0..1"),
        (Image.fromarray(np.full((32, 32), -1, np.int32)), "values from -1 to -1.*save it with 8 or 16 bits"),
        (Image.fromarray(np.full((32, 32), 70_000, np.int32)), "values from 70000 to 70000.*save it"),
        (Image.new("RGB", (0, 0)), "0×0 pixels.*Use another"),
        (Image.new("I", (0, 9)), "0×9 pixels.*Use another"),
        (Image.new("F", (9, 0)), "9×0 pixels.*Use another"),
        (Image.new("P", (0, 0)), "0×0 pixels.*Use another"),
    ],
)
def test_pil_images_that_cannot_be_used_say_why(picture: Image.Image, says: str) -> None:
    with pytest.raises(PictureError, match=says):
        preprocess(picture)


def closed(path: Path) -> Image.Image:
    picture = Image.open(path)
    picture.close()
    return picture


def left_its_with(path: Path) -> Image.Image:
    with Image.open(path) as picture:
        return picture


def file_closed(path: Path) -> Image.Image:
    with path.open("rb") as file:
        return Image.open(file)


@pytest.mark.parametrize("make", [closed, left_its_with, file_closed])
@pytest.mark.parametrize("kind", ["png", "jpg", "gif", "bmp", "tiff", "ppm"])
def test_a_closed_pil_image_is_not_called_damaged(
    tmp_path: Path, make: Callable[[Path], Image.Image], kind: str
) -> None:
    Image.fromarray(noise(40, 40, 3)).save(tmp_path / f"p.{kind}")
    with pytest.raises(PictureError, match=r"was closed before its pixels were read: call load\(\)") as caught:
        predict(make(tmp_path / f"p.{kind}"), Fixed())
    assert "damaged" not in str(caught.value)


def test_a_truncated_pil_image_is_called_damaged() -> None:
    content = encoded(Image.fromarray(noise(64, 64, 3)), "JPEG")
    with pytest.raises(PictureError, match="truncated or damaged"):
        preprocess(Image.open(io.BytesIO(content[: len(content) // 2])))


def test_a_loaded_image_outlives_its_file(tmp_path: Path) -> None:
    Image.fromarray(noise(40, 40, 3)).save(tmp_path / "p.png")
    with Image.open(tmp_path / "p.png") as picture:
        picture.load()
    assert torch.equal(preprocess(picture), preprocess(tmp_path / "p.png"))


# --- files, bytes and paths in every form ----------------------------------------------------------------


class Plain:
    """A path of someone else's class."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __fspath__(self) -> str:
        return str(self.path)


class OnlyRead:
    """A file that can do nothing but be read, a few bytes at a time."""

    def __init__(self, content: bytes) -> None:
        self.rest = io.BytesIO(content)

    def read(self, count: int = -1) -> bytes:
        return self.rest.read(min(count, 100) if count > 0 else count)


def test_open_files_and_bytes_of_every_form_give_the_same_pixels(tmp_path: Path) -> None:
    path = tmp_path / "p.png"
    Image.fromarray(noise(50, 40, 3)).save(path)
    content, expected = path.read_bytes(), preprocess(path)
    written = io.BytesIO()
    written.write(content)  # its position is at the end
    apart = memoryview(bytes(byte for b in content for byte in (b, 0)))[::2]
    forms = [bytearray(content), memoryview(content), apart, io.BytesIO(content), written, Plain(path)]
    forms += [OnlyRead(content), np.bytes_(content), np.str_(path)]
    for form in forms:
        assert torch.equal(preprocess(form), expected), form
    with path.open("rb") as file, path.open("rb", buffering=0) as raw:
        for opened in (file, raw):
            assert torch.equal(preprocess(opened), expected) and torch.equal(preprocess(opened), expected)
            assert not opened.closed
    widget = predict_photo_widget({"a": io.BytesIO(content), "b": path}, network())
    assert np.array_equal(widget.seen, expected.permute(1, 2, 0))
    for name in ("photo/0", "photo/1"):
        assert torch.equal(preprocess(widget.read(name)), expected)


def test_a_pipe_that_is_open_is_read() -> None:
    content = encoded(Image.fromarray(noise(50, 40, 3)))
    reader, writer = os.pipe()
    with os.fdopen(writer, "wb") as end:
        end.write(content)
    with os.fdopen(reader, "rb", buffering=0) as start:
        assert torch.equal(preprocess(start), preprocess(content))


def open_as_text(path: Path) -> Any:
    return path.open(encoding="utf-8")


def open_for_writing(path: Path) -> Any:
    return path.with_name("out.png").open("wb")


class Broken:
    """A file of someone else's class."""

    def read(self, count: int) -> bytes:
        raise RuntimeError("no connection")

    def close(self) -> None:
        pass


def closed_file(path: Path) -> Any:
    file = path.open("rb")
    file.close()
    return file


@pytest.mark.parametrize(
    "make", [open_as_text, open_for_writing, closed_file, lambda path: io.StringIO("words"), lambda path: Broken()]
)
def test_a_file_that_cannot_be_read_says_how_to_open_it(tmp_path: Path, make: Callable[[Path], Any]) -> None:
    Image.new("RGB", (32, 32)).save(tmp_path / "p.png")
    file = make(tmp_path / "p.png")
    with pytest.raises(PictureError, match=r"the open file cannot be read .*open\(path, 'rb'\)"):
        predict(file, Fixed())
    file.close()


@needs_posix
def test_a_device_that_never_ends_is_refused_when_open() -> None:
    with Path("/dev/zero").open("rb") as endless, pytest.raises(PictureError, match="more than 400 MB"):
        preprocess(endless)


@pytest.mark.parametrize(
    "address",
    [
        "https://example.org/cat.png",
        "http://example.org/cat.png",
        "HTTPS://example.org/cat.png",
        "s3://bucket/cat.png",
        Path("https://example.org/cat.png"),
    ],
)
def test_an_address_is_to_be_downloaded_first(address: str | Path) -> None:
    with pytest.raises(PictureError, match="is a web address: download the picture first") as caught:
        predict(address, Fixed())
    assert len(str(caught.value)) < 250
    with pytest.raises(PictureError, match="is a web address"):
        predict_folder(address, Fixed())


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("file:///home/me/my%20cat.png", r"the address of a file: give its path, /home/me/my cat\.png"),
        ("FILE:/home/me/cat.png", r"give its path, /home/me/cat\.png"),
        ("data:image/png;base64," + 9000 * "A", "a picture encoded as text: give its bytes, base64.b64decode"),
        ("content://media/external/images/7", "save the picture as a file first"),
    ],
)
def test_an_address_that_is_not_in_the_web_says_what_to_give(address: str, says: str) -> None:
    for use in (preprocess, predict_folder):
        with pytest.raises(PictureError, match=says) as caught:
            use(address)
        assert len(str(caught.value)) < 250


@needs_posix
def test_a_name_with_a_colon_is_looked_for_on_the_disk_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("data:1.png", "photos:/a.png", "data:set/a.png", "https:/a.png"):
        Path(name).parent.mkdir(exist_ok=True)
        Image.fromarray(noise(32, 32, 3)).save(name)
        assert torch.equal(preprocess(name), preprocess(tmp_path / name)), name
    assert list(predict_folder("data:set", Fixed())[0]) == ["a.png"]
    assert list(predict_folder("photos:/", Fixed())[0]) == ["a.png"]


def test_the_home_folder_may_be_written_as_a_tilde(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    (tmp_path / "photos").mkdir()
    Image.fromarray(noise(40, 40, 3)).save(tmp_path / "photos" / "p.png")
    expected = preprocess(tmp_path / "photos" / "p.png")
    for path in ("~/photos/p.png", Path("~/photos/p.png"), Plain(Path("~/photos/p.png"))):
        assert torch.equal(preprocess(path), expected) and torch.equal(predict(path, Fixed()).seen, expected)
    for folder in ("~/photos", Path("~/photos")):
        assert list(predict_folder(folder, Fixed())[0]) == ["p.png"]
    with pytest.raises(PictureError, match="no such home folder"):
        preprocess("~nobody-of-this-name/p.png")
    with pytest.raises(PictureError, match="there is no folder ~nobody"):
        predict_folder("~nobody-of-this-name", Fixed())


def test_a_file_whose_name_begins_with_a_tilde_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Image.fromarray(noise(40, 40, 3)).save("~photo.png")
    assert torch.equal(preprocess("~photo.png"), preprocess(tmp_path / "~photo.png"))
    assert list(predict_folder(".", Fixed())[0]) == ["~photo.png"]


def dangling(folder: Path) -> Path:
    (folder / "link.png").symlink_to(folder / "gone.png")
    return folder / "link.png"


def in_a_ring(folder: Path) -> Path:
    (folder / "ring.png").symlink_to(folder / "ring.png")
    return folder / "ring.png"


def fifo(folder: Path) -> Path:
    os.mkfifo(folder / "pipe.png")
    return folder / "pipe.png"


def linked_fifo(folder: Path) -> Path:
    (folder / "link.png").symlink_to(fifo(folder))
    return folder / "link.png"


def a_socket(folder: Path) -> Path:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(folder / "s"))
    return folder / "s"


def below_a_file(folder: Path) -> Path:
    (folder / "file").touch()
    return folder / "file" / "p.png"


@needs_posix
@pytest.mark.parametrize(
    ("make", "says"),
    [
        (fifo, "not a regular file but a named pipe"),
        (linked_fifo, "not a regular file but a named pipe"),
        (a_socket, "not a regular file but a socket"),
        (lambda folder: Path("/dev/zero"), "not a regular file but a device"),
        (lambda folder: "/dev/null", "not a regular file but a device"),
        (dangling, r"is a link to .*gone\.png, which does not exist"),
        (in_a_ring, "cannot be read"),
        (below_a_file, "cannot be read"),
        (lambda folder: folder / ("n" * 300 + ".png"), "cannot be read .*too long"),
        (lambda folder: "n" * 10_000, "cannot be read .*too long"),
        (lambda folder: "a\0b.png", "null character"),
        (lambda folder: folder / "\ud800.png", "not a file name|there is no file"),
        (lambda folder: folder, "is a folder: give the path of one picture in it"),
        (lambda folder: folder / "none.png", r"there is no file .*none\.png"),
    ],
)
def test_paths_that_cannot_be_opened_say_why(tmp_path: Path, make: Callable[[Path], Any], says: str) -> None:
    path = make(tmp_path)
    with pytest.raises(PictureError, match=says) as caught:
        predict(path, Fixed())
    assert any(word in str(caught.value) for word in ("Give", "give the path"))
    with pytest.raises(PictureError, match=says):
        open_rgb(path)
    if isinstance(path, str):
        with pytest.raises(PictureError, match=says):
            predict_photo_widget(path, Fixed())


def test_files_and_folders_without_permission_say_so(unprivileged: Path) -> None:
    closed_folder, path = unprivileged / "closed", unprivileged / "p.png"
    closed_folder.mkdir()
    path.write_bytes(encoded(Image.new("RGB", (32, 32))))
    (closed_folder / "p.png").write_bytes(path.read_bytes())
    path.chmod(0)
    closed_folder.chmod(0)
    for picture in (path, closed_folder / "p.png"):
        with pytest.raises(PictureError, match=r"p\.png cannot be read \(Permission denied\)\. Give"):
            predict(picture, Fixed())
    with pytest.raises(PictureError, match=r"closed cannot be read \(Permission denied\): give a folder"):
        predict_folder(closed_folder, Fixed())
    with pytest.raises(PictureError, match="cannot be read"):
        predict_folder(closed_folder / "inside", Fixed())
    closed_folder.chmod(0o444)  # the names may be read, the files not
    assert list(predict_folder(closed_folder, Fixed())[1]) == ["p.png"]
    answers, problems = predict_folder(unprivileged, Fixed())
    assert (list(answers), list(problems)) == ([], ["p.png"])
    closed_folder.chmod(0o700)


@needs_posix
@pytest.mark.parametrize(
    ("make", "says"),
    [
        (fifo, "is a file, not a folder"),
        (below_a_file, "there is no folder"),
        (dangling, "is a link to .* which does not exist: give the folder"),
        (lambda folder: folder / "nowhere", "there is no folder .*nowhere: give the folder"),
        (in_a_ring, "cannot be read"),
        (lambda folder: folder / ("n" * 300), "cannot be read .*too long"),
        (lambda folder: "a\0b", "null character"),
        (lambda folder: folder / "\ud800", "not a file name|there is no folder"),
        (lambda folder: None, "the path of a folder, got NoneType"),
        (lambda folder: [folder], "the path of a folder, got list"),
        (lambda folder: 3, "the path of a folder, got int"),
    ],
)
def test_what_is_no_folder_is_refused(tmp_path: Path, make: Callable[[Path], Any], says: str) -> None:
    with pytest.raises(PictureError, match=says):
        predict_folder(make(tmp_path), Fixed())


@needs_posix
def test_one_bad_file_does_not_stop_a_folder(tmp_path: Path) -> None:
    for name in ("b.png", "B.png", "a.png", "c.JPG", "10.png", "2.png"):
        Image.fromarray(noise(40, 40, 3)).save(tmp_path / name)
    good = sorted(path.name for path in tmp_path.iterdir())
    for make in (fifo, dangling, in_a_ring, a_socket):
        make(tmp_path)
    (tmp_path / "heic.heic").write_bytes(container(b"heic"))
    (tmp_path / "zero.png").touch()
    (tmp_path / "grey.tiff").write_bytes(encoded(Image.fromarray(np.full((32, 32), -1, np.int32)), "TIFF"))
    (tmp_path / "folder").mkdir()
    (tmp_path / "to_folder").symlink_to(tmp_path / "folder")
    answers, problems = predict_folder(tmp_path, Fixed())
    assert list(answers) == good
    assert list(problems) == ["grey.tiff", "heic.heic", "link.png", "pipe.png", "ring.png", "s", "zero.png"]
    assert all(problems.values())


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="needs a file that opens and cannot be read")
def test_a_disk_that_fails_is_named() -> None:
    with pytest.raises(PictureError, match=r"/proc/self/mem cannot be read \(Input/output error\): check its disk"):
        predict("/proc/self/mem")


def test_what_systems_and_archivers_leave_is_passed_over(tmp_path: Path) -> None:
    Image.new("RGB", (32, 32)).save(tmp_path / "1.png")
    left = [
        "Thumbs.db",
        "THUMBS.DB",
        "ehthumbs.db",
        "desktop.ini",
        "Desktop.ini",
        "._1.png",
        ".DS_Store",
        ".hidden.png",
    ]
    for name in (*left, *(("1.png:Zone.Identifier", "Icon\r") if os.name == "posix" else ())):
        (tmp_path / name).write_bytes(b"\0\5\x16\7")
    (tmp_path / "__MACOSX").mkdir()
    answers, problems = predict_folder(tmp_path, Fixed())
    assert (list(answers), problems) == (["1.png"], {})


# --- arrays and tensors ----------------------------------------------------------------------------------


def spoilt(values: np.ndarray, value: float) -> np.ndarray:
    values = values.copy()
    values[3, 3] = value
    return values


@pytest.mark.parametrize("value", [1.0000001, -1e-7, 1 + 1e-4, -1e-4, -0.0])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rounding_of_a_resize_is_allowed_for(value: float, dtype: type) -> None:
    shares = spoilt(noise(32, 32, 3) / 255, value).astype(dtype)
    expected = spoilt(noise(32, 32, 3), round(value) * 255)
    for form in (shares, torch.from_numpy(shares)):
        assert np.array_equal(preprocess(form).permute(1, 2, 0).numpy(), expected)


def test_a_float_picture_after_an_antialiased_resize_is_taken() -> None:
    large = (torch.from_numpy(noise(1, 3, 200, 200)) > 127).float()
    large[..., :100, :] = 1
    for mode in ("bilinear", "area"):
        options = {"antialias": True} if mode == "bilinear" else {}
        small = nn.functional.interpolate(large, size=(37, 37), mode=mode, **options)[0]
        assert preprocess(small).max() == 255


@pytest.mark.parametrize("value", [1.01, -0.01, 1.003, 255.0, np.nan, np.inf, -np.inf])
def test_float_pixels_beyond_rounding_are_refused(value: float) -> None:
    shares = spoilt(noise(32, 32, 3) / 255, value)
    for form in (shares, torch.from_numpy(shares), shares.astype(np.float32)):
        with pytest.raises(PictureError, match=r"must be in 0\.\.1, got .*clip") as caught:
            preprocess(form)
        assert "0..1," not in str(caught.value).partition("got ")[2].partition(":")[0]


class Inside(np.ndarray):
    """Someone else's subclass."""


@pytest.mark.parametrize(
    "form",
    [
        lambda p: np.ma.array(p),
        lambda p: np.ma.array(p, mask=False),
        lambda p: p.view(Inside),
        lambda p: np.asfortranarray(p),
        lambda p: p[::-1][::-1],
        lambda p: tv_tensors.Image(torch.from_numpy(p).permute(2, 0, 1)),
        lambda p: nn.Parameter(torch.from_numpy(p).float() / 255),
        lambda p: (p / 255).astype(">f4"),
        lambda p: (p / 255).astype(np.float16),
        lambda p: (p / 255).astype(np.longdouble),
        lambda p: torch.from_numpy(p / 255).half(),
        lambda p: torch.complex(torch.from_numpy(p / 255), torch.from_numpy(-(p / 255))).conj().imag,
        lambda p: torch.from_numpy(p).to(memory_format=torch.contiguous_format).expand(32, 32, 3),
    ],
)
def test_unusual_arrays_and_tensors_give_the_same_pixels(form: Callable[[np.ndarray], Any]) -> None:
    pixels = noise(32, 32, 3)
    given = form(pixels)
    assert np.array_equal(preprocess(given).permute(1, 2, 0).numpy(), pixels)
    assert np.array_equal(predict(given, Fixed()).seen.permute(1, 2, 0).numpy(), pixels)


def test_read_only_and_grey_matrices_are_taken() -> None:
    pixels = noise(32, 32, 3)
    pixels.flags.writeable = False
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.array_equal(preprocess(pixels).permute(1, 2, 0).numpy(), pixels)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PendingDeprecationWarning)
        grey = np.matrix(noise(32, 32))
    assert torch.equal(preprocess(grey), preprocess(noise(32, 32)))


def quantized() -> Tensor:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.quantize_per_tensor(torch.rand(3, 32, 32), 1 / 255, 0, torch.quint8)


def traced() -> Tensor:
    from torch._subclasses import FakeTensorMode

    with FakeTensorMode():
        return torch.rand(3, 32, 32)


def nested() -> Tensor:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.nested.nested_tensor([torch.rand(32, 32), torch.rand(9, 9)])


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: np.ones((32, 32), bool), "got bool: convert"),
        (lambda: torch.ones(3, 32, 32, dtype=torch.bool), "got bool: convert"),
        (lambda: np.full((32, 32, 3), 200), r"got int64: convert.*astype\(np\.uint8\)"),
        (lambda: torch.full((3, 32, 32), 200), r"got int64.*to\(torch\.uint8\)"),
        (lambda: np.full((32, 32), 200, np.uint16), "got uint16"),
        (lambda: torch.full((32, 32), 200, dtype=torch.uint16), "got uint16"),
        (lambda: np.full((32, 32), 0.5, object), "got object"),
        (lambda: np.full((32, 32), "a"), "got <U1"),
        (lambda: np.zeros((32, 32), "M8[s]"), "got datetime64"),
        (lambda: np.zeros((32, 32), [("r", "u1"), ("g", "u1")]), "got "),
        (lambda: np.zeros((32, 32), complex), "got complex128"),
        (lambda: torch.zeros(32, 32, dtype=torch.complex64), "got complex64"),
        (lambda: noise(1, 3, 32, 32), r"got \(1, 3, 32, 32\).*images\[0\]"),
        (lambda: torch.zeros(1, 3, 32, 32), r"got \(1, 3, 32, 32\).*images\[0\]"),
        (lambda: np.zeros(()), r"got \(\)"),
        (lambda: torch.tensor(1.0), r"got \(\)"),
        (lambda: np.zeros((0, 0, 3), np.uint8), r"got \(0, 0, 3\)"),
        (lambda: torch.zeros(3, 0, 0), r"got \(0, 0, 3\)|got \(3, 0, 0\)"),
        (lambda: torch.zeros(0), r"got \(0,\)"),
        (lambda: np.zeros((32, 32, 4), np.uint8), r"got \(32, 32, 4\).*transparency"),
        (lambda: np.ma.array(noise(32, 32, 3), mask=noise(32, 32, 3) > 200), r"masked pixels.*filled"),
        (lambda: torch.rand(3, 32, 32, device="meta"), "meta device"),
        (lambda: torch.rand(32, 32).to_sparse(), r"sparse.*to_dense\(\)"),
        (lambda: torch.rand(32, 32).to_sparse_csr(), r"sparse.*to_dense\(\)"),
        (quantized, r"quantized.*dequantize\(\)"),
        (lambda: torch.rand(32, 32).to_mkldnn(), "stored as torch._mkldnn"),
        (nested, "nested"),
        (traced, "cannot be read .*ordinary tensor"),
        (lambda: 3, "got int"),
        (lambda: object(), "got object"),
        (lambda: {"image": noise(32, 32, 3)}, "got dict"),
        (lambda: [noise(32, 32, 3)], "got list.*one picture at a time"),
    ],
)
def test_what_is_no_picture_says_what_to_give(make: Callable[[], Any], says: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        picture = make()
    with pytest.raises(PictureError, match=says):
        predict(picture, Fixed())
    with pytest.raises(PictureError, match=says):
        predict_photo_widget({"it": picture}, Fixed())


# --- top and the network ---------------------------------------------------------------------------------


@pytest.mark.parametrize("top", [np.int64(4), np.uint8(4), torch.tensor(4)])
def test_top_may_be_any_whole_number(top: Any) -> None:
    assert len(predict(noise(32, 32, 3), Fixed(), top=top).top) == 4


@pytest.mark.parametrize(
    "top", [True, False, 3.0, 2.5, "3", None, np.float64(3), np.bool_(True), [3], torch.tensor(2.5), np.arange(3)]
)
def test_top_that_is_no_whole_number_is_refused(top: Any, tmp_path: Path) -> None:
    for call in (lambda: predict(noise(32, 32, 3), Fixed(), top=top), lambda: predict_folder(tmp_path, Fixed(), top)):
        with pytest.raises(TypeError, match=r"top must be a whole number in 1\.\.10, got"):
            call()


@pytest.mark.parametrize("top", [0, 11, -3, np.int64(0), 10**30])
def test_top_outside_1_to_10_is_refused_even_for_an_empty_folder(top: Any, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"1\.\.10"):
        predict_folder(tmp_path, Fixed(), top)
    with pytest.raises(ValueError, match=r"1\.\.10"):
        predict(noise(32, 32, 3), Fixed(), top=top)


@pytest.mark.parametrize(
    ("model", "says"),
    [
        ("weights.pt", "got .weights.pt."),
        ({"weight": torch.zeros(3)}, "got dict.*load_weights"),
        (Fixed, r"got the class Fixed: create one with Fixed\(\)"),
        (lambda images: torch.zeros(1, 10), "got function"),
        (3, "got int"),
        (torch.zeros(10), "got Tensor"),
    ],
)
def test_what_is_no_network_is_refused_at_the_door(model: Any, says: str, tmp_path: Path) -> None:
    for call in (
        lambda: predict(noise(32, 32, 3), model),
        lambda: predict_folder(tmp_path, model),
        lambda: predict_photo_widget(noise(32, 32, 3), model),
    ):
        with pytest.raises(TypeError, match=f"model must be a network.*{says}"):
            call()


class Gives(nn.Module):
    """Always gives the same thing, whatever it is."""

    def __init__(self, what: Any) -> None:
        super().__init__()
        self.what = what

    def forward(self, images: Tensor) -> Any:
        return self.what


def nan_weights() -> nn.Module:
    model = network()
    with torch.no_grad():
        next(model.parameters()).fill_(torch.nan)
    return model


def needs_grey() -> nn.Module:
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.Flatten(), nn.Linear(3600, 10))


def needs_28_pixels() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(3 * 28 * 28, 10))


@pytest.mark.parametrize(
    ("make", "says", "kind"),
    [
        (lambda: Gives((torch.zeros(1, 10), None)), "got tuple: return only the tensor of logits", TypeError),
        (lambda: Gives({"logits": torch.zeros(1, 10)}), "got dict: return only the tensor of logits", TypeError),
        (lambda: Gives(None), "got NoneType", TypeError),
        (lambda: Gives(torch.zeros(10)), r"got \(10,\)", ValueError),
        (lambda: Gives(torch.zeros(1, 5)), r"got \(1, 5\): give its last layer 10 outputs", ValueError),
        (lambda: Gives(torch.zeros(1, 100)), r"got \(1, 100\)", ValueError),
        (lambda: Gives(torch.zeros(2, 10)), r"got \(2, 10\)", ValueError),
        (lambda: Gives(torch.zeros(1, 10, 1, 1)), r"got \(1, 10, 1, 1\)", ValueError),
        (lambda: Gives(torch.zeros(1, 10, dtype=torch.complex64)), "complex64.*real", ValueError),
        (lambda: Gives(torch.zeros(1, 10).to_sparse()), "torch.sparse_coo: return dense", ValueError),
        (lambda: Gives(torch.full((1, 10), torch.nan)), "NaN or infinite.*finite.*float", ValueError),
        (nan_weights, r"NaN or infinite logits: features\.\S+ contains NaN.*Load other weights", ValueError),
        (lambda: network().to("meta"), "meta device", ValueError),
        (needs_grey, "the network fails on images .1, 3, 32, 32. of torch.float32 on cpu .*pass one", ValueError),
        (needs_28_pixels, "the network fails on images .*pass one that takes normalised images", ValueError),
        (nn.Module, "the network fails on images", ValueError),
    ],
)
def test_a_network_that_cannot_predict_says_why(
    make: Callable[[], nn.Module], says: str, kind: type[Exception], tmp_path: Path
) -> None:
    model = make()
    Image.new("RGB", (32, 32)).save(tmp_path / "p.png")
    for call in (
        lambda: predict(noise(32, 32, 3), model),
        lambda: predict_folder(tmp_path, model),
        lambda: predict_photo_widget(noise(32, 32, 3), model),
        lambda: predict_photo_widget(model=model),
    ):
        with pytest.raises(kind, match=says) as caught:
            call()
        assert not isinstance(caught.value, PictureError)


class OnlyContiguous(nn.Module):
    """Flattens with `view`, as in many a tutorial."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3072, 10)

    def forward(self, images: Tensor) -> Tensor:
        return self.layer(images.view(images.size(0), -1))


@pytest.mark.parametrize("form", ["array", "CHW", "flipped", "tensor"])
def test_a_network_that_needs_contiguous_images_predicts(form: str) -> None:
    pixels = noise(48, 40, 3)
    picture = {
        "array": pixels,
        "CHW": pixels.transpose(2, 0, 1),
        "flipped": np.ascontiguousarray(pixels[:, ::-1])[:, ::-1],
        "tensor": torch.from_numpy(pixels).permute(2, 0, 1),
    }[form]
    model = OnlyContiguous()
    assert torch.equal(predict(picture, model).probabilities, predict(pixels, model).probabilities)


def exported(model: nn.Module) -> nn.Module:
    return torch.export.export(model, (torch.zeros(1, 3, 32, 32),)).module()


def frozen(model: nn.Module) -> nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.jit.freeze(torch.jit.trace(model, torch.zeros(1, 3, 32, 32)))


@pytest.mark.parametrize(
    "wrap",
    [
        nn.DataParallel,
        lambda model: torch.compile(model, backend="eager"),
        lambda model: model.double(),
        lambda model: model.to(memory_format=torch.channels_last),
        lambda model: model.requires_grad_(False),
        exported,
        frozen,
        torch.optim.swa_utils.AveragedModel,
    ],
)
def test_a_wrapped_or_converted_network_gives_the_same_probabilities(wrap: Callable[[nn.Module], nn.Module]) -> None:
    pixels = noise(32, 32, 3)
    expected = predict(pixels, network().eval()).probabilities
    answer = predict(pixels, wrap(network().eval()))
    assert torch.allclose(answer.probabilities, expected, atol=1e-5)


@pytest.mark.parametrize("inside", [torch.inference_mode, torch.enable_grad])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16, torch.float64])
def test_a_prediction_is_float32_in_every_precision(
    inside: Callable[[], AbstractContextManager[Any]], dtype: torch.dtype
) -> None:
    pixels = noise(32, 32, 3)
    expected = predict(pixels, network()).probabilities
    with inside():
        answer = predict(pixels, network().to(dtype))
    assert answer.probabilities.dtype == torch.float32 and not answer.probabilities.requires_grad
    assert torch.allclose(answer.probabilities, expected, atol=1e-2)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_a_prediction_under_autocast_is_float32(dtype: torch.dtype) -> None:
    pixels = noise(32, 32, 3)
    with torch.autocast("cpu", dtype):
        answer = predict(pixels, network())
    assert answer.probabilities.dtype == torch.float32
    assert torch.allclose(answer.probabilities, predict(pixels, network()).probabilities, atol=1e-2)
