"""CIFAR-10 as tensors: the official batches, Kaggle's layout, class folders, or sketches.

Everything is read into one uint8 tensor. What takes long, decoding tens of thousands of pictures and computing
fingerprints, is cached beside the data, so that the next load takes a fraction of a second.
Images are `(N, 3, 32, 32)` in RGB order, labels are `0..9` in the order of `CLASSES`.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import operator
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from cifar_helpers import _layout, _readers, download, sketches
from cifar_helpers._devices import checked_device
from cifar_helpers._layout import DataError
from cifar_helpers._paths import atomic_write, reading_problem, writing_problem
from cifar_helpers.sketches import CLASSES

__all__ = [
    "CLASSES",
    "MEAN",
    "STD",
    "Augment",
    "BatchLoader",
    "Cifar10",
    "DataError",
    "ImageSet",
    "default_root",
    "denormalise",
    "load_cifar10",
    "normalise",
]

MEAN: Final = (0.49140, 0.48216, 0.44653)
"""Mean of each colour channel over the 50,000 training images, pixel values scaled to 0..1."""
STD: Final = (0.24703, 0.24349, 0.26159)
"""Standard deviation of each colour channel over the same pixels."""

LARGEST_SEED: Final = 9_000_000_000_000
"""Times the million that lies between the epochs of two seeds, it is still a number of 64 bits."""

_WHOLE: Final = (torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)

SOURCES: Final = ("auto", "cifar10", "kaggle", "folders", "sketches")

# SHA-256 of the raw official bytes: they tell an exact copy from one whose pixels were changed.
_TRAIN_PIXELS: Final = "9d5c2eddadb0deff02c14c350c0385aab7b1d5ff1edfeb4997c8dc8644960111"
_FIRST_TEST_PIXELS: Final = "f167149948fc8fe0b9a76ba86421e987817f98b63761ba9415c5d42664d51f03"
_FIRST_TEST: Final = 1000
_CACHE_VERSION: Final = 1


@dataclass(frozen=True)
class ImageSet:
    """Images with their labels.

    Attributes:
        images: uint8 `(N, 3, 32, 32)`, values 0..255, RGB. A NumPy array is converted.
        labels: int64 `(N,)`, values 0..9. A NumPy array, a list, and whole numbers of another size are converted.

    Raises:
        TypeError: if one of them is neither a tensor nor an array.
        ValueError: if a shape, a kind of number or a label does not fit; it says what came and how to get there.
    """

    images: Tensor
    labels: Tensor

    def __post_init__(self) -> None:
        images, labels = _tensor("images", self.images), _tensor("labels", self.labels)
        if images.dtype != torch.uint8 or images.shape[1:] != (3, 32, 32):
            raise ValueError(
                f"images must be uint8 of shape (N, 3, 32, 32), got {_kind(images)} of shape {tuple(images.shape)}"
                f"{_remedy(images)}"
            )
        if labels.dtype not in _WHOLE or labels.shape != images.shape[:1]:
            squeeze = ": labels.squeeze(1) makes them of these" if labels.shape == (len(images), 1) else ""
            raise ValueError(
                f"labels must be whole numbers (int64) of shape ({len(images)},), "
                f"got {_kind(labels)} of shape {tuple(labels.shape)}{squeeze}"
            )
        object.__setattr__(self, "images", images)
        object.__setattr__(self, "labels", labels.long())
        if len(self.labels) and not 0 <= int(self.labels.min()) <= int(self.labels.max()) < 10:
            raise ValueError(
                "labels must lie in 0..9, "
                f"got {int(self.labels.min())}..{int(self.labels.max())}: "
                "subtract 1 if yours count from 1"
            )

    def __len__(self) -> int:
        return len(self.labels)

    def subset(self, indices: Tensor | slice) -> ImageSet:
        """The images at `indices` (int64 positions or a slice), in that order."""
        return ImageSet(self.images[indices], self.labels[indices])

    def of_class(self, name: str) -> ImageSet:
        """All images of one class.

        Raises:
            ValueError: if `name` is none of `CLASSES`.
        """
        if name not in CLASSES:
            raise ValueError(f"no class {name!r}; the ten are {', '.join(CLASSES)}")
        return self.subset((self.labels == CLASSES.index(name)).nonzero().flatten())


def _tensor(name: str, values: Any) -> Tensor:
    """A tensor of what was given as images or labels."""
    if isinstance(values, list | tuple) and all(isinstance(value, int | np.integer) for value in values):
        values = np.array(values, np.int64)
    if isinstance(values, np.ndarray) and values.dtype != object:
        # A copy where torch could not share the memory: of read-only and of mirrored arrays.
        own = values if values.flags.writeable and values.flags.c_contiguous else np.array(values, order="C")
        return torch.from_numpy(own)
    if not isinstance(values, Tensor):
        raise TypeError(
            f"{name} must be a tensor or a NumPy array of numbers, got {type(values).__name__}: "
            f"torch.stack makes one tensor of a list of tensors"
        )
    return values


def _kind(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def _remedy(images: Tensor) -> str:
    """How to get from images of another layout to `(N, 3, 32, 32)` of uint8; empty where that is not plain."""
    if images.shape[1:] == (32, 32, 3):
        return ": images.permute(0, 3, 1, 2) puts the channels first (NumPy: images.transpose(0, 3, 1, 2))"
    if images.shape[1:] == (3072,):
        return ": images.reshape(-1, 3, 32, 32) makes them of the rows of the official batches"
    if images.shape == (3, 32, 32):
        return ": images[None] makes a set of one image"
    if images.is_floating_point():
        return ": images scaled to 0..1 become uint8 by (images * 255).round().to(torch.uint8)"
    return ""


@dataclass(frozen=True)
class Cifar10:
    """A data set in memory, as `load_cifar10` returns it.

    Attributes:
        train_images: uint8 `(N, 3, 32, 32)`.
        train_labels: int64 `(N,)`.
        test_images: uint8 `(M, 3, 32, 32)`; M is 0 where the source has no labelled test images (Kaggle).
        test_labels: int64 `(M,)`.
        source: `cifar10`, `kaggle`, `folders` or `sketches`.
        fingerprint: SHA-256 of all pixels and labels, 64 hexadecimal digits.
        is_official: true only if every byte is the published data set's.
        exact_test_images: how many test images, counted from the first, are known to be the published pixels.
    """

    train_images: Tensor
    train_labels: Tensor
    test_images: Tensor
    test_labels: Tensor
    source: str
    fingerprint: str
    is_official: bool
    exact_test_images: int

    @property
    def train(self) -> ImageSet:
        """All training images."""
        return ImageSet(self.train_images, self.train_labels)

    @property
    def test(self) -> ImageSet:
        """All test images."""
        return ImageSet(self.test_images, self.test_labels)

    @property
    def exact_test(self) -> ImageSet:
        """The test images that a fair test accuracy may be measured on (see `exact_test_images`)."""
        return self.test.subset(slice(0, self.exact_test_images))

    @property
    def description(self) -> str:
        """One line that says what the images are."""
        counts = f"{len(self.train_labels):,} training and {len(self.test_labels):,} test images"
        if self.source == "sketches":
            return f"{counts}, sketches drawn by the course (not CIFAR-10)"
        if self.is_official:
            return f"{counts}, CIFAR-10, byte for byte the official release"
        if self.source == "cifar10" and self.exact_test_images:
            return (
                f"{counts}, CIFAR-10: training images exact, test images exact only "
                f"for the first {self.exact_test_images:,}"
            )
        where = {"cifar10": "the official layout", "kaggle": "Kaggle's layout"}.get(self.source, "class folders")
        return f"{counts}, read from {where}; pixels not checked against the official release"

    def split(self, validation: float = 0.2, seed: int = 0) -> tuple[ImageSet, ImageSet]:
        """Split the training images in two, every class in the same proportion.

        Args:
            validation: share of each class that goes into the second part, between 0 and 1.
            seed: the same seed gives the same split on every machine.

        Returns:
            `(train, validation)`, both in shuffled order, without a common image.

        Raises:
            TypeError: if `seed` is not a whole number.
            ValueError: if `validation` is not between 0 and 1, or leaves one part without images.
        """
        if isinstance(validation, bool) or not isinstance(validation, int | float | np.number):
            raise ValueError(f"validation must be a share between 0 and 1, got {validation!r}")
        if not 0 < validation < 1:
            raise ValueError(f"validation must lie between 0 and 1, got {validation}: it is a share, such as 0.2")
        generator = torch.Generator().manual_seed(_whole("seed", seed))
        parts: tuple[list[Tensor], list[Tensor]] = ([], [])
        for label in range(len(CLASSES)):
            members = (self.train_labels == label).nonzero().flatten()
            members = members[torch.randperm(len(members), generator=generator)]
            held_out = round(len(members) * validation)
            parts[0].append(members[held_out:])
            parts[1].append(members[:held_out])
        chosen = [torch.cat(part) for part in parts]
        if not len(chosen[0]) or not len(chosen[1]):
            raise ValueError(
                f"{len(self.train_labels)} images cannot be split with validation={validation}: one part would be empty"
            )
        order = [part[torch.randperm(len(part), generator=generator)] for part in chosen]
        return self.train.subset(order[0]), self.train.subset(order[1])


def normalise(images: Tensor) -> Tensor:
    """Turn uint8 pixels into the numbers that the network sees.

    Args:
        images: uint8 `(B, 3, H, W)` or `(3, H, W)`, 0..255.

    Returns:
        float32 of the same shape: `(value / 255 - MEAN) / STD` for each channel, roughly -2..2.

    Raises:
        TypeError: if `images` is not uint8 (numbers that are already scaled must not be scaled twice).
    """
    if images.dtype != torch.uint8:
        raise TypeError(f"normalise takes uint8 images with values 0..255, got {images.dtype}")
    mean, std = _channel_statistics(images.device)
    return images.float().div_(255).sub_(mean).div_(std)


def denormalise(images: Tensor) -> Tensor:
    """The inverse of `normalise`.

    Args:
        images: float `(B, 3, H, W)` or `(3, H, W)`, normalised.

    Returns:
        uint8 of the same shape, 0..255; values outside are clipped.
    """
    mean, std = _channel_statistics(images.device)
    return images.float().mul(std).add_(mean).mul_(255).round_().clamp_(0, 255).to(torch.uint8)


@functools.cache
def _channel_statistics(device: torch.device) -> tuple[Tensor, Tensor]:
    return (
        torch.tensor(MEAN, device=device).view(3, 1, 1),
        torch.tensor(STD, device=device).view(3, 1, 1),
    )


@dataclass(frozen=True)
class Augment:
    """Random changes that keep the label true, drawn afresh for each image of a batch.

    Attributes:
        flip: mirror left and right with probability one half.
        shift: move by up to this many pixels each way; the border is filled by reflection.
        cutout: side of a square at a random place that is set to zero, which is the mean colour
            after normalisation; 0 cuts nothing (DeVries and Taylor, 2017).
    """

    flip: bool = True
    shift: int = 0
    cutout: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.shift < 32 or not 0 <= self.cutout <= 32:
            raise ValueError(f"shift must lie in 0..31 and cutout in 0..32, got {self.shift} and {self.cutout}")

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Augment normalised float images `(B, 3, 32, 32)`; draws come from the CPU `generator`."""
        if self.flip:
            chosen = torch.rand(len(images), generator=generator) < 0.5
            images = torch.where(chosen.to(images.device)[:, None, None, None], images.flip(3), images)
        if self.shift:
            images = _shift(images, self.shift, generator)
        if self.cutout:
            images = images * _cutout_mask(images, self.cutout, generator)
        return images


