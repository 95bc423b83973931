"""Figures of lesson 01, and whether the package does what the lesson writes out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pytest
import torch
from helpers import NOTEBOOKS, random_images, solution

from cifar_helpers import CLASSES, Augment, Cifar10, ImageSet, denormalise, figures, normalise
from cifar_helpers.data import MEAN, STD

LESSON = NOTEBOOKS / "01_dataset_tour.ipynb"
COPIED_STD = (0.2023, 0.1994, 0.2010)


@pytest.fixture(autouse=True)
def _close_figures() -> Iterator[None]:
    yield
    plt.close("all")


@pytest.fixture
def picture() -> torch.Tensor:
    return random_images(1, seed=3).images[0]


def run_cells(*starts: str, **names: Any) -> dict[str, Any]:
    """Run the lesson's code cells that contain each of `starts`, and give back what they define."""
    sources = [c.source for c in nbformat.read(LESSON, as_version=4).cells if c.cell_type == "code"]
    space: dict[str, Any] = {"torch": torch, "MEAN": MEAN, "STD": STD, **names}
    for start in starts:
        (source,) = [s for s in sources if start in s]
        exec(source, space)
    return space


def test_pixel_values_writes_the_numbers_of_the_marked_square(picture: torch.Tensor) -> None:
    whole, part = figures.pixel_values(picture, top=5, left=9, size=4, channel=2).axes
    written = {tuple(map(int, text.get_position())): int(text.get_text()) for text in part.texts}
    assert len(written) == 16
    for (column, row), value in written.items():
        assert value == picture[2, 5 + row, 9 + column]
    assert whole.patches[0].get_bbox().bounds == (8.5, 4.5, 4, 4)
    assert "blue" in part.get_title()
    assert [int(label.get_text()) for label in part.get_xticklabels()] == [9, 10, 11, 12]
    assert [int(label.get_text()) for label in part.get_yticklabels()] == [5, 6, 7, 8]


def test_pixel_values_says_where_the_largest_jump_is() -> None:
    image = torch.full((3, 32, 32), 30, dtype=torch.uint8)
    image[0, 6, 12:] = 200  # an edge in row 6
    alt = figures.pixel_values(image, top=4, left=8).get_label()
    assert "30 to 200" in alt and alt.endswith("from 30 to 200, in row 6.")


def test_channels_shows_each_channel_on_the_full_scale(picture: torch.Tensor) -> None:
    dark = picture // 4
    axes = figures.channels(dark).axes
    assert [place.get_title() for place in axes] == ["all three", "red", "green", "blue"]
    for place, plane in zip(axes[1:], dark, strict=True):
        assert np.array_equal(place.images[0].get_array(), plane.numpy())
        assert place.images[0].get_clim() == (0, 255)  # else a dark channel would look like a bright one


def test_channels_says_how_bright_each_is() -> None:
    image = torch.tensor([200, 100, 0], dtype=torch.uint8).view(3, 1, 1).expand(3, 32, 32)
    assert figures.channels(image).get_label().endswith("red is 200, green 100, blue 0.")


def test_class_rows_shows_each_class_in_its_own_row() -> None:
    images = random_images(25)  # classes 0..4 have three images, the others two
    axes = np.reshape(figures.class_rows(images, columns=3).axes, (10, 3))
    assert [row[0].get_ylabel() for row in axes] == list(CLASSES)
    assert [sum(len(place.images) for place in row) for row in axes] == [3] * 5 + [2] * 5
    for label, row in enumerate(axes):
        drawn = row[1].images[0].get_array()
        assert np.array_equal(drawn, images.images[label + 10].permute(1, 2, 0))


def test_class_balance_draws_the_counts_of_each_part() -> None:
    first, second = torch.tensor([0, 0, 9, 3]), torch.tensor([1])
    figure = figures.class_balance({"training": first, "validation": second})
    heights = [[bar.get_height() for bar in bars] for bars in figure.axes[0].containers]
    assert heights == [[2, 0, 0, 1, 0, 0, 0, 0, 0, 1], [0, 1, 0, 0, 0, 0, 0, 0, 0, 0]]
    assert [text.get_text() for text in figure.legends[0].texts] == ["training", "validation"]
    assert figure.get_label() == "Images of the ten classes: training between 0 and 2; validation between 0 and 1."
    even = figures.class_balance({"training": torch.arange(10).repeat(4000)})
    assert even.get_label() == "Images of the ten classes: training 4,000 of each."


def test_class_means_draws_each_mean_and_says_which_are_blue() -> None:
    means = 10.4 * torch.arange(10.0).view(10, 1, 1, 1).expand(10, 3, 8, 8).clone()
    means[8, 2] += 50
    figure = figures.class_means(means)
    assert [axes.get_title() for axes in figure.axes] == list(CLASSES)
    assert int(figure.axes[9].images[0].get_array()[0, 0, 0]) == 94
    assert figure.get_label().endswith("More blue than red: ship.")


