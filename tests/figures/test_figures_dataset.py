"""Figures of lesson 01, and whether the package does what the lesson writes out."""

from __future__ import annotations

from typing import Any

import nbformat
import numpy as np
import pytest
import torch
from helpers import NOTEBOOKS, random_images, solution

from cifar_helpers import CLASSES, Augment, Cifar10, denormalise, figures, normalise
from cifar_helpers.data import MEAN, STD, most_similar, nearest_mean

LESSON = NOTEBOOKS / "01_dataset_tour.ipynb"
COPIED_STD = (0.2023, 0.1994, 0.2010)


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
    assert whole.axison and [int(label.get_text()) for label in whole.get_xticklabels()] == list(range(0, 32, 4))
    assert "blue" in part.get_title()
    assert [int(label.get_text()) for label in part.get_xticklabels()] == [9, 10, 11, 12]
    assert [int(label.get_text()) for label in part.get_yticklabels()] == [5, 6, 7, 8]


def test_pixel_values_says_where_the_largest_jump_is() -> None:
    image = torch.full((3, 32, 32), 30, dtype=torch.uint8)
    image[0, 6, 12:] = 200  # an edge in row 6
    figure = figures.pixel_values(image, top=4, left=8)
    assert "30 to 200" in figure.get_label() and figure.get_label().endswith("from 30 to 200, in row 6.")
    assert figure.axes[1].patches[0].get_bbox().bounds == (2.5, 1.5, 2, 1)  # columns 11 and 12 of row 6


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


def test_class_means_are_drawn_as_they_are_and_with_more_contrast() -> None:
    means = 100 + torch.arange(10.0).view(10, 1, 1, 1).expand(10, 3, 8, 8).clone()
    means[8, 2] += 50
    figure = figures.class_means(means)
    assert [axes.get_title() for axes in figure.axes[:10]] == list(CLASSES)
    plain, strong = (
        [float(axes.images[0].get_array()[0, 0, 0]) for axes in row] for row in (figure.axes[:10], figure.axes[10:])
    )
    assert plain == [100 + k for k in range(10)]
    for before, after in zip(plain, strong, strict=True):
        assert after - 104.5 == pytest.approx(3 * (before - 104.5), abs=0.51)
    assert figure.axes[10].get_ylabel() == "contrast\n× 3"
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
    assert "validation image on the left" in figure.get_suptitle()
    assert figure.get_label() == "5 pairs of images, validation on the left, training on the right: a; b; c; d; e."


def test_pairs_of_unequal_number_are_refused() -> None:
    images = random_images(3).images
    for left, titles in ((images[:2], "abc"), (images, "ab")):
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
        assert blue.tolist() == [50, 50]  # a point for each value that occurs
        assert place.lines[2].get_xdata().tolist() == [0, top]
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


def test_the_exercise_cuts_out_as_the_package_does(picture: torch.Tensor) -> None:
    colour = (torch.tensor(MEAN) * 255).round().to(torch.uint8)
    places = [(top, left) for top in range(23) for left in range(23)]
    by_hand = {solution("cutout")(picture, colour, *place, 10).numpy().tobytes() for place in places}
    many = Augment(flip=False, cutout=10)(normalise(picture).repeat(200, 1, 1, 1), torch.Generator().manual_seed(0))
    assert {image.numpy().tobytes() for image in denormalise(many)} <= by_hand


def test_the_package_compares_thumbnails_as_the_lesson_does(picture: torch.Tensor) -> None:
    thumbnail = run_cells("def thumbnail(", picture=picture)["thumbnail"]
    first, second = random_images(20, seed=1).images, random_images(30, seed=2).images
    similarity, index = most_similar(first, second)
    by_hand = torch.stack([torch.stack([(thumbnail(a) * thumbnail(b)).sum() for b in second]) for a in first])
    torch.testing.assert_close(similarity, by_hand.max(1).values)
    assert torch.equal(index, by_hand.argmax(1))


def test_a_brightened_twin_is_found_among_strangers() -> None:
    known = random_images(200, seed=1)
    twin = (known.images[77:78].float() * 0.8 + 20).to(torch.uint8)
    similarity, index = most_similar(twin, known.images)
    assert index.item() == 77 and similarity.item() > 0.99
    rest = torch.cat([known.images[:77], known.images[78:]])
    assert most_similar(twin, rest)[0] < 0.8  # being equally bright does not make two images similar


def test_the_nearest_mean_of_the_package_is_that_of_the_exercise() -> None:
    images, means = random_images(50, seed=1).images.float(), random_images(4, seed=2).images.float()
    assert torch.equal(nearest_mean(images, means), solution("nearest_mean")(images, means))


@pytest.mark.real
def test_statistics_that_the_lesson_states(real_data: Cifar10) -> None:
    parts = [torch.var_mean(part.float() / 255, (2, 3)) for part in real_data.train_images.split(500)]
    variances, means = (torch.cat(column) for column in zip(*parts, strict=True))
    assert means.mean(0).tolist() == pytest.approx(MEAN, abs=1e-4)
    within, between = variances.mean(0) * 1023 / 1024, means.var(0)
    assert (within + between).sqrt().tolist() == pytest.approx(STD, abs=1e-4)
    assert variances.sqrt().mean(0).tolist() == pytest.approx(COPIED_STD, abs=1e-4)


@pytest.mark.real
def test_twins_that_the_lesson_shows_are_there(real_data: Cifar10) -> None:
    train, validation = real_data.split()
    similarity, twin = most_similar(validation.images, train.images)
    assert (similarity > 0.99).sum() >= 8
    best = similarity.topk(8).indices
    assert torch.equal(validation.labels[best], train.labels[twin[best]])
