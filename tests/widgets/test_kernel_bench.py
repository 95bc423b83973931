"""The kernel bench: what it draws, its puzzles, how it is steered, and what it says to wrong input."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest
import torch
from helpers import alert, alts, cells, frames, named, pictures, status

from cifar_helpers import preprocess
from cifar_helpers.data import sketches
from cifar_helpers.inference import shipped_model
from cifar_helpers.kernels import KERNELS, grey
from cifar_helpers.widgets import kernel_bench as kernel_bench_widget
from cifar_helpers.widgets._window import Convolution
from cifar_helpers.widgets.kernel_bench import PUZZLES, Bench, distance, nearest, render

PICTURE = preprocess(sketches.draw(7, seed=3))
GREY = grey(PICTURE.numpy())
SOBEL = np.array(KERNELS["Sobel, vertical edges"], np.float32)


# --- what is drawn ---------------------------------------------------------------------------------------


def test_it_draws_picture_kernel_and_result_with_alt_text() -> None:
    page = render(Bench(GREY[None], Convolution(SOBEL, 1), (4, 6)))
    result = Convolution(SOBEL, 1)(GREY[None])[0]
    assert [p.shape[:2] for p in pictures(page)] == [(32, 32), (32, 32)]
    assert f"{result.min():.2f} to {result.max():.2f}" in alts(page)[2] and "-1 0 1" in alts(page)[1]
    # Purple below zero and orange above: the bluest and the reddest pixel are the extremes.
    pixels = pictures(page)[1].astype(int)
    lowest, highest = np.unravel_index(result.argmin(), result.shape), np.unravel_index(result.argmax(), result.shape)
    assert pixels[lowest][2] > pixels[lowest][0] and pixels[highest][0] > pixels[highest][2]


def test_the_identity_shows_the_picture_itself() -> None:
    kernel = np.array(KERNELS["identity"], np.float32)
    before, after = pictures(render(Bench(GREY[None], Convolution(kernel, 1))))
    assert np.array_equal(before, after)


@pytest.mark.parametrize(("padding", "stride", "dilation"), [(0, 1, 1), (1, 2, 1), (2, 1, 2), (3, 3, 4)])
def test_window_products_and_sum_are_those_of_the_pixel(padding: int, stride: int, dilation: int) -> None:
    convolution = Convolution(SOBEL, padding, stride, dilation)
    pixel = (convolution.size(32) - 1, 2)
    page = render(Bench(GREY[None], convolution, pixel))
    result = convolution(GREY[None])[0]
    by_torch = torch.nn.functional.conv2d(
        torch.from_numpy(GREY)[None, None], torch.from_numpy(SOBEL)[None, None], None, stride, padding, dilation
    )
    assert np.allclose(result, by_torch[0, 0], atol=1e-5)
    window = convolution.window(GREY, *pixel)
    assert float((window * SOBEL).sum()) == pytest.approx(float(result[pixel]), abs=1e-5)
    total = f"{result[pixel]:.2f}".rstrip("0").rstrip(".").replace("-", "−")
    assert f"= {total}" in alts(page)[-1] and alts(page)[-1].count("×") == 9
    side = 2 * dilation + 1
    assert frames(page)[0] == (pixel[0] * stride - padding, pixel[1] * stride - padding, side, side)
    assert f"row {pixel[0]}, column {pixel[1]}" in status(page)


def test_colours_have_products_each_and_a_result_in_colours() -> None:
    colours = PICTURE.numpy().astype(np.float32) / 255
    page = render(Bench(colours, Convolution(np.array(KERNELS["identity"], np.float32), 1), (3, 3)))
    assert np.array_equal(pictures(page)[0], pictures(page)[1])
    assert np.array_equal(pictures(page)[0], PICTURE.permute(1, 2, 0).numpy())
    assert [text for text in alts(page) if text.startswith("The window, ")] and page.count("The sum written out") == 3


# --- puzzles ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PUZZLES)
def test_the_distance_falls_with_each_number_that_gets_nearer(name: str) -> None:
    target = PUZZLES[name]
    kernel = np.zeros((3, 3), np.float32)
    before = distance(kernel, target)
    assert before == pytest.approx(1)
    for place in zip(*target.nonzero(), strict=True):
        for share in (0.5, 1.0):
            kernel[place] = share * target[place]
            assert distance(kernel, target) < before
            before = distance(kernel, target)
    assert before == 0


def test_at_least_five_puzzles_that_differ() -> None:
    assert len(PUZZLES) >= 5
    names = list(PUZZLES)
    assert all(distance(PUZZLES[a], PUZZLES[b]) > 0.3 for a in names for b in names if a != b)


def test_a_kernel_in_a_larger_one_is_the_same_kernel() -> None:
    assert distance(np.pad(SOBEL, 1), SOBEL) == 0


def test_the_nearest_kernel_is_found_whatever_its_sign() -> None:
    learned = shipped_model().features[0][0].weight.detach().sum(1).numpy()
    for sign in (1, -1):
        number, likeness, values = nearest(2 * sign * learned[5], shipped_model())
        assert number == 5 and likeness == pytest.approx(sign, abs=1e-4) and np.allclose(values, learned[5])


def test_a_puzzle_is_solved_by_typing_and_shows_what_the_network_learned() -> None:
    box = kernel_bench_widget(PICTURE)
    parts = named(box)
    shown = parts["Screen"]
    parts["puzzle"].value = "4: right minus left"
    assert "solved" not in status(shown.value) and "target" in shown.value
    gaps = []
    for place, value in (("row 2, column 2", 0), ("row 2, column 1", -1), ("row 2, column 3", 1)):
        parts[place].value = value
        gaps.append(status(shown.value))
    assert "solved" in gaps[-1] and "first layer" in gaps[-1] and all("solved" not in g for g in gaps[:-1])


# --- how it is steered -----------------------------------------------------------------------------------


def test_a_preset_fills_the_grid_and_typing_changes_the_result() -> None:
    parts = named(kernel_bench_widget(PICTURE))
    preset, shown = parts["kernel"], parts["Screen"]
    preset.value = "sharpen"
    grid = [parts[f"row {r}, column {c}"] for r in (1, 2, 3) for c in (1, 2, 3)]
    assert [cell.value for cell in grid] == list(np.ravel(KERNELS["sharpen"]))
    before = shown.value
    grid[4].value = 7
    assert shown.value != before and preset.value == "my own"
    preset.value = "sharpen"
    assert shown.value == before


def test_a_larger_grid_keeps_the_numbers_and_names_its_places() -> None:
    box = kernel_bench_widget(PICTURE)
    named(box)["kernel"].value = "sharpen"
    named(box)["size"].value = 5
    parts = named(box)
    assert parts["row 3, column 3"].value == 5 and parts["row 1, column 1"].value == 0
    assert len([name for name in parts if name.startswith("row ")]) == 25
    parts["kernel"].value = "blur, 5 × 5"
    assert parts["row 5, column 5"].value == pytest.approx(0.04)
    parts["size"].value = 3
    assert len([name for name in named(box) if name.startswith("row ")]) == 9


def test_a_click_on_the_result_chooses_the_pixel() -> None:
    parts = named(kernel_bench_widget(PICTURE))
    parts["Screen"].place = "result 9 11"
    assert (parts["pixel, row"].value, parts["pixel, column"].value) == (9, 11)
    assert "row 9, column 11" in status(parts["Screen"].value)
    assert parts["Screen"].place == ""  # so that the same place can be clicked again


def test_a_smaller_output_keeps_the_pixel_inside() -> None:
    parts = named(kernel_bench_widget(PICTURE))
    parts["pixel, row"].value = 31
    parts["stride"].value = 4
    assert parts["pixel, row"].value == parts["pixel, row"].max == 7
    assert "row 7" in status(parts["Screen"].value) and "8 × 8" in parts["Screen"].value


def test_a_single_colour_can_be_chosen() -> None:
    parts = named(kernel_bench_widget(PICTURE))
    parts["picture"].value = "red"
    assert np.array_equal(pictures(parts["Screen"].value)[0][..., 0], PICTURE[0].numpy())
    assert named(kernel_bench_widget(PICTURE[0]))["picture"].options == ("grey",)


@pytest.mark.parametrize("bad", [math.nan, math.inf, 1e6, -101.0])
def test_a_number_that_is_none_gives_a_message_that_names_the_place(bad: float) -> None:
    parts = named(kernel_bench_widget(PICTURE))
    parts["row 2, column 3"].value = bad
    assert "row 2, column 3" in alert(parts["Screen"].value) and "<img" not in parts["Screen"].value
    parts["row 2, column 3"].value = 0.5
    assert "<img" in parts["Screen"].value and not alert(parts["Screen"].value)


def test_a_kernel_that_does_not_fit_gives_a_message() -> None:
    parts = named(kernel_bench_widget(PICTURE[:, :12, :12]))
    parts["size"].value, parts["padding"].value, parts["dilation"].value = 5, 0, 4
    assert "does not fit" in alert(parts["Screen"].value)
    parts["dilation"].value = 1
    assert not alert(parts["Screen"].value)


@pytest.mark.parametrize(
    "wrong",
    [np.zeros((32, 32)), np.zeros((32, 32, 3), np.uint8), np.zeros(9, np.uint8), np.zeros((3, 8, 32), np.uint8)],
)
def test_the_bench_refuses_what_is_no_picture(wrong: np.ndarray) -> None:
    with pytest.raises(ValueError, match="kernel_bench"):
        kernel_bench_widget(wrong)


def test_numbers_in_the_grid_are_read_as_typed() -> None:
    page = render(Bench(GREY[None], Convolution(SOBEL, 1)))
    assert cells(page, "The kernel") == ["−1", "0", "1", "−2", "0", "2", "−1", "0", "1"]


def test_a_redraw_takes_less_than_50_ms() -> None:
    parts = named(kernel_bench_widget(PICTURE))
    times = []
    for value in range(20):
        start = time.process_time()
        parts["row 1, column 1"].value = value / 10
        times.append(time.process_time() - start)
    assert sorted(times)[10] < 0.05