def _shift(images: Tensor, most: int, generator: torch.Generator) -> Tensor:
    padded = torch.nn.functional.pad(images, (most,) * 4, mode="reflect")
    windows = padded.unfold(2, images.shape[2], 1).unfold(3, images.shape[3], 1)
    size = (2, len(images))
    rows, columns = torch.randint(2 * most + 1, size, generator=generator).to(images.device)
    return windows[torch.arange(len(images), device=images.device), :, rows, columns]


def _cutout_mask(images: Tensor, side: int, generator: torch.Generator) -> Tensor:
    count, _, height, width = images.shape
    centre = torch.rand((2, count, 1), generator=generator)
    top = (centre[0] * (height - side + 1)).floor()
    left = (centre[1] * (width - side + 1)).floor()
    y, x = torch.arange(height), torch.arange(width)
    rows = (y >= top) & (y < top + side)
    columns = (x >= left) & (x < left + side)
    hole = rows[:, None, :, None] & columns[:, None, None, :]
    return (~hole).to(images.device, images.dtype)


class BatchLoader:
    """Iterate over an `ImageSet` in batches of normalised images, without worker processes.

    Each pass gives `(images, labels)`: float32 `(B, 3, 32, 32)` and int64 `(B,)`; the last batch may be
    smaller. Order and augmentation of pass number `epoch` depend on `seed` and `epoch` alone; a pass
    that is started raises `epoch` by one.

    Args:
        image_set: what to iterate over.
        batch_size: images a batch, at least 1.
        shuffle: a new order in each pass.
        augment: `Augment(...)`, or any `(images, generator) -> images`; leave `None` for validation.
        alternate_flip: mirror half of the images in one pass and the other half in the next, so that two passes
            show both views of each (Jordan, 2024).
        mix: changes images and labels of a batch together, as `torchvision.transforms.v2.MixUp` does; labels may
            become shares of classes, float `(B, 10)`. Its draws come from torch's own generator.
        seed: of order and augmentation.
        share: `(k, n)`: of each batch, only the rows of process `k` of `n`, counted from 0; all processes draw
            alike, so that together they see what one would see.
        device: where batches are made; the data is moved there once. `None` leaves it where it is.

    Raises:
        TypeError: if an argument is of a wrong type.
        ValueError: if `batch_size` is below 1, there are no images, `share` names no process, the last batch is too
            small to be shared, or there is no such device.
    """

    def __init__(
        self,
        image_set: ImageSet,
        batch_size: int = 200,
        *,
        shuffle: bool = False,
        augment: Callable[[Tensor, torch.Generator], Tensor] | None = None,
        alternate_flip: bool = False,
        mix: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]] | None = None,
        seed: int = 0,
        share: tuple[int, int] = (0, 1),
        device: torch.device | str | None = None,
    ) -> None:
        if not isinstance(image_set, ImageSet):
            hint = ": take a part, as in train, validation = data.split()" if isinstance(image_set, Cifar10) else ""
            raise TypeError(f"image_set must be ImageSet(images, labels), got {type(image_set).__name__}{hint}")
        for name, change in (("augment", augment), ("mix", mix)):
            if change is not None and (isinstance(change, type) or not callable(change)):
                raise TypeError(f"{name} must be a function or an object that can be called, got {change!r}")
        batch_size, seed = _whole("batch_size", batch_size), _whole("seed", seed)
        if batch_size < 1:
            raise ValueError(f"batch_size must be at least 1, got {batch_size}")
        if len(share) != 2 or not 0 <= share[0] < share[1] <= batch_size:
            raise ValueError(f"share must be (k, n) with 0 <= k < n <= batch_size {batch_size}, got {share}")
        if not len(image_set):
            raise ValueError("there are no images to iterate over")
        if 0 < len(image_set) % batch_size < share[1]:
            raise ValueError(
                f"the last batch holds {len(image_set) % batch_size} images, too few to share among {share[1]} "
                "processes: choose another batch_size"
            )
        if device is not None:
            target = checked_device(device)
            image_set = ImageSet(image_set.images.to(target), image_set.labels.to(target))
        self.image_set = image_set
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.augment = augment
        self.alternate_flip = alternate_flip
        self.mix = mix
        self.seed = seed
        self.share = share
        self.epoch = 0

    def __len__(self) -> int:
        """Batches a pass."""
        return -(-len(self.image_set) // self.batch_size)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        # One generator a pass, made from (seed, epoch): a resumed training sees the same batches.
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + self.epoch)
        mirrored = self._mirrored(self.epoch) if self.alternate_flip else None
        self.epoch += 1
        images, labels = self.image_set.images, self.image_set.labels
        order = torch.randperm(len(labels), generator=generator) if self.shuffle else torch.arange(len(labels))
        order = order.to(labels.device)
        for chosen in torch.split(order, self.batch_size):
            batch, classes = normalise(images[chosen]), labels[chosen]
            if mirrored is not None:
                batch = torch.where(mirrored[chosen][:, None, None, None], batch.flip(3), batch)
            if self.augment is not None:
                batch = self.augment(batch, generator)
            if self.mix is not None:
                batch, classes = self.mix(batch, classes)
            first, of = self.share
            yield batch[first::of], classes[first::of]

    def _mirrored(self, epoch: int) -> Tensor:
        """Which images are mirrored in a pass: bool `(N,)`."""
        generator = torch.Generator().manual_seed(self.seed)
        half = torch.rand(len(self.image_set), generator=generator) < 0.5
        return (half if epoch % 2 == 0 else ~half).to(self.image_set.labels.device)


