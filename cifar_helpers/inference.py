"""One picture in, classes out: prepared exactly as the training images were."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor, nn

from cifar_helpers._pictures import PictureError, open_rgb
from cifar_helpers.data import CLASSES, normalise
from cifar_helpers.models import CifarCNN
from cifar_helpers.runs import DEFAULT_RUN, load_run

__all__ = ["Picture", "PictureError", "Prediction", "predict", "preprocess", "shipped_model"]

Picture = Path | str | bytes | Image.Image | npt.NDArray[Any] | Tensor

_SIDE: Final = 32
_SMALLEST: Final = 8  # a picture of fewer pixels a side has nothing to recognise


@dataclass(frozen=True)
class Prediction:
    """What a network says about one picture.

    Attributes:
        label: name of the most probable class.
        probability: of that class, 0..1.
        top: the most probable classes with their probabilities, highest first.
        probabilities: float32 `(10,)`, in the order of `CLASSES`; they add up to 1.
        seen: uint8 `(3, 32, 32)`: the pixels that the network was shown.
    """

    label: str
    probability: float
    top: tuple[tuple[str, float], ...]
    probabilities: Tensor
    seen: Tensor

    def __str__(self) -> str:
        return ", ".join(f"{name} {share:.0%}" for name, share in self.top)


def predict(picture: Picture, model: nn.Module | None = None, top: int = 3) -> Prediction:
    """Name what a picture shows.

    Args:
        picture: a path, the bytes of a file, a PIL image, or an array or tensor: `(H, W, 3)`, `(3, H, W)`
            or `(H, W)`, uint8 0..255 or float 0..1. What is not square is cropped around its centre.
        model: gives logits `(B, 10)`; its mode is the same afterwards. `None` takes the shipped weights.
        top: how many classes `Prediction.top` lists, 1..10.

    Raises:
        PictureError: if the picture cannot be used; it names the reason and what to do.
        ValueError: if `top` is out of its range.
    """
    if not 1 <= top <= len(CLASSES):
        raise ValueError(f"top must lie in 1..{len(CLASSES)}, got {top}")
    seen = preprocess(picture)
    network = shipped_model() if model is None else model
    device = next(network.parameters()).device
    was_training = network.training
    network.eval()
    try:
        with torch.no_grad():
            logits = network(normalise(seen)[None].to(device))
    finally:
        network.train(was_training)
    probabilities = logits.float().softmax(1)[0].cpu()
    shares, order = probabilities.sort(descending=True, stable=True)
    ranked = [(CLASSES[int(k)], float(p)) for k, p in zip(order, shares, strict=True)]
    return Prediction(*ranked[0], tuple(ranked[:top]), probabilities, seen)


@functools.cache
def shipped_model() -> CifarCNN:
    """The network with the weights of the run `DEFAULT_RUN`; read once in a process."""
    return load_run(DEFAULT_RUN).model()


def preprocess(picture: Picture) -> Tensor:
    """Bring any picture to what the network takes: RGB, upright, square, 32×32.

    Args:
        picture: see `predict`.

    Returns:
        uint8 `(3, 32, 32)`. A picture of 32×32 pixels keeps every value.

    Raises:
        PictureError: if the picture cannot be used.
    """
    image = _from_array(picture) if isinstance(picture, (np.ndarray, Tensor)) else open_rgb(picture)
    side = min(image.size)
    if side < _SMALLEST:
        raise PictureError(
            f"the picture is {image.width}×{image.height} pixels; "
            f"at least {_SMALLEST} each way are needed to recognise anything"
        )
    left, top = (image.width - side) // 2, (image.height - side) // 2
    image = image.crop((left, top, left + side, top + side))
    if side != _SIDE:
        image = image.resize((_SIDE, _SIDE), Image.Resampling.BICUBIC)
    return torch.from_numpy(np.asarray(image).transpose(2, 0, 1).copy())


def _from_array(picture: npt.NDArray[Any] | Tensor) -> Image.Image:
    array = picture.detach().cpu().numpy() if isinstance(picture, Tensor) else picture
    if array.ndim == 2:
        array = np.stack([array] * 3, axis=2)
    if array.ndim == 3 and array.shape[2] != 3 and array.shape[0] == 3:
        array = array.transpose(1, 2, 0)
    if array.ndim != 3 or array.shape[2] != 3:
        raise PictureError(
            f"an array must have shape (H, W, 3), (3, H, W) or (H, W), got {tuple(np.shape(picture))}"
        )
    if np.issubdtype(array.dtype, np.floating):
        if not np.isfinite(array).all() or array.min() < 0 or array.max() > 1:
            raise PictureError(
                f"float pixels must lie in 0..1, got {array.min():.3g}..{array.max():.3g}: "
                "pass the picture before it is normalised, or as uint8"
            )
        array = (array * 255).round().astype(np.uint8)
    if array.dtype != np.uint8:
        raise PictureError(f"pixels must be uint8 0..255 or float 0..1, got {array.dtype}")
    return Image.fromarray(np.ascontiguousarray(array))
