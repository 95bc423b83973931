"""Leaf through a data set: classes, channels, pixel values, and what augmentation makes of a picture."""

from __future__ import annotations

import ipywidgets as widgets
import numpy as np
import torch
from torch import Tensor

from cifar_helpers.data import CLASSES, Augment, ImageSet, denormalise, normalise
from cifar_helpers.widgets._cell import in_this_cell
from cifar_helpers.widgets._controls import choice, limit, on_change, row, slider, whole
from cifar_helpers.widgets._drawing import as_rows, numbers_svg, picture_html, sentence, titled
from cifar_helpers.widgets._screen import Screen

__all__ = ["AUGMENTATIONS", "augmented", "image_browser", "render"]

AUGMENTATIONS = {
    "none": None,
    "flip": Augment(flip=True),
    "shift by up to 4": Augment(flip=False, shift=4),
    "cutout 8": Augment(flip=False, cutout=8),
    "all three": Augment(flip=True, shift=4, cutout=8),
}
"""What the widget offers."""

_VIEWS = ("colours", "channels apart", "pixel values")
_SIDE = 224
_WINDOW = 8


def augmented(picture: Tensor, augment: Augment, draw: int) -> tuple[Tensor, str]:
    """One draw of an augmentation, and what it did in words.

    Args:
        picture: uint8 `(3, 32, 32)`.
        augment: what may happen.
        draw: number of the draw; the same number draws the same.
    """
    # Rows, columns and ones go the same way as the picture: what comes out tells what was done.
    ones = torch.ones(32, 32)
    rows, columns = torch.meshgrid(torch.arange(32.0), torch.arange(32.0), indexing="ij")
    both = torch.stack([normalise(picture), torch.stack([rows + 1, columns + 1, ones])])
    # Each image of a batch gets a draw of its own, so both are taken from the same one apart.
    image, traces = (augment(one[None], torch.Generator().manual_seed(draw))[0] for one in both)
    kept = traces[2] > 0
    # Behind the border that reflection fills, neighbours are neighbours.
    inner = torch.zeros_like(kept)
    inner[augment.shift : 32 - augment.shift, augment.shift : 32 - augment.shift] = True
    pairs = (kept & inner)[:, :-1] & (kept & inner)[:, 1:]
    y, x = (int(v) for v in pairs.nonzero()[0])
    step = int(traces[1, y, x + 1] - traces[1, y, x])
    source = int(traces[1, y, x]) - 1
    down = y - (int(traces[0, y, x]) - 1)
    right = x - (source if step > 0 else 31 - source)
    words = []
    if augment.flip:
        words.append("mirrored" if step < 0 else "not mirrored")
    if augment.shift:
        words.append(
            f"moved {abs(down)} {'down' if down >= 0 else 'up'} and {abs(right)} {'right' if right >= 0 else 'left'}"
        )
    if augment.cutout:
        top, left = (int(v) for v in (~kept).nonzero()[0])
        words.append(f"blanked from row {top}, column {left}")
    return denormalise(image), ", ".join(words)


def render(
    picture: Tensor, title: str, view: str = "colours", corner: tuple[int, int] = (0, 0), caption: str = ""
) -> str:
    """HTML of one picture.

    Args:
        picture: uint8 `(3, 32, 32)`.
        title: what it is, for the alt text.
        view: `colours`, `channels apart` or `pixel values`.
        corner: row and column of the upper left pixel whose values are written.
        caption: below the picture.
    """
    whole_picture = picture_html(as_rows(picture), _SIDE, title, caption)
    if view == "colours":
        return whole_picture
    names = ("red", "green", "blue")
    if view == "channels apart":
        grey = [np.repeat(np.asarray(channel)[..., None], 3, axis=2) for channel in picture]
        return whole_picture + "".join(
            picture_html(pixels, _SIDE, f"{title}: {name} channel, {pixels.min()} to {pixels.max()}", name)
            for pixels, name in zip(grey, names, strict=True)
        )
    top, left = corner
    part = np.asarray(picture[:, top : top + _WINDOW, left : left + _WINDOW])
    place = f"rows {top} to {top + _WINDOW - 1}, columns {left} to {left + _WINDOW - 1}"
    framed = picture_html(
        as_rows(picture), _SIDE, f"{title}, with a frame", caption, [(top, left, _WINDOW, _WINDOW)], "at"
    )
    return framed + "".join(
        titled(
            f"{name}, {place}",
            numbers_svg(channel / 255, _numbers(name, place, channel), cell=28, text=channel.astype(str)),
        )
        for channel, name in zip(part, names, strict=True)
    )


def _numbers(name: str, place: str, channel: np.ndarray) -> str:
    return f"Values of {name} in {place}: from {channel.min()} to {channel.max()}"


def image_browser(images: ImageSet) -> widgets.VBox:
    """Choose class, picture, view and augmentation.

    Args:
        images: what to leaf through.

    Returns:
        A widget; a click on the picture moves the window of the pixel values.

    Raises:
        ValueError: if there are no images.
    """
    if not len(images):
        raise ValueError("image_browser: there are no images to leaf through")
    groups = {"all": torch.arange(len(images))}
    groups |= {name: (images.labels == k).nonzero().flatten() for k, name in enumerate(CLASSES)}
    kind = choice("class", [name for name, members in groups.items() if len(members)])
    number = slider("picture", 0, len(images) - 1)
    view = choice("view", _VIEWS)
    change = choice("augmentation", list(AUGMENTATIONS))
    draw_number = whole("draw", 0, 999)
    top, left = (whole(f"window, {name}", 0, 32 - _WINDOW, 12) for name in ("row", "column"))

    def clicked(_: str, y: int, x: int) -> None:
        top.value, left.value = (max(0, min(32 - _WINDOW, v - _WINDOW // 2)) for v in (y, x))

    shown = Screen(clicked=clicked)

    def draw() -> None:
        index = int(groups[kind.value][number.value])
        picture, title = images.images[index], f"{CLASSES[int(images.labels[index])]}, image {index}"
        augment = AUGMENTATIONS[change.value]
        windows = (top, left) if view.value == "pixel values" else ()
        for control in (top, left):
            control.disabled = not windows
        draw_number.disabled = augment is None
        corner = (top.value, left.value)
        parts = [render(picture, title, view.value, corner, "as it is")]
        words = f"{title}."
        if augment is not None:
            other, done = augmented(picture, augment, draw_number.value)
            parts.append(render(other, f"{title}: {done}", view.value, corner, f"draw {draw_number.value}"))
            words += f" Draw {draw_number.value}: {done}."
        # Beside each other where there is room, else in rows.
        shown.value = ("" if view.value == "colours" else "<br>").join(parts) + sentence(words)

    def choose_class() -> None:
        limit(number, len(groups[kind.value]) - 1)
        draw()

    on_change(choose_class, kind)
    on_change(draw, number, view, change, draw_number, top, left)
    draw()
    return in_this_cell(widgets.VBox([row(kind, number, view), row(change, draw_number, top, left), shown]))