def _whole(name: str, number: Any) -> int:
    try:
        whole = operator.index(number)
    except TypeError as error:
        raise TypeError(f"{name} must be a whole number, got {number!r}") from error
    if abs(whole) > LARGEST_SEED:
        raise ValueError(f"{name} must lie between -{LARGEST_SEED:,} and {LARGEST_SEED:,}, got {number}")
    return whole


def default_root() -> Path:
    """The folder of the data: `$CIFAR10_ROOT`, else the checkout's `data/`, else the user's cache.

    Raises:
        DataError: if `$CIFAR10_ROOT` cannot be a path.
    """
    named = os.environ.get("CIFAR10_ROOT")
    if named:
        try:
            return _layout.data_folder(named)
        except DataError as error:
            raise DataError(f"CIFAR10_ROOT cannot be used: {error}") from error
    checkout = Path(__file__).resolve().parent.parent
    if (checkout / "notebooks").is_dir() and (checkout / "pyproject.toml").is_file():
        return checkout / "data"
    import platformdirs  # only needed away from a checkout

    return Path(platformdirs.user_cache_dir("cifar-course", appauthor=False))


def load_cifar10(root: Path | str | None = None, *, source: str = "auto", download: bool = True) -> Cifar10:
    """Load CIFAR-10, or sketches where it cannot be had.

    What the sources name is looked for in `root`, then in the folders directly in it.

    Args:
        root: the folder of the data, `~` being the home folder; `None` takes `default_root()`.
        source: `cifar10` (official batches in `cifar-10-batches-py`), `kaggle` (`trainLabels.csv` with
            `train/1.png` …), `folders` (`train/<class>/*.png|jpg`, `test/` likewise), `sketches`, or `auto`: the
            first of these that is on disk, else a download, else sketches.
        download: whether `auto` and `cifar10` may download; `CIFAR10_OFFLINE=1` forbids it as well.

    Returns:
        The data set. One line on standard output says what it is.

    Raises:
        DataError: if what is there is incomplete, damaged, in the wrong place or may not be read; it names the file
            or folder and what to do. Sketches never take the place of data that is there.
        TypeError: if `root` is neither text nor a path.
        ValueError: if `source` is unknown.
    """
    if source not in SOURCES:
        raise ValueError(f"unknown source {source!r}; choose one of {', '.join(SOURCES)}")
    folder = default_root() if root is None else _layout.data_folder(root)
    may_download = download and os.environ.get("CIFAR10_OFFLINE", "0") in ("", "0")
    with _reading(folder):
        if source == "sketches":
            data, remark = _sketches(folder), ""
        else:
            data, remark = _load(folder, source, may_download)
    print(f"Data: {data.description}{remark}.", flush=True)
    return data


