"""One picture in, ten probabilities out: `predict` prepares it exactly as the training images were."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor, nn

from cifar_helpers._pictures import PictureError, open_rgb
from cifar_helpers.data import CLASSES, normalise
from cifar_helpers.runs import DEFAULT_RUN, load_run

__all__ = [
    "Picture",
    "PictureError",
    "Prediction",
    "percent",
    "predict",
    "predict_folder",
    "preprocess",
    "shipped_model",
]

Picture: TypeAlias = Path | str | bytes | Image.Image | npt.NDArray[Any] | Tensor
"""What counts as a picture: a path, the bytes of a file, a PIL image, an array or a tensor."""

_SIDE: Final = 32
_SMALLEST: Final = 8  # a picture of fewer pixels across holds nothing to recognise
_ENOUGH: Final = 512  # pixels that a JPEG keeps on each side; 32×32 look the same from more


@dataclass(frozen=True, eq=False)
class Prediction:
    """What a network answered to one picture.

    Attributes:
        label: name of the most probable class.
        probability: of that class, 0..1.
        top: the most probable classes as `(name, probability)`, best first.
        probabilities: float32 `(10,)` on the CPU, in the order of `CLASSES`; they add up to 1.
        seen: uint8 `(3, 32, 32)`: what the network saw, before normalisation.
    """

    label: str
    probability: float
    top: tuple[tuple[str, float], ...]
    probabilities: Tensor
    seen: Tensor

    def __str__(self) -> str:
        return ", ".join(f"{name} {percent(probability)}" for name, probability in self.top)


def percent(probability: float) -> str:
    """A probability for people: "97 %".

    A softmax over ten classes is never sure, so the ends read "<1 %" and ">99 %".
    """
    if probability < 0.005:
        return "<1 %"
    return ">99 %" if probability >= 0.995 else f"{100 * probability:.0f} %"


def predict(picture: Picture, model: nn.Module | None = None, top: int = 3) -> Prediction:
    """Say which of the ten classes a picture shows.

    Turns the picture upright, converts its colours, cuts the central square, shrinks it to 32×32,
    normalises it as in training, and runs the network in eval mode.

    Args:
        picture: see `preprocess`.
        model: takes normalised images `(B, 3, 32, 32)` and gives logits `(B, 10)`; it runs on its own
            device, and each of its layers is in the same mode afterwards. `None` takes `shipped_model()`.
        top: how many classes `Prediction.top` names, 1 to 10.

    Raises:
        PictureError: if the picture cannot be used; it says why.
        ValueError: if `top` is outside 1..10, or the network does not give ten finite logits.
    """
    if not 1 <= top <= len(CLASSES):
        raise ValueError(f"top must lie in 1..{len(CLASSES)}, got {top}")
    seen = preprocess(picture)
    probabilities = _logits(shipped_model() if model is None else model, seen).softmax(0)
    best = probabilities.argsort(descending=True, stable=True)[:top].tolist()
    ranking = tuple((CLASSES[k], float(probabilities[k])) for k in best)
    return Prediction(*ranking[0], top=ranking, probabilities=probabilities, seen=seen)


def predict_folder(
    folder: Path | str, model: nn.Module | None = None, top: int = 3
) -> tuple[dict[str, Prediction], dict[str, str]]:
    """Predict every picture in a folder, in the order of their names.

    Hidden files and folders inside are passed over.

    Args:
        folder: where the pictures are.
        model: as for `predict`.
        top: as for `predict`.

    Returns:
        Predictions by file name, and the reason by file name for each file that is no usable picture.

    Raises:
        PictureError: if there is no such folder.
        ValueError: as `predict` does.
    """
    place = Path(folder)
    if not place.is_dir():
        raise PictureError(f"{place} is a file, not a folder" if place.exists() else f"there is no folder {place}")
    predictions: dict[str, Prediction] = {}
    problems: dict[str, str] = {}
    for path in sorted(p for p in place.iterdir() if p.is_file() and not p.name.startswith(".")):
        try:
            predictions[path.name] = predict(path, model, top)
        except PictureError as error:
            problems[path.name] = str(error)
    return predictions, problems


@functools.cache
def shipped_model() -> nn.Module:
    """The network with the weights of the run `DEFAULT_RUN`, trained on CIFAR-10; read once a process.

    It is shared by all callers: to train it further, take `load_run(DEFAULT_RUN).model()`, a copy.
    """
    return load_run(DEFAULT_RUN).model()


def preprocess(picture: Picture) -> Tensor:
    """Make of any picture the 32×32 pixels that the network sees, before normalisation.

    A picture that is 32×32 already keeps every pixel. Others are cut to their central square and resized
    with Pillow's bicubic filter, which averages over all pixels that fall into one (antialiasing).

    Args:
        picture: a path, the bytes of a file, a PIL image, or an array or tensor of shape `(H, W, 3)`,
            `(3, H, W)` or `(H, W)`, uint8 with values 0..255 or float with values 0..1.

    Returns:
        uint8 `(3, 32, 32)` on the CPU.

    Raises:
        PictureError: if it is none of these, cannot be read, or its shorter side is below 8 pixels.
    """
    if isinstance(picture, Tensor):
        picture = _array_of(picture)
    if isinstance(picture, np.ndarray):
        image = Image.fromarray(_checked_pixels(picture)).convert("RGB")
    elif isinstance(picture, (str, Path, bytes, Image.Image)):
        image = open_rgb(picture, at_least=_ENOUGH)
    else:
        raise PictureError(
            "a picture is a path, the bytes of a file, a PIL image, a NumPy array or a tensor, "
            f"got {type(picture).__name__}"
        )
    pixels = np.array(_small_square(image))
    return torch.from_numpy(pixels).permute(2, 0, 1).contiguous()


def _small_square(image: Image.Image) -> Image.Image:
    width, height = image.size
    side = min(width, height)
    if side < _SMALLEST:
        raise PictureError(f"the picture is {width}×{height} pixels: its shorter side must be at least {_SMALLEST}")
    left, top = (width - side) // 2, (height - side) // 2
    image = image.crop((left, top, left + side, top + side))
    return image if side == _SIDE else image.resize((_SIDE, _SIDE), Image.Resampling.BICUBIC)


def _array_of(tensor: Tensor) -> npt.NDArray[Any]:
    tensor = tensor.detach().cpu()
    # NumPy knows no bfloat16.
    return (tensor.float() if tensor.is_floating_point() else tensor).numpy()


def _checked_pixels(array: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """Pixels uint8 `(H, W)` or `(H, W, 3)` of an array in one of the accepted forms."""
    if array.ndim == 3 and array.shape[0] == 3 and array.shape[2] != 3:
        array = array.transpose(1, 2, 0)
    if array.size == 0 or not (array.ndim == 2 or (array.ndim == 3 and array.shape[2] == 3)):
        raise PictureError(
            f"an array must have shape (H, W, 3), (3, H, W) or (H, W), got {array.shape}: "
            "give one picture, without a batch dimension or transparency"
        )
    if np.issubdtype(array.dtype, np.floating):
        low, high = float(array.min()), float(array.max())
        if not (low >= 0 and high <= 1):  # written so that NaN fails too
            raise PictureError(
                f"floating-point pixels must lie in 0..1, got {low:g}..{high:g}: "
                "do not normalise them (predict does), and divide by 255 where they go up to 255"
            )
        array = np.rint(array * 255)
    elif array.dtype != np.uint8:
        raise PictureError(f"pixels must be uint8 (0..255) or floating point (0..1), got {array.dtype}")
    return np.ascontiguousarray(array, dtype=np.uint8)


def _logits(model: nn.Module, seen: Tensor) -> Tensor:
    weights = next(model.parameters(), torch.empty(0))
    with eval_mode(model), torch.no_grad():
        logits: Tensor = model(normalise(seen)[None].to(weights)).float().cpu()
    if logits.shape != (1, len(CLASSES)):
        raise ValueError(f"the network must give logits (1, {len(CLASSES)}), got {tuple(logits.shape)}")
    if not logits.isfinite().all():
        raise ValueError("the network gave NaN or infinite logits: its weights are spoilt, train it anew")
    return logits[0]


@contextmanager
def eval_mode(model: nn.Module) -> Iterator[None]:
    """Eval mode, and afterwards each layer's own mode again: a frozen layer stays frozen."""
    modes = {module: module.training for module in model.modules()}
    model.eval()
    try:
        yield
    finally:
        for module, mode in modes.items():
            module.training = mode
