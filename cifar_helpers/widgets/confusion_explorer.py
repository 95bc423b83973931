"""The confusion matrix, the pictures behind each of its cells, and people's matrix beside it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, cast

import numpy as np
import torch
import traitlets
from torch import Tensor

from cifar_helpers.data import CLASSES, ImageSet
from cifar_helpers.evaluation import human_confusion
from cifar_helpers.widgets._arrays import Numbers, packed_pictures
from cifar_helpers.widgets._base import CourseWidget, one_of

__all__ = ["ConfusionExplorer", "confusion_explorer"]

VIEWS: Final = ("counts", "percent", "people", "difference")
ORDERS: Final = ("highest", "lowest")
# What a stored page carries, 3 kB each: the most and the least confident pictures, more of the most frequent mistakes.
_CELLS_WITH_MORE, _MORE, _OF_EACH_CELL = 8, 12, 2
_CELL: Final = re.compile(r"cell/(\d)/(\d)")

Array = np.ndarray[Any, Any]


class ConfusionExplorer(CourseWidget, module="confusion_explorer"):
    """A confusion matrix whose cells open their pictures.

    Attributes:
        chosen: true and predicted class as numbers, -1 for any: `[3, 5]` is a cell, `[3, -1]` the mistakes of a row,
            `[-1, 5]` those of a column, `[-1, -1]` all mistakes.
        view: `counts`, `percent` (of the true class), `people` (both matrices in percent) or `difference` (the
            network's percentages minus people's).
        order: `highest` or `lowest` confidence first.
        picture: number of the picture whose probabilities are shown; -1 takes the first of the cell.
    """

    classes = cast(list[str], traitlets.List(list(CLASSES)).tag(sync=True))
    people = Numbers(np.zeros((10, 10)), shapes=((10, 10),), limit=1)
    chosen = cast(list[int], traitlets.List([-1, -1]).tag(sync=True))
    view = cast(str, traitlets.Unicode("counts").tag(sync=True))
    order = cast(str, traitlets.Unicode("highest").tag(sync=True))
    picture = cast(int, traitlets.Int(-1).tag(sync=True))

    def __init__(self, images: ImageSet, logits: Tensor) -> None:
        self._images = images
        self._logits = logits.detach().float().cpu()
        confidence, predicted = self._logits.softmax(1).max(1)
        self._labels, self._predicted = images.labels.numpy(), predicted.numpy()
        self._by_confidence = confidence.argsort(descending=True, stable=True).numpy()
        counts = np.bincount(self._labels * 10 + self._predicted, minlength=100).reshape(10, 10)
        self._mistakes = counts * (1 - np.eye(10, dtype=int))
        worst = divmod(int(self._mistakes.argmax()), 10) if self._mistakes.any() else (-1, -1)
        super().__init__(people=human_confusion().numpy(), chosen=[int(k) for k in worst])

    @traitlets.validate("chosen")
    def _chosen_is_a_cell(self, proposal: Any) -> list[int]:
        value = proposal["value"]
        if len(value) != 2 or any(not isinstance(k, int) or not -1 <= k < len(CLASSES) for k in value):
            raise traitlets.TraitError(
                f"chosen is {value}; set two numbers, the true and the predicted class, each 0 to 9, or -1 for any"
            )
        return list(value)

    @traitlets.validate("view", "order")
    def _word_is_known(self, proposal: Any) -> str:
        return str(one_of(proposal, VIEWS if proposal["trait"].name == "view" else ORDERS))

    @traitlets.validate("picture")
    def _picture_exists(self, proposal: Any) -> int:
        value = int(proposal["value"])
        if not -1 <= value < len(self._images):
            raise traitlets.TraitError(
                f"picture is {value}; there are {len(self._images):,} images: set 0 to {len(self._images) - 1}, "
                "or -1 for the first of the cell"
            )
        return value

    def words(self) -> str:
        """What the widget shows, in one or two sentences."""
        total = len(self._images)
        right = f"{100 * float((self._labels == self._predicted).mean()):.1f} %"
        text = f"Confusion matrix of {total:,} images, {right} of them predicted correctly"
        if not self._mistakes.any():
            return f"{text}."
        true, predicted = divmod(int(self._mistakes.argmax()), 10)
        return (
            f"{text}. The most frequent mistake: {CLASSES[true]} predicted as {CLASSES[predicted]}, "
            f"{self._mistakes[true, predicted]} times."
        )

    def loadable(self) -> Mapping[str, Callable[[], bytes]]:
        """Logits and labels of all images; pictures of each cell, but not all of them."""
        return {
            "logits": lambda: self._logits.numpy().astype("<f4").tobytes(),
            "labels": lambda: self._labels.astype(np.uint8).tobytes(),
            "pictures": lambda: packed_pictures(self._images, self._on_page()),
        }

    def read(self, name: str) -> bytes:
        """Besides `loadable`, all pictures of a cell: `cell/3/5` are the cats predicted as dogs."""
        if match := _CELL.fullmatch(name):
            return packed_pictures(self._images, self._members(int(match[1]), int(match[2])))
        return super().read(name)

    def _members(self, true: int, predicted: int) -> Array:
        """Numbers of the images of a cell, a row, a column or all mistakes, the most confident first."""
        kept = np.ones(len(self._images), dtype=bool)
        if true >= 0:
            kept &= self._labels == true
        if predicted >= 0:
            kept &= self._predicted == predicted
        if true < 0 or predicted < 0:
            kept &= self._labels != self._predicted
        return cast(Array, self._by_confidence[kept[self._by_confidence]])

    def _on_page(self) -> Array:
        frequent = np.argsort(-self._mistakes, axis=None, kind="stable")[:_CELLS_WITH_MORE]
        with_more = [self.chosen, (-1, -1), *(divmod(int(k), 10) for k in frequent)]
        parts = [_ends(self._members(true, predicted), _MORE) for true, predicted in with_more]
        parts += [_ends(self._members(true, predicted), _OF_EACH_CELL) for true, predicted in np.ndindex(10, 10)]
        parts += [np.array([self.picture])] if self.picture >= 0 else []
        return np.unique(np.concatenate(parts))


def _ends(members: Array, count: int) -> Array:
    """The first and the last of them."""
    return np.concatenate([members[:count], members[-count:]])


def confusion_explorer(images: ImageSet, logits: Tensor) -> ConfusionExplorer:
    """Choose a cell, a row or a column of the confusion matrix and see its pictures; compare with people's mistakes.

    Args:
        images: that the network classified.
        logits: float `(N, 10)`, its outputs in the same order, as `collect_logits` gives them.

    Returns:
        A widget; `chosen`, `view`, `order` and `picture` can be read and set.

    Raises:
        ValueError: if there are no images, or not as many logits, or logits that are not finite.
    """
    if not len(images) or logits.shape != (len(images), len(CLASSES)):
        raise ValueError(
            f"confusion_explorer needs logits ({len(images)}, {len(CLASSES)}), one row for each image, "
            f"and at least one; got {tuple(logits.shape)}"
        )
    if not torch.isfinite(logits).all():
        raise ValueError("confusion_explorer: the logits hold NaN or infinity; check the training run they come from")
    return ConfusionExplorer(images, logits)
