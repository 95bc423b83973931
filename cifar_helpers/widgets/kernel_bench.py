"""A kernel to type into, and what it makes of a picture, at once."""

from __future__ import annotations

import math
from typing import Any

import ipywidgets as widgets
import numpy as np
from torch import Tensor

from cifar_helpers.kernels import KERNELS, Floats, Kernel, convolve_windows, grey
from cifar_helpers.widgets._drawing import Array, in_grey, in_signs, message_html, picture_html
from cifar_helpers.widgets._screen import Screen

__all__ = ["kernel_bench", "render"]

_LARGEST = 100.0
_SIDE = 220


def render(image: Floats, kernel: Floats) -> str:
    """HTML of the picture, the kernel and the result.

    Args:
        image: float32 `(H, W)`, 0..1.
        kernel: float32 `(3, 3)`.
    """
    result = convolve_windows(np.pad(image, 1), kernel)
    low, high = float(result.min()), float(result.max())
    # A little below zero is still a picture; much below zero is a map with a sign.
    signed = -low > 0.5 * high
    numbers = "; ".join(" ".join(f"{value:g}" for value in row) for row in kernel.round(2))
    alt = f"Result of the kernel {numbers}: values from {low:.2f} to {high:.2f}"
    kind = "purple below 0, orange above" if signed else "0 black, 1 white"
    return "".join(
        [
            picture_html(in_grey(image), _SIDE, "The picture in grey", "picture"),
            picture_html(in_signs(kernel), _SIDE, f"The kernel {numbers}", "kernel"),
            picture_html(
                in_signs(result) if signed else in_grey(result),
                _SIDE,
                alt,
                f"result, {low:.2f} to {high:.2f}, {kind}",
            ),
        ]
    )


def kernel_bench(picture: Tensor | Array) -> widgets.VBox:
    """A 3×3 grid of numbers, presets, and the picture as the kernel sees it.

    Args:
        picture: uint8 `(3, H, W)` or `(H, W)`.

    Returns:
        A widget; each change of a number redraws the result.

    Raises:
        ValueError: if the picture has another shape or type.
    """
    array = np.asarray(picture)
    if array.dtype != np.uint8 or not (array.ndim == 2 or (array.ndim == 3 and array.shape[0] == 3)):
        raise ValueError(
            f"kernel_bench takes uint8 pixels of shape (3, H, W) or (H, W), got {array.dtype} {array.shape}"
        )
    return _Bench(grey(array)).box


class _Bench:
    def __init__(self, image: Floats) -> None:
        self.image = image
        self.preset = widgets.Dropdown(options=[*KERNELS, "my own"], description="kernel")
        self.cells = [
            widgets.FloatText(
                step=0.5,
                description=f"row {k // 3 + 1}, column {k % 3 + 1}",
                layout=widgets.Layout(width="5.5em"),
                style={"description_width": "0px"},  # told to screen readers; the place in the grid tells the rest
            )
            for k in range(9)
        ]
        self.shown = Screen()
        self.filling = False
        self.preset.observe(self.choose, "value")
        for cell in self.cells:
            cell.observe(self.type, "value")
        grid = widgets.GridBox(self.cells, layout=widgets.Layout(grid_template_columns="repeat(3, 6em)"))
        self.box = widgets.VBox([self.preset, grid, self.shown])
        self.fill(KERNELS[self.preset.value])

    def fill(self, kernel: Kernel) -> None:
        self.filling = True  # nine numbers change, one picture is drawn
        for cell, value in zip(self.cells, np.ravel(kernel), strict=True):
            cell.value = round(float(value), 4)
        self.filling = False
        self.draw()

    def choose(self, change: dict[str, Any]) -> None:
        if change["new"] in KERNELS:
            self.fill(KERNELS[change["new"]])

    def type(self, change: dict[str, Any]) -> None:
        if not self.filling:
            self.preset.value = "my own"
            self.draw()

    def draw(self) -> None:
        numbers = [cell.value for cell in self.cells]
        bad = [k for k, v in enumerate(numbers) if v is None or not math.isfinite(v) or abs(v) > _LARGEST]
        if bad:
            place = f"row {bad[0] // 3 + 1}, column {bad[0] % 3 + 1}"
            self.shown.value = message_html(f"{place}: type a number from -{_LARGEST:.0f} to {_LARGEST:.0f}.")
            return
        self.shown.value = render(self.image, np.array(numbers, np.float32).reshape(3, 3))
