"""A recorded training run to move through along its accuracy curve: kernels, maps and probabilities by epoch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, cast

import numpy as np
import numpy.typing as npt
import torch
import traitlets
from torch import Tensor

from cifar_helpers.data import CLASSES, normalise
from cifar_helpers.inference import percent, predict
from cifar_helpers.runs import DEFAULT_RUN, Run, load_run
from cifar_helpers.web.export import sketches
from cifar_helpers.web.weights import encode
from cifar_helpers.widgets._arrays import Pixels
from cifar_helpers.widgets._base import CourseWidget

__all__ = ["TrainingThroughTime", "kernel_pixels", "training_through_time"]

_NOTE: Final = "The network learned from photographs: sketches may mislead it."
_MANY: Final = 3  # classes predicted for one sketch, which show that training has changed the network's mind


class TrainingThroughTime(CourseWidget, module="training_through_time"):
    """Kernels, maps and probabilities of a network in the course of a recorded training run.

    Attributes:
        image: the picture, uint8 `(32, 32, 3)`.
        epoch: 0 is before training.
        layer: the block whose maps are shown, 0 for the first.
        kernel: number of the chosen kernel of the first layer.
        handicap: why training accuracy may be the lower one.
        hint: a sketch to try.
    """

    image = Pixels()
    epoch = cast(int, traitlets.Int(0, min=0).tag(sync=True))
    epochs = cast("list[int]", traitlets.List(traitlets.Int()).tag(sync=True))
    layer = cast(int, traitlets.Int(0, min=0).tag(sync=True))
    kernel = cast(int, traitlets.Int(0, min=0).tag(sync=True))
    kernel_shape = cast("list[int]", traitlets.List(traitlets.Int()).tag(sync=True))
    training = cast("list[float]", traitlets.List(traitlets.Float()).tag(sync=True))
    validation = cast("list[float]", traitlets.List(traitlets.Float()).tag(sync=True))
    untrained = cast("float | None", traitlets.Float(None, allow_none=True).tag(sync=True))
    names = cast("list[str]", traitlets.List(traitlets.Unicode()).tag(sync=True))
    pictures = cast(bytes, traitlets.Bytes().tag(sync=True))
    classes = cast("list[str]", traitlets.List(traitlets.Unicode()).tag(sync=True))
    handicap = cast(str, traitlets.Unicode("").tag(sync=True))
    hint = cast(str, traitlets.Unicode("").tag(sync=True))
    note = cast(str, traitlets.Unicode("").tag(sync=True))

    def __init__(self, picture: npt.NDArray[np.uint8], run: Run) -> None:
        self._run = run
        kernels = run.first_kernels().numpy()
        self._kernels = kernel_pixels(kernels)
        offered = {"the picture given": picture, **{f"sketch: {name}": pixels for name, pixels in sketches().items()}}
        super().__init__(
            image=picture,
            epochs=list(run.epochs_with_weights),
            kernel_shape=[kernels.shape[1], *kernels.shape[3:]],
            training=run.history["train_accuracy"],
            validation=run.history["validation_accuracy"],
            untrained=run.untrained_accuracy,
            classes=list(CLASSES),
            names=list(offered),
            pictures=b"".join(pixels.tobytes() for pixels in offered.values()),
            handicap=_handicap(run),
            hint=_hint(run),
            note=_NOTE,
        )

    def loadable(self) -> Mapping[str, Callable[[], bytes]]:
        """The first kernels of all epochs as pixels, and the weights that were kept."""
        return {
            "kernels": self._kernels.tobytes,
            **{f"weights/{epoch}": self._weights(epoch) for epoch in self.epochs},
        }

    def words(self) -> str:
        """The epoch, its validation accuracy, and the prediction for the picture."""
        weights = max((kept for kept in self.epochs if kept <= self.epoch), default=self.epochs[0])
        said = predict(torch.from_numpy(self.image.copy()), self._run.model(weights))
        accuracy = f", validation accuracy {self.validation[self.epoch - 1]:.1%}" if self.epoch else ""
        when = f"after epoch {self.epoch}" if self.epoch else "before training"
        return (
            f"The first kernels of a network {when}{accuracy.replace('%', ' %')}. With the weights of epoch {weights} "
            f"it predicts {said.label}, {percent(said.probability)}, for the picture."
        )

    def _weights(self, epoch: int) -> Callable[[], bytes]:
        return lambda: encode(self._run.model(epoch), epoch=epoch, run=self._run.name)

    @traitlets.validate("epoch")
    def _within_the_run(self, proposal: Any) -> int:
        last = len(self.validation)
        if self.validation and proposal["value"] > last:
            raise traitlets.TraitError(f"epoch is {proposal['value']}; the run has {last} epochs: set 0 to {last}")
        return int(proposal["value"])

    @traitlets.validate("kernel")
    def _one_of_the_kernels(self, proposal: Any) -> int:
        if self.kernel_shape and proposal["value"] >= self.kernel_shape[0]:
            last = self.kernel_shape[0] - 1
            value = proposal["value"]
            raise traitlets.TraitError(f"kernel is {value}; the first layer has {last + 1} kernels: set 0 to {last}")
        return int(proposal["value"])


@torch.inference_mode()
def _hint(run: Run) -> str:
    """The sketch for which the weights that were kept predict most different classes, if these are many."""
    trained = [epoch for epoch in run.epochs_with_weights if epoch]
    offered = sketches()
    pixels = torch.stack([torch.from_numpy(one.copy()).permute(2, 0, 1) for one in offered.values()])
    images = normalise(pixels)
    predicted = torch.stack([run.model(epoch)(images).argmax(1) for epoch in trained])  # (epochs, sketches)
    kinds = {name: len(set(predicted[:, k].tolist())) for k, name in enumerate(offered)}
    name = max(kinds, key=lambda one: kinds[one])
    if kinds[name] < _MANY:
        return ""
    return f"Try the {name}: its prediction goes through {kinds[name]} classes."


def _handicap(run: Run) -> str:
    """Why training accuracy may be lower than that for the validation images."""
    recipe = run.recipe
    on = ["dropout"] if recipe.network == "CifarCNN" and recipe.dropout else []
    if recipe.flip or recipe.alternate_flip or recipe.shift or recipe.cutout or recipe.mixup:
        on.append("augmentation")
    return "training is measured during the epoch" + (f", with {' and '.join(on)} on" if on else "")


def kernel_pixels(kernels: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    """RGB kernels `(epochs, n, 3, h, w)` as pixels `(epochs, n, h, w, 3)`.

    Grey is zero; each kernel has its own scale, the same at all epochs, so that its growth is visible.
    """
    scale = np.maximum(np.abs(kernels).max(axis=(0, 2, 3, 4), keepdims=True), 1e-9)
    pixels: npt.NDArray[np.uint8] = np.rint((kernels / scale + 1) * 127.5).astype(np.uint8)
    return np.moveaxis(pixels, -3, -1).copy()


def training_through_time(picture: Tensor, run: str = DEFAULT_RUN) -> TrainingThroughTime:
    """Move through the epochs of a recorded training run: drag along its accuracy curve, or play it back.

    Args:
        picture: uint8 `(3, 32, 32)`; beside it the widget offers a sketch of each class, and others can be opened or
            drawn there.
        run: name of a recorded run whose weights were kept during training.

    Raises:
        ValueError: if the picture has another shape or type, or no weights of the run were kept during training.
    """
    if picture.dtype != torch.uint8 or picture.shape != (3, 32, 32):
        raise ValueError(
            f"training_through_time takes uint8 pixels of shape (3, 32, 32), got {picture.dtype} {tuple(picture.shape)}"
        )
    return TrainingThroughTime(picture.permute(1, 2, 0).contiguous().numpy(), load_run(run))
