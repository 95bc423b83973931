"""The widget that steps through a convolution."""

from __future__ import annotations

import numpy as np
import pytest
from helpers import alert, alts, cells, named, status
from test_kernel_bench import PICTURE, SOBEL

from cifar_helpers.kernels import KERNELS, convolve_loops, grey
from cifar_helpers.widgets import convolution_steps as convolution_steps_widget
from cifar_helpers.widgets._window import Convolution
from cifar_helpers.widgets.convolution_steps import render

SQUARE = grey(PICTURE.numpy())[12:20, 16:24].copy()


@pytest.mark.parametrize("step", [0, 7, 35])
def test_the_output_fills_up_with_the_right_numbers(step: int) -> None:
    page = render(SQUARE, Convolution(SOBEL), step)
    expected = [f"{v:.2f}".rstrip("0").rstrip(".") for v in convolve_loops(SQUARE, SOBEL).flat][: step + 1]
    # Texts are shortened to two decimals, as everywhere; a rounded zero has no sign.
    expected = ["0" if text in ("-0", "0") else text.replace("-", "−") for text in expected]
    assert cells(page, "The output") == expected
    assert f"Step {step + 1} of 36" in status(page)


def test_padding_is_shown_as_zeros_and_the_sum_is_written_out() -> None:
    page = render(SQUARE, Convolution(SOBEL, padding=1), 0)
    assert cells(page, "The image")[:10] == ["0"] * 10
    assert "row -1, column -1 of the image" in status(page)
    (written,) = [text for text in alts(page) if text.startswith("The sum written out")]
    assert written.count("×") == 9 and "64" in status(page)


def test_every_control_changes_the_output() -> None:
    parts = named(convolution_steps_widget(PICTURE))
    shown = parts["Screen"]
    assert "of 36" in status(shown.value)
    parts["step"].value = 35
    assert "Step 36 of 36" in status(shown.value)
    parts["stride"].value = 2
    assert "Step 9 of 9" in status(shown.value) and parts["step"].max == 8  # a step beyond the last becomes the last
    parts["padding"].value = 1
    assert "of 16" in status(shown.value)
    before = shown.value
    parts["kernel"].value = "blur"
    assert shown.value != before
    assert "blur" in KERNELS


def test_play_runs_over_as_many_steps_as_there_are() -> None:
    parts = named(convolution_steps_widget(PICTURE))
    parts["dilation"].value = 2
    assert parts["Play"].max == parts["step"].max == 15 if "Play" in parts else parts["steps"].max == 15


def test_a_click_on_the_output_jumps_there() -> None:
    parts = named(convolution_steps_widget(PICTURE))
    parts["Screen"].place = "output 2 3"
    assert parts["step"].value == 15 and "the output's row 2, column 3" in status(parts["Screen"].value)


def test_a_kernel_that_does_not_fit_gives_a_message() -> None:
    parts = named(convolution_steps_widget(PICTURE, side=5))
    parts["dilation"].value = 2
    assert not alert(parts["Screen"].value) and "of 1" in status(parts["Screen"].value)


@pytest.mark.parametrize(
    ("options", "message"),
    [({"corner": (30, 0)}, "does not lie in"), ({"side": 13}, "5..12"), ({"corner": (-1, 0)}, "does not lie in")],
)
def test_a_square_outside_the_picture_is_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        convolution_steps_widget(PICTURE, **options)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="uint8"):
        convolution_steps_widget(np.zeros((32, 32)))
