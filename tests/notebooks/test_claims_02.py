"""What lesson 02 says about its results is true on the course's drawings, and on the real data where it is there."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
import torch
from helpers import NOTEBOOKS, after_cell, code_cells
from torch.nn.functional import conv2d

from cifar_helpers import Cifar10, load_run
from cifar_helpers.kernels import KERNELS, extent, half_of, output_size
from cifar_helpers.widgets import convolution_steps, kernel_bench
from cifar_helpers.widgets.kernel_bench import distance

BOTH = [pytest.param("sketches"), pytest.param("real_data", marks=pytest.mark.real)]
SOBEL = torch.tensor(KERNELS["Sobel, vertical edges"], dtype=torch.float32)


@pytest.fixture(params=BOTH)
def names(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the lesson's first cell defines, with the drawings or the real data."""
    data: Cifar10 = request.getfixturevalue(request.param)
    monkeypatch.chdir(NOTEBOOKS)
    monkeypatch.setattr("cifar_helpers.load_cifar10", lambda: data)
    monkeypatch.setattr("cifar_helpers.figures.show", lambda figure: figure.clear())
    first: dict[str, Any] = {}
    exec(code_cells("02")[0], first)
    return first


def printed(capsys: pytest.CaptureFixture[str]) -> list[float]:
    """All numbers that a cell printed."""
    return [float(number) for number in re.findall(r"-?\d+\.?\d*", capsys.readouterr().out)]


def test_only_the_window_on_a_vertical_edge_gives_a_sum_far_from_zero(names: dict[str, Any]) -> None:
    image, kernel = names["image"], names["kernel"]
    sums, windows = {}, {}
    for name, (row, column) in names["example_windows"](image).items():
        windows[name] = image[row : row + 3, column : column + 3]
        sums[name] = float((windows[name] * kernel).sum())
    left, _, right = windows["vertical edge"].mean(0)
    assert right - left > 0.3 and sums["vertical edge"] > 1
    assert abs(sums["horizontal edge"]) < 0.1 and abs(sums["uniform area"]) < 0.1
    assert abs(windows["horizontal edge"][0].mean() - windows["horizontal edge"][2].mean()) > 0.2
    if names["data"].source == "cifar10":
        assert names["example_windows"](image)["vertical edge"] == (21, 13)
        assert sums["vertical edge"] == pytest.approx(2.91, abs=0.005)


