"""A convolution and one of its windows: shared by the bench and by the steps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch.nn.functional import conv2d, pad

from cifar_helpers.kernels import Floats, output_size
from cifar_helpers.widgets._drawing import Frame, numbers_svg, short, titled


@dataclass(frozen=True)
class Convolution:
    """A kernel and how it slides.

    Attributes:
        kernel: float32 `(k, k)`.
        padding: zeros around the image.
        stride: pixels from window to window.
        dilation: pixels from number to number of the kernel.
    """

    kernel: Floats
    padding: int = 0
    stride: int = 1
    dilation: int = 1

    def size(self, pixels: int) -> int:
        """Side of the output of an image with a side of `pixels`; `ValueError` where the kernel does not fit."""
        return output_size(pixels, len(self.kernel), self.padding, self.stride, self.dilation)

    def __call__(self, channels: Floats) -> Floats:
        """Each channel of `(C, H, W)` by itself: `(C, h, w)`."""
        weight = torch.from_numpy(self.kernel)[None, None]
        images = torch.from_numpy(channels)[:, None]
        result = conv2d(images, weight, stride=self.stride, padding=self.padding, dilation=self.dilation)
        return np.asarray(result[:, 0])

    def padded(self, image: Floats) -> Floats:
        """The image `(H, W)` with its border of zeros."""
        return np.asarray(pad(torch.from_numpy(image), (self.padding,) * 4))

    @property
    def reach(self) -> int:
        """Side of the window in pixels, gaps included."""
        return self.dilation * (len(self.kernel) - 1) + 1

    def frame(self, row: int, column: int) -> Frame:
        """The window of an output pixel, in pixels of the image without its border."""
        top, left = (place * self.stride - self.padding for place in (row, column))
        return top, left, self.reach, self.reach

    def window(self, image: Floats, row: int, column: int) -> Floats:
        """The numbers of the image `(H, W)` that meet the kernel: `(k, k)`."""
        top, left = row * self.stride, column * self.stride
        return self.padded(image)[top : top + self.reach : self.dilation, left : left + self.reach : self.dilation]


def products_html(window: Floats, kernel: Floats, name: str = "") -> str:
    """Window times kernel, number by number, and the sum of the products."""
    products = window * kernel
    total = short(float(products.sum()))
    said = " + ".join(f"{short(float(a))} × {short(float(b))}" for a, b in zip(window.flat, kernel.flat, strict=True))
    cell = 38 if len(kernel) == 3 else 32
    sign = '<span style="font-size:1.4em;vertical-align:top;line-height:6em;margin-right:8px">{}</span>'
    grids = [
        titled(f"window{name}", numbers_svg(window, f"The window{name}: {said_of(window)}", cell=cell)),
        sign.format("×"),
        titled("kernel", numbers_svg(kernel, f"The kernel {said_of(kernel)}", cell=cell, signed=True)),
        sign.format("="),
        titled("products", numbers_svg(products, f"The sum written out: {said} = {total}", cell=cell, signed=True)),
        sign.format(f"sum {total}"),
    ]
    return f'<div style="white-space:nowrap">{"".join(grids)}</div>'


def said_of(values: Floats) -> str:
    """Numbers in words: rows apart by semicolons."""
    return "; ".join(" ".join(f"{value:g}" for value in row) for row in np.round(values, 2) + 0.0)
