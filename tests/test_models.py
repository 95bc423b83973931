"""The networks of the course: sizes, modes, errors, and the same network as lesson 03 writes out."""

from __future__ import annotations

import itertools
from typing import Any

import nbformat
import pytest
import torch
from helpers import NOTEBOOKS, random_images
from torch import nn

from cifar_helpers import MLP, CifarCNN, count_parameters, normalise
from cifar_helpers.checks import classifier
from cifar_helpers.widgets.feature_maps import activations

LESSON = NOTEBOOKS / "03_building_the_cnn.ipynb"


def lesson_cell(holds: str) -> str:
    """The code cell of the lesson that holds a text."""
    cells = nbformat.read(LESSON, as_version=4).cells
    (source,) = [str(c.source) for c in cells if c.cell_type == "code" and holds in c.source]
    return source


def lesson_network() -> nn.Module:
    """The network as the lesson builds it, with the classifier of its exercise, in eval mode."""
    names: dict[str, Any] = {"torch": torch, "nn": nn, "images": torch.zeros(1, 3, 32, 32)}
    exec(classifier.solution, names)
    with torch.random.fork_rng([]):
        for holds in ("def block(", "class Network(", "network = Network()"):
            exec(lesson_cell(holds).replace("CifarCNN().classifier  # or yours: my_", "my_"), names)
    network: nn.Module = names["network"]
    return network


def batch(count: int = 4) -> torch.Tensor:
    return normalise(random_images(count).images)


# --- CifarCNN --------------------------------------------------------------------------------------------


def test_parameters_by_hand_and_by_count() -> None:
    convolutions = 32 * (3 * 9 + 1) + 64 * (32 * 9 + 1) + 128 * (64 * 9 + 1)
    norms = 2 * (32 + 64 + 128)
    linear = 512 * (2048 + 1) + 256 * (512 + 1) + 10 * (256 + 1)
    assert count_parameters(CifarCNN()) == convolutions + norms + linear == 1_276_682


def test_frozen_parameters_do_not_count() -> None:
    model = CifarCNN()
    model.features.requires_grad_(False)
    assert count_parameters(model) == 512 * 2049 + 256 * 513 + 10 * 257


