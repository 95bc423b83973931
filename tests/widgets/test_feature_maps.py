"""The widget of lesson 03: what is kept of each layer, what is drawn, and how it is steered."""

from __future__ import annotations

import re
import time
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from helpers import alts, named, pictures, random_images, status

from cifar_helpers import CLASSES, CifarCNN, normalise
from cifar_helpers.inference import shipped_model
from cifar_helpers.widgets import feature_maps
from cifar_helpers.widgets.feature_maps import activations, render

PICTURE = random_images(1).images[0]


def network(seed: int) -> CifarCNN:
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        return CifarCNN()


# --- activations -----------------------------------------------------------------------------------------


def test_the_last_layer_is_what_the_classifier_gets() -> None:
    model = network(3).eval()
    found = activations(model, PICTURE)
    assert torch.equal(found["block 3, pooling"][None], model.features(normalise(PICTURE)[None]))


def test_every_layer_has_a_name_and_its_own_maps() -> None:
    found = activations(network(3), PICTURE)
    names = [f"block {k}, {s}" for k in (1, 2, 3) for s in ("convolution", "batch norm", "ReLU", "pooling")]
    assert list(found) == names
    assert [tuple(found[n].shape) for n in names[::4]] == [(32, 32, 32), (64, 16, 16), (128, 8, 8)]
    for k in (1, 2, 3):
        assert torch.equal(found[f"block {k}, batch norm"].clamp(min=0), found[f"block {k}, ReLU"])
        assert found[f"block {k}, batch norm"].min() < 0


def test_the_network_stays_as_it_is() -> None:
    model = network(3).train()
    model.features[0].eval()  # a frozen block
    before = {name: value.clone() for name, value in model.state_dict().items()}
    activations(model, PICTURE)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert model.training and model.features[1].training and not model.features[0].training


# --- what is drawn ---------------------------------------------------------------------------------------


def test_alt_texts_say_layer_channel_size_and_range() -> None:
    maps = np.zeros((5, 4, 6), np.float32)
    maps[2, 0, 0], maps[2, 3, 5] = -1.5, 2.25
    whole, one = alts(render(maps, 2, "block 9, ReLU, trained"))
    assert one == "block 9, ReLU, trained: channel 2 of 5, 4 × 6, values -1.50 to 2.25"
    assert whole == "block 9, ReLU, trained: all 5 channels, channel 2 framed"


def test_purple_is_below_zero_and_orange_above() -> None:
    maps = np.array([[[-3.0, 0.0, 3.0]]], np.float32)
    below, zero, above = pictures(render(maps, 0, "x"))[1][0].astype(int)
    assert below[2] > below[0] > below[1] and above[0] > above[1] > above[2] and min(zero) > 240


@pytest.mark.parametrize(("count", "size"), [(32, 32), (32, 16), (64, 8), (128, 4), (3, 5)])
def test_the_mosaic_holds_each_map_at_its_place_and_frames_the_chosen_one(count: int, size: int) -> None:
    maps = np.random.default_rng(0).normal(size=(count, size, size)).astype(np.float32)
    maps[0] = 0  # a channel that never answers is white, not an error
    chosen = count - 2
    mosaic = pictures(render(maps, chosen, "x"))[0]
    columns = 8 if count <= 32 else 16
    for k in (0, 1, chosen, count - 1):
        y, x = k // columns * (size + 2), k % columns * (size + 2)
        tile = mosaic[y : y + size + 2, x : x + size + 2]
        alone = pictures(render(maps[k : k + 1], 0, "x"))[1]
        assert np.abs(tile[1:-1, 1:-1].astype(int) - alone).max() <= 3  # rounding of the scale
        assert (tile[0] == (0 if k == chosen else 205)).all() and (tile[:, -1] == tile[0, 0]).all()


def test_a_mosaic_whose_last_row_is_not_full() -> None:
    assert pictures(render(np.ones((11, 4, 4), np.float32), 0, "x"))[0].shape == (12, 48, 3)


def test_a_redraw_takes_less_than_fifty_milliseconds() -> None:
    maps = activations(network(1), PICTURE)["block 1, convolution"].numpy()
    render(maps, 0, "x")
    times = []
    for k in range(5):
        start = time.process_time()  # of this process alone: other work on the machine does not count
        render(maps, k, "x")
        times.append(time.process_time() - start)
    assert min(times) < 0.05


# --- how it is steered -----------------------------------------------------------------------------------


