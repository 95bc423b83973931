"""CIFAR-10 as tensors: the official batches, Kaggle's layout, class folders, or sketches.

Everything is read into uint8 tensors. What takes long (decoding tens of thousands of pictures, computing
fingerprints) is cached next to the data, so that the next load takes a fraction of a second.
Images are `(N, 3, 32, 32)` in RGB order, labels are `0..9` in the order of `CLASSES`.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sys
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from cifar_helpers._numbers import whole_number
from cifar_helpers._paths import atomic_write, checkout, reading_problem, writing_problem
from cifar_helpers.data import fetch as fetching
from cifar_helpers.data import layouts, readers, sketches
from cifar_helpers.data.classes import CLASSES
from cifar_helpers.data.image_set import ImageSet
from cifar_helpers.data.layouts import DataError

SOURCES: Final = ("auto", "cifar10", "kaggle", "folders", "sketches")

# SHA-256 of the raw official bytes: they distinguish an exact copy from one whose pixels were changed.
_TRAIN_PIXELS: Final = "9d5c2eddadb0deff02c14c350c0385aab7b1d5ff1edfeb4997c8dc8644960111"

_FIRST_TEST_PIXELS: Final = "f167149948fc8fe0b9a76ba86421e987817f98b63761ba9415c5d42664d51f03"

_FIRST_TEST: Final = 1000

_CACHE_VERSION: Final = 1


@dataclass(frozen=True)
class Cifar10:
    """A data set in memory, as `load_cifar10` returns it.

    Attributes:
        train_images: uint8 `(N, 3, 32, 32)`.
        train_labels: int64 `(N,)`.
        test_images: uint8 `(M, 3, 32, 32)`; M is 0 if the source has no labelled test images (Kaggle).
        test_labels: int64 `(M,)`.
        source: `cifar10`, `kaggle`, `folders` or `sketches`.
        fingerprint: SHA-256 of all pixels and labels, 64 hexadecimal digits.
        is_official: true only if every byte is that of the published data set.
        exact_test_images: how many test images, counted from the first, are known to have the published pixels.
    """

    train_images: Tensor = field(compare=False)  # the fingerprint stands for all four
    train_labels: Tensor = field(compare=False)
    test_images: Tensor = field(compare=False)
    test_labels: Tensor = field(compare=False)
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
        """The test images on which a fair test accuracy can be measured (see `exact_test_images`)."""
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
            `(train, validation)`, both in shuffled order, with no image in common.

        Raises:
            TypeError: if `seed` is not a whole number.
            ValueError: if `validation` is not between 0 and 1, or leaves one part empty.
        """
        if isinstance(validation, bool) or not isinstance(validation, int | float | np.number):
            raise ValueError(f"validation must be a share between 0 and 1, got {validation!r}")
        if not 0 < validation < 1:
            raise ValueError(f"validation must be a share between 0 and 1, such as 0.2, got {validation}")
        generator = torch.Generator().manual_seed(whole_number("seed", seed))
        parts: tuple[list[Tensor], list[Tensor]] = ([], [])
        for label in range(len(CLASSES)):
            members = (self.train_labels == label).nonzero().flatten()
            members = members[torch.randperm(len(members), generator=generator, device="cpu")]
            held_out = round(len(members) * validation)
            parts[0].append(members[held_out:])
            parts[1].append(members[:held_out])
        chosen = [torch.cat(part) for part in parts]
        if not len(chosen[0]) or not len(chosen[1]):
            raise ValueError(
                f"{len(self.train_labels)} images cannot be split with validation={validation}: one part would be empty"
            )
        order = [part[torch.randperm(len(part), generator=generator, device="cpu")] for part in chosen]
        return self.train.subset(order[0]), self.train.subset(order[1])


def default_root() -> Path:
    """The data folder: `$CIFAR10_ROOT`, else `data/` in the checkout, else the user's cache folder.

    Raises:
        DataError: if `$CIFAR10_ROOT` cannot be a path.
    """
    named = os.environ.get("CIFAR10_ROOT")
    if named:
        try:
            return layouts.data_folder(named)
        except DataError as error:
            raise DataError(f"CIFAR10_ROOT cannot be used: {error}") from error
    project = checkout()
    if project is not None:
        return project / "data"
    import platformdirs  # only needed outside a checkout

    return Path(platformdirs.user_cache_dir("cifar-course", appauthor=False))


