"""Which networks can be written as a weights file, what it contains, and what is refused."""

from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from cifar_helpers import MLP, CifarCNN, CompactCNN, FastCNN
from cifar_helpers.data import CLASSES, MEAN, STD
from cifar_helpers.models import TestTimeAugmentation
from cifar_helpers.web.graph import trace
from cifar_helpers.web.weights import encode


def opened(file: bytes) -> tuple[dict[str, Any], bytes]:
    """Header and payload."""
    (length,) = struct.unpack_from("<I", file, 4)
    return json.loads(file[8 : 8 + length]), file[8 + length :]


class Functional(nn.Module):
    """What learners write: functions and methods in place of layers, and a shape taken from the batch."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 6, 3, padding="same"), nn.Conv2d(6, 6, 3, padding=1)
        self.norm, self.relu, self.last = nn.BatchNorm2d(6), nn.ReLU(inplace=True), nn.Linear(6, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.max_pool2d(functional.relu(self.first(x)), 2)
        x = x + self.relu(self.norm(self.second(x)))
        x = self.relu(x) * 0.5
        x = functional.dropout(x, 0.5, self.training).mean((2, 3))
        return self.last(x.view(x.size(0), -1)) / 4


def test_labels_are_those_of_the_course() -> None:
    labels = [node.label for node in trace(CifarCNN()).nodes]
    block = ("convolution", "batch norm", "ReLU", "pooling")
    assert labels == [
        "picture",
        *(f"block {number}, {stage}" for number in (1, 2, 3) for stage in block),
        "flatten",
        *(f"hidden layer {number}{stage}" for number in (1, 2) for stage in ("", ", ReLU")),
        "output layer",
    ]


def test_a_node_has_name_inputs_shape_settings_and_tensors() -> None:
    nodes = trace(CompactCNN()).nodes
    (total,) = (node for node in nodes if node.name == "features.1.add")
    assert total.label == "block 3, sum" and [nodes[k].name for k in total.inputs] == [
        "features.0.3",
        "features.1.layers.4",
    ]
    assert nodes[1].shape == (32, 32, 32) and nodes[1].settings["padding"] == [1, 1]
    assert nodes[1].tensors == {"weight": "features.0.0.weight", "bias": "features.0.0.bias"}
    assert nodes[-1].shape == (10,)


def test_functions_and_methods_are_followed_like_layers() -> None:
    nodes = trace(Functional()).nodes
    assert [node.op for node in nodes] == [
        "input", "convolution", "relu", "max_pool", "convolution", "batch_norm", "relu", "add", "relu", "multiply",
        "adaptive_average_pool", "reshape", "linear", "multiply",
    ]  # fmt: skip
    assert len({node.name for node in nodes}) == len({node.label for node in nodes}) == len(nodes)
    assert nodes[-1].settings == {"factor": 0.25}


def test_what_is_changed_in_place_is_read_as_changed() -> None:
    class InPlace(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.relu, self.last = nn.ReLU(inplace=True), nn.Linear(3072, 10)

        def forward(self, x: Tensor) -> Tensor:
            x = x.flatten(1)
            return self.last(self.relu(x) + x)

    nodes = trace(InPlace()).nodes
    assert [(node.op, node.inputs) for node in nodes[2:4]] == [("relu", (1,)), ("add", (2, 2))]


def test_mode_weights_and_wrappers_of_the_network_do_not_matter_and_stay() -> None:
    model = CifarCNN().half().train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    graph = trace(nn.DataParallel(model))
    assert graph.network == "CifarCNN" and "features.0.0.weight" in graph.tensors
    assert model.training and all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert trace(torch.compile(model)).network == "CifarCNN"  # type: ignore[arg-type]


def test_grey_pictures_and_other_widths_are_taken() -> None:
    grey = nn.Sequential(nn.Conv2d(1, 5, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(5, 10))
    assert trace(grey).nodes[0].shape == (1, 32, 32)
    assert trace(nn.Sequential(nn.Flatten(), nn.Linear(1024, 10))).nodes[0].shape == (1, 32, 32)
    assert trace(CifarCNN(width=0.5)).nodes[1].shape == (16, 32, 32)


@pytest.mark.parametrize(
    ("layer", "says"),
    [
        (nn.Tanh(), r"Tanh \(1\) is not supported.*A network may contain Conv2d"),
        (nn.Sequential(nn.LayerNorm(32)), r"LayerNorm \(1\.0\)"),
        (nn.BatchNorm2d(4, track_running_stats=False), r"BatchNorm2d \(1\).*without running statistics"),
        (nn.Conv2d(4, 4, 3, padding=1, padding_mode="reflect"), r"Conv2d \(1\).*padding_mode='reflect'"),
        (nn.AvgPool2d(2, divisor_override=3), r"AvgPool2d \(1\).*with these options"),
        (nn.Linear(32, 32), r"Linear \(1\).*on \(4, 32, 32\)"),
    ],
)
def test_a_layer_that_is_not_supported_is_named_with_its_place(layer: nn.Module, says: str) -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 1), layer, nn.Flatten(), nn.LazyLinear(10))
    network(torch.zeros(2, 3, 32, 32))
    with pytest.raises(TypeError, match=says) as caught:
        trace(network)
    assert "\n" not in str(caught.value)


def test_functions_that_are_not_supported_are_named_too() -> None:
    with pytest.raises(TypeError, match="flip is not supported"):
        trace(TestTimeAugmentation(CifarCNN()))

    class Random(MLP):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(functional.dropout(x))

    with pytest.raises(TypeError, match="dropout is not supported"):
        trace(Random())

    class Shares(MLP):
        def forward(self, x: Tensor) -> Tensor:
            return 1 / super().forward(x)

    with pytest.raises(TypeError, match="truediv is not supported"):
        trace(Shares())


def test_a_forward_that_depends_on_the_picture_is_refused() -> None:
    class Deciding(MLP):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x if x.sum() > 0 else -x)

    with pytest.raises(TypeError, match="the forward of Deciding cannot be traced"):
        trace(Deciding())


@pytest.mark.parametrize(
    ("network", "says"),
    [
        (nn.Sequential(nn.Conv2d(4, 8, 3)), "does not take pictures of 32×32 pixels: .*4 channels"),
        (nn.Sequential(nn.Conv2d(3, 8, 3)), "must return logits"),
        (nn.Sequential(nn.Flatten(), nn.LazyLinear(5)), "no values yet"),
    ],
)
def test_a_network_for_other_pictures_or_without_logits_is_refused(network: nn.Module, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        trace(network)


def test_the_header_says_where_the_weights_are_from() -> None:
    header, payload = opened(encode(CifarCNN(), epoch=3, run="good-25"))
    assert (header["epoch"], header["run"], header["network"]) == (3, "good-25", "CifarCNN")
    assert header["classes"] == list(CLASSES) and header["mean"] == list(MEAN) and header["std"] == list(STD)
    assert header["bytes"] == len(payload)


@pytest.mark.parametrize(("precision", "size"), [("int8", 1.32e6), ("float16", 2.58e6), ("float32", 5.14e6)])
def test_the_file_is_as_large_as_its_precision_says(precision: Any, size: float) -> None:
    file = encode(CifarCNN(), precision)
    assert 0.97 * size < len(file) < size and len(file) % 4 == 0


def test_int8_leaves_first_and_last_layer_biases_and_batch_norms_in_floats() -> None:
    model = CifarCNN()
    header, payload = opened(encode(model))
    types = {tensor["name"]: tensor["type"] for tensor in header["tensors"]}
    assert types.pop("features.0.0.weight") == types.pop("classifier.7.weight") == "f16"
    whole = {name for name, kind in types.items() if kind == "i8"}
    assert whole == {"features.1.0.weight", "features.2.0.weight", "classifier.1.weight", "classifier.4.weight"}
    assert {kind for name, kind in types.items() if name not in whole} == {"f32"}
    assert all(tensor["at"] % 4 == 0 and tensor.get("scale", 0) % 4 == 0 for tensor in header["tensors"])
    (one,) = (tensor for tensor in header["tensors"] if tensor["name"] == "features.1.0.weight")
    scale = np.frombuffer(payload, "<f4", 64, one["scale"])
    values = np.frombuffer(payload, "i1", 64 * 288, one["at"]).reshape(64, 288) * scale[:, None]
    exact = model.features[1][0].weight.detach().reshape(64, 288).numpy()
    assert (np.abs(values - exact) <= 0.501 * scale[:, None]).all() and (np.abs(values).max(1) == 127 * scale).all()


def test_a_weight_that_float16_cannot_hold_stays_float32_and_a_row_of_zeros_is_no_trouble() -> None:
    model = CifarCNN()
    with torch.no_grad():
        model.features[0][0].weight[0, 0, 0, 0] = 1e6
        model.features[1][0].weight[0] = 0
    types = {tensor["name"]: tensor["type"] for tensor in opened(encode(model))[0]["tensors"]}
    assert types["features.0.0.weight"] == "f32" and types["features.1.0.weight"] == "i8"


def test_what_cannot_be_encoded_is_refused() -> None:
    model = FastCNN()
    with pytest.raises(ValueError, match="10 logits, but there are 4 classes"):
        encode(model, classes=["up", "right", "down", "left"])
    with pytest.raises(ValueError, match="precision must be"):
        encode(model, "int4")  # type: ignore[arg-type]
    with torch.no_grad():
        model.head.weight[0] = torch.nan
    with pytest.raises(ValueError, match=r"head\.weight has numbers that are not finite"):
        encode(model)
