"""Exercises of lesson 02: convolution, edges, pooling, receptive fields."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import conv2d as torch_conv2d
from torch.nn.functional import max_pool2d

from cifar_helpers.checks.engine import Exercise, Mistake
from cifar_helpers.checks.lesson_02 import edges, pictures
from cifar_helpers.checks.lesson_02.edges import answers_to
from cifar_helpers.kernels import KERNELS
from cifar_helpers.kernels import output_size as _size
from cifar_helpers.kernels import receptive_field as _field


def _convolve(image: Tensor, kernel: Tensor, padding: int, stride: int) -> Tensor:
    return torch_conv2d(image[None, None], kernel[None, None], padding=padding, stride=stride)[0, 0]


def _convolution(generator: torch.Generator, number: int) -> tuple[Any, ...]:
    # The first are square, without padding and stride: a start that works there is told so.
    height, width = (9, 9) if number < 2 else (8 + number, 12 - number)
    padding, stride = ((0, 1), (0, 1), (1, 1), (0, 2), (1, 2), (2, 1), (2, 3), (1, 3))[number]
    side = 3 if number % 2 == 0 else 2
    return (
        torch.randn(height, width, generator=generator),
        torch.randn(side, side, generator=generator),
        padding,
        stride,
    )


def _short(image: Tensor, kernel: Tensor, padding: int, stride: int) -> Tensor:
    return _convolve(image, kernel, padding, stride)[:-1, :-1]


def _edges_padded(image: Tensor, kernel: Tensor, padding: int, stride: int) -> Tensor:
    padded = torch.nn.functional.pad(image[None, None], (padding,) * 4, mode="replicate")[0, 0]
    return _convolve(padded, kernel, 0, stride)


conv2d = Exercise(
    "conv2d",
    2,
    _convolve,
    _convolution,
    "the output shrinks by the kernel's size less one, padding gives it back, and stride divides it.",
    (
        "Pad first, then two loops over the output's rows and columns. How many are there?",
        "The window of the output's row r starts at row r * stride of the padded image.",
        "padded = torch.nn.functional.pad(image, (padding,) * 4), then out[r, c] = (window * kernel).sum().",
        """the solution:
def my_conv2d(image, kernel, padding, stride):
    padded, side = torch.nn.functional.pad(image, (padding,) * 4), len(kernel)
    rows, columns = ((n - side) // stride + 1 for n in padded.shape)
    out = torch.empty(rows, columns)
    for r in range(rows):
        for c in range(columns):
            window = padded[r * stride : r * stride + side, c * stride : c * stride + side]
            out[r, c] = (window * kernel).sum()
    return out
The division rounds down: a window that does not fit in whole is left out.""",
    ),
    (
        Mistake(
            lambda i, k, p, s: _convolve(i, k.flip(0, 1), p, s),
            "the kernel is flipped. That is convolution in mathematics; deep learning slides the kernel as it is.",
        ),
        Mistake(
            lambda i, k, p, s: _convolve(i, k.T, p, s),
            "rows and columns are exchanged: the kernel's rows go with the image's rows.",
        ),
        Mistake(
            _short, "the last row and column are missing: the output has (n + 2 * padding - k) // stride + 1 of them."
        ),
        Mistake(lambda i, k, p, s: _convolve(i, k, 0, s), "padding is left out."),
        Mistake(lambda i, k, p, s: _convolve(i, k, p, 1), "stride is left out."),
        Mistake(_edges_padded, "the border is filled with the edge's own values; padding here means zeros."),
        Mistake(
            lambda i, k, p, s: _convolve(i, k, p, s) / k.numel(),
            "it takes the mean of the products; a convolution adds them up.",
        ),
    ),
    shows=pictures.convolved,
)


def _pooling(generator: torch.Generator, number: int) -> tuple[Any, ...]:
    height, width = (4, 4) if number < 2 else (2 * number, 10)
    return (torch.randn(3, height, width, generator=generator) - 1,)


def _mean_pool(images: Tensor) -> Tensor:
    return torch.nn.functional.avg_pool2d(images, 2)


max_pool = Exercise(
    "max_pool",
    2,
    lambda images: max_pool2d(images, 2),
    _pooling,
    "each channel is pooled by itself: the number of channels stays, height and width are halved.",
    (
        "Every number of the output is the largest of a square of four. Which axes of the input hold these four?",
        "reshape (C, H, W) to (C, H / 2, 2, W / 2, 2): then the four lie along two axes of length 2.",
        "amax takes the largest along several axes at once: .amax(dim=(2, 4)).",
        """the solution:
def my_max_pool(images):
    channels, height, width = images.shape
    return images.reshape(channels, height // 2, 2, width // 2, 2).amax(dim=(2, 4))""",
    ),
    (
        Mistake(_mean_pool, "it takes the mean of the four; max pooling takes the largest."),
        Mistake(lambda x: x[:, ::2, ::2], "it takes one of the four, the upper left one; max pooling compares all."),
        Mistake(
            lambda x: max_pool2d(x.clamp(min=0), 2),
            "negative numbers became 0. The largest of four negative numbers is negative: do not start from 0.",
        ),
        Mistake(lambda x: max_pool2d(x, 2, 1), "the squares overlap: move them by 2, not by 1."),
        Mistake(lambda x: max_pool2d(x, 2).amax(0), "the channels are pooled together: each one is pooled by itself."),
    ),
    shows=pictures.pooled,
)


def _stack(generator: torch.Generator, number: int) -> tuple[Any, ...]:
    kernels = torch.randint(1, 6, (number % 4 + 1,), generator=generator).tolist()
    strides = torch.randint(1, 4, (number % 4 + 1,), generator=generator).tolist()
    if number > 1:
        strides[0], kernels[-1] = 2, 3
    return (list(zip(kernels, strides, strict=True)),)


