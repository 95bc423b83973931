"""What a kernel responds to: uniform areas, horizontal edges, vertical edges. Many find vertical edges alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import conv2d

from cifar_helpers.checks.compare import numbers_of
from cifar_helpers.checks.results import plain

_SIDE = 7  # of the pictures that a kernel is tried on
_FAINT = 1e-4  # an answer that is smaller, beside the kernel's largest number, is rounding


def draw(generator: torch.Generator, number: int) -> tuple[Tensor, Tensor, Tensor]:
    """A uniform area, a picture of level stripes and one of upright stripes, each of random brightness."""
    even, level, upright = (torch.rand(shape, generator=generator) + 0.1 for shape in ((1, 1), (_SIDE, 1), (1, _SIDE)))
    return even.repeat(_SIDE, _SIDE), level.repeat(1, _SIDE), upright.repeat(_SIDE, 1)


def responds_to(make: Callable[[], Any]) -> Callable[..., Any]:
    """A function of the three pictures that says in words what the kernel made by `make` responds to."""

    def run(even: Tensor, level: Tensor, upright: Tensor) -> Any:
        made = make()
        if made is ... or made is None:
            return made
        kernel = as_kernel(made)
        if kernel is None:
            return "no kernel of 3 × 3 numbers"
        if not kernel.any():
            return "nothing: it is all zeros"
        seen = [_responds(kernel, picture) for picture in (even, level, upright)]
        if seen[0]:
            return "even areas"
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


def _responds(kernel: Tensor, picture: Tensor) -> bool:
    result = conv2d(picture.double()[None, None], kernel[None, None])
    return bool(result.abs().max() > _FAINT * kernel.abs().max())
