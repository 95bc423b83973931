"""A photo, a square on it, and what the network sees in the square, says of it and looks at."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from typing import Any, Final, cast

import torch
import traitlets
from PIL import Image
from torch import nn

from cifar_helpers.data import CLASSES
from cifar_helpers.inference import Model, Picture, Prediction, checked_network, open_picture, percent, predict
from cifar_helpers.networks import copy_network
from cifar_helpers.web.weights import encode
from cifar_helpers.widgets._arrays import Pixels
from cifar_helpers.widgets._base import CourseWidget

__all__ = ["PredictPhoto", "predict_photo"]

_ENOUGH: Final = 512
"""Pixels of a photo's longer side that the browser gets: 32×32 look the same from more."""


_SHEET: Final = Image.new("RGB", (256, 256), "white")
"""What is drawn on where there is no photo."""


class PredictPhoto(CourseWidget, module="predict_photo"):
    """A photo with a square that is dragged over it.

    Attributes:
        names: of the photos to choose from.
        chosen: the photo that is shown; "your picture", "the camera’s picture" or "a drawing" that the reader brings,
            with a number from the second on; empty before that.
        crop: left, top and side of the square, in pixels of the photo (at most 512 a side); empty: the middle.
        explained: the class that Grad-CAM and occlusion explain; empty: the one with the largest probability.
        method: `none`, `Grad-CAM` or `occlusion`: what is laid over the picture.
        photographs: whether the network is known to have learned from photographs, as the shipped ones have.
        seen: uint8 `(32, 32, 3)`, what the network sees in the square: what was there last when both stood still.
    """

    names = cast("list[str]", traitlets.List(traitlets.Unicode()).tag(sync=True))
    chosen = cast(str, traitlets.Unicode("").tag(sync=True))
    crop = cast("list[int]", traitlets.List(traitlets.Int(min=0)).tag(sync=True))
    explained = cast(str, traitlets.Unicode("").tag(sync=True))
    method = cast(str, traitlets.Enum(("none", "Grad-CAM", "occlusion"), "none").tag(sync=True))
    photographs = cast(bool, traitlets.Bool(False).tag(sync=True))
    seen = Pixels()

    def __init__(self, pictures: Mapping[str, Picture], model: Model) -> None:
        photos = {name: open_picture(picture) for name, picture in pictures.items()}
        self._photos = {name: _small(photo) for name, photo in photos.items()}
        network = checked_network(model)
        first = next(iter(photos), "")
        # First of all, so that a network that cannot predict says why.
        seen = predict(photos.get(first, _SHEET), network).seen.permute(1, 2, 0).contiguous().numpy()
        self._model = copy_network(network)
        self._weights = encode(self._model, "float16")
        shipped = not isinstance(model, nn.Module)
        super().__init__(names=list(photos), chosen=first, photographs=shipped, seen=seen)

    def loadable(self) -> Mapping[str, Callable[[], bytes]]:
        """The network, and the photos by their number."""
        photos = {f"photo/{k}": photo for k, photo in enumerate(self._photos.values())}
        return {"weights": lambda: self._weights, **{name: lambda p=p: p for name, p in photos.items()}}  # type: ignore[misc]

    @property
    def prediction(self) -> Prediction:
        """What the network says of the pixels in the square."""
        return predict(torch.from_numpy(self.seen.transpose(2, 0, 1).copy()), self._model)

    def words(self) -> str:
        """What is shown, with the answer."""
        if not self.chosen:
            return "Drop or open a photo, or draw, to see what the network makes of it."
        said = self.prediction
        return (
            f"A photo ({self.chosen}) with a square that can be moved, the 32 × 32 pixels that the network sees in it, "
            f"and its ten probabilities. The largest is {said.label}, {percent(said.probability)}."
        )

    @traitlets.validate("explained")
    def _a_class(self, proposal: Any) -> str:
        name = str(proposal["value"])
        if name and name not in CLASSES:
            raise traitlets.TraitError(f"explained wants one of {', '.join(CLASSES)}, or nothing; got {name!r}")
        return name

    @traitlets.validate("crop")
    def _three_or_none(self, proposal: Any) -> list[int]:
        crop = list(proposal["value"])
        if len(crop) not in (0, 3):
            raise traitlets.TraitError(f"crop wants left, top and side, or nothing for the middle; got {crop}")
        return crop


def predict_photo(pictures: Picture | Mapping[str, Picture] | None = None, model: Model = None) -> PredictPhoto:
    """Open, drop, paste or take a photo, drag a square over it, and see what the network makes of it.

    Args:
        pictures: one, or name to picture, to choose from at first; see `predict`.
        model: your own network; `None` takes the shipped weights, and `"best"` the most accurate network.

    Raises:
        PictureError: if a picture cannot be used; it says why.
        TypeError: if `model` is no network, or one that the browser cannot compute; it names the layer.
    """
    named = pictures if isinstance(pictures, Mapping) else {} if pictures is None else {"the first": pictures}
    return PredictPhoto(named, model)


def _small(photo: Image.Image) -> bytes:
    """A photo as the browser gets it: at most 512 pixels a side, without loss."""
    small = photo.copy()
    small.thumbnail((_ENOUGH, _ENOUGH), Image.Resampling.BICUBIC)
    buffer = io.BytesIO()
    small.save(buffer, "PNG")
    return buffer.getvalue()