def test_the_strongest_responses_of_the_padded_map_are_false_edges(
    names: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    after_cell("02", "padded_maps = {", names)
    border, elsewhere = printed(capsys)
    assert border > elsewhere


def test_a_moved_picture_gives_a_moved_map(names: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    after_cell("02", "def convolve_loops", names)
    after_cell("02", "moved = convolve_loops", names)
    assert "first column: True" in capsys.readouterr().out


def test_the_secret_kernel_is_plain_after_three_steps_and_found_after_seven(names: dict[str, Any]) -> None:
    history = after_cell("02", "def learn_kernel", names)["history"]
    kernel = names["kernel"]
    assert distance(history[0][1], kernel) > 0.2 and distance(history[2][1], kernel) < 0.1
    assert np.abs(history[6][1] - kernel).max() < 0.005 < np.abs(history[2][1] - kernel).max()


def test_the_lines_solve_all_puzzles_of_the_bench(names: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    after_cell("02", "def learn_kernel", names)
    after_cell("02", "import PUZZLES", names)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 6 and all(float(line.split()[-1]) < 0.02 for line in lines)
    assert distance(np.zeros((3, 3), np.float32), names["kernel"]) == 1


def test_on_a_photograph_the_error_is_small_before_the_kernel_is_right(names: dict[str, Any]) -> None:
    ran = after_cell("02", "torch.autograd.grad(error, learned)", names)
    first = float((conv2d(names["image_tensor"], SOBEL[None, None])).square().mean())
    assert ran["error"].item() < 0.15 * first
    assert distance(ran["learned"].detach()[0, 0].numpy(), names["kernel"]) > 0.2


def test_the_sum_of_the_partial_maps_is_positive_where_there_is_more_red_than_blue(names: dict[str, Any]) -> None:
    parts = after_cell("02", "weights = torch.zeros(1, 3, 3, 3)", names)["parts"]
    means = conv2d(names["channels"].transpose(0, 1), torch.full((1, 1, 3, 3), 1 / 9))[:, 0]
    total, difference = sum(parts), means[0] - means[2]
    assert not parts[1].any() and torch.allclose(total, difference, atol=1e-6)
    if names["data"].source == "cifar10":
        shares = [(total > limit).float().mean().item() for limit in (0, 0.1)]
        assert shares[0] > 0.5 and 0 < shares[1] < shares[0]


def test_pooled_maps_change_about_half_as_much(names: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    ran = after_cell("02", "def edge_strength", names)
    changes = [float((b - a).abs().mean() / a.mean()) for a, b in ran["pairs"].values()]
    assert 0.35 < changes[1] / changes[0] < 0.6
    capsys.readouterr()
    after_cell("02", "many = data.split", ran)
    edges, pooled = printed(capsys)
    assert 0.35 < pooled / edges < 0.6 and pooled > 20


def test_the_frames_are_as_large_as_computed_and_half_of_the_influence_comes_from_a_quarter(
    names: dict[str, Any],
) -> None:
    influences = after_cell("02", "def influence", names)["influences"]
    found = [extent(values) for values in influences.values()]
    assert found == [((11, 11), (4, 4)), ((9, 9), (10, 10)), ((1, 1), (22, 22))]
    last = influences["block 3"]
    assert 0.2 < half_of(last).sum() / (last > 0).sum() < 0.3
    rows, columns = np.nonzero(half_of(last))
    assert abs(rows.mean() - 11.5) < 1 and abs(columns.mean() - 11.5) < 1


def test_dilated_kernels_leave_wider_bands(names: dict[str, Any]) -> None:
    maps = after_cell("02", "dilated = {}", names)["dilated"]
    assert [len(values) for values in maps.values()] == [30, 28, 26]
    assert [len(v) for v in maps.values()] == [output_size(32, 3, dilation=d) for d in (1, 2, 3)]
    strong = [float((np.abs(values) > 0.5).mean()) for values in maps.values()]
    assert strong[0] < strong[1] < strong[2]


@pytest.mark.records
def test_the_chosen_kernels_are_what_the_lesson_calls_them() -> None:
    weights = load_run("good-25").model().features[0][0].weight.detach()
    grey, colour = weights.mean(1), weights.mean((2, 3))
    assert grey[13, :, 1].max() < 0 < grey[13][:, [0, 2]].min()  # a vertical line, dark between bright
    assert grey[7, 1].max() < 0 < grey[7][[0, 2]].min()  # a horizontal one
    assert {(0, 1), (1, 2)} < {divmod(int(k), 3) for k in grey[21].flatten().topk(3, largest=False).indices}  # slanted
    upper, lower = weights[2, :, 0].mean(1), weights[2, :, 2].mean(1)
    assert upper[2] > upper[0] and lower[0] > lower[2]  # blue above red, red below it
    assert colour[5, 0] > 0 and colour[5, 2] > 0 > colour[5, 1] and colour[31].argmax() == 1 and colour[31, 1] > 0
    flat = 9 * colour.square().sum(1) / weights.square().sum((1, 2, 3))
    assert flat[[5, 31]].min() > 0.5 and flat[[13, 21, 7, 2]].max() < 0.1


@pytest.mark.records
def test_most_kernels_respond_to_brightness_or_to_colour() -> None:
    weights = load_run("good-25").model().features[0][0].weight.detach()
    alike = 3 * weights.mean(1).square().sum((1, 2)) / weights.square().sum((1, 2, 3))
    assert (int((alike > 0.75).sum()), int((alike < 0.25).sum())) == (14, 8)
    assert torch.allclose(alike.clamp(0, 1), alike, atol=1e-6)


@pytest.mark.records
def test_the_stored_loops_are_slower_than_the_library() -> None:
    notebook = (NOTEBOOKS / "02_convolutions_and_kernels.ipynb").read_text(encoding="utf-8")
    (times,) = re.findall(r'"conv2d is (\d+) times faster', notebook)
    assert int(times) > 20


def test_the_steps_and_the_bench_start_as_the_lesson_says(sketches: Cifar10) -> None:
    picture = sketches.train_images[0]
    steps, bench = convolution_steps(picture), kernel_bench(picture)
    counts = [output_size(len(steps.image), 3, padding, stride) ** 2 for padding, stride in ((1, 1), (0, 2))]
    assert counts == [64, 9] and bench.padding == 1
