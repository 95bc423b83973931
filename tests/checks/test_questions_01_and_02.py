"""What the questions and pictures of lessons 01 and 02 say is true of what the lessons compute, on sketches too."""

from __future__ import annotations

import re
from typing import Any

import nbformat
import numpy as np
import pytest
import torch
from helpers import ALL, NOTEBOOKS, after_cell, alts, cells, frames, pictures, right, solution, status, truth
from torch import nn
from torch.nn.functional import conv2d, max_pool2d
from torch.utils.data import random_split

from cifar_helpers import CLASSES, Cifar10, normalise
from cifar_helpers.checks.answers import as_text, reply
from cifar_helpers.checks.drawing import in_signs
from cifar_helpers.checks.lesson_01 import pictures as pictures_01
from cifar_helpers.checks.lesson_02 import pictures as pictures_02
from cifar_helpers.checks.pictures import horse
from cifar_helpers.checks.questions import Choice, Number
from cifar_helpers.kernels import KERNELS, convolve_loops, output_size, receptive_field


def prose(lesson: str) -> str:
    """Markdown of a lesson."""
    (path,) = NOTEBOOKS.glob(f"{lesson}*.ipynb")
    return "\n".join(cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "markdown")


def heard(name: str, answer: float) -> str:
    """The reply to a wrong number."""
    said = reply(ALL[name], answer)
    assert said.state == "wrong"
    return said.says


# --- lesson 01 ---------------------------------------------------------------------------------------------------


def test_uint8_overflows() -> None:
    assert int(torch.tensor([250], dtype=torch.uint8) + 10) == int(right("bright_plus_ten"))


def test_normalising_keeps_the_shape_of_a_histogram(sketches: Cifar10) -> None:
    images = sketches.train_images[:500]
    values = normalise(images)
    for before, after in zip(images.transpose(0, 1), values.transpose(0, 1), strict=True):
        (numbers, counts), (places, again) = (torch.unique(x, return_counts=True) for x in (before, after))
        assert torch.equal(counts, again)
        steps = places.diff() / numbers.float().diff()
        assert float(steps.std() / steps.mean()) < 1e-3  # evenly spaced, so nothing is flattened or made a bell
    assert right("histogram").startswith("The shape stays")


def test_a_picture_has_as_many_versions_as_the_lesson_counts(
    sketches: Cifar10, capsys: pytest.CaptureFixture[str]
) -> None:
    picture = sketches.split()[1].of_class("horse").images[3]
    after_cell("01", "torch.unique(drawn", {"torch": torch, "picture": picture})
    assert capsys.readouterr().out.startswith(f"{truth('augmented_pictures'):.0f} different pictures")


def test_each_usual_wrong_count_of_versions_has_its_own_reply() -> None:
    wrong = {
        9 + 9: "Multiply the choices",
        2 * 4 * 4: "both ways",
        9 * 9: "Mirroring doubles",
        2 * 8 * 8: "nine places each way",
    }
    assert all(words in heard("augmented_pictures", number) for number, words in wrong.items())


def test_one_dataset_shares_its_transform_with_both_parts(sketches: Cifar10) -> None:
    whole = after_cell("01", "class Mirroring", {"torch": torch})["Mirroring"](sketches.train_images)
    torch.manual_seed(0)
    _, hold_out = random_split(whole, [0.8, 0.2])
    looks = [hold_out[0] for _ in range(8)]
    same = [torch.equal(look, looks[0]) for look in looks]
    assert 0 < sum(same) < 8 and right("eight_looks") == "Sometimes the picture, sometimes its mirror image."
    assert all(torch.equal(look.flip(2), looks[0]) for look, equal in zip(looks, same, strict=True) if not equal)


def test_three_means_meet_the_columns_and_not_the_channels() -> None:
    batch = torch.rand(8, 3, 32, 32)
    means = batch.mean((0, 2, 3))
    with pytest.raises(RuntimeError, match="dimension 3"):
        batch - means
    assert right("lined_up") == "It raises an error."
    centred = batch - means.view(3, 1, 1)
    torch.testing.assert_close(centred.mean((0, 2, 3)), torch.zeros(3), atol=1e-5, rtol=0)
    torch.testing.assert_close(solution("centre")(batch), centred)


def test_the_nearest_class_mean_is_right_as_often_as_the_question_says(sketches: Cifar10) -> None:
    train, validation = sketches.split()
    means = torch.stack([train.of_class(name).images.float().mean(0) for name in CLASSES])
    images = validation.images.float()
    lesson = after_cell("01", "bootstrap_interval(", {"torch": torch, "validation": validation, "means": means})
    low, high = map(int, re.findall(r"\d+", right("mean_classifier")))
    assert low < 100 * lesson["right"].float().mean() < high
    assert torch.equal(solution("nearest_mean")(images, means), lesson["predicted"])


