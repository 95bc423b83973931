"""One picture in, ten probabilities out: `predict` preprocesses it exactly as the training images were."""

from __future__ import annotations

import functools
import itertools
import operator
import os
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, SupportsIndex, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor, nn

from cifar_helpers._paths import reading_problem
from cifar_helpers.data import CLASSES, normalise
from cifar_helpers.data.layouts import is_folder, is_left_behind
from cifar_helpers.data.pictures import PictureError, PictureFile, located, open_rgb
from cifar_helpers.networks import eval_mode
from cifar_helpers.runs import BEST_RUN, DEFAULT_RUN, load_run

__all__ = [
    "Model",
    "Picture",
    "PictureError",
    "Prediction",
    "percent",
    "predict",
    "predict_folder",
    "preprocess",
    "shipped_model",
]

Picture: TypeAlias = PictureFile | Image.Image | npt.NDArray[Any] | Tensor
"""Anything accepted as a picture: a path, the bytes of a file, an open file, a PIL image, an array or a tensor."""

_SIDE: Final = 32
_SMALLEST: Final = 8  # a picture with fewer pixels across has nothing to recognise
_AT_ONCE: Final = 64  # pictures of a folder that are in memory together, at 32×32
_ENOUGH: Final = 1024  # pixels that a JPEG keeps on each side; with 512 a probability could change by 0.01


@dataclass(frozen=True, eq=False)
class Prediction:
    """What a network predicts for one picture.

    Attributes:
        label: name of the most probable class.
        probability: of that class, 0..1.
        top: the most probable classes as `(name, probability)`, best first.
        probabilities: float32 `(10,)` on the CPU, in the order of `CLASSES`, adding up to 1.
        seen: uint8 `(3, 32, 32)`, what the network saw, before normalisation.
    """

    label: str
    probability: float
    top: tuple[tuple[str, float], ...]
    probabilities: Tensor
    seen: Tensor

    def __str__(self) -> str:
        return ", ".join(f"{name} {percent(probability)}" for name, probability in self.top)


def percent(probability: float) -> str:
    """A probability in readable form: "97 %".

    A softmax over ten classes never reaches 0 or 1, so the ends read "<1 %" and ">99 %".
    """
    if probability < 0.005:
        return "<1 %"
    return ">99 %" if probability >= 0.995 else f"{100 * probability:.0f} %"


Model: TypeAlias = nn.Module | Literal["best"] | None
"""A network, `"best"` for the course's most accurate one, or `None` for the one that its lessons follow."""


def predict(picture: Picture, model: Model = None, top: SupportsIndex = 3) -> Prediction:
    """Predict which of the ten classes a picture shows.

    Turns the picture upright, converts it to RGB, crops the central square, resizes it to 32×32,
    normalises it as in training, and runs the network in eval mode.

    Args:
        picture: see `preprocess`.
        model: takes normalised images `(B, 3, 32, 32)` and returns logits `(B, 10)`. It runs on its own device and
            in its own precision, and each of its layers keeps its mode. `None` means `shipped_model()`, and `"best"`
            the course's most accurate network, with 26 times the operations: `shipped_model("best")`.
        top: number of classes in `Prediction.top`, 1 to 10.

    Raises:
        PictureError: if the picture cannot be used; the message says why.
        ValueError: if `top` is outside 1..10, or the network fails or does not return ten finite logits.
        TypeError: if `top` is not a whole number, `model` neither a network nor "best", or its output not a tensor.
    """
    count = _checked_top(top)
    model = checked_network(model)
    seen = preprocess(picture)
    return _prediction(seen, _logits(model, seen[None])[0], count)


def _prediction(seen: Tensor, logits: Tensor, count: int) -> Prediction:
    probabilities = logits.softmax(0)
    best = probabilities.argsort(descending=True, stable=True)[:count].tolist()
    ranking = tuple((CLASSES[k], float(probabilities[k])) for k in best)
    return Prediction(*ranking[0], top=ranking, probabilities=probabilities, seen=seen)


