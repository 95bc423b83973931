"""The widget that leafs through a data set."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from helpers import alts, cells, frames, named, pictures, random_images, status

from cifar_helpers import CLASSES, Augment, ImageSet
from cifar_helpers.widgets import image_browser as image_browser_widget
from cifar_helpers.widgets.image_browser import AUGMENTATIONS, augmented, render

IMAGES = random_images(60)


@pytest.mark.parametrize("draw", range(8))
def test_the_words_about_an_augmentation_are_what_was_done_to_the_pixels(draw: int) -> None:
    picture = IMAGES.images[draw]
    other, words = augmented(picture, Augment(flip=True, shift=4), draw)
    mirrored, moved = words.split(", ")
    expected = picture.flip(2) if mirrored == "mirrored" else picture
    _, down, vertical, _, right, horizontal = moved.split()
    y = int(down) * (1 if vertical == "down" else -1)
    x = int(right) * (1 if horizontal == "right" else -1)
    inner = expected[:, 4 - y : 28 - y, 4 - x : 28 - x]
    assert torch.equal(other[:, 4:28, 4:28], inner)


def test_the_blanked_square_is_where_the_words_say() -> None:
    other, words = augmented(IMAGES.images[0], Augment(flip=False, cutout=8), 3)
    row, column = (int(part) for part in words.replace("blanked from row ", "").split(", column "))
    changed = (other != IMAGES.images[0]).any(0)
    assert changed[row : row + 8, column : column + 8].float().mean() > 0.9 and int(changed.sum()) <= 64


def test_the_same_draw_draws_the_same_and_others_differ() -> None:
    whole = AUGMENTATIONS["all three"]
    assert whole is not None
    pages = [augmented(IMAGES.images[0], whole, k)[0] for k in (1, 1, 2)]
    assert torch.equal(pages[0], pages[1]) and not torch.equal(pages[0], pages[2])


def test_channels_apart_are_the_three_channels() -> None:
    shown = pictures(render(IMAGES.images[4], "bird, image 4", "channels apart"))
    assert np.array_equal(shown[0], IMAGES.images[4].permute(1, 2, 0))
    for grey, channel in zip(shown[1:], IMAGES.images[4], strict=True):
        assert np.array_equal(grey[..., 0], channel) and np.array_equal(grey[..., 1], channel)


def test_pixel_values_are_those_under_the_frame() -> None:
    page = render(IMAGES.images[4], "bird, image 4", "pixel values", (5, 20))
    assert frames(page) == [(5, 20, 8, 8)]
    for name, channel in zip(("red", "green", "blue"), IMAGES.images[4], strict=True):
        assert cells(page, f"Values of {name}") == [str(v) for v in channel[5:13, 20:28].flatten().tolist()]


def test_each_control_shows_the_right_picture() -> None:
    parts = named(image_browser_widget(IMAGES))
    shown = parts["Screen"]
    parts["picture"].value = 7
    assert np.array_equal(pictures(shown.value)[0], IMAGES.images[7].permute(1, 2, 0))
    parts["class"].value = "ship"
    ships = (IMAGES.labels == CLASSES.index("ship")).nonzero().flatten()
    assert parts["picture"].value == len(ships) - 1 == 5  # a number that the class lacks becomes its last
    assert alts(shown.value)[0] == f"ship, image {ships[5]}"
    parts["picture"].value = 2
    assert np.array_equal(pictures(shown.value)[0], IMAGES.images[ships[2]].permute(1, 2, 0))
    parts["augmentation"].value = "flip"
    drawn = {parts["draw"].value: status(shown.value)}
    for number in range(1, 8):
        parts["draw"].value = number
        drawn[number] = status(shown.value)
    assert {"not mirrored" in text for text in drawn.values()} == {True, False}


def test_a_click_moves_the_window_and_keeps_it_inside() -> None:
    parts = named(image_browser_widget(IMAGES))
    parts["view"].value = "pixel values"
    parts["Screen"].place = "at 31 10"
    assert (parts["window, row"].value, parts["window, column"].value) == (24, 6)
    assert frames(parts["Screen"].value) == [(24, 6, 8, 8)]


def test_controls_without_effect_are_disabled() -> None:
    parts = named(image_browser_widget(IMAGES))
    assert parts["draw"].disabled and parts["window, row"].disabled
    parts["view"].value, parts["augmentation"].value = "pixel values", "all three"
    assert not parts["draw"].disabled and not parts["window, row"].disabled
    assert len(pictures(parts["Screen"].value)) == 2


def test_no_images_are_refused() -> None:
    with pytest.raises(ValueError, match="no images"):
        image_browser_widget(IMAGES.subset(slice(0, 0)))


def test_a_class_without_images_is_not_offered() -> None:
    few = ImageSet(IMAGES.images[:3], IMAGES.labels[:3])
    assert named(image_browser_widget(few))["class"].options == ("all", *CLASSES[:3])
