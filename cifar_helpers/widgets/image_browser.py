"""A wall of pictures: classes, pixel values, channels, and augmented versions of a picture."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final, cast

import numpy as np
import traitlets

from cifar_helpers.data import CLASSES, ImageSet
from cifar_helpers.data.transforms import MEAN, STD
from cifar_helpers.widgets._arrays import packed_pictures
from cifar_helpers.widgets._base import CourseWidget, one_of

__all__ = ["ImageBrowser", "image_browser"]

# Pictures of a class that a notebook and a stored page get, 3 kB each.
_IN_NOTEBOOK, _ON_PAGE = 200, 30
SHIFTS: Final = (0, 2, 4, 8)
CUTOUTS: Final = (0, 8, 12, 16)


class ImageBrowser(CourseWidget, module="image_browser"):
    """A data set to look through.

    Attributes:
        label: name of the class that is shown, or `all`.
        picture: position of the chosen image in the data set.
        order: 0 for the first pictures of the data set; any other number seeds a random choice of them.
        flip: whether draws may be mirrored.
        shift: largest shift of a draw in pixels: 0, 2, 4 or 8.
        cutout: side of the covered square in pixels: 0, 8, 12 or 16.
        seed: of the draws.
        pixel: row and column whose values are shown.
    """

    classes = cast(list[str], traitlets.List(list(CLASSES)).tag(sync=True))
    counts = cast(list[int], traitlets.List([0] * 10).tag(sync=True))
    mean = cast(list[float], traitlets.List(list(MEAN)).tag(sync=True))
    std = cast(list[float], traitlets.List(list(STD)).tag(sync=True))
    label = cast(str, traitlets.Unicode("all").tag(sync=True))
    picture = cast(int, traitlets.Int(0).tag(sync=True))
    order = cast(int, traitlets.Int(0, min=0).tag(sync=True))
    flip = cast(bool, traitlets.Bool(True).tag(sync=True))
    shift = cast(int, traitlets.Int(4).tag(sync=True))
    cutout = cast(int, traitlets.Int(8).tag(sync=True))
    seed = cast(int, traitlets.Int(0, min=0).tag(sync=True))
    pixel = cast(list[int], traitlets.List([16, 16]).tag(sync=True))

    def __init__(self, images: ImageSet) -> None:
        self._images = images
        labels = images.labels.numpy()
        self._groups = {"all": np.arange(len(images))}
        self._groups |= {name: np.flatnonzero(labels == k) for k, name in enumerate(CLASSES)}
        super().__init__(counts=[len(self._groups[name]) for name in CLASSES])

    @traitlets.validate("label")
    def _label_has_images(self, proposal: Any) -> str:
        value = str(proposal["value"])
        offered = [name for name, group in self._groups.items() if len(group)]
        if value not in offered:
            raise traitlets.TraitError(f"label is {value!r}; set one of {', '.join(map(repr, offered))}")
        return value

    @traitlets.validate("picture")
    def _picture_exists(self, proposal: Any) -> int:
        value, count = int(proposal["value"]), len(self._images)
        if not 0 <= value < count:
            raise traitlets.TraitError(f"picture is {value}; there are {count:,} images: set 0 to {count - 1}")
        return value

    @traitlets.validate("shift", "cutout")
    def _size_is_offered(self, proposal: Any) -> int:
        return int(one_of(proposal, SHIFTS if proposal["trait"].name == "shift" else CUTOUTS))

    @traitlets.validate("pixel")
    def _pixel_is_inside(self, proposal: Any) -> list[int]:
        value = proposal["value"]
        if len(value) != 2 or any(not isinstance(k, int) or not 0 <= k < 32 for k in value):
            raise traitlets.TraitError(f"pixel is {value}; set a row and a column, each 0 to 31")
        return list(value)

    @traitlets.observe("label")
    def _take_the_first(self, change: Any) -> None:
        """If the chosen picture is not of this class, choose the first that is."""
        group = self._groups[change["new"]]
        if self.picture not in group:
            self.picture = int(group[0])

    def words(self) -> str:
        """What the widget shows, in one or two sentences."""
        which = f"{len(self._images):,} images" if self.label == "all" else f"images of the class {self.label}"
        name = CLASSES[int(self._images.labels[self.picture])]
        return f"A wall of {which}. Image {self.picture} ({name}) is enlarged, with random augmentations of it."

    def loadable(self) -> Mapping[str, Callable[[], bytes]]:
        """Some pictures of each class, such as `class/cat/0` with the order at the end, and the chosen `image/17`."""
        files: dict[str, Callable[[], bytes]] = {
            f"class/{name}/{self.order}": partial(self._some, name, self.order, _ON_PAGE) for name in self._groups
        }
        return files | {f"image/{self.picture}": lambda: self.read(f"image/{self.picture}")}

    def read(self, name: str) -> bytes:
        """The same files with more pictures per class, for any order and any image."""
        kind, which, *order = name.split("/")
        if kind == "image":
            return packed_pictures(self._images, np.array([int(which)]))
        return self._some(which, int(order[0]), _IN_NOTEBOOK)

    def _some(self, name: str, order: int, count: int) -> bytes:
        group = self._groups[name]
        drawn = np.random.default_rng(order).permutation(group) if order else group
        return packed_pictures(self._images, drawn[:count])


def image_browser(images: ImageSet) -> ImageBrowser:
    """Look through a data set: choose a class and a picture, read its pixels, and draw augmentations of it.

    Args:
        images: what to look through.

    Returns:
        A widget; every choice can be read and set from Python.

    Raises:
        ValueError: if there are no images.
    """
    if not len(images):
        raise ValueError("image_browser: there are no images; pass an ImageSet with at least one")
    return ImageBrowser(images)