@pytest.mark.slow
def test_one_epoch_reaches_what_the_question_says(sketches: Cifar10) -> None:
    train, validation = sketches.split()
    names = {"train": train, "validation": validation}
    low, high = map(int, re.findall(r"\d+", right("one_epoch")))
    assert low < 100 * after_cell("00", "fit(model", names)["accuracy"] < high


def test_channels_come_first_and_red_is_the_first() -> None:
    image = torch.zeros(3, 32, 32)
    image[0] = 1.0
    assert torch.equal(image[:, 0, 0], torch.tensor([1.0, 0.0, 0.0])) and "red" in right("quiz_01_1")


def test_a_single_answer_is_right_once_in_ten(sketches: Cifar10) -> None:
    assert len(set(torch.bincount(sketches.train_labels).tolist())) == 1
    assert "once in ten" in next(o.says for o in options("quiz_01_4") if o.right)


def options(name: str) -> Any:
    question = ALL[name]
    assert isinstance(question, Choice)
    return question.options


# --- lesson 02 ---------------------------------------------------------------------------------------------------


def test_the_loops_of_the_lesson_give_as_many_rows() -> None:
    image, kernel = np.random.default_rng(0).random((32, 32)), np.ones((3, 3))
    names = {"convolve_loops": convolve_loops, "image": image, "kernel": kernel}
    edges = after_cell("02", "edges = convolve_loops", names)["edges"]
    assert edges.shape == (truth("rows_of_output"),) * 2


def test_the_sum_on_paper_is_that_of_the_printed_window() -> None:
    kernel = np.array(KERNELS["Sobel, vertical edges"])
    window = after_cell("02", "on_paper = np.array", {"np": np, "kernel": kernel})["on_paper"]
    printed = re.search(r"window}.*?pmatrix} (.*?) .end", prose("02"), re.S)
    assert printed and re.findall(r"\d+", printed[1]) == [str(n) for n in window.ravel()]
    assert (window * kernel).sum() == truth("paper_sum")
    question = ALL["paper_sum"]
    assert as_text(question).endswith("(a number)")  # a plain number has no unit
    assert reply(question, 12).says.startswith("Yes, it is 12. ")
    wrong = {
        -(window * kernel).sum(): "sign",
        (window * np.sign(kernel)).sum(): "middle row counts double",
        (window * kernel.T).sum(): "exchanged",
        window.sum(): "sum of the window",
    }
    assert all(words in heard("paper_sum", float(number)) for number, words in wrong.items())


def test_the_pooled_map_changes_about_half_as_much(sketches: Cifar10) -> None:
    kernel = torch.tensor(KERNELS["Sobel, vertical edges"], dtype=torch.float32)[None, None]
    brightness = sketches.split()[1].images[:500].float().mean(1, keepdim=True) / 255
    edges = [conv2d(brightness[..., k : 30 + k], kernel).abs() for k in (0, 1)]
    pooled = [max_pool2d(maps, 2) for maps in edges]
    changes = [float((after - before).abs().mean() / before.mean()) for before, after in (edges, pooled)]
    assert 0.35 < changes[1] / changes[0] < 0.6 and right("pooled_shift") == "About half as large"


def test_turning_changes_the_kernels_that_are_not_named() -> None:
    same = {name for name, rows in KERNELS.items() if np.array_equal(np.array(rows), np.array(rows)[::-1, ::-1])}
    assert right("turned_kernels") == "For {}, {} and {}".format(*(n for n in KERNELS if n in same)) and len(same) == 3


def test_a_uniform_area_is_multiplied_by_the_sum_of_the_kernel() -> None:
    even = torch.full((1, 1, 5, 5), 0.6)
    kept, nothing = (float(part) for part in right("sum_of_kernel").split(", and "))
    for name, rows in KERNELS.items():
        kernel = torch.tensor(rows, dtype=torch.float32)
        wanted = nothing if name.startswith("Sobel") else kept
        assert float(kernel.sum()) == pytest.approx(wanted, abs=1e-6)
        assert conv2d(even, kernel[None, None]).unique().tolist() == pytest.approx([0.6 * wanted], abs=1e-6)
    assert conv2d(even, torch.ones(1, 1, 3, 3)).max() == pytest.approx(9 * 0.6)


def test_each_usual_wrong_count_of_weights_has_its_own_reply() -> None:
    layer = nn.Conv2d(3, 32, 3)
    assert truth("conv_numbers") == sum(p.numel() for p in layer.parameters())
    wrong = {
        layer.weight.numel(): "Those are the weights",
        32 * 9 + 32: "27 weights, not 9",
        32 * 9: "each output channel has a bias",
        27: "single kernel",
        28: "single kernel",
        32 * 3 * 10: "not for each slice",
    }
    assert all(words in heard("conv_numbers", number) for number, words in wrong.items())