@contextlib.contextmanager
def _reading(folder: Path) -> Iterator[None]:
    """Turn what the system says of a file into an error that says what to do."""
    try:
        yield
    except OSError as error:
        where = error.filename or folder
        raise DataError(f"{where} cannot be read ({error.strerror or error}). Correct its permissions") from error


def _load(folder: Path, source: str, may_download: bool) -> tuple[Cifar10, str]:
    """The data set, and what is to be said of the choice."""
    _layout.check_folder(folder)
    chosen = _layout.find_source(folder) if source == "auto" else source
    if chosen == "" or (chosen == "cifar10" and _layout.find_batches(folder) is None):
        reason = _obtain(folder, may_download, must=source == "cifar10")
        if reason:
            return _sketches(folder), f" because {reason}"
        chosen = "cifar10"
    data = _read_cached(folder, chosen)
    if chosen == "cifar10":
        download.remove_leftovers(folder)
    return data, _choice(folder, chosen) if source == "auto" else ""


def _choice(folder: Path, chosen: str) -> str:
    """Why a layout was taken, where there are others beside it."""
    with contextlib.suppress(DataError):
        others = [name for name in _layout.layouts_at(folder) if name != chosen]
        if others:
            rest = " and ".join(f"{_LAYOUTS[name]} (source='{name}' reads them)" for name in others)
            return f". Of all that is in {folder}, {_LAYOUTS[chosen]} come first; left out: {rest}"
    return ""


