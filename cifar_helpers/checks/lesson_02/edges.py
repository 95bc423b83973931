"""What a kernel responds to: uniform areas, horizontal edges, vertical edges. Many respond to vertical edges alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import conv2d

from cifar_helpers.checks.compare import numbers_of
from cifar_helpers.checks.results import plain
from cifar_helpers.kernels import KERNELS

_SIDE = 7  # of the pictures that a kernel is tried on
_FAINT = 1e-4  # a response that is smaller, relative to the kernel's largest number, is rounding


def draw(generator: torch.Generator, number: int) -> tuple[Tensor, Tensor, Tensor]:
    """A uniform area, a picture of horizontal stripes and one of vertical stripes, each of random brightness."""
    uniform, horizontal, vertical = (
        torch.rand(shape, generator=generator) + 0.1 for shape in ((1, 1), (_SIDE, 1), (1, _SIDE))
    )
    return uniform.repeat(_SIDE, _SIDE), horizontal.repeat(1, _SIDE), vertical.repeat(_SIDE, 1)


def responds_to(make: Callable[[], Any]) -> Callable[..., Any]:
    """A function of the three pictures that says in words what the kernel made by `make` responds to."""

    def run(uniform: Tensor, horizontal: Tensor, vertical: Tensor) -> Any:
        made = make()
        if made is ... or made is None:
            return made
        kernel = as_kernel(made)
        if kernel is None:
            return "no kernel of 3 × 3 numbers"
        if not kernel.any():
            return "nothing: it is all zeros"
        if is_multiple_of_sobel(kernel):
            return "vertical edges, as Sobel's kernel does"
        seen = [_responds(kernel, picture) for picture in (uniform, horizontal, vertical)]
        if seen[0]:
            return "uniform areas"
        return {
            (True, True): "edges in both directions",
            (True, False): "horizontal edges",
            (False, True): "vertical edges",
            (False, False): "dots alone",
        }[seen[1], seen[2]]

    return run


def as_kernel(made: Any) -> Tensor | None:
    """Lists, array or tensor as float `(3, 3)`, without dimensions of 1; nothing if it is no such kernel."""
    try:
        kernel = torch.from_numpy(numbers_of(plain(made)).squeeze())
    except (TypeError, ValueError):
        return None
    return kernel if kernel.shape == (3, 3) and kernel.isfinite().all() else None


def is_multiple_of_sobel(kernel: Tensor) -> bool:
    """Whether a kernel is Sobel's for vertical edges, times a number."""
    sobel = torch.tensor(KERNELS["Sobel, vertical edges"], dtype=kernel.dtype)
    rest = kernel - sobel * (kernel * sobel).sum() / sobel.square().sum()
    return bool(rest.abs().max() <= _FAINT * kernel.abs().max())


def _responds(kernel: Tensor, picture: Tensor) -> bool:
    result = conv2d(picture.double()[None, None], kernel[None, None])
    return bool(result.abs().max() > _FAINT * kernel.abs().max())