def load_cifar10(root: Path | str | None = None, *, source: str = "auto", download: bool = True) -> Cifar10:
    """Load CIFAR-10, or sketches if it is not available.

    Each source is looked for in `root`, then in the folders directly inside it.

    Args:
        root: the data folder; `~` is the home folder, `None` means `default_root()`.
        source: `cifar10` (official batches in `cifar-10-batches-py`), `kaggle` (`trainLabels.csv` with
            `train/1.png` …), `folders` (`train/<class>/*.png|jpg`, `test/` too), `sketches`, or `auto`: the
            first of these that is on disk, else a download, else sketches.
        download: whether `auto` and `cifar10` may download. `CIFAR10_OFFLINE` forbids it too, unless it is
            empty, `0`, `false`, `no` or `off`.

    `CIFAR10_SKETCHES` sets the number of training sketches, from 100 to 50,000; without it there are 4,000. There are
    a quarter as many test sketches.

    Returns:
        The data set. One printed line says what it is.

    Raises:
        DataError: if the data is incomplete, damaged, in the wrong place or not readable; the message names the file
            or folder and says what to do. Sketches never replace data that is there. Also if `CIFAR10_SKETCHES` is no
            such number.
        TypeError: if `root` is neither a string nor a path.
        ValueError: if `source` is unknown.
    """
    if source not in SOURCES:
        raise ValueError(f"unknown source {source!r}; choose one of {', '.join(SOURCES)}")
    folder = default_root() if root is None else layouts.data_folder(root)
    forbidden = _offline() if download else "download=False"
    with _reading(folder):
        if source == "sketches":
            data, remark = _sketches(folder), ""
        else:
            data, remark = _load(folder, source, forbidden)
    print(f"Data: {data.description}{remark}.", flush=True)
    return data


def _offline() -> str:
    """What forbids downloads in the environment; empty if nothing does."""
    offline = os.environ.get("CIFAR10_OFFLINE", "")
    return "" if offline.strip().lower() in ("", "0", "false", "no", "off") else f"CIFAR10_OFFLINE={offline}"


@contextlib.contextmanager
def _reading(folder: Path) -> Iterator[None]:
    """Turn a system error about a file into one that says what to do."""
    try:
        yield
    except OSError as error:
        where = error.filename or folder
        raise DataError(f"{where} cannot be read ({error.strerror or error}). Change its permissions") from error


def _load(folder: Path, source: str, forbidden: str) -> tuple[Cifar10, str]:
    """The data set, and a remark on the choice; `forbidden` names what forbids a download, if anything."""
    layouts.check_folder(folder)
    chosen = layouts.find_source(folder) if source == "auto" else source
    if chosen == "" or (chosen == "cifar10" and layouts.find_batches(folder) is None):
        reason = _obtain(folder, forbidden, must=source == "cifar10")
        if reason:
            return _sketches(folder), f" because {reason}"
        chosen = "cifar10"
    if layouts.find(folder, chosen) is None and (found := layouts.find_source(folder)):
        raise DataError(f"{folder} does not contain {_LAYOUTS[chosen]}. {_instead(found)}")
    data = _read_cached(folder, chosen)
    if chosen == "cifar10":
        fetching.remove_leftovers(folder)
    left_out = readers.left_out(folder) if chosen == "folders" else ""
    return data, (_choice(folder, chosen) if source == "auto" else "") + left_out


def _instead(found: str) -> str:
    return f"It contains {_LAYOUTS[found]}: use source='{found}' to read them"


def _choice(folder: Path, chosen: str) -> str:
    """Which layout was chosen, if there are others next to it."""
    with contextlib.suppress(DataError):
        others = [name for name in layouts.layouts_at(folder) if name != chosen]
        if others:
            rest = " and ".join(f"{_LAYOUTS[name]} (use source='{name}' to read them)" for name in others)
            return f". {folder} has several layouts: {_LAYOUTS[chosen]} come first, and {rest} are left out"
    return ""


_LAYOUTS: Final = {
    "cifar10": "the official batches",
    "kaggle": "Kaggle's pictures with trainLabels.csv",
    "folders": "the class folders",
}


def describe(folder: Path) -> tuple[str, str]:
    """What `load_cifar10` would find in a folder: (`ok` or `warning`, one line). Nothing is downloaded or drawn."""
    try:
        with _reading(folder):
            layouts.check_folder(folder)
            source = layouts.find_source(folder)
            if source:
                data = _read_cached(folder, source)
                return "ok", f"{data.description}; fingerprint {data.fingerprint[:12]}"
            clues = layouts.clues(folder)
            closed = _closed(folder)
    except DataError as error:
        return "warning", str(error).replace(str(folder), "data")
    seen = "; ".join(clue.says for clue in clues).replace(str(folder), "data")
    if any(clue.is_cifar10 for clue in clues):
        return "warning", seen
    then = "CIFAR-10 is downloaded at first use, or sketches are drawn"
    if forbidden := _offline():
        then = f"sketches are drawn, because downloading is switched off ({forbidden})"
    elif closed:
        then = "sketches are drawn, because the data folder cannot be written. Set CIFAR10_ROOT to a folder that can"
    return "ok", f"none yet: {then}{seen and f' ({seen})'}"