def test_a_unit_after_three_blocks_sees_as_far() -> None:
    blocks = [(3, 1), (2, 2)] * 3
    assert truth("three_blocks") == receptive_field(blocks)[-1]
    wrong = {
        receptive_field([(3, 1)] * 3)[-1]: "three convolutions see without pooling",
        receptive_field(blocks)[3]: "after two blocks",
        receptive_field([(kernel, 1) for kernel, _ in blocks])[-1]: "if the distances did not double",
        1 + 2 * (1 + 2 + 4): "convolutions alone",
        receptive_field(blocks)[4]: "after the third convolution",
        3**3: "overlap",
    }
    assert all(words in heard("three_blocks", number) for number, words in wrong.items())
    assert receptive_field([*blocks, (3, 1)])[-1] >= 32  # one more layer sees all


def test_the_quiz_on_kernels_is_right() -> None:
    image = torch.rand(1, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    difference = torch.tensor([[0.0, 0, 0], [-1, 1, 0], [0, 0, 0]])[None, None]
    torch.testing.assert_close(conv2d(image, difference)[0, 0], (image[0, 0, :, 1:] - image[0, 0, :, :-1])[1:-1, :-1])
    assert not conv2d(image[..., :1].expand(1, 1, 8, 8), difference).any()  # along horizontal edges
    assert right("quiz_02_1") == "It responds to vertical edges"
    for option in options("quiz_02_2"):
        size = output_size(28, 5, padding=int(option.text))
        assert option.right == (size == 28) and str(size) in option.says
    assert right("quiz_02_3") == str(tuple(nn.Conv2d(64, 128, 3).weight.shape))
    seen = [receptive_field([(3, stride), (3, 1)])[-1] for stride in (1, 2, 3)]
    assert right("quiz_02_4").startswith(f"{seen[1]} × {seen[1]}") and seen == [5, 7, 9]


def test_a_thin_line_stays_in_its_square_or_moves_to_the_next() -> None:
    moved = set()
    for column in range(2, 12):
        lines = torch.zeros(2, 1, 4, 16)
        lines[0, ..., column] = lines[1, ..., column + 1] = 0.7
        before, after = max_pool2d(lines, 2)
        assert before.max() == after.max() == pytest.approx(0.7)
        moved.add(int(after[0, 0].argmax() - before[0, 0].argmax()))
    assert moved == {0, 1} and right("quiz_02_5") == "Where it was, or one square further"


@pytest.mark.parametrize("name", ["paper_sum", "rows_of_output", "conv_numbers", "three_blocks", "augmented_pictures"])
def test_a_whole_number_is_right_and_its_neighbours_are_not(name: str) -> None:
    question = ALL[name]
    assert isinstance(question, Number) and truth(name) == int(truth(name))
    assert reply(question, truth(name)).state == "right"
    assert {reply(question, truth(name) + step).state for step in (-2, 2)} == {"wrong"}


# --- pictures of right answers -------------------------------------------------------------------------------------


def test_the_picture_of_normalising_has_three_channels_around_zero() -> None:
    page = pictures_01.normalised(solution("normalise"))
    assert len(re.findall(r'<img alt="Your (red|green|blue) channel', page)) == 3
    values = normalise(horse())
    assert f"between {values.min():.1f} and {values.max():.1f}" in status(page)
    for shown, channel in zip(pictures(page)[1:], values.numpy(), strict=True):
        assert np.array_equal(shown, in_signs(channel))
    assert "between 0.0 and 0.0" in status(pictures_01.normalised(lambda images: 0.0 * images))


def test_the_picture_of_the_way_back_counts_what_differs() -> None:
    page = pictures_01.back_again(solution("denormalise"))
    assert np.array_equal(*pictures(page)) and status(page).startswith("0 of 3,072")
    back = solution("denormalise")
    assert "1,024 of 3,072" in status(pictures_01.back_again(lambda values: back(values).bitwise_xor(one_channel())))


def one_channel() -> torch.Tensor:
    return torch.tensor([1, 0, 0], dtype=torch.uint8).view(3, 1, 1)


def test_the_picture_of_brightening_counts_what_is_lost() -> None:
    page = pictures_01.brightened(solution("brighten"))
    dark, plain, bright = pictures(page)
    assert np.array_equal(plain, horse().numpy().transpose(1, 2, 0)) and dark.mean() < plain.mean() < bright.mean()
    assert f"{int((bright == 255).sum() + (bright == 0).sum()):,} with +100" in status(page)


def test_the_picture_of_centring_has_three_channels_of_mean_zero() -> None:
    page = pictures_01.centred(solution("centre"))
    assert "means of your channels: 0.0, 0.0, 0.0" in status(page)
    values = solution("centre")(horse()[None].float())[0]
    for shown, channel in zip(pictures(page)[1:], values.numpy(), strict=True):
        assert np.array_equal(shown, in_signs(channel))
    assert "means of your channels: 0.0, 0.0, 0.0" not in status(pictures_01.centred(lambda images: images))


def test_the_picture_of_the_nearest_mean_counts_what_the_answer_gets_right() -> None:
    said = status(pictures_01.sorted_by_mean(solution("nearest_mean")))
    counted = re.search(r"classifies (\d+) of 100", said)
    assert counted and 20 < int(counted[1]) < 100 and "guessing would get about 20" in said
    first = status(pictures_01.sorted_by_mean(lambda images, means: torch.zeros(len(images), dtype=torch.int64)))
    assert "classifies 20 of 100" in first


def test_the_picture_of_the_split_marks_what_is_held_out() -> None:
    page = pictures_01.dealt(solution("stratified_split"))
    assert alts(page)[0] == "Your split holds out 6 of 30, 4 of 20, 2 of 10"
    assert "Your split of three classes holds out 6 of 30, 4 of 20, 2 of 10 (black)" in page
    assert page.count('fill="rgb(0,0,0)"') == 12 and page.count('fill="rgb(255,255,255)"') == 48


def test_the_picture_of_sizes_has_those_of_the_answer() -> None:
    page = pictures_02.sizes(solution("output_size"))
    shown = [int(text) for text in cells(page, "Your sizes") if text.isdigit()]
    assert shown == [output_size(32, 3, padding, stride) for padding in (0, 1, 2) for stride in (1, 2, 3)]
    assert "padding 1 with stride 1 gives 32" in page


def test_the_picture_of_the_loops_shows_both_kinds_of_edges() -> None:
    page = pictures_02.slid(solution("convolve"))
    shown = pictures(page)
    assert [picture.shape[:2] for picture in shown] == [(32, 32), (30, 30), (30, 30)]
    image = pictures_02._brightness()
    for picture, name in zip(shown[1:], ("vertical", "horizontal"), strict=True):
        kernel = torch.tensor(KERNELS[f"Sobel, {name} edges"], dtype=torch.float32)
        wanted = conv2d(image[None, None], kernel[None, None])[0, 0]
        assert np.abs(picture.astype(int) - in_signs(wanted.numpy())).max() <= 2


def test_the_picture_of_the_convolution_shows_its_edges_at_two_strides() -> None:
    page = pictures_02.convolved(solution("conv2d"))
    assert [picture.shape[:2] for picture in pictures(page)] == [(32, 32), (32, 32), (16, 16)]
    image = pictures_02._brightness()
    kernel = torch.tensor(KERNELS["Sobel, vertical edges"], dtype=torch.float32)
    wanted = conv2d(image[None, None], kernel[None, None], padding=1, stride=2)[0, 0]
    assert np.abs(pictures(page)[2].astype(int) - in_signs(wanted.numpy())).max() <= 2


def test_the_picture_of_pooling_is_a_quarter() -> None:
    page = pictures_02.pooled(solution("max_pool"))
    edges, small = pictures(page)
    assert np.array_equal(max_pool2d(torch.tensor(edges[..., 0].astype(float))[None], 2)[0], small[..., 0])
    assert status(page).startswith("256 of 1,024 numbers are left")


def test_the_picture_of_the_receptive_field_frames_three_squares() -> None:
    page = pictures_02.seen(solution("receptive_field"))
    sides = [height for *_, height, _ in frames(page)]
    assert sides == [4, 10, 22] and frames(page)[2] == (5, 5, 22, 22) and "4×4, 10×10, 22×22" in status(page)


def test_the_picture_of_vertical_edges_leaves_top_and_foot_of_a_square_white() -> None:
    square = pictures(pictures_02.upright(solution("vertical_edges")))[1].astype(int)
    sides, level = square[12:20], square[[7, 8, 23, 24]][:, 12:20]
    assert (level == level[0, 0]).all() and (level > 230).all()
    assert (square[:, [0, -1]] == level[0, 0]).all()  # the picture's border is no edge
    assert (np.abs(np.diff(sides.sum(2), axis=1)) > 100).any()
    lying = pictures(pictures_02.upright(lambda: torch.tensor(KERNELS["Sobel, horizontal edges"])))[1].astype(int)
    assert (lying[[7, 8]][:, 12:20].min(2) < 100).all()
