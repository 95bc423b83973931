"""Operations and bytes of layers, counted by hand and by torch, and the roofline that is measured from them."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from cifar_helpers import MLP, CifarCNN, timing
from cifar_helpers.roofline import layer_work, measure_roofline, recorded_roofline


def test_a_convolution_a_linear_layer_and_a_pooling_are_counted_as_by_hand() -> None:
    works = {work.name: work for work in layer_work(CifarCNN(), 5)}
    conv, linear, pool = works["conv 2"], works["linear 1"], works["max pool 3"]
    assert conv.flop == 5 * 2 * 9 * 32 * 64 * 256
    assert conv.moved == 4 * (9 * 32 * 64 + 64 + 5 * 256 * (32 + 64))
    assert linear.flop == 5 * 2 * 2048 * 512 and linear.moved == 4 * (2048 * 512 + 512 + 5 * (2048 + 512))
    assert pool.flop == 5 * 3 * 128 * 16 and pool.moved == 4 * 5 * 128 * (64 + 16)
    assert conv.intensity == conv.flop / conv.moved and math.isnan(conv.rate)


@pytest.mark.parametrize("model", [CifarCNN(), MLP()], ids=["cnn", "mlp"])
def test_products_are_those_that_torch_counts(model: nn.Module) -> None:
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model.eval()(torch.rand(3, 3, 32, 32))
    products = [work.flop for work in layer_work(model, 3) if work.name.startswith(("conv", "linear"))]
    assert sum(products) == counter.get_total_flops()


def test_flatten_and_dropout_are_left_out_and_the_model_is_left_alone() -> None:
    model = CifarCNN().train()
    names = [work.name.rpartition(" ")[0] for work in layer_work(model, 2)]
    assert {*names} == {"conv", "batch norm", "ReLU", "max pool", "linear"} and len(names) == 17
    assert model.training and not any(layer._forward_hooks for layer in model.modules())
    with pytest.raises(ValueError, match="batch_size must be at least 1"):
        layer_work(model, 0)


def test_no_layer_is_above_the_peak_and_all_are_timed() -> None:
    found = measure_roofline(CifarCNN(width=0.25), 4, seconds=0.001, copied=100_000)
    assert len(found.layers) == 17 and all(0 < layer.rate <= found.peak for layer in found.layers)
    assert found.ridge == found.peak / found.bandwidth > 0


def test_a_recorded_roofline_is_read_as_it_was_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timing, "resources", lambda: tmp_path)
    layers = [
        {"layer": "conv 1", "FLOP": 8_000, "bytes": 100, "ms": 0.001},
        {"layer": "limits", "GFLOP/s": 9.0, "GB/s": 3.0},
    ]
    (tmp_path / "benchmarks.json").write_text(json.dumps({"gpu": {"layers": layers}}), encoding="utf-8")
    found = recorded_roofline()
    assert found is not None and found.ridge == 3 and found.layers[0].rate == pytest.approx(8.0)
    (tmp_path / "benchmarks.json").write_text("{}", encoding="utf-8")
    assert recorded_roofline() is None
