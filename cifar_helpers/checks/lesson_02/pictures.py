"""Pictures of right answers in lesson 02: sizes, edges of a drawn horse, pooled edges, squares that are seen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import conv2d, pad

from cifar_helpers.checks.compare import numbers_of
from cifar_helpers.checks.drawing import (
    as_rows,
    captioned,
    in_grey,
    in_signs,
    numbers_svg,
    picture_html,
    sentence,
    titled,
)
from cifar_helpers.checks.lesson_02.edges import as_kernel, is_multiple_of_sobel
from cifar_helpers.checks.pictures import SIDE, horse
from cifar_helpers.kernels import KERNELS, grey

_PADDINGS, _STRIDES = (0, 1, 2), (1, 2, 3)
_SMALL = 112  # height in screen pixels where five drawings stand in a row


def sizes(answer: Callable[..., Any]) -> str:
    """HTML of the answer's output sizes for a picture of 32 pixels and a kernel of 3."""
    counts = np.array([[answer(32, 3, padding, stride) for stride in _STRIDES] for padding in _PADDINGS])
    text = [["", *(f"stride {s}" for s in _STRIDES)]]
    text += [[f"padding {p}", *map(str, row)] for p, row in zip(_PADDINGS, counts, strict=True)]
    grid = np.ones((len(_PADDINGS) + 1, len(_STRIDES) + 1))
    grid[1:, 1:] = counts / 40  # grey: the larger, the paler
    said = f"Your sizes for 32 pixels and a kernel of 3: padding 1 with stride 1 gives {counts[1, 0]}."
    return titled(said, numbers_svg(grid, said, cell=60, text=text))


def slid(answer: Callable[..., Any]) -> str:
    """HTML of a drawn horse, and its vertical and horizontal edges as the answer finds them."""
    image, parts = _brightness(), [_before(_brightness())]
    for name in ("vertical edges", "horizontal edges"):
        edges = answer(image.clone(), torch.tensor(KERNELS[f"Sobel, {name}"], dtype=torch.float32))
        alt = f"The horse's {name} by your loops, {edges.shape[0]} by {edges.shape[1]}"
        parts.append(picture_html(in_signs(edges.numpy()), SIDE, alt, f"{name}: {edges.shape[0]}×{edges.shape[1]}"))
    said = "Orange: brighter to the right, or below. Purple: darker there. White: both sides balance."
    return "".join([*parts, sentence(said)])


def convolved(answer: Callable[..., Any]) -> str:
    """HTML of a drawn horse and its vertical edges as the answer finds them, at two strides."""
    image, kernel = _brightness(), torch.tensor(KERNELS["Sobel, vertical edges"], dtype=torch.float32)
    parts = [_before(image)]
    for stride in (1, 2):
        edges = answer(image.clone(), kernel.clone(), 1, stride)
        height, width = edges.shape
        alt = f"Vertical edges of the horse by your convolution, {height} by {width}"
        parts.append(picture_html(in_signs(edges.numpy()), SIDE, alt, f"stride {stride}: {height}×{width}"))
    said = (
        "Orange: brighter to the right. Purple: brighter to the left. White: both sides balance. The bars at the "
        "sides are false edges, between the picture and the zeros around it."
    )
    return "".join([*parts, sentence(said)])


def pooled(answer: Callable[..., Any]) -> str:
    """HTML of the edges of a drawn horse, and what the answer keeps of them."""
    edges = _edges(_brightness(), torch.tensor(KERNELS["Sobel, vertical edges"])).abs()
    small = answer(edges[None].clone())[0]
    parts = []
    for alt, caption, values in (
        ("Edges of a drawn horse, 32 by 32", "edges", edges),
        ("Edges of the horse after your pooling, 16 by 16: the outline is still there", "pooled", small),
    ):
        size = "×".join(map(str, values.shape))
        parts.append(picture_html(in_grey((values / edges.max()).numpy()), 2 * SIDE, alt, f"{caption}: {size}"))
    said = f"{small.numel()} of {edges.numel():,} numbers are left, and the largest is among them: {small.max():.2f}."
    return "".join([*parts, sentence(said)])


