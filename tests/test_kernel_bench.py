"""The kernel bench: what it draws, how it is steered, and what it says to wrong input."""

from __future__ import annotations

import base64
import io
import math
import re
import time

import numpy as np
import pytest
from PIL import Image

from cifar_helpers import preprocess, sketches
from cifar_helpers.kernels import KERNELS, convolve_windows, grey
from cifar_helpers.widgets import kernel_bench as kernel_bench_widget
from cifar_helpers.widgets.kernel_bench import render as render_kernel

PICTURE = preprocess(sketches.draw(7, seed=3))
IMAGE = re.compile(r'<img alt="([^"]*)" src="data:image/png;base64,([^"]*)"')


def pictures(html: str) -> list[tuple[str, Image.Image]]:
    """Alt text and pixels of every picture in a piece of HTML."""
    return [(alt, Image.open(io.BytesIO(base64.b64decode(data)))) for alt, data in IMAGE.findall(html)]


def test_the_bench_draws_picture_kernel_and_result_with_alt_text() -> None:
    image = grey(PICTURE.numpy())
    kernel = np.array(KERNELS["Sobel, vertical edges"], np.float32)
    shown = pictures(render_kernel(image, kernel))
    assert [im.size for _, im in shown] == [(32, 32), (3, 3), (32, 32)]
    result = convolve_windows(np.pad(image, 1), kernel)
    assert f"{result.min():.2f} to {result.max():.2f}" in shown[2][0] and "-1 0 1" in shown[1][0]
    # Purple below zero and orange above: the bluest and the reddest pixel are the extremes.
    pixels = np.asarray(shown[2][1].convert("RGB")).astype(int)
    lowest, highest = np.unravel_index(result.argmin(), result.shape), np.unravel_index(result.argmax(), result.shape)
    assert pixels[lowest][2] > pixels[lowest][0] and pixels[highest][0] > pixels[highest][2]


def test_the_identity_shows_the_picture_itself() -> None:
    shown = pictures(render_kernel(grey(PICTURE.numpy()), np.array(KERNELS["identity"], np.float32)))
    assert np.array_equal(np.asarray(shown[0][1]), np.asarray(shown[2][1]))


def test_a_preset_fills_the_grid_and_typing_changes_the_result() -> None:
    box = kernel_bench_widget(PICTURE)
    preset, grid, shown = box.children
    preset.value = "sharpen"
    assert [cell.value for cell in grid.children] == list(np.ravel(KERNELS["sharpen"]))
    before = shown.value
    grid.children[4].value = 7
    assert shown.value != before and preset.value == "my own"
    preset.value = "sharpen"
    assert shown.value == before


@pytest.mark.parametrize("bad", [math.nan, math.inf, 1e6, -101.0])
def test_a_number_that_is_none_gives_a_message_that_names_the_place(bad: float) -> None:
    _, grid, shown = kernel_bench_widget(PICTURE).children
    grid.children[5].value = bad
    assert "row 2, column 3" in shown.value and "<img" not in shown.value
    grid.children[5].value = 0.5
    assert "<img" in shown.value


def test_every_control_has_a_name_of_its_own() -> None:
    _, grid, _ = kernel_bench_widget(PICTURE).children
    assert len({cell.description for cell in grid.children}) == 9


@pytest.mark.parametrize("wrong", [np.zeros((32, 32)), np.zeros((32, 32, 3), np.uint8), np.zeros(9, np.uint8)])
def test_the_bench_refuses_what_is_no_picture(wrong: np.ndarray) -> None:
    with pytest.raises(ValueError, match="kernel_bench"):
        kernel_bench_widget(wrong)


def test_a_redraw_takes_less_than_50_ms() -> None:
    box = kernel_bench_widget(PICTURE)
    times = []
    for value in range(20):
        start = time.process_time()
        box.children[1].children[0].value = value / 10
        times.append(time.process_time() - start)
    assert sorted(times)[10] < 0.05
