"""What lesson 02 says about its results is true on the course's drawings, and on the real data where it is there."""

from __future__ import annotations

import itertools
import re
from typing import Any

import numpy as np
import pytest
import torch
from helpers import after_cell
from stored_lesson import BOTH, StoredLesson, numbers
from torch.nn.functional import conv2d, unfold

from cifar_helpers import Cifar10, load_run, normalise
from cifar_helpers.kernels import KERNELS, extent, grey, half_of, output_size
from cifar_helpers.widgets import convolution_steps, kernel_bench
from cifar_helpers.widgets.kernel_bench import PUZZLES, distance, nearest

SOBEL = torch.tensor(KERNELS["Sobel, vertical edges"], dtype=torch.float32)


@pytest.fixture(params=BOTH)
def names(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the lesson's first cell defines, with the drawings or the real data."""
    monkeypatch.setattr("cifar_helpers.figures.show", lambda figure: figure.clear())
    return StoredLesson("02").first_names(request.getfixturevalue(request.param), monkeypatch)


def printed(capsys: pytest.CaptureFixture[str]) -> list[float]:
    """All numbers that a cell printed."""
    return numbers(capsys.readouterr().out)


def test_only_the_window_on_a_vertical_edge_gives_a_sum_far_from_zero(names: dict[str, Any]) -> None:
    image, kernel = names["image"], names["kernel"]
    sums, windows = {}, {}
    for name, (row, column) in names["example_windows"](image).items():
        windows[name] = image[row : row + 3, column : column + 3]
        sums[name] = float((windows[name] * kernel).sum())
    left, _, right = windows["vertical edge"].mean(0)
    assert right - left > 0.3 and sums["vertical edge"] > 1
    assert abs(sums["horizontal edge"]) < 0.1 and abs(sums["uniform area"]) < 0.1
    level = windows["horizontal edge"]
    assert abs(level[0].mean() - level[2].mean()) > 0.2  # rows differ, left and right nearly do not
    assert np.abs(level[:, 0] - level[:, 2]).max() < 0.15
    if names["data"].source == "cifar10":
        assert names["example_windows"](image)["vertical edge"] == (21, 13)
        assert sums["vertical edge"] == pytest.approx(2.91, abs=0.005)


def test_the_strongest_responses_of_the_padded_map_are_false_edges(
    names: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    after_cell("02", "padded_maps = {", names)
    border, elsewhere = printed(capsys)
    assert border > elsewhere
    strided = names["padded_maps"]["padding 1, stride 2"][0, 0].abs()
    assert strided[:, 0].mean() > 2 * strided[:, -1].mean()  # on the right there is no false edge


def test_a_moved_picture_gives_a_moved_map(names: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    after_cell("02", "moved = convolve_loops", names)
    assert "first column: True" in capsys.readouterr().out


def test_the_secret_kernel_is_recognised_after_one_step_and_found_after_seven(names: dict[str, Any]) -> None:
    history = after_cell("02", "def learn_kernel", names)["history"]
    kernel = names["kernel"]
    assert len(history) == 21 and not history[0][1].any()  # it starts with nine zeros
    first, third, seventh = (history[steps][1] for steps in (1, 3, 7))
    assert first[:, 0].max() < -0.4 and first[:, 2].min() > 0.4 and np.abs(first[:, 1]).max() < 0.2
    assert np.abs(first[1, [0, 2]]).min() > 1.5 * np.abs(first[[0, 2]]).max()  # the middle row is the strongest
    assert np.abs(seventh - kernel).max() < 0.005 < np.abs(third - kernel).max()  # right to two decimals
    for error, found in history[:5]:  # each error is that of the kernel beside it
        output = conv2d(names["noise"], torch.from_numpy(found)[None, None])
        assert float((output - conv2d(names["noise"], SOBEL[None, None])).square().mean()) == pytest.approx(error)
    falls = [before[0] / after[0] for before, after in itertools.pairwise(history[:16])]
    assert min(falls) > 5 and max(falls) < 7


def test_a_short_step_takes_longer_and_a_long_one_overshoots_each_time_by_more(
    names: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    learn = after_cell("02", "def learn_kernel", names)["learn_kernel"]
    after_cell("02", "for rate in", names)
    errors = [float(line.split()[3]) for line in capsys.readouterr().out.splitlines()]
    assert errors[1] < 1e-9 < 0.5 < errors[0] < 12 < errors[2]
    far = [error for error, _ in learn(names["noise"], conv2d(names["noise"], SOBEL[None, None]), rate=3.0)]
    assert all(after > before for before, after in itertools.pairwise(far))


def test_all_puzzles_of_the_bench_are_solved_from_noise_and_none_from_the_picture(
    names: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    after_cell("02", "def learn_kernel", names)
    after_cell("02", "import PUZZLES", names)
    found = re.findall(r"from noise ([\d.]+)  from the horse ([\d.]+)", capsys.readouterr().out)
    assert len(found) == 6 and all(float(noise) < 0.02 < float(horse) for noise, horse in found)
    assert distance(np.zeros((3, 3), np.float32), names["kernel"]) == 1


def test_the_picture_determines_the_kernel_but_many_steps_are_needed_to_find_it(names: dict[str, Any]) -> None:
    image = names["image_tensor"]
    learn = after_cell("02", "def learn_kernel", names)["learn_kernel"]
    windows = unfold(image.double(), 3)[0].T
    for secret in (
        *map(torch.from_numpy, PUZZLES.values()),
        SOBEL,
    ):  # the right kernel is the best one, and the only one
        numbers = secret.double().flatten()
        best = torch.linalg.lstsq(windows, windows @ numbers).solution
        assert float((best - numbers).norm() / numbers.norm()) < 1e-6
    # The sum of the kernel changes the output far more than anything else, so a larger rate overshoots in it.
    curvature, directions = torch.linalg.eigh(2 * windows.T @ windows / len(windows))
    assert curvature[-1] > 20 * curvature[-2] and directions[:, -1].abs().min() > 0.3
    history = learn(image, conv2d(image, SOBEL[None, None]), steps=2000)
    away = [distance(history[steps][1], names["kernel"]) for steps in (20, 200, 2000)]
    assert away[0] > away[1] > away[2]
    if names["data"].source == "cifar10":
        assert away[0] > 0.5 and 0.05 < away[2] < 0.06
        errors = [error for error, _ in learn(image, conv2d(image, SOBEL[None, None]), rate=0.4)]
        assert errors[-1] > 100 * errors[0]
        assert 1 / curvature[-1] < 0.3 < 2 / curvature[-1] < 0.4  # where they overshoot, and where by more each time


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
    lines = re.findall(r"^(.*?)  +mean change ([\d.]+), (\d+)%", capsys.readouterr().out, re.M)
    change, share = ({name: float(line[k]) for name, *line in lines} for k in (0, 1))
    none, skipped, mean, largest = share
    assert 0.35 < share[largest] / share[none] < 0.6 and share[largest] > 20
    # Dropping numbers gives no tolerance. The mean changes least, and the largest only as a share of its map.
    assert abs(share[skipped] - share[none]) < 8 and share[largest] < share[mean] < 0.8 * share[none]
    assert change[mean] < change[largest] < change[none]


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
    model = load_run("good-25").model()
    weights = model.features[0][0].weight.detach()
    bright, colour = weights.mean(1), weights.mean((2, 3))
    number, cosine, _ = nearest(SOBEL.numpy(), model)
    assert number == 22 and cosine < -0.9  # what the bench says of Sobel's kernel
    assert bright[13, :, 1].max() < 0 < bright[13][:, [0, 2]].min()  # a vertical line, dark between bright
    assert bright[7, 1].max() < 0 < bright[7][[0, 2]].min()  # a horizontal one
    upper, lower = weights[2, :, 0].mean(1), weights[2, :, 2].mean(1)
    assert upper[2] > upper[0] and lower[0] > lower[2]  # blue above red, red below it
    signs = torch.tensor([1.0, -1, 1])
    assert torch.equal(colour[5].sign(), signs) and torch.equal(colour[31].sign(), -signs)
    assert colour[[5, 31]].abs().argmax(1).tolist() == [1, 1]  # green has the largest weight
    flat = 9 * colour.square().sum(1) / weights.square().sum((1, 2, 3))
    assert (colour[[5, 31]].sum(1).abs() < 0.1 * colour[[5, 31]].abs().max(1).values).all()  # they nearly cancel
    assert flat[[5, 31]].min() > 0.5 and flat[[22, 13, 7, 2]].max() < 0.1


@pytest.mark.records
def test_kernels_weigh_the_channels_alike_against_each_other_or_both() -> None:
    weights = load_run("good-25").model().features[0][0].weight.detach()
    alike = 3 * weights.mean(1).square().sum((1, 2)) / weights.square().sum((1, 2, 3))
    assert (int((alike > 0.75).sum()), int((alike < 0.25).sum())) == (14, 8)
    assert torch.allclose(alike.clamp(0, 1), alike, atol=1e-6)


@pytest.mark.real
def test_kernel_5_is_positive_on_the_horse_and_kernel_31_on_the_grass(real_data: Cifar10) -> None:
    picture = real_data.split()[1].of_class("horse").images[3]
    weights = load_run("good-25").model().features[0][0].weight.detach()
    values = normalise(picture[None])
    five, thirty_one = conv2d(values, weights[[5, 31]])[0]  # without padding
    dark = torch.from_numpy(grey(picture.numpy())[1:-1, 1:-1]) < 0.2
    grass = torch.zeros_like(dark)
    grass[25:] = ~dark[25:]
    assert five[dark].mean() > 0.2 and five[grass].mean() < -0.2 and five[~dark].mean() < 0
    assert thirty_one[grass].mean() > 0.2 > 0 > thirty_one[dark].mean()
    black = normalise(torch.zeros(1, 3, 3, 3, dtype=torch.uint8))
    assert black[0, :, 0, 0].tolist() == pytest.approx([-1.99, -1.98, -1.71], abs=0.005)
    assert conv2d(black, weights[5:6]).item() > 0.3  # so a black area explains most of the horse's response
    assert conv2d(black, weights[5:6]).item() > 0.6 * five[dark].mean()
    red, green, blue = conv2d(black, weights[5:6].transpose(0, 1), groups=3).flatten().tolist()
    assert green > 0 > blue > red and -red - blue < green
    assert abs(red + green + blue * 1.98 / 1.71) < 0.1  # with three equal numbers it would be near zero
    red, green, blue = values[0, :, 1:-1, 1:-1][:, grass].mean(1).tolist()
    assert red > 0.5 and green > 0.5 and abs(red - green) < 0.05 and abs(blue) < 0.1
    two = conv2d(values, weights[2:3], padding=1)[0, 0]
    strongest = two.flatten().topk(12).indices
    assert set((strongest // 32).tolist()) == {6, 7}  # where the sky ends,
    assert (strongest % 32).min() < 25 and (strongest % 32).max() > 28  # at the horse's back and at the hedge
    strong, weak = (
        conv2d(values, weights[list(kernels)]).abs().quantile(0.97) for kernels in ((22, 13, 7), (2, 5, 31))
    )
    assert weak < 0.5 * strong


def test_the_steps_and_the_bench_start_as_the_lesson_says(names: dict[str, Any]) -> None:
    steps, bench = convolution_steps(names["picture"]), kernel_bench(names["picture"])
    row, column = names["example_windows"](names["image"])["vertical edge"]
    folds = re.findall(r'"summary", {}, "(.*?)"', steps._esm)
    assert {"Padding, stride, dilation", "Formula for the size"} <= set(folds)
    top, left = steps.corner
    assert (top, left) == (min(row - 2, 24), min(column - 2, 24)) and bench.padding == 1
    sums = steps.output
    assert (sums > 0.5).any() and (np.abs(sums) < 0.1).any()
    if names["data"].source == "cifar10":  # purple, then orange, then near zero, in every row
        signs = np.where(np.abs(sums) < 0.1, 0, np.sign(sums))
        assert (signs[:4, 0] == -1).all() and (signs[:, 2] == 1).all() and (signs[:4, 4:] == 0).all()