def seen(answer: Callable[..., Any]) -> str:
    """HTML of a drawn horse with the squares that a unit sees after one, two and three blocks, by the answer."""
    fields = [int(answer([(3, 1), (2, 2)] * blocks)) for blocks in (1, 2, 3)]
    frames = [((32 - field) / 2, (32 - field) / 2, field, field) for field in fields]
    said = "Your squares after one, two and three blocks: " + ", ".join(f"{field}×{field}" for field in fields)
    picture = picture_html(as_rows(horse()), 2 * SIDE, f"A drawn horse with three squares. {said}", frames=frames)
    return picture + sentence(f"{said} pixels.")


def upright(answer: Callable[..., Any]) -> str:
    """HTML of the answer's kernel, and what it makes of a square and of a drawn horse."""
    kernel = as_kernel(answer())
    assert kernel is not None  # a right answer is one
    parts = [captioned(_drawn(kernel, "Your kernel for vertical edges"), "your kernel")]
    for name, image in (("a square", _square()), ("a drawn horse", _brightness())):
        edges = _edges(image, kernel)
        parts.append(picture_html(in_grey(image.numpy()), _SMALL, f"{name}, 32 by 32 pixels", name))
        parts.append(picture_html(in_signs(edges.numpy()), _SMALL, f"Vertical edges of {name}", "your result"))
    said = "Your kernel responds to the left and right side of the square, but not to its top and bottom."
    return "".join([*parts, sentence(said)])


def not_upright(answer: Callable[..., Any]) -> str:
    """HTML of a wrong kernel, and what it makes of a square beside what a kernel for vertical edges makes of it."""
    made = answer()
    kernel = as_kernel(made)
    if kernel is None:
        numbers = np.atleast_2d(numbers_of(made))
        rows, columns = numbers.shape  # or no rows and columns at all, which words alone can say
        if max(rows, columns) > 7:
            return ""
        empty = numbers_svg(np.ones((3, 3)), "A grid of 3 by 3 numbers", unknown=np.ones((3, 3), bool))
        own = numbers_svg(numbers, f"Your {rows} by {columns} numbers", signed=True)
        return titled(f"yours: {rows} × {columns}", own) + titled("should be: 3 × 3", empty)
    own = captioned(_drawn(kernel, "Your kernel"), "your kernel")
    if kernel.any() and is_multiple_of_sobel(kernel):
        sobel = torch.tensor(KERNELS["Sobel, vertical edges"])
        return own + captioned(_drawn(sobel, "Sobel's kernel for vertical edges"), "Sobel's")
    square = _square()
    columns_alone = torch.tensor([[-1.0, 0, 1]] * 3)
    parts = [picture_html(in_grey(square.numpy()), _SMALL, "A pale square on grey, 32 by 32 pixels", "input")]
    parts.append(own)
    for caption, one in (("yours", kernel), ("should be, for example", columns_alone)):
        edges = _edges(square, one)
        parts.append(picture_html(in_signs(edges.numpy()), _SMALL, f"The square's edges, {_where(edges)}", caption))
    said = "Colour is a response. It should appear at the left and the right side of the square, and nowhere else."
    return "".join([*parts, sentence(said)])


def _drawn(kernel: Tensor, alt: str) -> str:
    """A kernel's numbers, as large as the small pictures."""
    return numbers_svg(kernel.numpy(), alt, cell=36, signed=True)


def _where(edges: Tensor) -> str:
    """Where a kernel responds to the square, in words."""
    seen = edges.abs() > 1e-4
    places = {
        "at the left and right side": seen[12:20].any(),
        "at the top and bottom": seen[:, 12:20].any(),
        "at the corners": seen.any() and not seen[12:20].any() and not seen[:, 12:20].any(),
        "in uniform areas": seen[0, 0] or seen[16, 16],
    }
    return ", ".join(name for name, is_there in places.items() if is_there) or "nothing anywhere"


def _square() -> Tensor:
    square = torch.full((32, 32), 0.2)
    square[8:24, 8:24] = 0.9
    return square


def _brightness() -> Tensor:
    return torch.from_numpy(grey(horse().numpy()))


def _before(image: Tensor) -> str:
    return picture_html(in_grey(image.numpy()), SIDE, "A drawn horse in grey, 32 by 32 pixels", "the picture")


def _edges(image: Tensor, kernel: Tensor) -> Tensor:
    """A kernel's responses, in the picture's size; the border is repeated outwards, so that it is no edge itself."""
    wide = pad(image[None, None], (1, 1, 1, 1), mode="replicate")
    return conv2d(wide, kernel.float()[None, None])[0, 0]