_LAYOUTS: Final = {
    "cifar10": "the official batches",
    "kaggle": "Kaggle's pictures with trainLabels.csv",
    "folders": "the class folders",
}


def describe(folder: Path) -> tuple[str, str]:
    """What `load_cifar10` would find in a folder: (`ok` or `look`, one line). Downloads and draws nothing."""
    try:
        with _reading(folder):
            _layout.check_folder(folder)
            source = _layout.find_source(folder)
            if source:
                data = _read_cached(folder, source)
                return "ok", f"{data.description}; fingerprint {data.fingerprint[:12]}"
            clues = _layout.clues(folder)
    except DataError as error:
        return "look", str(error).replace(str(folder), "data")
    seen = "; ".join(clue.says for clue in clues).replace(str(folder), "data")
    if any(clue.is_cifar10 for clue in clues):
        return "look", seen
    return "ok", f"none yet: it is downloaded at first use, or sketches are drawn{seen and f' ({seen})'}"


def _obtain(folder: Path, may_download: bool, *, must: bool) -> str:
    """Download the official archive, or unpack the one that lies there; say why not where that fails."""
    has_archive = download.has_archive(folder)
    if may_download or has_archive:
        try:
            download.fetch_cifar10(folder, online=may_download)
            return ""
        except download.DownloadError as error:
            reason = f"there is no data in {folder} and the download failed ({error})"
    else:
        reason = f"there is no data in {folder} and downloading is switched off"
    found = _layout.find_source(folder) if must else ""
    if found:
        reason += f". There are {_LAYOUTS[found]}: source='{found}' reads them"
    clues = [] if found else _layout.clues(folder)
    reason += "".join(f". {clue.says}" for clue in clues)
    if must or has_archive or any(clue.is_cifar10 for clue in clues):
        raise DataError(f"{reason}. Put cifar-10-batches-py there, or use source='sketches'")
    return reason