def test_the_shape_behind_each_layer() -> None:
    model, values, shapes = CifarCNN().eval(), batch(2), []
    for layer in [*(layer for block in model.features for layer in block.children()), *model.classifier]:
        values = layer(values)
        shapes.append(tuple(values.shape[1:]))
    blocks = [
        shape
        for channels, size in ((32, 32), (64, 16), (128, 8))
        for shape in [(channels, size, size)] * 3 + [(channels, size // 2, size // 2)]
    ]
    assert shapes == [*blocks, (2048,), *[(512,)] * 3, *[(256,)] * 3, (10,)]


def test_each_block_is_convolution_batch_norm_relu_pooling() -> None:
    kinds = [nn.Conv2d, nn.BatchNorm2d, nn.ReLU, nn.MaxPool2d]
    assert [[type(layer) for layer in block.children()] for block in CifarCNN().features] == [kinds] * 3


def test_dropout_acts_in_train_mode_only() -> None:
    torch.manual_seed(0)
    model, images = CifarCNN(dropout=0.25), batch()
    assert not torch.equal(model(images), model(images))
    model.eval()
    assert torch.equal(model(images), model(images))
    without = CifarCNN(dropout=0.0).train()
    assert torch.equal(without(images), without(images))
    assert [m.p for m in CifarCNN(0.4).modules() if isinstance(m, nn.Dropout)] == [0.4, 0.4]


def test_in_eval_mode_a_picture_does_not_depend_on_its_neighbours() -> None:
    torch.manual_seed(0)
    model, images = CifarCNN().eval(), batch()
    assert torch.allclose(model(images)[:1], model(images[:1]), atol=1e-5)


@pytest.mark.parametrize("dropout", [-0.1, 1.0, 1.5, float("nan")])
def test_a_dropout_that_is_no_probability_is_refused(dropout: float) -> None:
    with pytest.raises(ValueError, match=f"from 0 to below 1, got {dropout}"):
        CifarCNN(dropout)


# --- MLP -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("hidden", [(512, 256), (384, 256), (7,), [5, 4, 3]])
def test_mlp_parameters_by_hand(hidden: list[int]) -> None:
    sizes = [3 * 32 * 32, *hidden, 10]
    by_hand = sum((inputs + 1) * outputs for inputs, outputs in itertools.pairwise(sizes))
    model = MLP(hidden)
    assert count_parameters(model) == by_hand
    assert model(batch(3)).shape == (3, 10)


def test_the_mlp_of_lesson_03_is_as_large_as_the_cnn() -> None:
    ratio = count_parameters(MLP(hidden=(384, 256))) / count_parameters(CifarCNN())
    assert ratio == pytest.approx(1, abs=0.01) and "MLP(hidden=(384, 256))" in lesson_cell("weights of each layer")


def test_the_mlp_is_not_linear() -> None:
    torch.manual_seed(0)
    model, images = MLP(hidden=(64,)), batch(2)
    zero = model(torch.zeros_like(images))
    assert not torch.allclose(model(-images) - zero, -(model(images) - zero), atol=1e-3)


def test_to_an_mlp_all_orders_of_the_pixels_are_alike_and_to_a_cnn_not() -> None:
    torch.manual_seed(0)
    order, images = torch.randperm(1024), batch(2)
    shuffled = images.flatten(2)[:, :, order].view_as(images)
    mlp, cnn = MLP(hidden=(16,)), CifarCNN().eval()
    logits, answer = mlp(images), cnn(images)
    first = mlp.layers[1]
    assert isinstance(first, nn.Linear)
    with torch.no_grad():  # the same weights in the order of the pixels
        first.weight.copy_(first.weight.view(16, 3, 1024)[:, :, order].flatten(1))
    assert torch.allclose(mlp(shuffled), logits, atol=1e-5)
    assert not torch.allclose(cnn(shuffled), answer, atol=1e-3)


@pytest.mark.parametrize("hidden", [(), [], (0,), (10, -1)])
def test_an_mlp_without_units_is_refused(hidden: list[int]) -> None:
    with pytest.raises(ValueError, match="at least one layer of at least one unit"):
        MLP(hidden)


# --- lesson 03 -------------------------------------------------------------------------------------------


def test_the_network_of_the_lesson_is_that_of_the_package() -> None:
    written, packaged = lesson_network(), CifarCNN().eval()
    theirs, ours = written.state_dict(), packaged.state_dict()
    assert [value.shape for value in theirs.values()] == [value.shape for value in ours.values()]
    packaged.load_state_dict(dict(zip(ours, theirs.values(), strict=True)))
    images = batch()
    assert torch.equal(written(images), packaged(images))
    # Dropout holds no weights, so it is compared apart.
    rates = [[m.p for m in model.modules() if isinstance(m, nn.Dropout)] for model in (written, packaged)]
    assert rates[0] == rates[1]


def test_the_maps_that_the_lesson_keeps_are_those_of_the_widget() -> None:
    torch.manual_seed(0)
    model, picture = CifarCNN().eval(), random_images(1).images[0]

    class Recorded:
        def model(self) -> CifarCNN:
            return model

    source = lesson_cell("in enumerate(trained.features").replace("from cifar_helpers import load_run", "")
    names: dict[str, Any] = {"torch": torch, "load_run": lambda _: Recorded(), "images": normalise(picture)[None]}
    exec(source, names)
    found = activations(model, picture)
    assert list(names["maps"]) == list(found)
    assert all(torch.equal(names["maps"][name], found[name]) for name in found)


@pytest.mark.parametrize("width", [0.5, 2.0])
def test_width_scales_every_layer_but_the_last(width: float) -> None:
    plain, scaled = CifarCNN(), CifarCNN(width=width)
    for ours, theirs in zip(plain.parameters(), scaled.parameters(), strict=True):
        assert theirs.shape[0] == (10 if ours.shape[0] == 10 else ours.shape[0] * width)
    assert scaled(torch.zeros(2, 3, 32, 32)).shape == (2, 10)


@pytest.mark.parametrize("width", [0.0, 0.001, -1.0])
def test_a_width_that_leaves_no_channel_is_refused(width: float) -> None:
    with pytest.raises(ValueError, match="width must leave at least one channel"):
        CifarCNN(width=width)
