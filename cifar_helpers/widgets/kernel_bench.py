"""A kernel to type into, what it makes of a picture, and puzzles to solve with it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import ipywidgets as widgets
import numpy as np
from torch import Tensor, nn

from cifar_helpers.inference import shipped_model
from cifar_helpers.kernels import KERNELS, Floats, grey
from cifar_helpers.models import CifarCNN
from cifar_helpers.widgets._cell import in_this_cell
from cifar_helpers.widgets._controls import choice, limit, on_change, row, whole
from cifar_helpers.widgets._drawing import (
    Array,
    in_grey,
    in_signs,
    message_html,
    numbers_svg,
    picture_html,
    sentence,
    titled,
)
from cifar_helpers.widgets._screen import Screen
from cifar_helpers.widgets._window import Convolution, products_html, said_of

__all__ = ["PUZZLES", "Bench", "distance", "kernel_bench", "nearest", "render"]

_LARGEST: Final = 100.0
_SIDE: Final = 220
_SOLVED: Final = 0.02
_CHANNELS: Final = ("grey", "red", "green", "blue", "all colours")
_GAUSS: Final = np.array([1, 4, 6, 4, 1], np.float32) / 16
_PRESETS: Final[dict[str, Floats]] = {
    **{name: np.array(rows, np.float32) for name, rows in KERNELS.items()},
    "blur, 5 × 5": np.full((5, 5), 1 / 25, np.float32),
    "Gaussian, 5 × 5": np.outer(_GAUSS, _GAUSS).astype(np.float32),
}
PUZZLES: Final[dict[str, Floats]] = {
    name: np.array(rows, np.float32)
    for name, rows in {
        "1: half as bright": ((0, 0, 0), (0, 0.5, 0), (0, 0, 0)),
        "2: moved to the right": ((0, 0, 0), (1, 0, 0), (0, 0, 0)),
        "3: neighbours mixed": ((0, 0, 0), (0.5, 0, 0.5), (0, 0, 0)),
        "4: right minus left": ((0, 0, 0), (-1, 0, 1), (0, 0, 0)),
        "5: upper edges": ((-1, -1, -1), (0, 0, 0), (1, 1, 1)),
        "6: outline": ((0, -1, 0), (-1, 4, -1), (0, -1, 0)),
    }.items()
}
"""Name to the kernel that is to be found."""


@dataclass(frozen=True)
class Bench:
    """What is on the bench.

    Attributes:
        channels: float32 `(C, H, W)`, 0..1: one channel, or three for colours.
        convolution: the kernel and how it slides.
        pixel: row and column of the output whose products are written out.
        target: the kernel of a puzzle, or `None`.
    """

    channels: Floats
    convolution: Convolution
    pixel: tuple[int, int] = (0, 0)
    target: Floats | None = None


def distance(kernel: Floats, target: Floats) -> float:
    """How far a kernel is from another: 0 where they do the same, 1 for a kernel of zeros.

    It is the difference of their results on white noise, where no two kernels look alike, relative to the target's
    result: the Euclidean distance of their numbers.
    """
    size = max(len(kernel), len(target))
    kernel, target = (np.pad(k, (size - len(k)) // 2) for k in (kernel, target))
    return float(np.linalg.norm(kernel - target) / np.linalg.norm(target))


def nearest(kernel: Floats, model: nn.Module) -> tuple[int, float, Floats]:
    """The kernel of a network's first layer that is most like this one on a grey picture.

    Returns:
        Its number, the cosine of the angle between both (1: the same up to contrast; below 0 is never nearest, as
        the opposite sign counts as alike), and its numbers, summed over the colours: float32 `(3, 3)`.
    """
    learned = next(model.parameters()).detach().cpu().float().sum(1).numpy()
    inner = kernel[len(kernel) // 2 - 1 : len(kernel) // 2 + 2, len(kernel) // 2 - 1 : len(kernel) // 2 + 2]
    lengths = np.linalg.norm(learned, axis=(1, 2)) * np.linalg.norm(inner)
    likeness = (learned * inner).sum((1, 2)) / np.maximum(lengths, 1e-9)
    best = int(np.abs(likeness).argmax())
    return best, float(likeness[best]), learned[best]


def render(bench: Bench) -> str:
    """HTML of picture, kernel and result, the products of one pixel, and the state of the puzzle."""
    convolution, (y, x) = bench.convolution, bench.pixel
    results = convolution(bench.channels)
    kernel = said_of(convolution.kernel)
    low, high = float(results.min()), float(results.max())
    height, width = results.shape[1:]
    value = ", ".join(f"{v:.2f}" for v in results[:, y, x])
    pixels, kind = _shown(results)
    parts = [
        picture_html(
            _shown(bench.channels)[0], _SIDE, "The picture, with the window", "picture", [convolution.frame(y, x)]
        ),
        titled("kernel", numbers_svg(convolution.kernel, f"The kernel {kernel}", cell=40, signed=True)),
        picture_html(
            pixels,
            _SIDE,
            f"Result of the kernel {kernel}: {height} × {width}, values from {low:.2f} to {high:.2f}",
            f"result, {height} × {width}, {low:.2f} to {high:.2f}, {kind}",
            [(y, x, 1, 1)],
            "result",
        ),
    ]
    words = f"Pixel in row {y}, column {x}: {value}. Values from {low:.2f} to {high:.2f}."
    if bench.target is not None:
        wanted = Convolution(bench.target, len(bench.target) // 2)(bench.channels)
        parts.append(picture_html(_shown(wanted)[0], _SIDE, "The target of the puzzle", "target"))
        words += " " + _state_of(distance(convolution.kernel, bench.target))
    colours = ("",) if len(bench.channels) == 1 else (", red", ", green", ", blue")
    lines = [
        products_html(convolution.window(channel, y, x), convolution.kernel, name)
        for channel, name in zip(bench.channels, colours, strict=True)
    ]
    return "".join([*parts, sentence(words), *lines])


def _state_of(gap: float) -> str:
    if gap < _SOLVED:
        return "Distance from the target 0: solved!"
    return f"Distance from the target {gap:.2f}; it falls with each number that gets nearer, and at 0 you have it."


def _shown(results: Floats) -> tuple[Any, str]:
    """Pixels of one channel or three, and how to read them."""
    if len(results) == 3:
        return (results.transpose(1, 2, 0).clip(0, 1) * 255).astype(np.uint8), "cut off below 0 and above 1"
    plane = results[0]
    # A little below zero is still a picture; much below zero is a map with a sign.
    if -float(plane.min()) > 0.5 * float(plane.max()):
        return in_signs(plane), "purple below 0, orange above"
    return in_grey(plane), "0 black, 1 white"


def _learned_html(kernel: Floats, model: nn.Module) -> str:
    number, likeness, values = nearest(kernel, model)
    same = "" if likeness > 0 else ", with the opposite sign"
    words = (
        f"The trained network found something like it by itself: kernel {number} of its first layer, "
        f"alike by {abs(likeness):.2f} of 1{same}."
    )
    return sentence(words) + numbers_svg(
        values, f"Kernel {number}, summed over colours: {said_of(values)}", signed=True
    )


def kernel_bench(picture: Tensor | Array, model: CifarCNN | None = None) -> widgets.VBox:
    """A grid of numbers, presets, puzzles, and the picture as the kernel sees it.

    Args:
        picture: uint8 `(3, H, W)` or `(H, W)`, with at least 11 pixels each way.
        model: whose learned kernels a solved puzzle is compared with; `None` takes the shipped weights.

    Returns:
        A widget; each change of a number redraws the result.

    Raises:
        ValueError: if the picture has another shape or type, or is smaller.
    """
    array = np.asarray(picture)
    if array.dtype != np.uint8 or not (array.ndim == 2 or (array.ndim == 3 and array.shape[0] == 3)):
        raise ValueError(
            f"kernel_bench takes uint8 pixels of shape (3, H, W) or (H, W), got {array.dtype} {array.shape}"
        )
    if min(array.shape[-2:]) < 11:  # as wide as a 5 × 5 kernel gets, and more than a point of output
        raise ValueError(f"kernel_bench takes pictures of at least 11 × 11 pixels, got {array.shape[-2:]}")
    return in_this_cell(_Steering(array, model).box)


class _Steering:
    def __init__(self, picture: Array, model: CifarCNN | None) -> None:
        self.inputs: dict[str, Floats] = {"grey": grey(picture)[None]}
        if picture.ndim == 3:
            colours = np.asarray(picture / 255, np.float32)
            planes = (colours[:1], colours[1:2], colours[2:], colours)
            self.inputs |= dict(zip(_CHANNELS[1:], planes, strict=True))
        self.model = model
        self.kernel = choice("kernel", [*_PRESETS, "my own"])
        self.size = choice("size", [("3 × 3", 3), ("5 × 5", 5)])
        self.source = choice("picture", list(self.inputs))
        self.puzzle = choice("puzzle", ["none", *PUZZLES])
        self.padding, self.stride, self.dilation = (
            whole("padding", 0, 3, 1),
            whole("stride", 1, 4),
            whole("dilation", 1, 4),
        )
        self.at = [whole(name, 0, 31, value) for name, value in (("pixel, row", 14), ("pixel, column", 19))]
        self.cells = [
            widgets.FloatText(
                step=0.5,
                layout=widgets.Layout(width="5.5em"),
                style={"description_width": "0px"},  # told to screen readers; the place in the grid tells the rest
            )
            for _ in range(25)
        ]
        self.grid = widgets.GridBox(self.cells)
        self.shown = Screen(clicked=self.click)
        self.filling = False
        self.kernel.observe(self.choose, "value")
        self.size.observe(lambda _: self.resize(), "value")
        for cell in self.cells:
            cell.observe(self.type, "value")
        on_change(self.draw, self.source, self.puzzle, self.padding, self.stride, self.dilation, *self.at)
        sliding = row(self.source, self.padding, self.stride, self.dilation, *self.at)
        self.box = widgets.VBox([row(self.kernel, self.size, self.puzzle), self.grid, sliding, self.shown])
        self.resize()
        self.fill(_PRESETS[self.kernel.value])

    @property
    def visible(self) -> list[widgets.FloatText]:
        inner = [k for k in range(25) if 1 <= k // 5 <= 3 and 1 <= k % 5 <= 3]
        return [self.cells[k] for k in inner] if self.size.value == 3 else self.cells

    def resize(self) -> None:
        side, visible = self.size.value, self.visible
        for cell in self.cells:
            cell.layout.display = None if cell in visible else "none"
            cell.description = ""
        for k, cell in enumerate(visible):
            cell.description = f"row {k // side + 1}, column {k % side + 1}"
        self.grid.layout.grid_template_columns = f"repeat({side}, 6em)"
        self.draw()

    def fill(self, kernel: Floats) -> None:
        self.filling = True  # many numbers change, one picture is drawn
        self.size.value = len(kernel) if len(kernel) == 5 else self.size.value
        numbers = np.pad(kernel, (5 - len(kernel)) // 2)
        for cell, value in zip(self.cells, numbers.flat, strict=True):
            cell.value = round(float(value), 4)
        self.filling = False
        self.draw()

    def choose(self, change: dict[str, Any]) -> None:
        if change["new"] in _PRESETS:
            self.fill(_PRESETS[change["new"]])

    def type(self, _: dict[str, Any]) -> None:
        if not self.filling:
            self.kernel.value = "my own"
            self.draw()

    def click(self, _: str, y: int, x: int) -> None:
        self.at[0].value, self.at[1].value = y, x

    def draw(self) -> None:
        if self.filling:
            return
        side = self.size.value
        numbers = [cell.value for cell in self.visible]
        bad = [k for k, v in enumerate(numbers) if v is None or not math.isfinite(v) or abs(v) > _LARGEST]
        if bad:
            place = f"row {bad[0] // side + 1}, column {bad[0] % side + 1}"
            self.shown.value = message_html(f"{place}: type a number from -{_LARGEST:.0f} to {_LARGEST:.0f}.")
            return
        kernel = np.array(numbers, np.float32).reshape(side, side)
        channels = self.inputs[self.source.value]
        convolution = Convolution(kernel, self.padding.value, self.stride.value, self.dilation.value)
        try:
            sizes = [convolution.size(pixels) for pixels in channels.shape[1:]]
        except ValueError as error:
            self.shown.value = message_html(f"{error}: take a smaller dilation or more padding.")
            return
        self.filling = True
        for control, size in zip(self.at, sizes, strict=True):
            limit(control, size - 1)
        self.filling = False
        target = PUZZLES.get(self.puzzle.value)
        page = render(Bench(channels, convolution, (self.at[0].value, self.at[1].value), target))
        if target is not None and distance(kernel, target) < _SOLVED:
            page += _learned_html(kernel, self.model or shipped_model())
        self.shown.value = page