def steer(**networks: CifarCNN) -> tuple[Any, Any, Any, Any]:
    box = feature_maps(PICTURE, **networks)
    return (*box.children[0].children, box.children[1])


def test_each_control_is_named_and_starts_at_the_first_layer() -> None:
    weights, layer, channel, shown = steer(trained=network(1), untrained=network(2))
    assert [c.description for c in (weights, layer, channel)] == ["weights", "layer", "channel"]
    assert alts(shown.value)[1].startswith("block 1, convolution, trained: channel 0 of 32, 32 × 32, values ")


def test_each_control_redraws_with_the_right_network_layer_and_channel() -> None:
    models = {"trained": network(1), "untrained": network(2)}
    weights, layer, channel, shown = steer(**models)
    found = {name: activations(model, PICTURE) for name, model in models.items()}
    for name in ("untrained", "trained"):
        for place in ("block 3, pooling", "block 2, ReLU"):
            for k in (63, 5):
                weights.value, layer.value, channel.value = name, place, k
                assert shown.value.startswith(render(found[name][place].numpy(), k, f"{place}, {name}"))


def test_a_channel_that_the_layer_lacks_becomes_its_last() -> None:
    _, layer, channel, shown = steer(trained=network(1), untrained=network(2))
    layer.value, channel.value = "block 3, convolution", 127
    layer.value = "block 1, ReLU"
    assert channel.value == 31 and "channel 31 of 32" in shown.value
    channel.value = -4
    assert channel.value == 0 and "channel 0 of 32" in shown.value


def test_the_networks_run_once(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    forward = torch.nn.Conv2d.forward
    monkeypatch.setattr(torch.nn.Conv2d, "forward", lambda self, x: calls.append(1) or forward(self, x))
    weights, layer, channel, _ = steer(trained=network(1), untrained=network(2))
    assert len(calls) == 6
    layer.value, channel.value, weights.value = "block 2, ReLU", 40, "untrained"
    assert len(calls) == 6


def test_defaults_are_the_shipped_weights_and_the_same_random_ones_each_time() -> None:
    shipped_model()  # kept from here on; reading it draws random numbers
    state = torch.random.get_rng_state()
    weights, _, _, shown = steer()
    first = activations(shipped_model(), PICTURE)["block 1, convolution"].numpy()
    assert shown.value.startswith(render(first, 0, "block 1, convolution, trained"))
    weights.value = "untrained"
    again, _, _, other = steer()
    again.value = "untrained"
    assert shown.value == other.value
    assert torch.equal(torch.random.get_rng_state(), state)  # the learner's random numbers stay as they were


def test_one_of_several_pictures_is_chosen_and_named() -> None:
    images = random_images(12)
    parts = named(feature_maps(images, network(1), network(2)))
    parts["picture"].value = 7
    maps = activations(network(1), images.images[7])["block 1, convolution"].numpy()
    assert parts["Screen"].value.startswith(render(maps, 0, "block 1, convolution, trained"))
    assert status(parts["Screen"].value).startswith(f"Picture: {CLASSES[7]}.")
    assert np.array_equal(pictures(parts["Screen"].value)[2], images.images[7].permute(1, 2, 0))
    with pytest.raises(ValueError, match="no images"):
        feature_maps(images.subset(slice(0, 0)))


@pytest.mark.parametrize(("layer", "count", "size"), [("block 1, ReLU", 32, 32), ("block 3, pooling", 128, 4)])
def test_a_click_on_a_map_enlarges_it(layer: str, count: int, size: int) -> None:
    parts = named(feature_maps(PICTURE, network(1), network(2)))
    parts["layer"].value = layer
    columns = 8 if count <= 32 else 16
    for channel in (0, count // 2 + 3, count - 1):
        y, x = channel // columns * (size + 2) + 1, channel % columns * (size + 2) + size
        parts["Screen"].place = f"mosaic {y} {x}"
        assert parts["channel"].value == channel and f"channel {channel} of {count}" in parts["Screen"].value


@pytest.mark.parametrize("picture", [torch.zeros(3, 32, 32), torch.zeros(1, 3, 32, 32, dtype=torch.uint8)])
def test_a_wrong_picture_is_refused_by_its_type_and_shape(picture: torch.Tensor) -> None:
    with pytest.raises(ValueError, match=re.escape(f"got {picture.dtype} {tuple(picture.shape)}")):
        feature_maps(picture)


def test_no_figure_stays_open() -> None:
    before = plt.get_fignums()
    steer(trained=network(1), untrained=network(2))
    assert plt.get_fignums() == before