def test_pairs_draws_the_two_of_a_pair_side_by_side() -> None:
    left, right = random_images(5, seed=1).images, random_images(5, seed=2).images
    figure = figures.pairs(left, right, list("abcde"))
    shown = [axes for axes in figure.axes if axes.get_visible()]
    assert [axes.get_title() for axes in shown] == list("abcde")
    for axes, first, second in zip(shown, left, right, strict=True):
        drawn = np.asarray(axes.images[0].get_array())
        assert np.array_equal(drawn[:, :32], first.permute(1, 2, 0))
        assert np.array_equal(drawn[:, -32:], second.permute(1, 2, 0))
    assert figure.get_label() == "5 pairs of images side by side: a, b, c, d, e."


def test_pairs_of_unequal_number_are_refused() -> None:
    images = random_images(3).images
    for left, titles in ((images[:2], "abc"), (images, "ab"), (images[:0], "")):
        with pytest.raises(ValueError, match="as many"):
            figures.pairs(left, images[: len(titles)], list(titles))


def test_channel_histograms_draw_the_share_of_each_value_before_and_after() -> None:
    images = torch.zeros(4, 3, 32, 32, dtype=torch.uint8)
    images[:, 1] = 64
    images[:2, 2] = 64
    figure = figures.channel_histograms(images, images / 64)
    for place, top in zip(figure.axes, (64, 1), strict=True):
        red, green, blue = (line.get_ydata() for line in place.lines)
        assert red.max() == green.max() == 100
        assert blue[0] == blue[-1] == 50
        assert place.lines[2].get_xdata().max() == pytest.approx(top * 63.5 / 64)
        assert place.get_ylim()[0] == 0
    assert [place.get_title() for place in figure.axes] == ["before", "after"]
    assert "Before: 0 to 64. After: 0.0 to 1.0" in figure.get_label()


def test_the_exercises_normalise_as_the_package_does(picture: torch.Tensor) -> None:
    values = solution("normalise")(picture[None])
    torch.testing.assert_close(values[0], normalise(picture))
    assert torch.equal(solution("denormalise")(values)[0], picture) and torch.equal(denormalise(values[0]), picture)


def test_the_lesson_works_out_one_pixel_as_the_package_does(
    picture: torch.Tensor, capsys: pytest.CaptureFixture[str]
) -> None:
    run_cells("red = picture", picture=picture)
    assert float(capsys.readouterr().out.split()[-1]) == pytest.approx(float(normalise(picture)[0, 5, 13]), abs=6e-4)


def test_lesson_shifts_as_the_package_does(picture: torch.Tensor) -> None:
    shift = run_cells("def shift(")["shift"]
    by_hand = {shift(picture, y, x).numpy().tobytes() for y in range(-4, 5) for x in range(-4, 5)}
    assert len(by_hand) == 81
    many = Augment(flip=False, shift=4)(normalise(picture).repeat(2000, 1, 1, 1), torch.Generator().manual_seed(0))
    assert {image.numpy().tobytes() for image in denormalise(many)} == by_hand
    assert torch.equal(shift(picture, 2, -3)[:, 2:, :-3], picture[:, :-2, 3:])  # down and to the left


def test_lesson_cuts_out_as_the_package_does(picture: torch.Tensor) -> None:
    cutout = run_cells("def cutout(")["cutout"]
    places = [(top, left) for top in range(23) for left in range(23)]
    by_hand = {cutout(picture, *place).numpy().tobytes() for place in places}
    many = Augment(flip=False, cutout=10)(normalise(picture).repeat(200, 1, 1, 1), torch.Generator().manual_seed(0))
    assert {image.numpy().tobytes() for image in denormalise(many)} <= by_hand


def test_lesson_thumbnails_find_a_brightened_twin_among_strangers() -> None:
    thumbnails = run_cells("def thumbnails(")["thumbnails"]
    known = random_images(200, seed=1)
    twin = (known.images[77:78].float() * 0.8 + 20).to(torch.uint8)
    similarity = (thumbnails(twin) @ thumbnails(known.images).T)[0]
    assert similarity.argmax() == 77
    assert similarity[77] > 0.99
    assert similarity.topk(2).values[1] < 0.8  # being equally bright does not make two images similar


@pytest.mark.real
def test_statistics_that_the_lesson_states(real_data: Cifar10) -> None:
    pixels = real_data.train_images.float().div_(255)
    assert pixels.mean((0, 2, 3)).tolist() == pytest.approx(MEAN, abs=1e-4)
    assert pixels.std((0, 2, 3)).tolist() == pytest.approx(STD, abs=1e-4)
    assert pixels.std((2, 3)).mean(0).tolist() == pytest.approx(COPIED_STD, abs=1e-4)


@pytest.mark.real
def test_twins_that_the_lesson_shows_are_there(real_data: Cifar10) -> None:
    train, validation = real_data.split()
    parts = {"train": train, "validation": ImageSet(validation.images, validation.labels)}
    lesson = run_cells("def thumbnails(", "known = ", **parts)
    assert (lesson["similarity"] > 0.99).sum() >= 8
    best = lesson["similarity"].topk(8).indices
    assert torch.equal(validation.labels[best], train.labels[lesson["twin"][best]])
