"""A convolution step by step: the window on its way, the sum of the step, and the output filling up."""

from __future__ import annotations

from typing import Any, Final, cast

import numpy as np
import torch
import traitlets
from torch import Tensor
from torch.nn.functional import conv2d

from cifar_helpers.kernels import KERNELS, Floats, example_windows, grey
from cifar_helpers.widgets._arrays import Numbers
from cifar_helpers.widgets._base import CourseWidget
from cifar_helpers.widgets.kernel_bench import pixels_of

__all__ = ["ConvolutionSteps", "convolution_steps"]

_SMALLEST: Final = 5
_LARGEST: Final = 12


class ConvolutionSteps(CourseWidget, module="convolution_steps"):
    """The steps: assign to `step`, `kernel`, `padding`, `stride`, `dilation` or `predicting` to change them.

    Attributes:
        whole: float64 `(H, W)`, brightness 0..1: the picture.
        corner: row and column of the upper left pixel of the square in it.
        image: float64 `(side, side)`: the square.
        kernel: name of one of `KERNELS`.
        step: number of the window, row by row, from 1.
        predicting: whether the reader predicts each sum, such as its sign, before it is shown.
        score: how many predictions were right, of how many.
    """

    whole = Numbers(np.zeros((8, 8)))
    corner = cast(
        tuple[int, int], traitlets.Tuple(traitlets.Int(), traitlets.Int(), default_value=(0, 0)).tag(sync=True)
    )
    image = Numbers(np.zeros((8, 8)))
    presets = cast(dict[str, Any], traitlets.Dict({k: [list(r) for r in v] for k, v in KERNELS.items()}).tag(sync=True))
    kernel = cast(str, traitlets.Enum(tuple(KERNELS), "Sobel, vertical edges").tag(sync=True))
    padding = cast(int, traitlets.Int(0, min=0, max=2).tag(sync=True))
    stride = cast(int, traitlets.Int(1, min=1, max=3).tag(sync=True))
    dilation = cast(int, traitlets.Int(1, min=1, max=2).tag(sync=True))
    step = cast(int, traitlets.Int(1).tag(sync=True))
    predicting = cast(bool, traitlets.Bool(False).tag(sync=True))
    score = cast(
        tuple[int, int], traitlets.Tuple(traitlets.Int(), traitlets.Int(), default_value=(0, 0)).tag(sync=True)
    )

    @property
    def output(self) -> Floats:
        """float32: the whole output, whatever the step."""
        image, kernel = torch.from_numpy(self.image.astype(np.float32)), torch.tensor(KERNELS[self.kernel]).float()
        result = conv2d(image[None, None], kernel[None, None], None, self.stride, self.padding, self.dilation)
        return np.asarray(result[0, 0].numpy())

    def words(self) -> str:
        """The step, its place and its sum."""
        output = self.output
        row, column = divmod(self.step - 1, output.shape[1])
        what = "is still to be predicted" if self.predicting else f"is {output[row, column]:.2f}"
        return (
            f"{self.kernel}: step {self.step} of {output.size} of a convolution over {len(self.image)} × "
            f"{len(self.image)} pixels, from row {self.corner[0]}, column {self.corner[1]} "
            f"of a picture. The output's row {row}, column {column} {what}."
        )

    @traitlets.validate("step")
    def _exists(self, proposal: dict[str, Any]) -> int:
        step, last = int(proposal["value"]), self.output.size
        if not 1 <= step <= last:
            raise traitlets.TraitError(f"step {step} does not exist; give one from 1 to {last}")
        return step

    @traitlets.observe("padding", "stride", "dilation")
    def _keep_step(self, _: Any) -> None:
        self.step = min(self.step, self.output.size)


def convolution_steps(
    picture: Tensor | np.ndarray[Any, Any], corner: tuple[int, int] | None = None, side: int = 8
) -> ConvolutionSteps:
    """Play, step and predict a convolution over a small square of a picture.

    Args:
        picture: uint8 `(3, H, W)` or `(H, W)`.
        corner: row and column of the square's upper left pixel; `None` puts the picture's clearest vertical edge, from
            dark to bright, in its middle.
        side: of the square in pixels, 5 to 12.

    Returns:
        A widget; the window is dragged, a click on the output jumps there, and the square is dragged in the picture.

    Raises:
        ValueError: if the picture has another shape or type, or the square does not lie in it.
    """
    array = pixels_of(picture, "convolution_steps")
    if not _SMALLEST <= side <= _LARGEST:
        raise ValueError(f"side must lie in {_SMALLEST}..{_LARGEST}, got {side}")
    whole = grey(array)
    top, left = corner or _around_an_edge(whole, side)
    if min(top, left) < 0 or top + side > array.shape[-2] or left + side > array.shape[-1]:
        raise ValueError(f"a square of {side} pixels at {(top, left)} does not lie in a picture of {array.shape[-2:]}")
    return ConvolutionSteps(whole=whole, corner=(top, left), image=whole[top : top + side, left : left + side])


def _around_an_edge(whole: Floats, side: int) -> tuple[int, int]:
    edge = example_windows(whole)["vertical edge"]
    top, left = (min(max(0, at - (side - 3) // 2), size - side) for at, size in zip(edge, whole.shape, strict=True))
    return top, left