def _closed(folder: Path) -> bool:
    """Whether a folder cannot be written; of one that does not exist yet, whether it cannot be made."""
    there = next((place for place in (folder, *folder.parents) if place.exists()), folder)
    return not os.access(there, os.W_OK | os.X_OK, effective_ids=os.access in os.supports_effective_ids)


def _obtain(folder: Path, forbidden: str, *, must: bool) -> str:
    """Download the official archive, or unpack the one in the folder; return why if that fails, else nothing."""
    has_archive = fetching.has_archive(folder)
    if has_archive or not forbidden:
        try:
            fetching.fetch_cifar10(folder, online=not forbidden)
            return ""
        except fetching.DownloadError as error:
            reason = f"there is no data in {folder} and the download failed ({error})"
    else:
        reason = f"there is no data in {folder} and downloading is switched off ({forbidden})"
    found = layouts.find_source(folder) if must else ""
    if found:
        reason += f". {_instead(found)}"
    clues = [] if found else layouts.clues(folder)
    reason += "".join(f". {clue.says}" for clue in clues)
    if must or has_archive or any(clue.is_cifar10 for clue in clues):
        raise DataError(f"{reason}. Put cifar-10-batches-py into this folder, or use source='sketches'")
    return reason


def _sketches(folder: Path) -> Cifar10:
    number = os.environ.get("CIFAR10_SKETCHES", "4000")
    if not (number.isascii() and number.isdigit() and 100 <= int(number) <= 50_000):
        raise DataError(
            f"CIFAR10_SKETCHES must be a number of training images from 100 to 50000, got {number!r}: change it, or "
            "unset it for 4000"
        )
    train, train_labels, test, test_labels = sketches.load_sketches(folder / ".cache", int(number), int(number) // 4)
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
        fingerprint=fingerprint or _fingerprint(train, train_labels, test, test_labels),
        is_official=official,
        exact_test_images=exact,
    )


def _fingerprint(*arrays: npt.NDArray[Any]) -> str:
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def _read_cached(folder: Path, source: str) -> Cifar10:
    """Read a source, or its cache if the files have not changed since it was written."""
    stamp = json.dumps([_CACHE_VERSION, source, readers.stamp(folder, source)])
    cache = folder / ".cache" / f"{source}.npz"
    facts, arrays = _open_cache(cache, stamp)
    if facts is None:
        facts, arrays = _read_and_check(folder, source)
        # The official batches can be read as fast as a cache, so only the facts about them are kept.
        _write_cache(cache, () if source == "cifar10" else arrays, {"stamp": stamp, **facts})
    return _make(*(arrays or readers.read(folder, source)), source, **facts)


def _read_and_check(folder: Path, source: str) -> tuple[dict[str, Any], Arrays]:
    """Read a source, and compare it with the published data set while it is read."""
    with ThreadPoolExecutor(max_workers=1) as worker:  # it hashes beside the reading, piece by piece in their order
        digest = hashlib.sha256()
        arrays = readers.read(folder, source, lambda images: worker.submit(digest.update, images.data))
        of_train = worker.submit(digest.hexdigest)
        for array in arrays[1:]:
            worker.submit(digest.update, np.ascontiguousarray(array).data)
        same_test = source == "cifar10" and readers.batches_are_official(folder)
    test, exact = arrays[2], 0
    if of_train.result() == _TRAIN_PIXELS:
        first = np.ascontiguousarray(test[:_FIRST_TEST])
        if hashlib.sha256(first.data).hexdigest() == _FIRST_TEST_PIXELS:
            exact = _FIRST_TEST
    official = bool(exact) and same_test
    return {"fingerprint": digest.hexdigest(), "official": official, "exact": len(test) if official else exact}, arrays


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
    except Exception as error:  # a damaged file may raise anything, but the sources are still there
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
            f"{writing_problem(cache, error)}. Until then every load reads all the files again. "
            "Set CIFAR10_ROOT to use another folder for the data.",
            stacklevel=2,
        )