def predict_folder(
    folder: str | os.PathLike[str], model: Model = None, top: SupportsIndex = 3
) -> tuple[dict[str, Prediction], dict[str, str]]:
    """Predict every picture in a folder, in order of file name.

    Subfolders, hidden files, and what Windows, macOS and archivers leave behind are ignored. Up to 64 pictures go
    through the network at once, which changes the probabilities by rounding only; a network that takes a single
    picture gets them one by one. Several are decoded at a time, one in each of at most four threads.

    Args:
        folder: with the pictures; `~` is the home folder.
        model: as for `predict`.
        top: as for `predict`.

    Returns:
        Two dictionaries by file name: the predictions, and the reason for each file that is not a usable picture.

    Raises:
        PictureError: if there is no such folder, or it cannot be read.
        ValueError: as `predict` does.
        TypeError: as `predict` does.
    """
    count = _checked_top(top)
    model = checked_network(model)
    predictions: dict[str, Prediction] = {}
    problems: dict[str, str] = {}
    files = _files_in(folder)
    with ThreadPoolExecutor(max_workers=min(os.cpu_count() or 1, 4)) as workers:
        for start in range(0, len(files), _AT_ONCE):
            names: list[str] = []
            pictures: list[Tensor] = []
            with warnings.catch_warnings():  # what the threads change about warnings ends here, in any order
                warnings.simplefilter("ignore")
                opened = list(workers.map(_pixels_or_problem, files[start : start + _AT_ONCE]))
            for path, found in zip(files[start:], opened, strict=False):
                if isinstance(found, str):
                    problems[path.name] = found
                else:
                    names.append(path.name)
                    pictures.append(found)
            if pictures:
                for name, seen, logits in zip(names, pictures, _logits_of_all(model, pictures), strict=True):
                    predictions[name] = _prediction(seen, logits, count)
    return predictions, problems


def _pixels_or_problem(path: Path) -> Tensor | str:
    try:
        return preprocess(path)
    except PictureError as error:
        return str(error)


def _logits_of_all(model: nn.Module, pictures: list[Tensor]) -> Tensor:
    """Logits `(N, 10)` of N pictures, in one batch if the network takes batches."""
    if len(pictures) > 1:
        with suppress(TypeError, ValueError):  # one by one it may do, or say why not
            return _logits(model, torch.stack(pictures))
    return torch.cat([_logits(model, seen[None]) for seen in pictures])


def _checked_top(top: SupportsIndex) -> int:
    refusal = f"top must be a whole number in 1..{len(CLASSES)}, got {top!r}"
    if isinstance(top, bool):
        raise TypeError(refusal)
    try:
        count = operator.index(top)
    except TypeError as error:
        raise TypeError(refusal) from error
    if not 1 <= count <= len(CLASSES):
        raise ValueError(f"top must be in 1..{len(CLASSES)}, got {count}")
    return count


def checked_network(model: Model) -> nn.Module:
    """The network to predict with: the given one, or a shipped one for `None` and `"best"`.

    Raises:
        TypeError: if it is not a network.
    """
    if isinstance(model, nn.Module):
        return model
    if model is None or (isinstance(model, str) and model == "best"):
        return shipped_model(model)
    if isinstance(model, type):
        raise TypeError(f"model must be a network, got the class {model.__name__}: create one with {model.__name__}()")
    given = repr(model) if isinstance(model, str) else type(model).__name__
    raise TypeError(
        f'model must be a network (torch.nn.Module), "best" or None, got {given}: '
        "create the network, and load its weights with load_weights"
    )


def _files_in(folder: str | os.PathLike[str]) -> list[Path]:
    """All files except hidden ones and leftovers, by name; a broken link counts as a file."""
    if not isinstance(folder, (str, os.PathLike)):
        raise PictureError(f"folder must be the path of a folder, got {type(folder).__name__}")
    place = located(folder)
    try:
        inside = sorted(place.iterdir(), key=lambda path: path.name)
    except FileNotFoundError as error:
        what = reading_problem(place) if place.is_symlink() else f"there is no folder {place}"
        raise PictureError(f"{what}: give the folder that holds the pictures") from error
    except NotADirectoryError as error:
        what = f"{place} is a file, not a folder" if place.exists() else f"there is no folder {place}"
        raise PictureError(f"{what}: give the folder that holds the pictures") from error
    except OSError as error:
        raise PictureError(f"{place} cannot be read ({error.strerror}): give a folder that you can open") from error
    except UnicodeError as error:
        raise PictureError(f"{str(place)!r} is not a folder name ({error}): rename the folder") from error
    return [path for path in inside if not (is_left_behind(path.name) or is_folder(path))]


