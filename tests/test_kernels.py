"""Convolution as the course writes it, against torch; sizes and receptive fields against torch."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from cifar_helpers import CifarCNN
from cifar_helpers.kernels import (
    KERNELS,
    convolve_loops,
    convolve_windows,
    example_windows,
    extent,
    grey,
    half_of,
    output_size,
    receptive_field,
)


@pytest.mark.parametrize(("height", "width", "size"), [(8, 8, 3), (12, 5, 3), (5, 12, 5), (4, 9, 1), (3, 3, 3)])
def test_loops_and_windows_agree_with_torch(height: int, width: int, size: int) -> None:
    generator = np.random.default_rng(height * width)
    image = generator.standard_normal((height, width), np.float32)
    kernel = generator.standard_normal((size, size), np.float32)
    expected = F.conv2d(torch.from_numpy(image)[None, None], torch.from_numpy(kernel)[None, None])[0, 0].numpy()
    for ours in (convolve_loops(image, kernel), convolve_windows(image, kernel)):
        assert ours.dtype == np.float32 and np.allclose(ours, expected, atol=1e-5)


def test_kernels_add_up_as_the_lesson_says() -> None:
    sums = {name: round(float(np.sum(rows)), 6) for name, rows in KERNELS.items()}
    edges = {name for name, total in sums.items() if total == 0}
    assert edges == {"Sobel, vertical edges", "Sobel, horizontal edges"}
    assert all(total == 1 for name, total in sums.items() if name not in edges)


def test_the_edge_kernels_find_the_edges_that_they_are_called_after() -> None:
    image = np.zeros((8, 8), np.float32)
    image[:, 4:] = 1  # a vertical edge
    answers = {
        name: np.abs(convolve_windows(image, np.array(rows, np.float32))).max() for name, rows in KERNELS.items()
    }
    assert answers["Sobel, vertical edges"] == 4 and answers["Sobel, horizontal edges"] == 0


def test_output_size_is_what_torch_gives() -> None:
    for size, kernel, padding, stride, dilation in itertools.product((7, 32), (1, 3, 5), (0, 1, 2), (1, 2, 3), (1, 2)):
        if dilation * (kernel - 1) + 1 > size + 2 * padding:
            continue
        real = F.conv2d(
            torch.zeros(1, 1, size, size), torch.zeros(1, 1, kernel, kernel),
            padding=padding, stride=stride, dilation=dilation,
        )  # fmt: skip
        assert output_size(size, kernel, padding, stride, dilation) == real.shape[-1]


@pytest.mark.parametrize("wrong", [(2, 3), (32, 0), (32, 3, -1), (32, 3, 0, 0), (8, 5, 0, 1, 3)])
def test_impossible_sizes_are_refused(wrong: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"must be|does not fit"):
        output_size(*wrong)


def test_the_receptive_field_is_what_the_gradient_reaches() -> None:
    layers = [(3, 1), (2, 2)] * 3
    torch.manual_seed(0)
    noise = torch.randn(200, 3, 32, 32, requires_grad=True)
    CifarCNN().features.eval()(noise)[:, :, 1, 1].sum().backward()
    assert noise.grad is not None
    reached = noise.grad.abs().sum((0, 1)) > 0
    assert int(reached.any(0).sum()) == int(reached.any(1).sum()) == receptive_field(layers)[-1] == 22


def test_grey_is_what_pillow_calls_luminance() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (3, 16, 16), dtype=np.uint8)
    pillow = np.asarray(Image.fromarray(pixels.transpose(1, 2, 0)).convert("L")) / 255
    assert np.abs(grey(pixels) - pillow).max() < 0.01
    assert np.allclose(grey(pixels[0]), pixels[0] / 255)


def test_example_windows_lie_on_what_they_are_called_after() -> None:
    image = np.full((16, 16), 0.5, np.float32)
    image[:6, 8:] = 1.0  # a bright rectangle: a vertical edge, and a strong horizontal one below it
    image[12:] = 0.1  # a weaker horizontal edge
    places = example_windows(image)
    sums = {
        name: [
            float((image[row : row + 3, column : column + 3] * np.array(KERNELS[kernel])).sum())
            for kernel in ("Sobel, vertical edges", "Sobel, horizontal edges")
        ]
        for name, (row, column) in places.items()
    }
    assert sums["vertical edge"] == pytest.approx([2.0, 0.0]) and sums["uniform area"] == pytest.approx([0.0, 0.0])
    assert sums["horizontal edge"] == pytest.approx([0.0, -2.0])


def test_the_extent_is_the_rectangle_around_all_that_is_not_zero() -> None:
    influence = np.zeros((9, 7))
    influence[2, 1] = influence[5, 3] = 0.1
    assert extent(influence) == ((2, 1), (4, 3))
    with pytest.raises(ValueError, match="no pixel"):
        extent(np.zeros((3, 3)))


def test_half_of_the_influence_is_held_by_the_fewest_pixels() -> None:
    assert half_of(np.array([[4.0, 1.0], [3.0, 1.0]])).tolist() == [[True, False], [True, False]]
    assert half_of(np.array([[5.0, 1.0], [3.0, 1.0]])).tolist() == [[True, False], [False, False]]
    assert int(half_of(np.ones((4, 4))).sum()) == 8