def _sketches(folder: Path) -> Cifar10:
    train, train_labels, test, test_labels = sketches.load_sketches(folder / ".cache")
    return _make(train, train_labels, test, test_labels, "sketches", exact=len(test_labels))


_ARRAYS: Final = ("train", "train_labels", "test", "test_labels")
Arrays = tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64], npt.NDArray[np.uint8], npt.NDArray[np.int64]]


def _make(
    train: npt.NDArray[np.uint8],
    train_labels: npt.NDArray[np.int64],
    test: npt.NDArray[np.uint8],
    test_labels: npt.NDArray[np.int64],
    source: str,
    *,
    fingerprint: str = "",
    official: bool = False,
    exact: int = 0,
) -> Cifar10:
    return Cifar10(
        torch.from_numpy(train),
        torch.from_numpy(train_labels),
        torch.from_numpy(test),
        torch.from_numpy(test_labels),
        source=source,
        fingerprint=fingerprint or _fingerprint((train, train_labels, test, test_labels)),
        is_official=official,
        exact_test_images=exact,
    )


def _fingerprint(arrays: Arrays) -> str:
    return _digests(arrays)[-1]


def _digests(arrays: Arrays) -> list[str]:
    """SHA-256 of the first array, of the first two, …, of all: one pass over 180 MB."""
    digest, after = hashlib.sha256(), []
    for array in arrays:
        digest.update(np.ascontiguousarray(array).data)
        after.append(digest.hexdigest())
    return after