@functools.cache
def shipped_model(which: Literal["best"] | None = None) -> nn.Module:
    """A network with weights that come with the course, trained on CIFAR-10; read once per process.

    All callers share it: to train it further, use `load_run(DEFAULT_RUN).model()`, a copy.

    Args:
        which: `None` for the `CifarCNN` of the run `DEFAULT_RUN`, which the lessons follow; `"best"` for the wider
            `FastCNN` of `BEST_RUN`, the most accurate one.
    """
    return load_run(BEST_RUN if which == "best" else DEFAULT_RUN).model()


def preprocess(picture: Picture) -> Tensor:
    """Turn any picture into the 32×32 pixels that the network sees, before normalisation.

    A picture that is already 32×32 keeps every pixel. Others are cropped to their central square and resized
    with Pillow's bicubic filter, which averages over all the pixels that fall into one (antialiasing).

    Args:
        picture: a path (`~` is the home folder), the bytes of a file, a file open in binary mode, a PIL
            image, or an array or tensor of shape `(H, W, 3)`, `(3, H, W)` or `(H, W)`, uint8 with values
            0..255 or float with values 0..1 (slightly beyond is fine if it rounds to 0..255, such as 1.0000001).

    Returns:
        uint8 `(3, 32, 32)` on the CPU.

    Raises:
        PictureError: if it is none of these, cannot be read, or its shorter side is below 8 pixels.
    """
    pixels = np.array(_small_square(open_picture(picture)))
    return torch.from_numpy(pixels).permute(2, 0, 1).contiguous()


def open_picture(picture: Picture) -> Image.Image:
    """The upright RGB image from which `preprocess` crops its square; a large JPEG may be reduced.

    Raises:
        PictureError: as `preprocess` does, except for the size.
    """
    if isinstance(picture, Tensor):
        picture = _array_of(picture)
    if isinstance(picture, np.ndarray):
        return Image.fromarray(_checked_pixels(picture)).convert("RGB")
    return open_rgb(picture, at_least=_ENOUGH)


def _small_square(image: Image.Image) -> Image.Image:
    width, height = image.size
    side = min(width, height)
    if side < _SMALLEST:
        raise PictureError(
            f"the picture is {width}×{height} pixels. Use one whose shorter side is at least {_SMALLEST}"
        )
    left, top = (width - side) // 2, (height - side) // 2
    image = image.crop((left, top, left + side, top + side))
    return image if side == _SIDE else image.resize((_SIDE, _SIDE), Image.Resampling.BICUBIC)


def _array_of(tensor: Tensor) -> npt.NDArray[Any]:
    if tensor.is_meta:
        raise PictureError("the tensor is on the meta device, so it has no pixels: create it on the CPU")
    if tensor.is_quantized:
        raise PictureError("the tensor is quantized: pass tensor.dequantize(), with values in 0..1")
    if tensor.is_nested or tensor.layout != torch.strided:
        what = "nested" if tensor.is_nested else f"stored as {tensor.layout}"
        raise PictureError(f"the tensor is {what}: pass one picture, as tensor.to_dense() if it is sparse")
    try:
        if tensor.is_floating_point():
            tensor = tensor.float()  # NumPy has no bfloat16
        array: npt.NDArray[Any] = tensor.numpy(force=True)
    except (RuntimeError, TypeError) as error:  # such as a tensor inside torch.compile or vmap
        raise PictureError(f"the tensor's pixels cannot be read ({error}): pass an ordinary tensor") from error
    return array


