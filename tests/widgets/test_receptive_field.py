"""The widget of receptive fields: squares against gradients, exciting pictures against a search."""

from __future__ import annotations

import pytest
import torch
from helpers import alts, frames, named, pictures, random_images, status

from cifar_helpers import CLASSES, CifarCNN, normalise
from cifar_helpers.widgets import receptive_field as receptive_field_widget
from cifar_helpers.widgets._layers import activations, layers_of, sights
from cifar_helpers.widgets.receptive_field import most_exciting

IMAGES = random_images(24)


def network() -> CifarCNN:
    with torch.random.fork_rng([]):
        torch.manual_seed(1)
        return CifarCNN().eval()


@pytest.mark.parametrize(("layer", "unit"), [
    ("block 1, convolution", (0, 5)), ("block 1, pooling", (15, 3)), ("block 2, ReLU", (7, 8)),
    ("block 2, pooling", (0, 0)), ("block 3, batch norm", (4, 4)), ("block 3, pooling", (1, 2)),
])  # fmt: skip
def test_the_square_is_what_gradients_reach(layer: str, unit: tuple[int, int]) -> None:
    layers = layers_of(network())
    images = torch.randn(300, 3, 32, 32, requires_grad=True)
    values = images
    for name, module in layers.items():
        values = module(values)
        if name == layer:
            break
    values[:, :, unit[0], unit[1]].sum().backward()
    assert images.grad is not None
    reached = images.grad.abs().sum((0, 1)) > 0
    rows, columns = reached.any(1).nonzero().flatten(), reached.any(0).nonzero().flatten()
    top, left, height, width = sights(layers)[layer].square(*unit)
    assert (int(rows[0]), int(columns[0]), len(rows), len(columns)) == (top, left, height, width)


def test_the_most_exciting_pictures_are_those_of_a_search_one_by_one() -> None:
    model = network()
    best = most_exciting(model, IMAGES.images, 5)["block 2, ReLU"]
    peaks = torch.stack(
        [activations(model, picture)["block 2, ReLU"].flatten(1).max(1).values for picture in IMAGES.images]
    )
    for channel in (0, 17, 63):
        order = peaks[:, channel].sort(descending=True)
        assert torch.allclose(best.values[channel], order.values[:5], atol=1e-5)
        first = int(best.pictures[channel, 0])
        plane = activations(model, IMAGES.images[first])["block 2, ReLU"][channel]
        place = divmod(int(best.places[channel, 0]), plane.shape[1])
        assert float(plane[place]) == pytest.approx(float(plane.max()), abs=1e-5)


def test_every_control_changes_picture_and_words() -> None:
    model = network()
    parts = named(receptive_field_widget(IMAGES, model))
    shown = parts["Screen"]
    parts["layer"].value = "block 3, convolution"
    parts["unit, row"].value, parts["unit, column"].value = 3, 4
    sight = sights(layers_of(model))["block 3, convolution"]
    assert frames(shown.value)[0] == sight.square(3, 4)
    value = activations(model, IMAGES.images[0])["block 3, convolution"][0, 3, 4]
    assert f"activation is {value:.2f}" in status(shown.value)
    parts["picture"].value = 9
    value = activations(model, IMAGES.images[9])["block 3, convolution"][0, 3, 4]
    assert f"activation is {value:.2f}" in status(shown.value)
    parts["channel"].value = 100
    best = most_exciting(model, IMAGES.images)["block 3, convolution"].pictures[100].tolist()
    told = [text for text in alts(shown.value) if "framed where" in text]
    assert [text.split(",")[1] for text in told] == [f" image {k}" for k in best]
    assert told[0].startswith(CLASSES[int(IMAGES.labels[best[0]])])


def test_a_click_chooses_the_unit_and_a_smaller_layer_keeps_it_inside() -> None:
    parts = named(receptive_field_widget(IMAGES, network()))
    parts["Screen"].place = "unit 30 29"
    assert (parts["unit, row"].value, parts["unit, column"].value) == (30, 29)
    parts["channel"].value = 31
    parts["layer"].value = "block 3, pooling"
    assert (parts["unit, row"].value, parts["unit, column"].value) == (3, 3)
    assert "row 3, column 3" in status(parts["Screen"].value)
    assert len(pictures(parts["Screen"].value)) == 2 + 8


def test_no_images_are_refused_and_the_network_stays() -> None:
    with pytest.raises(ValueError, match="no images"):
        receptive_field_widget(IMAGES.subset(slice(0, 0)))
    model = network().train()
    before = model(normalise(IMAGES.images)).shape and {k: v.clone() for k, v in model.state_dict().items()}
    receptive_field_widget(IMAGES, model)
    assert model.training and all(torch.equal(v, before[k]) for k, v in model.state_dict().items())