def _read_cached(folder: Path, source: str) -> Cifar10:
    """Read a source, or its cache where the files have not changed since it was written."""
    stamp = json.dumps([_CACHE_VERSION, source, _readers.stamp(folder, source)])
    cache = folder / ".cache" / f"{source}.npz"
    facts, arrays = _open_cache(cache, stamp)
    if arrays is None:
        arrays = _readers.read(folder, source)
    if facts is None:
        facts = _check_pixels(folder, source, arrays)
        # The official batches are read as fast as a cache would be, so only what is known of them is kept.
        _write_cache(cache, () if source == "cifar10" else arrays, {"stamp": stamp, **facts})
    return _make(*arrays, source, **facts)


def _check_pixels(folder: Path, source: str, arrays: Arrays) -> dict[str, Any]:
    test, exact = arrays[2], 0
    digests = _digests(arrays)
    if digests[0] == _TRAIN_PIXELS:
        first = np.ascontiguousarray(test[:_FIRST_TEST])
        if hashlib.sha256(first.data).hexdigest() == _FIRST_TEST_PIXELS:
            exact = _FIRST_TEST
    official = source == "cifar10" and bool(exact) and _readers.batches_are_official(folder)
    return {"fingerprint": digests[-1], "official": official, "exact": len(test) if official else exact}


def _open_cache(cache: Path, stamp: str) -> tuple[dict[str, Any] | None, Arrays | None]:
    if not os.path.lexists(cache):
        return None, None
    problem = reading_problem(cache)
    if problem:
        print(f"The cache cannot be used: {problem}. Reading the data again.", file=sys.stderr)
        return None, None
    try:
        with np.load(cache, allow_pickle=False) as kept:
            facts: dict[str, Any] = json.loads(str(kept["facts"]))
            if facts.pop("stamp") != stamp:
                return None, None
            arrays = tuple(kept[name] for name in _ARRAYS) if set(_ARRAYS) <= set(kept) else None
    except Exception as error:  # whatever a damaged file raises, the sources are still there
        print(f"The cache {cache} is damaged ({error}); reading the data again.", file=sys.stderr)
        return None, None
    return facts, cast("Arrays | None", arrays)


def _write_cache(cache: Path, arrays: Arrays | tuple[()], facts: dict[str, Any]) -> None:
    kept: dict[str, Any] = dict(zip(_ARRAYS, arrays, strict=False))
    try:
        with atomic_write(cache) as part, part.open("wb") as file:
            np.savez(file, facts=np.array(json.dumps(facts)), **kept)
    except OSError as error:
        warnings.warn(
            f"{writing_problem(cache, error)}. Until then each load reads all files again. "
            "CIFAR10_ROOT names another folder for the data.",
            stacklevel=2,
        )