def _without_steps(layers: list[tuple[int, int]]) -> int:
    return 1 + sum(kernel - 1 for kernel, _ in layers)


def _stride_first(layers: list[tuple[int, int]]) -> int:
    field, step = 1, 1
    for kernel, stride in layers:
        step *= stride
        field += (kernel - 1) * step
    return field


def _whole_kernel(layers: list[tuple[int, int]]) -> int:
    field, step = 1, 1
    for kernel, stride in layers:
        field += kernel * step
        step *= stride
    return field


receptive_field = Exercise(
    "receptive_field",
    2,
    lambda layers: _field(layers)[-1],
    _stack,
    "strides multiply, so pooling lets later kernels see far at little cost.",
    (
        "Keep two numbers: how far a unit sees, and how many input pixels lie between two neighbouring units.",
        "A layer adds (kernel - 1) times the pixels between its *inputs*; then its stride multiplies these pixels.",
        "field, step = 1, 1; for each layer: field += (kernel - 1) * step, then step *= stride.",
        """the solution:
def my_receptive_field(layers):
    field, step = 1, 1
    for kernel, stride in layers:
        field += (kernel - 1) * step
        step *= stride
    return field
The order matters: a layer's own stride spreads only the layers behind it.""",
    ),
    (
        Mistake(
            _without_steps, "strides are left out: behind a stride of 2, neighbouring units lie 2 input pixels apart."
        ),
        Mistake(
            _stride_first,
            "the stride is multiplied in too early: a layer's own stride spreads only the layers behind it.",
        ),
        Mistake(_whole_kernel, "each layer adds one pixel too many: a kernel of 1 sees no farther than its input."),
        Mistake(
            lambda layers: _field(layers)[-1] - 1, "it begins at 0; a unit without layers is a pixel and sees itself."
        ),
    ),
    shows=pictures.seen,
)


def _sizes(generator: torch.Generator, number: int) -> tuple[Any, ...]:
    kernel = int(torch.randint(1, 6, (1,), generator=generator))
    size = int(torch.randint(8, 40, (1,), generator=generator))
    return size, kernel, number % 3, number % 4 + 1


output_size = Exercise(
    "output_size",
    2,
    lambda size, kernel, padding, stride: _size(size, kernel, padding, stride),
    _sizes,
    "the division rounds down: a last window that does not fit in whole is left out.",
    (
        "In how many places can the window start, if it moves one pixel at a time?",
        "Padding lengthens the side at both ends.",
        "(size + 2 * padding - kernel) counts the moves of one pixel; divide by stride, round down, add the start.",
        """the solution:
def my_output_size(size, kernel, padding, stride):
    return (size + 2 * padding - kernel) // stride + 1""",
    ),
    (
        Mistake(
            lambda n, k, p, s: (n + 2 * p - k) / s + 1,
            "it is not a whole number: // divides and rounds down, / does not.",
        ),
        Mistake(lambda n, k, p, s: (n + 2 * p - k) // s, "one is missing: the window also stands where it starts."),
        Mistake(lambda n, k, p, s: (n + p - k) // s + 1, "padding is added at both ends of the side, so twice."),
        Mistake(
            lambda n, k, p, s: (n + 2 * p - k + 1) // s,
            "the start is divided too: divide the moves by stride first, then add 1.",
        ),
        Mistake(lambda n, k, p, s: n + 2 * p - k + 1, "stride is left out."),
    ),
    shows=pictures.sizes,
)


def _sobel() -> Any:
    return torch.tensor(KERNELS["Sobel, vertical edges"])


vertical_edges = Exercise(
    "vertical_edges",
    2,
    answers_to(_sobel),
    edges.draw,
    "each of its rows adds up to 0, so what does not change from left to right gets no answer. (A slanted edge gets a "
    "weaker one.)",
    (
        "At a vertical edge, left and right differ. Which sign do the numbers on the left need, which those on the "
        "right?",
        "On an even area and along a horizontal edge, the three pixels of a row are alike. What must the three numbers "
        "of each row add up to?",
        "Three rows [-a, 0, a]: each compares right with left, and adds up to 0.",
        """the solution:
def my_vertical_edges():
    return torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]])
This is Sobel's. Any kernel does whose rows each add up to 0, and whose columns do not all.""",
    ),
    (
        Mistake(answers_to(lambda: [-1, 0, 1]), "it is no grid of 3 × 3 numbers: three rows of three numbers each."),
        Mistake(answers_to(lambda: torch.zeros(3, 3)), "it is all zeros, so it answers to nothing at all."),
        Mistake(
            answers_to(lambda: torch.tensor([[-1, 0, 2]] * 3)),
            "it answers to even areas: its nine numbers must add up to 0.",
        ),
        Mistake(
            answers_to(lambda: _sobel().T),
            "it answers to horizontal edges: it compares above with below. Exchange rows and columns.",
        ),
        Mistake(
            answers_to(lambda: torch.tensor([[0, 1, 2], [-1, 0, 1], [-2, -1, 0]])),
            "it answers to horizontal edges too, as kernels for diagonals and for outlines do: each *row* must add up "
            "to 0.",
        ),
        Mistake(
            answers_to(lambda: torch.tensor([[-1, 2, -1], [2, -4, 2], [-1, 2, -1]])),
            "it answers to dots and corners, and to no straight edge: the rows add up to 0, but so does each column.",
        ),
    ),
    harness=answers_to,
    shows=pictures.upright,
)
