"""Exercises of lesson 02: convolution, edges, pooling, receptive fields."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import conv2d as torch_conv2d
from torch.nn.functional import max_pool2d

from cifar_helpers.checks.engine import Exercise
from cifar_helpers.checks.lesson_02 import edges, pictures
from cifar_helpers.checks.lesson_02.edges import responds_to
from cifar_helpers.kernels import KERNELS
from cifar_helpers.kernels import output_size as _size
from cifar_helpers.kernels import receptive_field as _field


def _slide(image: Tensor, kernel: Tensor) -> Tensor:
    return torch_conv2d(image[None, None], kernel[None, None])[0, 0]


def _windows(generator: torch.Generator, number: int) -> tuple[Any, ...]:
    height, width = (6, 6) if number < 2 else (4 + number, 12 - number)
    side = 3 if number % 2 == 0 else 2
    return torch.randn(height, width, generator=generator), torch.randn(side, side, generator=generator)


def _same_size(image: Tensor, kernel: Tensor) -> Tensor:
    more = len(kernel) - 1
    return _slide(torch.nn.functional.pad(image, (0, more, 0, more)), kernel)


convolve = Exercise(
    name="convolve",
    reference=_slide,
    draw=_windows,
    mistakes={
        "last_missing": lambda image, kernel: _slide(image, kernel)[:-1, :-1],
        "same_size": _same_size,
        "window_alone": lambda image, kernel: _slide(image, torch.ones_like(kernel)),
        "mean": lambda image, kernel: _slide(image, kernel) / kernel.numel(),
        "flipped": lambda image, kernel: _slide(image, kernel.flip(0, 1)),
        "transposed": lambda image, kernel: _slide(image, kernel.T),
    },
    shows=pictures.slid,
)


def _sizes(generator: torch.Generator, number: int) -> tuple[Any, ...]:
    kernel = int(torch.randint(1, 6, (1,), generator=generator))
    size = int(torch.randint(8, 40, (1,), generator=generator))
    return size, kernel, number % 3, number % 4 + 1


output_size = Exercise(
    name="output_size",
    reference=lambda size, kernel, padding, stride: _size(size, kernel, padding, stride),
    draw=_sizes,
    mistakes={
        "not_whole": lambda n, k, p, s: (n + 2 * p - k) / s + 1,
        "start_missing": lambda n, k, p, s: (n + 2 * p - k) // s,
        "padded_once": lambda n, k, p, s: (n + p - k) // s + 1,
        "start_divided": lambda n, k, p, s: (n + 2 * p - k + 1) // s,
        "stride_missing": lambda n, k, p, s: n + 2 * p - k + 1,
    },
    shows=pictures.sizes,
)


def _sobel() -> Tensor:
    return torch.tensor(KERNELS["Sobel, vertical edges"])


def _prewitt() -> Tensor:
    return torch.tensor([[-1, 0, 1]] * 3)


vertical_edges = Exercise(
    name="vertical_edges",
    reference=responds_to(_prewitt),
    draw=edges.draw,
    mistakes={
        "sobels": responds_to(_sobel),
        "one_row": responds_to(lambda: [-1, 0, 1]),
        "all_zeros": responds_to(lambda: torch.zeros(3, 3)),
        "uniform_areas": responds_to(lambda: torch.tensor([[-1, 0, 2]] * 3)),
        "horizontal": responds_to(lambda: _sobel().T),
        "diagonal": responds_to(lambda: torch.tensor([[0, 1, 2], [-1, 0, 1], [-2, -1, 0]])),
        "dots": responds_to(lambda: torch.tensor([[-1, 2, -1], [2, -4, 2], [-1, 2, -1]])),
    },
    harness=responds_to,
    shows=pictures.upright,
    contrasts=pictures.not_upright,
)


def _pooling(generator: torch.Generator, number: int) -> tuple[Any, ...]:
    height, width = (4, 4) if number < 2 else (2 * number, 10)
    return (torch.randn(3, height, width, generator=generator) - 1,)


def _mean_pool(images: Tensor) -> Tensor:
    return torch.nn.functional.avg_pool2d(images, 2)


max_pool = Exercise(
    name="max_pool",
    reference=lambda images: max_pool2d(images, 2),
    draw=_pooling,
    mistakes={
        "mean": _mean_pool,
        "upper_left": lambda x: x[:, ::2, ::2],
        "starts_from_zero": lambda x: max_pool2d(x.clamp(min=0), 2),
        "overlapping": lambda x: max_pool2d(x, 2, 1),
        "channels_together": lambda x: max_pool2d(x, 2).amax(0),
    },
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
    name="receptive_field",
    reference=lambda layers: _field(layers)[-1],
    draw=_stack,
    mistakes={
        "strides_missing": _without_steps,
        "stride_too_early": _stride_first,
        "whole_kernel": _whole_kernel,
        "begins_at_zero": lambda layers: _field(layers)[-1] - 1,
    },
    shows=pictures.seen,
)


def _convolve(image: Tensor, kernel: Tensor, padding: int, stride: int) -> Tensor:
    return torch_conv2d(image[None, None], kernel[None, None], padding=padding, stride=stride)[0, 0]


def _convolution(generator: torch.Generator, number: int) -> tuple[Any, ...]:
    # The first are square, without padding and stride, so that a beginning already passes them.
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
    name="conv2d",
    reference=_convolve,
    draw=_convolution,
    mistakes={
        "flipped": lambda i, k, p, s: _convolve(i, k.flip(0, 1), p, s),
        "transposed": lambda i, k, p, s: _convolve(i, k.T, p, s),
        "last_row_missing": _short,
        "padding_missing": lambda i, k, p, s: _convolve(i, k, 0, s),
        "stride_missing": lambda i, k, p, s: _convolve(i, k, p, 1),
        "edge_padding": _edges_padded,
        "mean": lambda i, k, p, s: _convolve(i, k, p, s) / k.numel(),
    },
    shows=pictures.convolved,
)
