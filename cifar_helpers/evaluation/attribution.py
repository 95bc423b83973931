"""Where a network looked: which pixels of an image changed the score of a class, and whether two maps agree."""

from __future__ import annotations

import warnings
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from cifar_helpers._extras import extra
from cifar_helpers.data import CLASSES, normalise
from cifar_helpers.networks import eval_mode

__all__ = ["METHODS", "WITHOUT_SIGN", "attribute", "rank_agreement"]

WITHOUT_SIGN: Final = ("saliency", "guided backpropagation")
"""Methods that show how much a pixel matters, but not whether it speaks for or against the class."""
METHODS: Final = (*WITHOUT_SIGN, "integrated gradients", "Grad-CAM", "occlusion")
"""The methods of `attribute`."""

_STEPS: Final = 200  # with fewer, the sum of integrated gradients is several per cent off


def attribute(model: nn.Module, seen: Tensor, label: int, method: str) -> npt.NDArray[Any]:
    """Which pixels the score of a class depends on: float `(32, 32)`, by Captum.

    Numbers above zero speak for the class, below zero against it; those of `WITHOUT_SIGN` are never below zero.

    Args:
        model: takes normalised images and returns logits.
        seen: uint8 `(3, 32, 32)`.
        label: class number.
        method: `saliency`, the magnitude of the gradient at each pixel, the largest of the three colours (Simonyan and
            others, 2014); `guided backpropagation`, the same, but each ReLU blocks negative gradients
            (Springenberg and others, 2015); `integrated gradients`, along a straight line from an image of the mean
            colour (Sundararajan and others, 2017), which add up to the difference of the two logits; `Grad-CAM` on the
            last block of convolutions (Selvaraju and others, 2017), with its sign; or `occlusion` of 8×8 squares in
            steps of 4 (Zeiler and Fergus, 2014).

    Raises:
        ValueError: if there is no such method or class, Grad-CAM is used with a network without convolutions, or
            guided backpropagation with one without layers of the type `torch.nn.ReLU`.
    """
    if method not in METHODS:
        raise ValueError(f"there is no method {method!r}; choose one of {', '.join(METHODS)}")
    if not 0 <= label < len(CLASSES):
        raise ValueError(f"label must be a class number from 0 to {len(CLASSES) - 1}, got {label}")
    image = normalise(seen)[None].to(next(model.parameters(), seen).device)
    with eval_mode(model):
        if method == "Grad-CAM":
            values = _grad_cam(model, image, label)
        elif method == "occlusion":
            values = _occlusion(model, image, label)
        elif method == "integrated gradients":
            values = _integrated(model, image, label)
        else:
            values = _gradient(model, image, label, guided=method != "saliency")
    return np.asarray(values.detach().cpu())


def _gradient(model: nn.Module, image: Tensor, label: int, guided: bool) -> Tensor:
    with extra("course"):
        from captum.attr import GuidedBackprop, Saliency  # takes a second to import

    if guided and not any(isinstance(layer, nn.ReLU) for layer in model.modules()):
        raise ValueError(
            "guided backpropagation needs a network with layers of the type torch.nn.ReLU: use saliency instead"
        )
    method = GuidedBackprop(model) if guided else Saliency(model)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Setting .* hooks on ReLU")  # the hooks are how the method works
        values: Tensor = method.attribute(image.requires_grad_(), target=label)
    return values[0].abs().amax(0)


def _integrated(model: nn.Module, image: Tensor, label: int) -> Tensor:
    with extra("course"):
        from captum.attr import IntegratedGradients

    mean_colour = torch.zeros_like(image)  # after normalising
    values: Tensor = IntegratedGradients(model).attribute(
        image, mean_colour, target=label, n_steps=_STEPS, internal_batch_size=50
    )
    return values[0].sum(0)


def _grad_cam(model: nn.Module, image: Tensor, label: int) -> Tensor:
    with extra("course"):
        from captum.attr import LayerAttribution, LayerGradCam

    small = LayerGradCam(model, _last_maps(model)).attribute(image, target=label)
    values: Tensor = LayerAttribution.interpolate(small, image.shape[2:], interpolate_mode="bilinear")
    return values[0, 0]


def _occlusion(model: nn.Module, image: Tensor, label: int) -> Tensor:
    with extra("course"):
        from captum.attr import Occlusion

    values: Tensor = Occlusion(model).attribute(
        image, sliding_window_shapes=(3, 8, 8), strides=(3, 4, 4), target=label, perturbations_per_eval=49
    )
    return values[0].sum(0)


def _last_maps(model: nn.Module) -> nn.Module:
    """The layer whose output Grad-CAM weights."""
    layers = [layer for layer in model.modules() if not list(layer.children())]
    convolutions = [k for k, layer in enumerate(layers) if isinstance(layer, nn.Conv2d)]
    if not convolutions:
        raise ValueError("Grad-CAM needs a network with convolutions: use occlusion, which works with any network")
    last = convolutions[-1]
    # Before norm and activation, all maps may be below zero, and every place would speak against the class.
    while last + 1 < len(layers) and isinstance(layers[last + 1], (nn.BatchNorm2d, nn.ReLU, nn.GELU)):
        last += 1
    return layers[last]


def rank_agreement(one: npt.NDArray[Any], other: npt.NDArray[Any]) -> float:
    """How alike two maps order the pixels: the correlation of their ranks (Spearman), -1..1.

    Equal values share the mean of their ranks. A map whose values are all equal orders nothing: its agreement with any
    other is 0.

    Args:
        one: any shape; values without a sign, if only their size matters.
        other: of the same shape.

    Raises:
        ValueError: if the shapes differ.
    """
    if one.shape != other.shape:
        raise ValueError(f"two maps must have the same shape, got {one.shape} and {other.shape}")
    if one.min() == one.max() or other.min() == other.max():
        return 0.0
    return float(np.corrcoef(_ranks(one), _ranks(other))[0, 1])


def _ranks(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks = counts.cumsum() - (counts - 1) / 2  # of the distinct values: the mean of the ranks that each fills
    return np.asarray(ranks[places.ravel()])
