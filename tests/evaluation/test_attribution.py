"""Where a network looked: each method against the same computed by hand, or where the answer is known."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
from helpers import random_images
from torch import Tensor, nn

from cifar_helpers import CLASSES, CifarCNN, CompactCNN, FastCNN, normalise
from cifar_helpers.evaluation.attribution import METHODS, _last_maps, attribute, rank_agreement
from cifar_helpers.inference import shipped_model

HORSE = CLASSES.index("horse")
SEEN = random_images(1).images[0]


class Corner(nn.Module):
    """Horse where the upper left corner is bright; made of a convolution, so that Grad-CAM can look."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 1, 1, bias=False)
        nn.init.constant_(self.first.weight, 1.0)

    def forward(self, images: Tensor) -> Tensor:
        part = self.first(images)[:, 0, :8, :8].mean((1, 2))
        return torch.nn.functional.one_hot(torch.tensor(HORSE), 10) * part[:, None] + 0.0


def test_occlusion_finds_the_part_that_decides() -> None:
    seen = torch.full((3, 32, 32), 250, dtype=torch.uint8)
    values = attribute(Corner(), seen, HORSE, "occlusion")
    assert values[:8, :8].min() > 0 and np.abs(values[12:, 12:]).max() < 1e-6


def test_grad_cam_is_gradient_times_maps_of_the_last_block() -> None:
    model, seen = shipped_model(), random_images(1).images[0]
    values = attribute(model, seen, 3, "Grad-CAM")
    last = model.features[2][2]
    kept: list[Tensor] = []
    hook = last.register_forward_hook(lambda _m, _i, out: kept.append(out))
    score = model(normalise(seen)[None])[0, 3]
    hook.remove()
    (slope,) = torch.autograd.grad(score, kept[0])
    small = (slope.mean((2, 3), keepdim=True) * kept[0]).sum(1, keepdim=True)
    by_hand = torch.nn.functional.interpolate(small, (32, 32), mode="bilinear")[0, 0].detach()
    assert np.allclose(values, by_hand, atol=1e-4)


@pytest.mark.parametrize("model", [CifarCNN(), CompactCNN(), FastCNN((24, 24, 24))], ids=lambda m: type(m).__name__)
def test_grad_cam_looks_at_maps_after_the_last_activation_of_each_network(model: nn.Module) -> None:
    layer = _last_maps(model)
    assert isinstance(layer, (nn.ReLU, nn.GELU))
    after = list(model.modules())[list(model.modules()).index(layer) + 1 :]
    assert not any(isinstance(part, nn.Conv2d) for part in after)


def test_saliency_is_the_largest_gradient_of_the_colours() -> None:
    model = shipped_model()
    pixels = normalise(SEEN)[None].requires_grad_()
    (slope,) = torch.autograd.grad(model(pixels)[0, 3], pixels)
    assert np.allclose(attribute(model, SEEN, 3, "saliency"), slope[0].abs().amax(0), atol=1e-6)


@pytest.mark.parametrize("label", [3, HORSE])
def test_integrated_gradients_add_up_to_the_difference_from_the_mean_colour(label: int) -> None:
    model = shipped_model()
    with torch.no_grad():
        seen, grey = model(torch.stack([normalise(SEEN), torch.zeros(3, 32, 32)]))[:, label]
    values = attribute(model, SEEN, label, "integrated gradients")
    assert values.sum() == pytest.approx(float(seen - grey), rel=0.05) and values.min() < 0 < values.max()


def test_ranks_of_equal_values_are_shared() -> None:
    one, other = np.array([0.0, 0.0, 2.0, 5.0]), np.array([1.0, 2.0, 3.0, 4.0])
    wanted = np.corrcoef([1.5, 1.5, 3, 4], [1, 2, 3, 4])[0, 1]
    assert rank_agreement(one, other) == pytest.approx(wanted)
    assert rank_agreement(other.reshape(2, 2), 10 * other.reshape(2, 2) ** 3) == pytest.approx(1)
    assert rank_agreement(other, -other) == pytest.approx(-1)


def test_a_flat_map_agrees_with_none_and_shapes_must_fit() -> None:
    assert rank_agreement(np.zeros((4, 4)), np.arange(16.0).reshape(4, 4)) == 0
    with pytest.raises(ValueError, match=r"\(2,\) and \(3,\)"):
        rank_agreement(np.zeros(2), np.zeros(3))


class Positive(torch.autograd.Function):
    """ReLU that passes back only positive gradients, where its input was positive."""

    @staticmethod
    def forward(ctx: torch.autograd.function.FunctionCtx, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x.clamp(min=0)

    @staticmethod
    def backward(ctx: torch.autograd.function.FunctionCtx, gradient: Tensor) -> Tensor:  # type: ignore[override]
        (x,) = ctx.saved_tensors  # type: ignore[attr-defined]
        return gradient.clamp(min=0) * (x > 0)


class PositiveReLU(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return Positive.apply(x)  # type: ignore[no-any-return, no-untyped-call]


def test_guided_backpropagation_lets_no_negative_gradient_through_a_relu() -> None:
    torch.manual_seed(0)
    model = CifarCNN().eval()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        values = attribute(model, SEEN, 3, "guided backpropagation")
    assert not np.allclose(values, attribute(model, SEEN, 3, "saliency"), atol=1e-4)
    for parent in list(model.modules()):
        for name, layer in parent.named_children():
            if isinstance(layer, nn.ReLU):
                setattr(parent, name, PositiveReLU())
    pixels = normalise(SEEN)[None].requires_grad_()
    (slope,) = torch.autograd.grad(model(pixels)[0, 3], pixels)
    assert np.allclose(values, slope[0].abs().amax(0), atol=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_every_method_leaves_the_network_as_it_was(method: str) -> None:
    model = CifarCNN().train()
    before = {name: values.clone() for name, values in model.state_dict().items()}
    assert attribute(model, SEEN, 0, method).shape == (32, 32)
    assert all(layer.training for layer in model.modules()) and all(p.grad is None for p in model.parameters())
    assert all(torch.equal(values, before[name]) for name, values in model.state_dict().items())
    assert not any(layer._forward_hooks or layer._forward_pre_hooks for layer in model.modules())


def test_what_a_method_cannot_explain_is_an_error() -> None:
    linear = nn.Sequential(nn.Flatten(), nn.Linear(3072, 10))
    with pytest.raises(ValueError, match="convolutions"):
        attribute(linear, SEEN, 0, "Grad-CAM")
    with pytest.raises(ValueError, match=r"torch\.nn\.ReLU"):
        attribute(linear, SEEN, 0, "guided backpropagation")
    with pytest.raises(ValueError, match="0 to 9, got 10"):
        attribute(linear, SEEN, 10, "saliency")
    with pytest.raises(ValueError, match="'gradcam'; choose one of saliency"):
        attribute(linear, SEEN, 0, "gradcam")
    assert attribute(linear, SEEN, 0, "occlusion").shape == (32, 32)