def _checked_pixels(array: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """Pixels uint8 `(H, W)` or `(H, W, 3)` of an array in one of the accepted forms."""
    if np.ma.is_masked(array):
        raise PictureError("the array has masked pixels, which have no value: fill them first, with array.filled(0)")
    array = np.asarray(array)
    if array.ndim == 3 and array.shape[0] == 3 and array.shape[2] != 3:
        array = array.transpose(1, 2, 0)
    if array.size == 0 or not (array.ndim == 2 or (array.ndim == 3 and array.shape[2] == 3)):
        raise PictureError(
            f"an array must have shape (H, W, 3), (3, H, W) or (H, W), got {array.shape}: "
            "pass one picture, without a batch axis or transparency: images[0] of a batch, "
            "array.squeeze() of a grey picture with a channel axis"
        )
    if np.issubdtype(array.dtype, np.floating):
        return _from_shares(array)
    if array.dtype != np.uint8:
        raise PictureError(
            f"pixels must be uint8 (0..255) or floating point (0..1), got {array.dtype}: "
            "convert them; whole numbers 0..255 with array.astype(np.uint8) or tensor.to(torch.uint8)"
        )
    return np.ascontiguousarray(array)


def _from_shares(array: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """Pixels 0..255 from values 0..1; an antialiased resize may overshoot a little, which rounding removes."""
    rounded = np.rint(array * 255)
    if not (rounded.min() >= 0 and rounded.max() <= 255):  # written so that NaN fails too
        raise PictureError(
            f"floating-point pixels must be in 0..1, got {float(array.min()):.6g}..{float(array.max()):.6g}: "
            "do not normalise them (predict does that), divide by 255 if they go up to 255, "
            "clip any overshoot of a resize, and replace NaN"
        )
    return np.ascontiguousarray(rounded, dtype=np.uint8)


def _logits(model: nn.Module, seen: Tensor) -> Tensor:
    """The network's logits for pictures `(B, 3, 32, 32)`, float32 `(B, 10)` on the CPU."""
    images = normalise(seen).to(_numbers_of(model))
    try:
        with eval_mode(model), torch.no_grad():
            logits = model(images)
    except Exception as error:
        said = f"{type(error).__name__}: {error}".partition("\n")[0]
        raise ValueError(
            f"the network fails on images {tuple(images.shape)} of {images.dtype} on {images.device} ({said}): "
            "pass one that takes normalised images (B, 3, 32, 32), with all its weights in one precision on one device"
        ) from error
    return _checked_logits(logits, len(images), model)


def _numbers_of(model: nn.Module) -> Tensor:
    """A tensor of the network, which shows its device and precision."""
    numbers = itertools.chain(model.parameters(), model.buffers())
    return next((tensor for tensor in numbers if tensor.is_floating_point()), torch.empty(0))


def _checked_logits(logits: object, count: int, model: nn.Module) -> Tensor:
    wanted = f"the network must return logits ({count}, {len(CLASSES)}) for {'one image' if count == 1 else count}"
    if not isinstance(logits, Tensor):
        raise TypeError(f"{wanted}, got {type(logits).__name__}: return only the tensor of logits from its forward")
    if logits.shape != (count, len(CLASSES)):
        raise ValueError(f"{wanted}, got {tuple(logits.shape)}: give its last layer {len(CLASSES)} outputs")
    if logits.is_meta:
        raise ValueError("the network is on the meta device, so it has no weights: create it on the CPU and load them")
    if logits.is_complex() or logits.layout != torch.strided:
        raise ValueError(f"{wanted}, got {logits.dtype} in the layout {logits.layout}: return dense real numbers")
    logits = logits.detach().float().cpu()
    if not logits.isfinite().all():
        raise ValueError(f"the network returned NaN or infinite logits: {_why_not_finite(model)}")
    return logits


def _why_not_finite(model: nn.Module) -> str:
    for name, values in itertools.chain(model.named_parameters(), model.named_buffers()):
        if values.is_floating_point() and not values.isfinite().all():
            return f"{name} contains NaN or infinite numbers. Load other weights, or train it again"
    return (
        "its weights are finite, so look in its forward for a division by 0, a logarithm of 0, "
        "or numbers too large for its precision (model.float() has a larger range)"
    )
