"""A convolution step by step: the window on its way, the sum of the step, and the output filling up."""

from __future__ import annotations

import ipywidgets as widgets
import numpy as np
from torch import Tensor

from cifar_helpers.kernels import KERNELS, Floats, grey
from cifar_helpers.widgets._cell import in_this_cell
from cifar_helpers.widgets._controls import choice, limit, on_change, row, whole
from cifar_helpers.widgets._drawing import Array, message_html, numbers_svg, sentence, short, titled
from cifar_helpers.widgets._screen import Screen
from cifar_helpers.widgets._window import Convolution, products_html

__all__ = ["convolution_steps", "render"]

_LARGEST = 12
_CELL = 30


def render(image: Floats, convolution: Convolution, step: int) -> str:
    """HTML of a small image with the window, the arithmetic of the step, and the output so far.

    Args:
        image: float32 `(H, W)`, 0..1.
        convolution: the kernel and how it slides.
        step: number of the window, row by row, counted from 0.
    """
    output = convolution(image[None])[0]
    y, x = divmod(step, output.shape[1])
    unknown = np.arange(output.size).reshape(output.shape) > step
    seen = convolution.padded(image)
    side = convolution.padding
    text = [
        [
            "0" if min(r, c, len(seen) - 1 - r, seen.shape[1] - 1 - c) < side else short(float(v))
            for c, v in enumerate(line)
        ]
        for r, line in enumerate(seen)
    ]
    top, left, height, width = convolution.frame(y, x)
    total = short(float(output[y, x]))
    sizes = f"{image.shape[0]} × {image.shape[1]}" + (f", with {side} of padding" if side else "")
    result = f"output, {output.shape[0]} × {output.shape[1]}"
    words = (
        f"Step {step + 1} of {output.size}: the window at row {top}, column {left} of the image gives {total}, "
        f"the output's row {y}, column {x}."
    )
    return "".join(
        [
            sentence(words),
            products_html(convolution.window(image, y, x), convolution.kernel),
            titled(
                f"image, {sizes}",
                numbers_svg(
                    seen,
                    f"The image, {sizes}; the window stands at row {top}, column {left}",
                    cell=_CELL,
                    text=text,
                    frames=[(top + side, left + side, height, width)],
                ),
            ),
            titled(
                result,
                numbers_svg(
                    output,
                    f"The {result}: {step + 1} of {output.size} numbers are there, the last is {total}",
                    cell=_CELL,
                    signed=True,
                    unknown=unknown,
                    frames=[(y, x, 1, 1)],
                    name="output",
                ),
            ),
        ]
    )


def convolution_steps(picture: Tensor | Array, corner: tuple[int, int] = (4, 8), side: int = 8) -> widgets.VBox:
    """Play, pause and step a convolution over a small square of a picture.

    Args:
        picture: uint8 `(3, H, W)` or `(H, W)`.
        corner: row and column of the square's upper left pixel.
        side: of the square in pixels, 5 to 12.

    Returns:
        A widget; a click on the output jumps there.

    Raises:
        ValueError: if the picture has another shape or type, or the square does not lie in it.
    """
    array = np.asarray(picture)
    if array.dtype != np.uint8 or not (array.ndim == 2 or (array.ndim == 3 and array.shape[0] == 3)):
        raise ValueError(
            f"convolution_steps takes uint8 pixels of shape (3, H, W) or (H, W), got {array.dtype} {array.shape}"
        )
    top, left = corner
    if not 5 <= side <= _LARGEST:
        raise ValueError(f"side must lie in 5..{_LARGEST}, got {side}")
    if min(top, left) < 0 or top + side > array.shape[-2] or left + side > array.shape[-1]:
        raise ValueError(f"a square of {side} pixels at {corner} does not lie in a picture of {array.shape[-2:]}")
    image = np.ascontiguousarray(grey(array)[top : top + side, left : left + side])
    kernel = choice("kernel", [*list(KERNELS)[3:], *list(KERNELS)[:3]])
    padding, stride, dilation = whole("padding", 0, 2), whole("stride", 1, 3), whole("dilation", 1, 2)
    play = widgets.Play(min=0, max=35, interval=700, description="steps")
    step = widgets.IntSlider(0, 0, 35, description="step", layout=widgets.Layout(width="26em"))
    widgets.jslink((play, "value"), (step, "value"))
    shown = Screen()
    changing = False

    def convolution() -> Convolution:
        numbers = np.array(KERNELS[kernel.value], np.float32)
        return Convolution(numbers, padding.value, stride.value, dilation.value)

    def change() -> None:
        nonlocal changing
        try:
            last = convolution().size(side) ** 2 - 1
        except ValueError as error:
            shown.value = message_html(f"{error}: take a smaller dilation or more padding.")
            return
        changing = True
        limit(step, last)
        play.max = last
        changing = False
        draw()

    def draw() -> None:
        if not changing:
            shown.value = render(image, convolution(), step.value)

    def clicked(_: str, y: int, x: int) -> None:
        step.value = y * convolution().size(side) + x

    shown.clicked = clicked
    on_change(change, kernel, padding, stride, dilation)
    on_change(draw, step)
    change()
    return in_this_cell(widgets.VBox([row(kernel, padding, stride, dilation), row(play, step), shown]))
