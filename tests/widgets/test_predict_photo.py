"""The widget that predicts a photo: crop, answer, where the network looked."""

from __future__ import annotations

import io

import numpy as np
import pytest
from helpers import Fixed, alert, alts, frames, named, pictures, random_images, status, upload
from PIL import Image

from cifar_helpers import predict
from cifar_helpers.inference import shipped_model
from cifar_helpers.widgets import predict_photo as predict_photo_widget
from cifar_helpers.widgets.predict_photo import Crop


def png(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def gradient(width: int, height: int) -> Image.Image:
    """Each pixel's colour tells where it lies."""
    y, x = np.mgrid[:height, :width]
    return Image.fromarray(np.stack([x * 255 // width, y * 255 // height, 0 * x], 2).astype(np.uint8))


def test_the_first_crop_is_what_predict_cuts() -> None:
    for size in ((64, 64), (90, 40), (33, 70)):
        photo = gradient(*size)
        page = upload(predict_photo_widget(), png(photo))
        answer = predict(photo)
        assert np.array_equal(pictures(page)[1], answer.seen.permute(1, 2, 0)) and str(answer) in status(page)


def test_the_crop_moves_and_its_frame_with_it() -> None:
    box = predict_photo_widget(gradient(200, 100), Fixed())
    parts = named(box)
    parts["crop (%)"].value, parts["to the right (%)"].value, parts["down (%)"].value = 50, 100, 0
    page = parts["Screen"].value
    assert frames(page) == [(0, 150, 50, 50)]
    seen = pictures(page)[1]
    assert seen[..., 0].min() > 180 and seen[..., 1].max() < 135  # right and upper half
    parts["to the right (%)"].value = 0
    assert pictures(parts["Screen"].value)[1][..., 0].max() < 75


@pytest.mark.parametrize("size", [(32, 32), (8, 30), (500, 9)])
@pytest.mark.parametrize("crop", [Crop(20, 0, 0), Crop(20, 100, 100), Crop(100, 37, 81)])
def test_a_crop_always_lies_in_the_picture(size: tuple[int, int], crop: Crop) -> None:
    left, top, right, bottom = crop.box(*size)
    assert 0 <= left < right <= size[0] and 0 <= top < bottom <= size[1] and right - left == bottom - top >= 8


def test_where_it_looked_is_shown_for_each_method() -> None:
    box = predict_photo_widget(random_images(1).images[0])
    parts = named(box)
    for method in ("Grad-CAM", "occlusion"):
        parts["where it looked"].value = method
        assert any(text.startswith(f"{method}: most for") for text in alts(parts["Screen"].value))
        assert len(pictures(parts["Screen"].value)) == 3
    parts["where it looked"].value = "nothing"
    assert len(pictures(parts["Screen"].value)) == 2


def test_a_network_without_convolutions_gets_a_message_and_its_answer() -> None:
    parts = named(predict_photo_widget(Image.new("RGB", (32, 32)), Fixed()))
    parts["where it looked"].value = "Grad-CAM"
    assert "convolutions" in alert(parts["Screen"].value) and "horse 90 %" in status(parts["Screen"].value)


def test_one_of_several_pictures_can_be_chosen() -> None:
    photos = {"red": Image.new("RGB", (40, 40), "red"), "blue": Image.new("RGB", (40, 40), "blue")}
    parts = named(predict_photo_widget(photos, Fixed()))
    parts["picture"].value = "blue"
    assert (pictures(parts["Screen"].value)[1] == (0, 0, 255)).all()
    assert "picture" not in named(predict_photo_widget(photos["red"], Fixed()))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"<b>words</b>", "is not a picture"),
        (png(Image.new("RGB", (64, 64)))[:60], "cut off"),
        (png(Image.new("RGB", (1, 1))), "at least 8"),
    ],
)
def test_a_wrong_upload_gives_a_message_and_the_next_one_works(content: bytes, says: str) -> None:
    box = predict_photo_widget(model=Fixed())
    assert named(box)["Screen"].value == ""
    page = upload(box, content)
    assert says in alert(page) and "cannot be used" in page and "<b>words" not in page
    assert "horse 90 %" in status(upload(box, png(Image.new("RGB", (32, 32)))))


def test_the_networks_mode_and_gradients_stay() -> None:
    model = shipped_model()
    parts = named(predict_photo_widget(random_images(1).images[0]))
    for method in ("Grad-CAM", "occlusion"):
        parts["where it looked"].value = method
    assert not model.training and all(p.grad is None for p in model.parameters())
